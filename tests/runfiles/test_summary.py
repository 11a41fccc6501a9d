"""summary.json: what is added, what stays, and numbers that are none."""

import json
import pathlib

import pytest

from dsonas.base.errors import UserError
from dsonas.runfiles.summary import Summary, read_summary, update_summary

OLD = pathlib.Path(__file__).resolve().parent.parent / 'old_runs'
RESULT = {'test_error': 4.25, 'params': 1000, 'flops': 2000}


def test_stages_add_to_it_and_unknown_keys_stay(tmp_path):
    path = str(tmp_path / 'summary.json')
    assert read_summary(path) == {}
    assert update_summary(path, seed=3, search={'edges': 7}, own='x') == {'seed': 3, 'search': {'edges': 7}, 'own': 'x'}
    expected = {'seed': 4, 'search': {'edges': 7}, 'own': 'x', **RESULT}
    assert update_summary(path, seed=4, **RESULT) == expected == read_summary(path)


def test_old_runs_have_known_fields():
    for folder in ('finished', 'finished/retrain-random-1'):
        summary = read_summary(str(OLD / '0.1.0' / folder / 'summary.json'))
        assert set(summary) <= set(Summary.__annotations__) and summary['test_error'] > 80


@pytest.mark.parametrize(
    'changes',
    [
        {'test_error': 1e9},
        {'test_error': 123.0},
        {'test_error': -1},
        {'top5_error': 'x'},
        {'params': None},
        {'params': True},
        {'flops': None},
        {'flops': None, 'kind': 'random'},
        {'mac': [1]},
        {'seconds': '5'},
    ],
)
def test_numbers_that_are_none(changes, tmp_path):
    path = tmp_path / 'summary.json'
    path.write_text(json.dumps({**RESULT, 'seconds': 5.0, **changes}))
    with pytest.raises(UserError, match=f'summary.json: {list(changes)[0]} is .*; accepted is '):
        read_summary(str(path))


def test_what_may_be_left_out(tmp_path):
    path = str(tmp_path / 'summary.json')
    update_summary(path, params=None, flops=None)
    assert read_summary(path) == {'params': None, 'flops': None}, 'no result yet'
    update_summary(path, **dict(RESULT, flops=None), mac=None, kind='gluoncv:resnet18_v1')
    assert read_summary(path)['flops'] is None, 'FLOPs of a known network are not counted'


@pytest.mark.parametrize('content', ['', '{"a', '[1]', 'null', '\x00'])
def test_damage_is_named(content, tmp_path):
    path = tmp_path / 'summary.json'
    path.write_text(content)
    for use in (read_summary, update_summary):
        with pytest.raises(UserError, match='summary.json: (not JSON|holds no mapping of names to values)'):
            use(str(path))
    assert path.read_text() == content
