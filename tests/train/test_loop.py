"""Which step is what: positions follow from counts alone."""

import numpy as np
import pytest

from dsonas.train.engine.plan import Feed, Plan
from dsonas.train.runtime import seeds


class Batches:
    """An iterator that can be closed, as the data sets give."""

    def __init__(self, items):
        self._items = iter(items)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self._items)

    def close(self):
        pass


class Counted:
    """A data set whose batches say which they are."""

    def __init__(self, **batches):
        self.lengths = batches

    def num_batches(self, part, batch_size, train, shard):
        return self.lengths[part]

    def batches(self, part, batch_size, epoch, train, shard, skip):
        return Batches(((part, epoch, number), None) for number in range(skip, self.lengths[part]))


def pattern(n, m):
    return (('weights', 'weights'),) * n + (('gates', 'gates'),) * m


@pytest.mark.parametrize(
    'n, m, weights, gates', [(1, 1, 5, 5), (4, 1, 10, 2), (1, 3, 4, 5), (2, 1, 7, 3), (1, 1, 6, 4)]
)
def test_every_position_can_be_started_from(n, m, weights, gates):
    data = Counted(weights=weights, gates=gates)
    plan = Plan(pattern(n, m), 1, data, 1, (0, 1))
    updates = [plan.step(step)[1] for step in range(plan.steps)]
    assert updates.count('weights') == weights and updates.count('gates') == weights // n * m

    def walk(epoch, step, epochs=4):
        feeds = {part: Feed(data, part, 1, (0, 1), 3, plan.before(part, epoch, step)) for part in ('weights', 'gates')}
        seen = []
        while epoch < epochs:
            while step < plan.steps:
                seen.append(feeds[plan.step(step)[0]].next()[0])
                step += 1
            epoch, step = epoch + 1, 0
        return seen

    whole = walk(0, 0)
    assert [batch[2] for batch in whole if batch[0] == 'weights'][:weights] == list(range(weights))
    taken = [batch[1:] for batch in whole if batch[0] == 'gates']
    assert taken == [
        (3 + number // gates, number % gates) for number in range(len(taken))
    ]  # pass after pass, nothing left out
    for epoch in range(4):
        for step in range(plan.steps + 1):
            assert walk(epoch, step) == whole[epoch * plan.steps + step :]


def test_too_few_batches_for_a_turn():
    with pytest.raises(ValueError, match='search.ratio'):
        Plan(pattern(4, 1), 1, Counted(weights=3, gates=9), 1, (0, 1))


def test_streams_are_apart():
    numbers = {
        seeds.derive(seed, stage, epoch, step, rank)
        for seed in range(3)
        for stage in ('search', 'retrain')
        for epoch in range(3)
        for step in range(5)
        for rank in range(2)
    }
    assert len(numbers) == 3 * 2 * 3 * 5 * 2
    seeds.set_all(4, 'retrain', 1, 2)
    first = np.random.rand()
    seeds.set_all(4, 'retrain', 1, 2)
    assert np.random.rand() == first
