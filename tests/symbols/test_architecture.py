"""Architectures: what isolation removes, the ways to make one, transfer."""

import random

import numpy as np
import pytest

from dsonas.symbols.architecture import Architecture, connected
from dsonas.symbols.space import SearchSpace

SHARE = SearchSpace(channels=4, blocks=(2, 1), classes=3)
FULL = SearchSpace(share=False, channels=4, blocks=(2, 1), classes=3)
GATED = SearchSpace(
    channels=4, blocks=(1, 1), levels=3, first_level_gates=True, operations=('max_pool_3x3', 'sep_conv_3x3')
)
SPACES = {
    'share': SHARE,
    'full': FULL,
    'gated': GATED,
    'plain reduction': SearchSpace(share=False, channels=4, blocks=(1, 1, 1), searchable_reduction=False),
}


def without_isolated(space, names):
    """The paper's rule word for word, on names: strike an operation without output, or (from level 2 on) input, and begin again."""
    edges = [tuple(name.split('<-')) for name in names]
    while True:
        operations = {end for edge in edges for end in edge} - {'in', 'out'}
        for operation in operations:
            reads_freely = operation.startswith('L1.') and not space.first_level_gates
            has_input = reads_freely or any(target == operation for target, _ in edges)
            has_output = any(source == operation for _, source in edges)
            if not (has_input and has_output):
                edges = [edge for edge in edges if operation not in edge]
                break
        else:
            return {'<-'.join(edge) for edge in edges}


@pytest.mark.parametrize('space', SPACES.values(), ids=SPACES)
@pytest.mark.parametrize('share', [0.02, 0.1, 0.2, 0.35, 0.6])
def test_isolated_operations_go_until_nothing_changes(space, share):
    dice, removed, empty = random.Random(f'{share} {space!r}'), 0, 0
    for _ in range(60):
        drawn = [edge for edge in space.block_edges() if dice.random() < share]
        left = connected(space, drawn)
        names = [edge.name for edge in left]
        assert set(names) == without_isolated(space, [edge.name for edge in drawn])
        assert names == [edge.name for edge in space.block_edges() if edge in left]
        assert connected(space, left) == left
        removed, empty = removed + (len(left) < len(drawn)), empty + (not left)
    assert removed or share > 0.3
    assert share != 0.02 or empty


def test_isolation_by_hand():
    chain = ['L2.sep_conv_3x3<-L1.max_pool_3x3', 'L3.sep_conv_3x3<-L2.sep_conv_3x3', 'L4.sep_conv_3x3<-L3.sep_conv_3x3']
    assert Architecture(SHARE, [chain]).is_identity(0)
    whole = Architecture(SHARE, [chain + ['out<-L4.sep_conv_3x3', 'L4.max_pool_3x3<-in', 'out<-L3.max_pool_3x3']])
    assert whole.operations(2) == ('L1.max_pool_3x3', 'L2.sep_conv_3x3', 'L3.sep_conv_3x3', 'L4.sep_conv_3x3')
    assert whole.edges(1) == tuple('shared/' + name for name in chain + ['out<-L4.sep_conv_3x3'])
    assert whole.num_edges == 4 + 2 and whole.reduction_edges(0) == ('r00/out<-conv_1x1', 'r00/out<-conv_3x3')
    assert Architecture(GATED, [['out<-L1.max_pool_3x3']]).is_identity(0)
    assert Architecture(SHARE, [['out<-L1.max_pool_3x3']]).operations(0) == ('L1.max_pool_3x3',)


def test_full():
    architecture = Architecture.full(FULL)
    assert [architecture.edges(block) for block in range(3)] == FULL.edges()
    assert architecture.num_edges == 3 * 124 + 2 and all(all(mask) for mask in architecture.masks())


@pytest.mark.parametrize('space', SPACES.values(), ids=SPACES)
def test_random_is_a_function_of_its_seed_and_keeps_the_share(space):
    drawn = [Architecture.random(space, seed, 0.4) for seed in range(12)]
    assert drawn == [Architecture.random(space, seed, 0.4) for seed in range(12)]
    assert len(set(drawn)) > 8
    if not space.share:
        assert len({tuple(edge.name for edge in drawn[0].block_edges(scope)) for scope in space.scopes}) > 1
    bound = round(0.4 * len(space.block_edges()))
    counts = [len(architecture.block_edges(scope)) for architecture in drawn for scope in space.scopes]
    assert 0 < min(counts) and max(counts) <= bound
    more = [
        len(Architecture.random(space, seed, 0.8).block_edges(scope)) for seed in range(12) for scope in space.scopes
    ]
    assert np.mean(more) > 1.8 * np.mean(counts) and max(more) <= round(0.8 * len(space.block_edges()))
    assert Architecture.random(space, 0, 1) == Architecture.full(space)


@pytest.mark.parametrize('keep', [0, -0.1, 1.01])
def test_random_refuses_a_share_out_of_range(keep):
    with pytest.raises(ValueError, match='keep: .* is not a share above 0 and at most 1'):
        Architecture.random(SHARE, 0, keep)


def test_random_draws_again_where_nothing_is_left():
    kept = [Architecture.random(SHARE, seed, 0.01) for seed in range(20)]
    assert not any(architecture.is_identity(0) for architecture in kept)
    only = SearchSpace(channels=4, blocks=(1,), levels=3, first_level_gates=True)
    with pytest.raises(ValueError, match='stayed empty'):  # one edge alone never joins input and output
        Architecture.random(only, 0, 0.001)


def test_from_lambda_keeps_what_is_not_exactly_zero():
    generator = np.random.RandomState(1)
    values = [
        np.where(generator.rand(len(group)) < 0.5, 0, generator.randn(len(group)) * 1e-12)
        for group in FULL.gate_names()
    ]
    values[-1] = np.array([0.0, -1e-30])
    architecture = Architecture.from_lambda(FULL, values)
    for scope, value, group in zip(FULL.scopes, values, FULL.edges()):
        plain = [name.split('/')[1] for name, entry in zip(group, value) if entry != 0]
        assert {name.split('/')[1] for name in architecture.edges(scope)} == without_isolated(FULL, plain)
    assert architecture.reduction_branches(0) == ('conv_3x3',)
    masks = architecture.masks()
    assert [len(mask) for mask in masks] == [len(group) for group in FULL.gate_names()]
    assert Architecture.from_lambda(FULL, masks) == architecture and sum(map(sum, masks)) == architecture.num_edges
    blocks_alone = Architecture.from_lambda(FULL, values[:3])
    assert blocks_alone.reduction_branches(0) == ('conv_1x1', 'conv_3x3') and blocks_alone.edges(
        1
    ) == architecture.edges(1)


def test_reduction_never_ends_up_empty():
    values = [np.ones(124), np.zeros(2)]
    assert Architecture.from_lambda(SHARE, values).reduction_branches(0) == ('conv_1x1',)


@pytest.mark.parametrize(
    'arrays, message',
    [
        ([np.ones(124)] * 3, '3 vectors where the space has 2'),
        ([], '0 vectors'),
        ([np.ones(123)], 'λ of shared: 123 values where 124 are expected'),
    ],
)
def test_from_lambda_refuses_other_shapes(arrays, message):
    with pytest.raises(ValueError, match=message):
        Architecture.from_lambda(SHARE, arrays)


def test_a_shared_architecture_goes_to_any_network():
    architecture = Architecture.random(SearchSpace.cifar10(channels=6, blocks=(2, 2, 2)), 5, 0.3)
    target = SearchSpace.imagenet(channels=8, blocks=(1, 2, 3, 1), classes=17)
    moved = architecture.with_space(target)
    assert moved.space == target and all(moved.operations(block) == architecture.operations(0) for block in range(7))
    assert [moved.reduction_branches(index) for index in range(3)] == [('conv_1x1', 'conv_3x3')] * 3


def test_reductions_go_along_between_as_many_stages():
    architecture = Architecture(SHARE, SHARE.edges(), [['conv_3x3']])
    assert architecture.with_space(SearchSpace(channels=9, blocks=(1, 4))).reduction_branches(0) == ('conv_3x3',)
    plain = SearchSpace(channels=9, blocks=(1, 4), searchable_reduction=False)
    assert architecture.with_space(plain).reduction_branches(0) == ('conv_1x1', 'conv_3x3')


@pytest.mark.parametrize(
    'fields, message',
    [
        ({'levels': 3}, 'space.levels: the architecture has 4, the network asked for 3'),
        ({'share': False}, 'space.share: the architecture has True, the network asked for False'),
        ({'operations': ('sep_conv_3x3',)}, 'space.operations: the architecture has'),
        ({'first_level_gates': True}, 'space.first_level_gates'),
    ],
)
def test_transfer_refuses_other_blocks(fields, message):
    with pytest.raises(ValueError, match=message):
        Architecture.full(SHARE).with_space(SearchSpace(**dict(dict(channels=4, blocks=(2, 1)), **fields)))


def test_an_unshared_architecture_needs_equal_stages():
    architecture = Architecture.random(FULL, 2, 0.3)
    wider = SearchSpace(share=False, channels=20, blocks=(2, 1), classes=100, stem='imagenet')
    assert [architecture.with_space(wider).edges(block) for block in range(3)] == [
        architecture.edges(block) for block in range(3)
    ]
    with pytest.raises(ValueError, match='space.blocks'):
        architecture.with_space(SearchSpace(share=False, channels=4, blocks=(1, 2)))


def test_another_number_of_blocks_is_refused():
    with pytest.raises(ValueError, match='1 blocks where the space has 3'):
        Architecture(FULL, [[]])
    with pytest.raises(ValueError, match='2 reduction blocks where the space has 1'):
        Architecture(FULL, FULL.edges(), [[], []])
