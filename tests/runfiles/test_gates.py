"""lambda.npz: what goes in comes out, a resumed search, damage."""

import pathlib

import numpy as np
import pytest

from dsonas.base.errors import UserError
from dsonas.runfiles.gates import GateHistory, Gates, decided, read_gates

OLD = pathlib.Path(__file__).resolve().parent.parent / 'old_runs'
NAMES = ['shared/x', 'r00/y']


def grown(path):
    history = GateHistory(str(path), NAMES)
    for epoch in range(4):
        history.append(epoch, [epoch + 0.5, 1], [False, epoch > 1])
    return history


def test_round_trip(tmp_path):
    grown(tmp_path / 'lambda.npz')
    gates = read_gates(str(tmp_path / 'lambda.npz'))
    assert gates.names == tuple(NAMES) and gates.epochs.tolist() == [0, 1, 2, 3]
    assert gates.values.dtype == np.float32 and gates.values[:, 0].tolist() == [0.5, 1.5, 2.5, 3.5]
    assert gates.pruned.dtype == bool and gates.pruned[:, 1].tolist() == [False, False, True, True]
    assert gates.last() == {'shared/x': 3.5, 'r00/y': 0.0}
    assert gates.columns('r00') == [1] and gates.columns('b00') == []


def test_a_resumed_search_goes_on_from_its_epoch(tmp_path):
    path = str(tmp_path / 'lambda.npz')
    grown(path)
    history = GateHistory(path, NAMES)
    history.resume(2)
    history.append(3, [9, 1], [True, True])
    gates = read_gates(path)
    assert gates.epochs.tolist() == [0, 1, 2, 3] and gates.values[:, 0].tolist() == [0.5, 1.5, 2.5, 9]
    assert gates.pruned[:, 0].tolist() == [False, False, False, True]


def test_a_history_that_is_not_there_begins_anew(tmp_path):
    history = GateHistory(str(tmp_path / 'lambda.npz'), NAMES)
    history.resume(2)
    assert history.epochs == []


def test_a_history_that_cannot_go_on_is_named(tmp_path):
    path = tmp_path / 'lambda.npz'
    grown(path)
    with pytest.raises(UserError, match='lambda.npz: its λ are not those of this search space. Move it away to go on'):
        GateHistory(str(path), ['other']).resume(3)
    path.write_bytes(b'PK damaged')
    with pytest.raises(UserError, match='lambda.npz: not a readable .npz archive .*Move it away to go on'):
        GateHistory(str(path), NAMES).resume(3)


def test_the_epoch_at_which_each_edge_went_for_good():
    values = np.array([[1, 1, 1, 0, 1], [1, 0, 0, 0, 1], [0, 1, 0, 0, 1], [0, 0, 0, 1, 1]], np.float32)
    pruned = np.zeros(values.shape, bool)
    pruned[2:, 4] = True  # counts as zero, whatever its value
    history = Gates(('ends', 'came back', 'early', 'revived', 'pruned'), np.array([0, 1, 2, 4]), values, pruned)
    assert decided(history) == {'ends': 2, 'came back': 4, 'early': 1, 'revived': None, 'pruned': 2}


def test_of_random_histories_an_edge_is_decided_where_its_last_stretch_of_zeros_begins():
    rng = np.random.RandomState(3)
    for _ in range(20):
        values = rng.randint(0, 2, (rng.randint(1, 9), 5)).astype(np.float32)
        epochs = np.cumsum(rng.randint(1, 3, len(values)))
        history = Gates(tuple('abcde'), epochs, values, np.zeros(values.shape, bool))
        for column, epoch in enumerate(decided(history).values()):
            if epoch is None:
                assert values[-1, column]
            else:
                row = epochs.tolist().index(epoch)
                assert not values[row:, column].any() and (row == 0 or values[row - 1, column])


@pytest.mark.parametrize('name', ['finished', 'stopped'])
def test_old_runs_say_when_edges_were_decided(name):
    history = read_gates(str(OLD / '0.1.0' / name / 'lambda.npz'))
    last = history.last()
    assert all((epoch is None) == (last[edge] != 0) for edge, epoch in decided(history).items())


@pytest.mark.parametrize('name', ['finished', 'stopped'])
def test_old_runs_are_read(name):
    gates = read_gates(str(OLD / '0.1.0' / name / 'lambda.npz'))
    assert gates.epochs[0] == 0 and (gates.values[0] == 1).all() and len(gates.last()) == len(gates.names)


@pytest.mark.parametrize(
    'changes, message',
    [
        ({'values': np.ones((3, 2))}, '4 epochs and 2 names, but values of shape'),
        ({'pruned': np.ones((4, 1), bool)}, 'pruned of shape'),
        ({'epochs': np.zeros(0, int), 'values': np.ones((0, 2)), 'pruned': np.ones((0, 2), bool)}, '0 epochs'),
        ({'values': np.full((4, 2), np.nan)}, 'λ that are not finite'),
        ({'values': np.full((4, 2), 'a')}, 'λ that are not finite'),
        ({'names': np.arange(2)}, 'names and epochs are not'),
        ({'epochs': np.ones((4, 1), int)}, 'names and epochs are not'),
        ({'pruned': None}, "without the array 'pruned'"),
    ],
)
def test_what_is_wrong_is_said(changes, message, tmp_path):
    path = str(tmp_path / 'lambda.npz')
    grown(path)
    with np.load(path) as archive:
        arrays = {**archive, **changes}
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(UserError, match=f'lambda.npz: .*{message}'):
        read_gates(path)
