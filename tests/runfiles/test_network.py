"""network.json and network.params without MXNet: round trip, damage, and the kind of a run's network."""

import json
import pathlib

import pytest

from dsonas.base.errors import UserError
from dsonas.runfiles.network import (
    NetworkDescription,
    checked_parameters,
    gluoncv_name,
    kind_of,
    read_network,
    write_network,
)

OLD = pathlib.Path(__file__).resolve().parent.parent / 'old_runs' / '0.1.0'
DESCRIPTION = NetworkDescription(
    kind='gluoncv:resnet',
    architecture=None,
    channels=None,
    auxiliary=False,
    dropout=0.25,
    drop_path=True,
    classes=['cat', 'dög'],
    image_size=16,
    dataset='digits',
    mean=[0.1, 0.2, 0.3],
    std=[1, 1, 1],
)


def save(path):
    with open(path, 'wb') as stream:
        stream.write(b'parameters')


def test_round_trip(tmp_path):
    write_network(str(tmp_path), DESCRIPTION, save)
    found = read_network(str(tmp_path))
    assert found.kind == 'gluoncv:resnet' and found.classes == ['cat', 'dög'] and found['mean'] == [0.1, 0.2, 0.3]
    assert pathlib.Path(checked_parameters(str(tmp_path), found)).read_bytes() == b'parameters'
    content = json.loads((tmp_path / 'network.json').read_text())
    assert (content['format'], content['version']) == ('dsonas.network', 1)
    with pytest.raises(KeyError):
        found['write']


def test_damaged_parameters_are_named(tmp_path):
    write_network(str(tmp_path), DESCRIPTION, save)
    (tmp_path / 'network.params').write_bytes(b'parameterz')
    with pytest.raises(UserError, match='network.params: damaged: its checksum is not that of network.json'):
        checked_parameters(str(tmp_path), read_network(str(tmp_path)))


def test_parameters_that_cannot_be_saved_leave_the_old_network(tmp_path):
    write_network(str(tmp_path), DESCRIPTION, save)

    def fail(path):
        save(path)
        raise OSError(28, 'No space left on device')

    with pytest.raises(OSError, match='network.params'):
        write_network(str(tmp_path), DESCRIPTION, fail)
    checked_parameters(str(tmp_path), read_network(str(tmp_path)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ['checksums.json', 'network.json', 'network.params']


def test_old_runs_are_read():
    for folder in (OLD / 'finished', OLD / 'finished' / 'retrain-random-1'):
        checked_parameters(str(folder), read_network(str(folder)))


@pytest.mark.parametrize('kind, name', [('gluoncv:a:b', 'a:b'), ('random', None), (None, None), ('gluoncvs', None)])
def test_the_name_in_the_model_zoo(kind, name):
    assert gluoncv_name(kind) == name


@pytest.mark.parametrize(
    'summary, environment, kind',
    [
        ({'kind': 'random'}, {'kind': 'full'}, 'random'),
        ({}, {'kind': 'full', 'command': ['x', '--random', '1']}, 'full'),
        ({}, {}, 'searched'),
        ({}, {'command': 'train/retrain.py --full'}, 'searched'),
        ({}, {'command': ['train/retrain.py', '--random', '1']}, 'random'),
        ({}, {'command': ['train/retrain.py', '--full']}, 'full'),
        ({}, {'command': ['train/retrain.py', '--gluoncv', 'resnet']}, 'gluoncv:resnet'),
        ({}, {'command': ['train/retrain.py', '--gluoncv=resnet']}, 'gluoncv:resnet'),
    ],
)
def test_the_kind_is_what_was_written_and_guessed_for_old_runs_alone(summary, environment, kind):
    assert kind_of(summary, environment) == kind
