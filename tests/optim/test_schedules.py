"""Schedules at their end points, at restarts, and between."""

import math
import pickle

import numpy as np
import pytest

from dsonas.optim.schedules import SCHEDULES, make

COMMON = {'lr': 0.05, 'lr_min': 1e-4, 't0': 10, 'tmul': 2, 'epochs': 630}
RESTARTS = [10, 30, 70, 150, 310]


def before(epoch):
    return float(np.nextafter(epoch, 0))


def test_constant():
    schedule = make('constant', **COMMON)
    assert {schedule(epoch) for epoch in (0, 0.3, 629.9, 630, 1000)} == {0.05}


def test_linear():
    schedule = make('linear', lr=0.5, lr_min=0.02, epochs=240)
    assert schedule(0) == 0.5 and schedule(240) == 0.02 == schedule(300)
    for epoch in np.linspace(0, 240, 97):
        assert schedule(epoch) == pytest.approx(0.5 + (0.02 - 0.5) * epoch / 240, abs=1e-15)
    assert make('linear', lr=0.5, epochs=240)(240) == 0


def test_cosine_restarts_of_the_paper():
    schedule = make('cosine_restarts', **COMMON)
    assert schedule(0) == 0.05
    for restart in RESTARTS:
        assert schedule(before(restart)) == 1e-4 and schedule(restart) == 0.05
    assert schedule(before(630)) == schedule(630) == schedule(700) == 1e-4
    for start, end in zip([0] + RESTARTS, RESTARTS + [630]):
        assert schedule((start + end) / 2) == pytest.approx((0.05 + 1e-4) / 2, abs=1e-15)
        for part in (0.1, 0.25, 0.8):
            expected = 1e-4 + 0.5 * (0.05 - 1e-4) * (1 + math.cos(math.pi * part))
            assert schedule(start + part * (end - start)) == pytest.approx(expected, abs=1e-12)
    rates = [schedule(i / 50) for i in range(50 * 630)]
    assert [i / 50 for i in range(1, len(rates)) if rates[i] > rates[i - 1]] == RESTARTS


def test_cosine_that_ends_within_a_period_or_never():
    assert make('cosine_restarts', lr=1, t0=10, tmul=2, epochs=20)(20) == pytest.approx(0.5)
    endless = make('cosine_restarts', lr=1, t0=4, tmul=1)
    assert all(endless(4 * k) == 1 and endless(before(4 * k)) == 0 for k in range(1, 50))


@pytest.mark.parametrize('name', sorted(SCHEDULES))
@pytest.mark.parametrize('warmup', [5, 0.3])
def test_warmup(name, warmup):
    plain, warm = make(name, **COMMON), make(name, **dict(COMMON, epochs=630 + warmup), warmup=warmup)
    assert warm(0) == 0 and warm(warmup / 2) == pytest.approx(0.025) and warm(warmup) == 0.05
    for epoch in (0, 3.7, 10, 29.5, 30, 629, 630, 640):
        assert warm(warmup + epoch) == pytest.approx(plain(epoch), abs=1e-15)


@pytest.mark.parametrize('name', sorted(SCHEDULES))
def test_picklable(name):
    schedule = make(name, warmup=2, **COMMON)
    again = pickle.loads(pickle.dumps(schedule))
    assert again == schedule and [again(t / 3) for t in range(2000)] == [schedule(t / 3) for t in range(2000)]


def test_refused():
    for settings, words in [
        (('step', COMMON), ['step', 'constant, linear, cosine_restarts']),
        (('linear', {'lr': 1, 'end': 3}), ['end', 'epochs']),
        (('linear', {'lr': 1}), ['epochs']),
        (('linear', {'epochs': 3}), ['lr is needed']),
        (('constant', {'lr': 0}), ['lr']),
        (('constant', {'lr': '0.1'}), ['lr', "'0.1'"]),
        (('constant', {'lr': float('nan')}), ['lr']),
        (('linear', {'lr': 1, 'epochs': 5, 'warmup': 5}), ['warm-up']),
        (('cosine_restarts', dict(COMMON, tmul=0.5)), ['tmul']),
        (('cosine_restarts', dict(COMMON, t0=0)), ['t0']),
        (('cosine_restarts', dict(COMMON, lr_min=1)), ['lr_min']),
    ]:
        with pytest.raises(ValueError) as error:
            make(settings[0], **settings[1])
        assert all(word in str(error.value) for word in words) and '\n' not in str(error.value)
    with pytest.raises(ValueError, match='epoch'):
        make('constant', lr=1)(-1)
