"""config.yaml as a plain tree."""

import pathlib

import pytest

from dsonas.base.errors import UserError
from dsonas.runfiles.config import plugins_of, read_config, setting, with_current_names, write_config

OLD = pathlib.Path(__file__).resolve().parent.parent / 'old_runs'


def test_round_trip(tmp_path):
    path = str(tmp_path / 'config.yaml')
    write_config(path, 'seed: 3\nsearch: {gamma: 0.5, ratio: "1:1"}\nplugins: [own.py]\n')
    tree = read_config(path)
    assert setting(tree, 'seed') == 3 and setting(tree, 'search.gamma') == 0.5 and plugins_of(tree) == ['own.py']
    assert setting(tree, 'search.nothing', 'x') == setting(tree, 'seed.nothing', 'x') == 'x'
    assert setting(tree, 'search.ratio') == '1:1' and plugins_of({}) == plugins_of({'plugins': None}) == []


def test_old_runs_are_read():
    assert setting(read_config(str(OLD / '0.1.0' / 'finished' / 'config.yaml')), 'data.name') == 'digits'


def test_current_names():
    old = {'seed': 1, 'search': {'gamma': 0.5, 'budget': 'flops'}}
    new = {'seed': 1, 'search': {'gamma': 0.5, 'penalty': 'flops'}}
    assert with_current_names(old) == with_current_names(new) == new
    assert old['search'] == {'gamma': 0.5, 'budget': 'flops'}
    for tree in ({}, {'search': None}, {'search': {'penalty': 'none', 'budget': 'flops'}}):
        assert with_current_names(tree) == tree


@pytest.mark.parametrize(
    'content, message',
    [
        (b'', 'holds no mapping'),
        (b'- 1\n', 'holds no mapping'),
        (b'search: [1, 2', r'not YAML \(line 1\)'),
        (b'\xff\xfe\x00', 'not YAML: not UTF-8'),
        (b'a: 1e400\n', r'not YAML \(line 1\)'),
        (b'a: !!python/object:os.system {}\n', 'not YAML'),
    ],
)
def test_damage_is_named(content, message, tmp_path):
    (tmp_path / 'config.yaml').write_bytes(content)
    with pytest.raises(UserError, match=f'config.yaml: {message}'):
        read_config(str(tmp_path / 'config.yaml'))


def test_plugins_that_are_no_list():
    with pytest.raises(UserError, match="plugins: 'own.py' is not a list of modules and .py files"):
        plugins_of({'plugins': 'own.py'})
