"""Plugins: how they are named, found, and imported once; and one file that takes a run from its search to its export."""

import argparse
import csv
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from dsonas.base import plugins
from dsonas.base.errors import UserError
from dsonas.symbols.operations import OPERATIONS
from dsonas.train.config import flags, settings

from ..train.conftest import TINY

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLUGIN = pathlib.Path(__file__).parent / 'plugin.py'
COUNTING = 'from dsonas.base.registry import Registry\nimport sys\nsys.modules.setdefault("counted", Registry("x")).register("name%d", 1)\n'


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    """What a test imports is not there for the next one."""
    monkeypatch.setattr(plugins, '_loaded', {})
    monkeypatch.setattr(plugins, '_contents', set())
    with OPERATIONS.restored():
        yield
    for name in [name for name in sys.modules if name.startswith('dsonas_plugin_') or name == 'counted']:
        del sys.modules[name]


def write(path, number):
    path.write_text(COUNTING % number)
    return str(path)


def test_files_are_imported_once_and_named_absolutely(tmp_path, monkeypatch):
    write(tmp_path / 'one.py', 1)
    monkeypatch.chdir(tmp_path)
    path = str(tmp_path / 'one.py')
    assert plugins.load(['one.py', './one.py']) == (path,) == plugins.load([path])
    assert plugins.load(['one.py'], str(tmp_path)) == (path,)
    assert sys.modules['counted'].names() == ['name1']
    (module,) = [name for name in sys.modules if name.startswith('dsonas_plugin_one_')]
    assert sys.modules[module].__file__ == path


def test_a_moved_file_and_a_copy_are_the_one_that_is_there(tmp_path):
    here, copy = write(tmp_path / 'one.py', 1), str(tmp_path / 'copy.py')
    shutil.copy(here, copy)
    assert plugins.load([here, copy]) == (here, copy) and plugins.load(['/no/such/one.py']) == (here,)
    assert sys.modules['counted'].names() == ['name1']
    with pytest.raises(UserError, match='/no/such/two.py: no such file'):
        plugins.load(['/no/such/two.py'])
    assert plugins.combined(['/a/one.py', 'x.y'], [here, 'z']) == (here, 'x.y', 'z')


@pytest.mark.parametrize(
    'name, words',
    [
        ('no_such_module', 'there is no module no_such_module'),
        ('json.none', 'there is no module json.none'),
        ('none.py', 'none.py: no such file'),
        ('', 'is not the dotted name'),
        ('.json', 'accepted is'),
        (3, 'is not the dotted name'),
    ],
)
def test_what_is_not_found(name, words):
    with pytest.raises(UserError, match=words) as info:
        plugins.load([name], where='here')
    assert str(info.value).startswith('here')


def test_faults_within_a_plugin_are_its_own(tmp_path):
    (tmp_path / 'broken.py').write_text('import no_such_module_either\n')
    with pytest.raises(ModuleNotFoundError):
        plugins.load([str(tmp_path / 'broken.py')])
    (tmp_path / 'taken.py').write_text(
        'from dsonas.symbols.operations import *\nregister(Operation("zero", "x", ()))\n'
    )
    with pytest.raises(UserError, match="taken.py: operation 'zero' is registered already"):
        plugins.load([str(tmp_path / 'taken.py')])
    assert not [name for name in sys.modules if name.startswith('dsonas_plugin_')]
    assert plugins.load(['json']) == ('json',)


def test_flags_files_and_settings_add_up(tmp_path, monkeypatch):
    folder = tmp_path / 'settings'
    folder.mkdir()
    paths = [write(folder / 'one.py', 1), write(tmp_path / 'two.py', 2), write(tmp_path / 'three.py', 3)]
    (folder / 'c.yaml').write_text('plugins: [one.py]\n')
    monkeypatch.chdir(tmp_path)
    given = flags.parser('x').parse_args(['--plugin', 'two.py', '--plugin', 'two.py', '--set', 'plugins=three.py'])
    assert given.plugins == [paths[1]]
    config = settings.resolve(None, str(folder / 'c.yaml'), given.set, flags.flags(given), {'plugins': ('json',)})
    assert set(config.plugins) == set(paths) | {'json'}
    (tmp_path / 'stored.yaml').write_text(settings.dump(config))
    assert settings.resolve(config=str(tmp_path / 'stored.yaml')) == config
    assert sorted(sys.modules['counted'].names()) == ['name1', 'name2', 'name3']
    parser = argparse.ArgumentParser()
    plugins.add_flag(parser)
    assert parser.parse_args([]).plugins == []


@pytest.mark.slow
def test_a_run_with_a_plugin_from_search_to_export(tmp_path):
    """plugin.py registers an operation, a penalty, a data set and a callback; every command after the search finds it by the run alone."""

    def command(script, *words, status=0):
        done = subprocess.run(
            [sys.executable, str(ROOT / script)] + [str(word) for word in words],
            cwd=str(tmp_path),
            timeout=120,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
            env=dict(os.environ, OMP_NUM_THREADS='1', DSONAS_CACHE=str(tmp_path / 'cache')),
        )
        assert done.returncode == status, done.stderr
        return done.stdout + done.stderr

    changes = {
        'data.name': 'stripes',
        'data.limit': 60,
        'space.operations': ('cross_3x3', 'max_pool_3x3'),
        'search.penalty': 'counted',
        'callbacks': ('largest_gate',),
        'pretrain.batch_size': 10,
        'search.batch_size': 10,
        'retrain.batch_size': 10,
        'train.test_batch': 20,
        'retrain.auxiliary': 0.0,
        'retrain.epochs': 1,
    }
    words = [
        word
        for name, value in dict(TINY, **changes).items()
        for word in ('--set', '%s=%s' % (name, settings.show(value)))
    ]
    shutil.copy(str(PLUGIN), str(tmp_path / 'mine.py'))
    assert 'unknown operation' in command(
        'train/search.py',
        '--run',
        'run',
        *words[:-2],
        '--set',
        'data.name=digits',
        '--set',
        'search.penalty=flops',
        '--set',
        'callbacks=',
        status=2,
    )
    assert 'expected one of' in command('train/search.py', '--run', 'run', *words, status=2)
    said = command('train/search.py', '--plugin', 'mine.py', '--run', 'run', *words)
    assert 'search ends after epoch 2: two epochs are enough' in said
    config = settings.read_yaml(str(tmp_path / 'run' / 'config.yaml'))
    assert config['plugins'] == [str(tmp_path / 'mine.py')]
    architecture = json.loads((tmp_path / 'run' / 'architecture.json').read_text())
    assert architecture['space']['operations'] == ['cross_3x3', 'max_pool_3x3']
    with open(str(tmp_path / 'run' / 'log.csv')) as stream:
        rows = list(csv.DictReader(stream))
    assert [row['stage'] for row in rows] == ['pretrain', 'search', 'search'], 'the callback ends the search'
    assert all(0 < float(row['largest_gate']) <= 1 for row in rows) and rows[-1]['test_error']
    steps = int(rows[1]['gate_steps'])
    assert [int(row['gate_steps']) for row in rows] == [0, steps, 2 * steps] and steps > 0
    assert 'search ends' not in command('train/search.py', '--resume', '--run', 'run'), 'it has ended already'
    command('train/retrain.py', '--run', 'run')
    with open(str(tmp_path / 'run' / 'log.csv')) as stream:
        rows = list(csv.DictReader(stream))
    assert [(row['largest_gate'], row['gate_steps']) for row in rows[3:]] == [('', '0')]
    (tmp_path / 'mine.py').rename(tmp_path / 'elsewhere.py')
    assert 'mine.py: no such file' in command('train/evaluate.py', 'run', status=2)
    (tmp_path / 'moved').mkdir()
    (tmp_path / 'elsewhere.py').rename(tmp_path / 'moved' / 'mine.py')
    assert 'top-1 error' in command('train/evaluate.py', 'run', '--plugin', 'moved/mine.py')
    (tmp_path / 'moved' / 'mine.py').rename(tmp_path / 'mine.py')
    summary = json.loads((tmp_path / 'run' / 'summary.json').read_text())
    assert (
        summary['search']['budget'] == 'counted'
        and summary['dataset'] == 'stripes'
        and summary['test_error'] is not None
    )
    assert 'checked on' in command('tools/export.py', 'run', '--symbol', 'network')
    command('tools/report.py', 'run', '-o', 'report.html')
    text = (tmp_path / 'report.html').read_text(encoding='utf-8')
    assert 'stripes' in text and 'cross' in text and 'Damaged' not in text
    assert 'total' in command('tools/count_cost.py', 'run/architecture.json', '--plugin', 'mine.py')
    assert 'unknown operation' in command('tools/count_cost.py', 'run/architecture.json', status=2)
