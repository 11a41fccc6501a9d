"""search.target: γ is steered so that a search ends at the size that was asked for, by whatever path λ take."""

import csv
import glob
import json
import os
import random

import numpy as np
import pytest

from dsonas.base.errors import UserError
from dsonas.runfiles.gates import read_gates
from dsonas.symbols.architecture import Architecture
from dsonas.symbols.cost import cost
from dsonas.symbols.space import SearchSpace
from dsonas.train.config import settings
from dsonas.train.config.goal import Goal, parse_goal
from dsonas.train.engine.learner import Learner
from dsonas.train.searching import pipeline
from dsonas.train.searching.measure import Measure, relative
from dsonas.train.searching.target import SETTLED, Target

from .conftest import columns, same_arrays

SEARCH = dict(
    data__limit=160,
    search__epochs=10,
    search__batch_size=10,
    search__gamma=0.03,
    space__operations=SearchSpace().operations,
)
EXAMPLES = int(os.environ.get('DSONAS_EXAMPLES', '0'))
SEEDS = [random.randrange(10**6) for _ in range(EXAMPLES)] or [0]


@pytest.mark.parametrize(
    'text, goal', [('edges=30%', Goal('edges', 0.3)), (' flops = 12.5 % ', Goal('flops', 0.125)), ('none', None)]
)
def test_what_a_target_may_be(text, goal):
    assert parse_goal(text) == goal


@pytest.mark.parametrize(
    'text',
    ['', 'edges', 'edges=30', 'edges=0%', 'edges=100%', 'mac=30%', 'edges=-3%', 'edges=nan%', 'edges=٣٠%', '30%'],
)
def test_what_it_may_not_be_is_said_in_one_line(text):
    with pytest.raises(UserError, match='search.target=.*: expected edges=30%, flops=50% or params=40%') as caught:
        settings.resolve('smoke', flags={'search.target': text})
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize('share', [True, False])
@pytest.mark.parametrize('quantity', ['edges', 'flops', 'params'])
def test_shares_are_of_the_whole_supernet(share, quantity):
    space = SearchSpace.cifar10(share=share, channels=4, blocks=(1, 1), classes=3)
    measure = Measure(space, quantity, 16)
    assert measure(Architecture.full(space)) == 1
    half = Architecture.random(space, seed=3, keep=0.5)
    if quantity == 'edges':
        assert measure(half) == half.num_edges / Architecture.full(space).num_edges
    else:
        whole = getattr(cost(Architecture.full(space), image_size=16), quantity)
        assert measure(half) == getattr(cost(half, image_size=16), quantity) / whole
    assert 0 < measure.least < measure(half)


@pytest.mark.parametrize('seed', SEEDS)
@pytest.mark.parametrize(
    'target, changes',
    [
        ('edges=25%', {}),
        ('edges=60%', {'search__batch_size': 20, 'search__epochs': 5}),
        ('flops=60%', {'space__share': False, 'search__penalty': 'mac'}),
        ('params=50%', {'search__nonnegative': False, 'search__penalty': 'none', 'search__normalise': 'never'}),
        ('edges=40%', {'space__first_level_gates': True, 'search__prune_every': 0, 'search__gamma': 10.0}),
        ('edges=30%', {'search__schedule': 'linear'}),
        ('edges=50%', {'search__gate_lr': 1.0, 'train__cpus': 2, 'space__searchable_reduction': False}),
    ],
)
def test_a_search_ends_within_two_points_of_its_target(tiny, target, changes, seed):
    """Within 2 points, or one edge's worth where the space is coarser."""
    config = tiny(search__target=target, seed=seed, **dict(SEARCH, **changes))
    run = pipeline.search(config, ['pretrain', 'search'])
    with open(os.path.join(run, 'summary.json')) as stream:
        search = json.load(stream)['search']
    architecture = Architecture.load(os.path.join(run, 'architecture.json'))
    goal = parse_goal(target)
    left = 100 * Measure(architecture.space, goal.quantity, config.data.image_size)(architecture)
    whole = Architecture.full(architecture.space)
    coarse = 100 / (
        whole.num_edges if goal.quantity == 'edges' else sum(len(whole.operations(s)) for s in whole.scopes)
    )
    near = max(2, coarse) + 1e-6  # log.csv rounds
    assert abs(left - 100 * goal.share) <= near, search['target']
    assert search['target']['wanted'] == target and search['target']['left'] == pytest.approx(left)
    with open(os.path.join(run, 'log.csv')) as stream:
        rows = [row for row in csv.DictReader(stream) if row['stage'] == 'search']
    assert rows[-1]['gamma'] == '0' and float(rows[-1]['left']) == pytest.approx(left, abs=0.01)
    settled = [float(row['left']) for row in rows[int(np.ceil(SETTLED * len(rows))) :]]
    assert all(abs(share - left) <= near for share in settled), settled
    gates = read_gates(os.path.join(run, 'lambda.npz'))
    assert ((gates.values[-1] != 0) == np.concatenate(architecture.masks())).all()


def test_a_target_that_cannot_be_met_is_said_and_what_was_reached(tiny, capsys):
    run = pipeline.search(tiny(search__target='flops=1%', **SEARCH), ['pretrain', 'search'])
    assert 'search.target=flops=1% cannot be met: without any operation' in capsys.readouterr().err
    with open(os.path.join(run, 'summary.json')) as stream:
        assert json.load(stream)['search']['target']['left'] > 1


def test_a_search_that_has_settled_may_end_early(tiny):
    config = tiny(search__target='edges=50%', search__patience=1, **dict(SEARCH, search__epochs=20))
    pipeline.search(config, ['pretrain', 'search'])
    with open(os.path.join(config.run, 'log.csv')) as stream:
        epochs = [int(row['epoch']) for row in csv.DictReader(stream) if row['stage'] == 'search'][-1]
    assert 0.8 * 20 < epochs < 20


@pytest.mark.parametrize('key', ['search.gamma', 'search.gate_lr'])
def test_there_must_be_something_to_steer(tiny, key):
    with pytest.raises(UserError, match=f'{key} must not be 0'):
        pipeline.search(tiny(search__target='edges=50%', **dict(SEARCH, **{key.replace('.', '__'): 0.0})), ['search'])


def test_a_search_with_a_target_resumes_to_the_same_end(tiny, monkeypatch):
    """Interrupted within epochs, at several moments, one after the other."""
    settings_ = dict(SEARCH, search__target='edges=40%', train__checkpoint_minutes=1e-9, search__epochs=8)
    one, other = tiny('one', **settings_), tiny('other', **settings_)
    pipeline.search(one, ['pretrain', 'search'])
    step, moments = Learner.step, iter([17, 43, 88])
    done, stop = [0], [next(moments)]

    def interrupted(self, *arguments, **more):
        done[0] += 1
        if done[0] == stop[0]:
            stop[0] = next(moments, -1)
            raise KeyboardInterrupt
        return step(self, *arguments, **more)

    monkeypatch.setattr(Learner, 'step', interrupted)
    for attempt in range(4):
        try:
            pipeline.search(other, ['pretrain', 'search'], resume=attempt > 0)
            break
        except KeyboardInterrupt:
            continue
    assert stop[0] == -1
    assert columns(one.run) == columns(other.run)
    with np.load(os.path.join(one.run, 'lambda.npz')) as first, np.load(
        os.path.join(other.run, 'lambda.npz')
    ) as second:
        assert same_arrays(dict(first), dict(second))
    assert glob.glob(os.path.join(other.run, 'architecture.json'))


def test_the_course_falls_smoothly_to_the_goal_and_stays():
    target = Target.__new__(Target)
    target.goal = Goal('edges', 0.3)
    course = np.array([target.wanted(progress) for progress in np.linspace(0, 1, 201)])
    assert course[0] == 1 and np.isclose(course[160:], 0.3).all()
    assert (np.diff(course) <= 1e-12).all() and -np.diff(course).min() < 2.5 * 0.7 / 200


def test_lambda_are_compared_within_their_groups():
    assert np.allclose(
        relative(np.array([3.0, -4.0, 0.0, 0.0, 2.0]), (0, 0, 1, 1, 2)), [0.6 * 2**0.5, 0.8 * 2**0.5, 0, 0, 1]
    )
