"""How long a run will still take: known work, unknown work, work alike, and how measurements count."""

import pytest

from dsonas.train.runtime.progress import epoch_line
from dsonas.train.runtime.time_left import TimeLeft


def test_unknown_until_something_of_it_is_measured():
    left = TimeLeft()
    assert left.seconds() == 0
    left.plan('step', 10)
    assert left.seconds() is None
    left.done('step')  # its time says nothing of the rest
    assert left.seconds() is None
    left.done('step', 1, 2.0)
    assert left.seconds() == pytest.approx(8 * 2.0)


def test_phases_to_come_are_as_long_as_what_they_are_like():
    left = TimeLeft()
    left.plan('pretrain step', 4)
    left.plan('search step', 100, like='pretrain step')
    left.plan('search test', 3, like='search step', times=5)
    left.plan('export', 1, seconds=20)
    assert left.seconds() is None
    left.done('pretrain step', 2, 1.0)
    assert left.seconds() == pytest.approx(2 * 0.5 + 100 * 0.5 + 3 * 2.5 + 20)
    left.done('search step', 50, 50.0)  # twice as slow as was thought
    assert left.seconds() == pytest.approx(2 * 0.5 + 50 * 1.0 + 3 * 5 + 20)
    left.drop('search step')
    assert left.seconds() == pytest.approx(2 * 0.5 + 3 * 5 + 20)


def test_cleared_it_knows_nothing():
    left = TimeLeft()
    left.plan('step', 10, like='other')
    left.done('other', 1, 2.0)
    assert left.seconds() == 20
    left.clear()
    assert left.seconds() == 0 and left.rate('step') is None


def test_kinds_that_are_like_each_other_alone_are_unknown():
    left = TimeLeft()
    left.plan('one', 1, like='other')
    left.plan('other', 1, like='one')
    assert left.seconds() is None


def test_the_newest_measurements_tell():
    left = TimeLeft()
    left.plan('step', 10_000)
    for _ in range(500):
        left.done('step', 1, 1.0)
    for _ in range(500):
        left.done('step', 1, 0.1)
    assert left.rate('step') == pytest.approx(0.1, rel=0.01) and left.seconds() == pytest.approx(900, rel=0.01)


def test_more_done_than_planned_is_none_left():
    left = TimeLeft()
    left.plan('step', 1)
    left.done('step', 3, 3.0)
    assert left.seconds() == 0


def test_the_line_of_an_epoch_fits_into_a_terminal():
    row = {
        'stage': 'retrain', 'epoch': 630, 'loss': 12.345, 'error': 99.9, 'gate_loss': None, 'gate_error': None,
        'test_error': 99.99, 'images_per_second': 12345.6,
    }  # fmt: skip
    line = epoch_line(row, 630, 86_400.0)
    assert line == 'retrain 630/630, loss 12.345, error 99.9%, test 99.99%, 24 h left' and 'nan' not in line
    row = {**row, 'loss': 1.234, 'images_per_second': 12.3}
    line = epoch_line(row, 630, 86_400.0)
    assert line == 'retrain 630/630, loss 1.234, error 99.9%, test 99.99%, 12 images/s, 24 h left' and len(line) <= 80
    gates = {**row, 'gate_loss': 1.0, 'gate_error': 10.0, 'edges': 12345}
    assert len(epoch_line(gates, 630, 1.0)) <= 80 and 'edges' in epoch_line({**gates, 'test_error': None}, 630)
    nothing = {**row, 'loss': None, 'error': None, 'test_error': None}
    assert epoch_line(nothing, 630) == 'retrain 630/630, 12 images/s'
