"""environment.json: what is recorded, and what of two of them changes the numbers of a run."""

import dataclasses
import json
import pathlib

import pytest

from dsonas.base import machine
from dsonas.base.errors import UserError
from dsonas.runfiles.environment import (
    Environment,
    changed_conditions,
    last_environment,
    read_environment,
    this_environment,
    write_environment,
)
from dsonas.symbols import latency

OLD = pathlib.Path(__file__).resolve().parent.parent / 'old_runs'


def test_round_trip(tmp_path):
    path = str(tmp_path / 'environment.json')
    now = this_environment(['cpu(0)', 'cpu(1)'], 3, 'device', 7, 'random', '/data')
    write_environment(path, now)
    assert last_environment(path) == now and Environment.from_dict(read_environment(path)) == now
    assert (now.devices, now.workers, now.seed, now.kind, now.data_dir) == (
        ['cpu(0)', 'cpu(1)'],
        3,
        7,
        'random',
        '/data',
    )
    assert now.threads == latency.threads() and now.processor == machine.processor() and now.mxnet.startswith('1.')
    assert None not in [
        value
        for name, value in dataclasses.asdict(now).items()
        if name not in ('memory_gb', 'threads', 'search_threads', 'blocks', 'changed')
    ]


def test_fields_that_are_unknown_or_of_another_type_are_passed_over():
    content = {'threads': '7', 'processor': 3, 'cores': True, 'memory_gb': 8, 'devices': 'cpu', 'own': 1, 'seed': 5}
    assert Environment.from_dict(content) == Environment(memory_gb=8, seed=5)


def test_version_0_1_0_wrote_threads_only_as_omp_num_threads():
    assert Environment.from_dict({'omp_num_threads': '7'}).threads == 7
    assert Environment.from_dict({'omp_num_threads': 'many'}).threads is None
    assert Environment.from_dict({'omp_num_threads': '7', 'threads': None}).threads is None
    old = last_environment(str(OLD / '0.1.0' / 'finished' / 'environment.json'))
    assert old.dsonas == '0.1.0' and old.threads == 1 and old.kind is None


@pytest.mark.parametrize(
    'before, now, expected',
    [
        ({'threads': 7}, {'threads': 2}, ['threads (OMP_NUM_THREADS): 7 -> 2']),
        ({'processor': 'a', 'threads': 2}, {'processor': 'b', 'threads': 2}, ['processor: a -> b']),
        ({'threads': 7, 'processor': 'a'}, {'threads': 2, 'processor': 'b'}, None),
        ({'blocks': 'compiled'}, {'blocks': 'operators'}, ['how blocks are computed: compiled -> operators']),
        ({'blocks': None}, {'blocks': 'operators'}, []),
        ({'threads': 7, 'cores': 1}, {'threads': 7, 'cores': 2}, []),
        ({'threads': None, 'processor': ''}, {'threads': 2, 'processor': 'b'}, []),
        ({}, {'threads': 2}, []),
    ],
)
def test_changed_conditions(before, now, expected):
    found = changed_conditions(Environment(**before), Environment(**now))
    assert found == expected or expected is None and len(found) == 2


@pytest.mark.parametrize('content', [b'', b'{"threads": 7,', b'[7]', b'null', b'\xff\xfe{'])
def test_damage_is_named_and_is_no_reason_to_stop(content, tmp_path):
    path = tmp_path / 'environment.json'
    path.write_bytes(content)
    with pytest.raises(UserError, match='environment.json: (not JSON|holds no mapping)'):
        read_environment(str(path))
    assert last_environment(str(path)) == last_environment(str(tmp_path / 'none.json')) == Environment()


def test_tools_see_the_file_as_it_stands_and_refuse_other_types(tmp_path):
    path = tmp_path / 'environment.json'
    path.write_text(json.dumps({'own': 1, 'threads': 3, 'seed': None}))
    assert read_environment(str(path)) == {'own': 1, 'threads': 3, 'seed': None}
    path.write_text(json.dumps({'own': 1, 'threads': 'x'}))
    with pytest.raises(UserError, match="environment.json: threads is 'x'; accepted is a whole number"):
        read_environment(str(path))


@pytest.mark.parametrize(
    'words, expected',
    [
        (['dsonas search', '--seed', '1'], ['dsonas', 'search', '--seed', '1']),
        (['train/search.py', '--run', 'my runs/1'], ['train/search.py', '--run', 'my runs/1']),
        (['/a folder/train/search.py'], ['/a folder/train/search.py']),
    ],
)
def test_the_command_is_kept_word_by_word(words, expected, monkeypatch):
    monkeypatch.setattr('sys.argv', words)
    assert this_environment(['cpu(0)'], 1, 'device', 0, 'searched').command == expected
