"""A run directory: its names, its lock, and that its plain files are read without MXNet."""

import ast
import os
import pathlib
import subprocess
import sys

import pytest

import dsonas.runfiles
from dsonas.base.errors import UserError
from dsonas.runfiles.directory import RunDirectory, free_name, is_run

HERE = pathlib.Path(dsonas.runfiles.__file__).parent
MODULES = sorted(path.stem for path in HERE.glob('*.py') if path.stem != '__init__')


def test_nothing_is_created_before_the_lock(tmp_path):
    directory = RunDirectory(str(tmp_path / 'runs' / 'a') + '/')
    assert directory.config == str(tmp_path / 'runs' / 'a' / 'config.yaml') and not directory.exists()
    assert not os.path.exists(directory.path) and not is_run(directory.path)
    directory.lock()
    assert os.path.isdir(directory.path) and not directory.exists() and not is_run(directory.path)
    pathlib.Path(directory.config).write_text('{}')
    assert directory.exists() and is_run(directory.path)


def test_two_runs_do_not_meet(tmp_path):
    first, second = RunDirectory(str(tmp_path)), RunDirectory(str(tmp_path))
    first.lock()
    with pytest.raises(UserError, match='another run is working in it; wait for it, or take another directory'):
        second.lock()
    first.unlock()
    second.lock()
    second.unlock()
    second.unlock()


def test_a_place_that_cannot_be_written_to(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(UserError, match='file/run: cannot write there: Not a directory'):
        RunDirectory(str(tmp_path / 'file' / 'run')).lock()


def test_what_a_killed_run_had_begun_to_write_is_swept(tmp_path):
    directory = RunDirectory(str(tmp_path))
    os.makedirs(directory.checkpoints)
    for folder in (directory.path, directory.checkpoints):
        pathlib.Path(folder, 'a.0123abcd.part').write_text('')
    pathlib.Path(directory.log).write_text('')
    directory.sweep()
    assert sorted(os.listdir(directory.path)) == ['checkpoints', 'log.csv'] and not os.listdir(directory.checkpoints)


def test_free_name(tmp_path):
    os.makedirs(tmp_path / 'a-1')
    assert free_name(str(tmp_path), 'a') == str(tmp_path / 'a-2')


def test_plain_files_are_read_without_mxnet():
    plain = [name for name in MODULES if name != 'stored']
    script = f'import sys, importlib\nfor name in {plain}:\n    importlib.import_module("dsonas.runfiles." + name)\n'
    script += 'print("mxnet" in sys.modules)'
    run = subprocess.run([sys.executable, '-c', script], stdout=subprocess.PIPE, universal_newlines=True, check=True)
    assert run.stdout.strip() == 'False'


def test_every_module_is_in_the_table():
    table = ast.get_docstring(ast.parse((HERE / '__init__.py').read_text()))
    assert [name for name in MODULES if f'`{name}.py`' not in table] == []
