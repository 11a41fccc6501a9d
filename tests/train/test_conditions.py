"""A run that goes on with another number of threads, or on another processor, says so in one line and goes on."""

import json
import os
import shutil

import pytest

from dsonas.base import machine
from dsonas.symbols import latency
from dsonas.symbols.backend import native
from dsonas.train import retrain, search
from dsonas.train.config import settings
from dsonas.train.searching import pipeline

from .conftest import TINY

FIELDS = ('processor', 'threads', 'omp_num_threads', 'data_dir', 'cores', 'seed')


@pytest.fixture(scope='module')
def begun(tmp_path_factory):
    """A run with one of three epochs of search done, as if it had been stopped there."""
    path = str(tmp_path_factory.mktemp('conditions') / 'run')
    config = settings.build(dict(TINY, run=path, **{'pretrain.epochs': 0, 'search.epochs': 1}))
    pipeline.search(config, ('search',))
    return path


@pytest.fixture
def resumed(begun, tmp_path, capsys):
    """resumed(content of environment.json, None for no such file) -> lines on stderr that are warnings about conditions."""

    def resume(content):
        run = str(tmp_path / 'run')
        shutil.copytree(begun, run)
        path = os.path.join(run, 'environment.json')
        os.remove(path)
        if content is not None:
            with open(path, 'w', encoding='utf-8') as stream:
                stream.write(content if isinstance(content, str) else json.dumps(content))
        capsys.readouterr()
        search.main(['--resume', '--run', run, '--stages', 'search', '--allow-changes', '--set', 'search.epochs=2'])
        captured = capsys.readouterr()
        assert 'resumed from' in captured.out
        assert environment(run)['threads'] == latency.threads()  # of this start
        return [line for line in captured.err.splitlines() if 'uninterrupted' in line]

    return resume


def environment(run):
    with open(os.path.join(run, 'environment.json'), encoding='utf-8') as stream:
        return json.load(stream)


def test_what_is_recorded(begun):
    found = environment(begun)
    assert set(FIELDS) <= set(found)
    assert found['threads'] == latency.threads() >= 1 and found['processor'] == machine.processor()


def test_the_threads_of_the_search_stay_known(begun, tmp_path):
    run = str(tmp_path / 'run')
    shutil.copytree(begun, run)
    assert environment(run)['search_threads'] == latency.threads()
    path = os.path.join(run, 'environment.json')
    changed = {**environment(run), 'search_threads': 7, 'threads': 7}
    with open(path, 'w', encoding='utf-8') as stream:
        json.dump(changed, stream)
    retrain.main(['--run', run, '--allow-changes'])
    assert (environment(run)['search_threads'], environment(run)['threads']) == (7, latency.threads())
    retrain.main(['--run', run, '--random', '1'])
    assert environment(os.path.join(run, 'retrain-random-1'))['search_threads'] is None


def test_a_machine_without_a_compiler_says_why_and_goes_on(begun, tmp_path, capsys, monkeypatch):
    """To all three stages and an evaluation; a run that was begun with one is told that last digits differ."""
    run = str(tmp_path / 'run')
    shutil.copytree(begun, run)
    before = native.blocks()
    assert environment(run)['blocks'] == before
    monkeypatch.setattr(native, 'missing', lambda: 'no compiler: none of g++, c++')
    for command, words in (
        (search, ['--resume', '--run', run, '--stages', 'search', '--allow-changes', '--set', 'search.epochs=2']),
        (retrain, ['--run', run, '--allow-changes']),
    ):
        capsys.readouterr()
        command.main(words)
        captured = capsys.readouterr()
        assert "by MXNet's operators, in up to twice the time: no compiler: none of g++, c++" in captured.out
        assert environment(run)['blocks'] == 'operators'
        if command is search:
            told = 'how blocks are computed: compiled -> operators' in captured.err
            assert told == (before == 'compiled')


def test_threads_are_those_that_mxnet_uses(python):
    """Set by OMP_NUM_THREADS; without it MXNet's own choice, which MXNET_OMP_MAX_THREADS bounds."""
    script = 'from dsonas.symbols import latency; print(latency.threads())'
    for number in ('1', '3'):
        assert python('-c', f'import os; os.environ["OMP_NUM_THREADS"] = "{number}"; {script}').stdout.split() == [
            number
        ]
    without = 'import os; del os.environ["OMP_NUM_THREADS"]; ' + script  # before MXNet is imported
    assert int(python('-c', without).stdout) >= 1
    assert python('-c', without, MXNET_OMP_MAX_THREADS='1').stdout.split() == ['1']


def test_same_conditions_are_silent(begun, resumed):
    assert resumed(environment(begun)) == []


@pytest.mark.parametrize(
    'changes, words',
    [
        ({'threads': 7}, ['threads (OMP_NUM_THREADS): 7 -> {threads}']),
        ({'processor': 'Abacus 1'}, ['processor: Abacus 1 -> {processor}']),
        ({'threads': 7, 'processor': 'Abacus 1'}, ['7 -> {threads}', 'Abacus 1 -> {processor}']),
        ({'threads': 'left out', 'omp_num_threads': '7'}, ['7 -> {threads}']),
    ],
)  # as 0.1.0 wrote it
def test_other_conditions_are_named(begun, resumed, changes, words):
    now = environment(begun)
    lines = resumed({name: value for name, value in dict(now, **changes).items() if value != 'left out'})
    assert (
        len(lines) == 1 and lines[0].startswith('warning: ') and all(word.format(**now) in lines[0] for word in words)
    ), lines


@pytest.mark.parametrize(
    'content',
    [
        None,
        '',
        '{"threads": 7,',
        '[7]',
        'null',
        '\x00',
        '{}',
        '{"threads": null, "processor": ""}',
        '{"threads": "7", "processor": 3}',
        '{"omp_num_threads": "", "cores": 99}',
        '{"omp_num_threads": "many"}',
    ],
)
def test_old_and_damaged_environments_are_silent(resumed, content):
    """0.1.0 wrote no threads; a file that cannot be read is no reason to stop, nor are fields of other types."""
    assert resumed(content) == []


def test_retraining_that_goes_on(begun, tmp_path, capsys):
    """Compared is the environment in which the retraining was last at work, not that of the search before it."""
    run = str(tmp_path / 'run')
    shutil.copytree(begun, run)
    with open(os.path.join(run, 'environment.json'), 'w') as stream:
        json.dump(dict(environment(begun), threads=7), stream)
    words = ['--set', 'retrain.epochs=1', '--set', 'retrain.auxiliary=0', '--set', 'retrain.drop_path=0']
    retrain.main(['--run', run] + words)
    assert 'uninterrupted' not in capsys.readouterr().err  # it began here
    with open(os.path.join(run, 'environment.json'), 'w') as stream:
        json.dump(dict(environment(begun), threads=5), stream)
    retrain.main(['--run', run, '--resume'])
    assert f'5 -> {latency.threads()}' in capsys.readouterr().err
