# make quickstart: install, then search, retrain and compare on the embedded data set.
# make test:       install, then run the tests (TESTS=: one after the other).    make test-fast: those that take two minutes together, for the work between commits.
# make check-gpu: that this machine's GPUs compute what its CPU does (CHECK=--cpu: the same checks without one).
# make lint:       ruff (lint and format), mypy.   make docs: the documents and the API reference as HTML, build/site/index.html.
# make api:        the API reference alone, build/api/index.html, from the docstrings.
PYTHON ?= python3
VENV   ?= .venv
EXTRA  ?= cpu
CHECK  ?=
# Tests run side by side, a file at a time, with a thread and up to 3 GB each: as many as there are cores, at most four.
TESTS  ?= -n auto --maxprocesses 4 --dist loadfile

BIN := $(VENV)/bin

.PHONY: install quickstart test test-fast check-gpu lint docs api clean

install: $(VENV)/installed

$(VENV)/installed: setup.py pyproject.toml
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 8) <= v <= (3, 11) else "dsonas needs Python 3.8 to 3.11; $(PYTHON) is %d.%d. Say which with: make PYTHON=python3.11" % v)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade 'pip<25'
	$(BIN)/pip install --quiet -e '.[$(EXTRA),test]'
	$(BIN)/pip install --quiet --no-deps onnxruntime==1.16.3  # runs with MXNet's numpy, though it asks for a newer one
	touch $@

$(VENV)/docs: $(VENV)/installed
	$(BIN)/pip install --quiet -e '.[$(EXTRA),docs]'
	touch $@

quickstart: install
	PATH="$(CURDIR)/$(BIN):$$PATH" bash experiments/quickstart.sh

test: install
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(TESTS)

test-fast: install
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(TESTS) -m 'not slow'

# The CUDA libraries of the extra `gpu` lie in the environment; on a machine with its own they change nothing.
check-gpu: install
	LD_LIBRARY_PATH="$$(ls -d $(CURDIR)/$(VENV)/lib/python3.*/site-packages/nvidia/*/lib 2>/dev/null | paste -sd:):$$LD_LIBRARY_PATH" \
		$(BIN)/python tools/check_gpu.py $(CHECK)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	mkdir -p build/mypy
	ln -sfn '$(CURDIR)' build/mypy/dsonas
	$(BIN)/mypy

docs: $(VENV)/docs
	OMP_NUM_THREADS=1 $(BIN)/python docs/build_site.py build/site

api: $(VENV)/docs
	OMP_NUM_THREADS=1 $(BIN)/python docs/make_api.py build/api

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache
