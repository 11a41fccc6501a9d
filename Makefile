# make quickstart: install, then search, retrain and compare on the embedded data set.
# make test:       install, then run the tests.        make lint: ruff.
PYTHON ?= python3
VENV   ?= .venv
EXTRA  ?= cpu

BIN := $(VENV)/bin

.PHONY: install quickstart test lint clean

install: $(VENV)/installed

$(VENV)/installed: setup.py pyproject.toml
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 8) <= v <= (3, 11) else "dsonas needs Python 3.8 to 3.11; $(PYTHON) is %d.%d. Say which with: make PYTHON=python3.11" % v)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade 'pip<25'
	$(BIN)/pip install --quiet -e '.[$(EXTRA),test]'
	$(BIN)/pip install --quiet --no-deps onnxruntime==1.16.3  # runs with MXNet's numpy, though it asks for a newer one
	touch $@

quickstart: install
	PATH="$(CURDIR)/$(BIN):$$PATH" bash experiments/quickstart.sh

test: install
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest

lint: install
	$(BIN)/ruff check .

clean:
	rm -rf $(VENV) *.egg-info .pytest_cache .ruff_cache
