"""Whatever λ become, in whatever order: the search goes on, its network computes what λ say, and a signal passes.

Sequences of prunings are drawn at random. DSONAS_EXAMPLES=500 draws other ones, and more of them.
"""

import copy
import os

import mxnet as mx
import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mxnet import autograd

from dsonas.symbols.space import SearchSpace
from dsonas.tools.naive_supernet import NaiveSupernet
from dsonas.train.runtime import state

from .test_pruning import batch, searching, set_gates

EXAMPLES = int(os.environ.get('DSONAS_EXAMPLES', '0'))
RANDOMLY = settings(
    max_examples=EXAMPLES or 12,
    derandomize=not EXAMPLES,
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
SPACES = st.builds(
    SearchSpace,
    share=st.booleans(),
    channels=st.just(4),
    blocks=st.sampled_from([(1, 1), (2, 1), (1, 1, 1)]),
    levels=st.sampled_from([1, 2, 3]),
    operations=st.sampled_from(
        [('sep_conv_3x3', 'max_pool_3x3'), ('avg_pool_3x3',), ('max_pool_3x3', 'avg_pool_3x3', 'sep_conv_5x5')]
    ),
    searchable_reduction=st.sampled_from([True, True, False]),
    first_level_gates=st.booleans(),
)
# What happens in an epoch: steps before, the share of λ that become zero in it, steps after.
EPOCHS = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]), st.integers(0, 2)), min_size=2, max_size=5
)


class Course:
    """A search in which, at drawn moments, drawn λ become zero."""

    def __init__(self, space, signed, prune_every, devices):
        self.more = dict(prune_every=prune_every, nonnegative=not signed, epochs=99, gamma=0.05)
        self.space, self.devices = space, devices
        self.pruner = searching(space, devices, **self.more)
        self.everything = dict(self.pruner.learner.net.collect_params())  # what the naive network is made of
        self.whole = self.pruner.learner.net
        self.seed = 0

    def epoch(self, number, before, zeros, after, generator):
        self.steps(before)
        values = self.pruner.values()
        for value in values:
            value[generator.rand(len(value)) < zeros] = 0
        set_gates(self.pruner, values)
        self.steps(after)
        return self.pruner.end_of_epoch(number)

    def steps(self, count):
        for _ in range(count):
            for update in ('weights', 'gates'):
                self.seed += 1
                self.pruner.penalty.follow(update)
                _, finite = self.pruner.learner.step(update, *batch(self.seed), 8, (), {'weights': 0.05, 'gates': 0.02})
                assert all(flag.asscalar() for flag in finite.values())

    def resume(self):
        """Go on in a search made anew, from what a checkpoint holds."""
        arrays, counts = state.gather(self.pruner.learner)
        stored = copy.deepcopy(self.pruner.state())
        self.pruner = searching(self.space, self.devices, **self.more)
        self.pruner.restore(stored)
        state.restore(self.pruner.learner, arrays, counts)
        self.pruner.restored()


def check(course, row):
    pruner, learner = course.pruner, course.pruner.learner
    values, context = pruner.values(), learner.devices.contexts[0]
    architecture = pruner.architecture
    assert architecture == architecture.within(pruner.built) and learner.net.architecture == pruner.built
    for number, index in enumerate(pruner.reductions):
        alive = [branch for branch, value in zip(('conv_1x1', 'conv_3x3'), values[index]) if value != 0]
        assert alive and tuple(alive) == architecture.reduction_branches(number), (
            'the architecture is not what the network has'
        )
    assert row['edges'] == architecture.num_edges == sum(map(sum, architecture.masks()))
    assert all(np.all(value[gone] == 0) for value, gone in zip(values, pruner.pruned))
    x = mx.nd.array(batch(99)[0], ctx=context)
    naive = NaiveSupernet(course.whole, architecture=pruner.built)
    with autograd.train_mode():  # batch norm with the statistics of the batch, so that untrained ones do not matter
        logits, expected = learner.net(x).asnumpy(), naive(x).asnumpy()
    assert np.isfinite(logits).all() and np.abs(logits - logits[0]).max() > 0, 'no signal passes'
    np.testing.assert_allclose(logits, expected, rtol=2e-3, atol=2e-4)


@RANDOMLY
@given(
    SPACES, EPOCHS, st.booleans(), st.sampled_from([0, 1, 1, 2]), st.sampled_from([1, 1, 2]), st.integers(0, 2**31 - 1)
)
def test_whatever_is_pruned_the_search_goes_on(space, epochs, signed, prune_every, devices, seed):
    course = Course(space, signed, prune_every, devices)
    generator = np.random.RandomState(seed)
    left = []
    for number, entry in enumerate(epochs, 1):
        check(course, course.epoch(number, *entry, generator=generator))
        left.append(
            {edge for index, gone in enumerate(course.pruner.pruned) for edge in np.flatnonzero(~gone) + 1000 * index}
        )
    assert all(after <= before for before, after in zip(left, left[1:])), 'what was pruned came back'
    course.steps(1)


@RANDOMLY
@given(SPACES, EPOCHS, st.booleans(), st.sampled_from([1, 2]), st.sampled_from([1, 1, 2]), st.integers(0, 2**31 - 1))
def test_interrupted_sequences_end_alike(space, epochs, signed, prune_every, devices, seed):
    ends = []
    for interrupted in (False, True):
        course = Course(space, signed, prune_every, devices)
        generator = np.random.RandomState(seed)
        rows = []
        for number, entry in enumerate(epochs, 1):
            rows.append(course.epoch(number, *entry, generator=generator))
            if interrupted and generator.__class__(seed + number).rand() < 0.6:
                course.resume()
        course.steps(1)
        mx.nd.waitall()
        arrays = {
            name: param.list_data()[0].asnumpy() for name, param in state.parameters(course.pruner.learner.net).items()
        }
        ends.append((rows, arrays, course.pruner.state()))
    assert ends[0][0] == ends[1][0] and ends[0][2] == ends[1][2]
    assert sorted(ends[0][1]) == sorted(ends[1][1])
    assert [name for name in ends[0][1] if not np.array_equal(ends[0][1][name], ends[1][1][name])] == []
