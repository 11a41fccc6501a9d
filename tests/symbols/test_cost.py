"""Costs against what the built network holds: parameters, and multiply-adds and memory access of the nodes of its graph."""

import dataclasses

import pytest

from dsonas.symbols import operations
from dsonas.symbols.architecture import Architecture
from dsonas.symbols.cost import Part, cost, gate_graphs, stage_sizes
from dsonas.symbols.network import Network
from dsonas.symbols.space import SearchSpace

from .graph_costs import counted

BASE = dict(channels=6, blocks=(2, 1, 2), classes=7)
SPACES = {
    'share': (SearchSpace.cifar10(**BASE), None, 32),
    'full': (SearchSpace.cifar10(share=False, **BASE), None, 32),
    'odd widths and size': (SearchSpace.cifar10(share=False, **BASE), (5, 7, 3), 19),
    'imagenet stem': (SearchSpace.imagenet(share=False, **BASE), None, 64),
    'imagenet stem, odd widths and size': (SearchSpace.imagenet(**BASE), (4, 11, 9), 75),
    'gated first level': (SearchSpace.cifar10(share=False, first_level_gates=True, levels=3, **BASE), 5, 16),
    'plain reduction': (SearchSpace.cifar10(share=False, searchable_reduction=False, **BASE), None, 8),
    'one stage': (SearchSpace.cifar10(channels=3, blocks=(2,), classes=2), None, 7),
    'decoys': (SearchSpace.cifar10(operations=('noise', 'sep_conv_3x3', 'zero'), **BASE), None, 8),
}


def architectures(space):
    for seed, keep in ((0, 0.15), (1, 0.4), (2, 0.05)):
        print('seed', seed)
        yield Architecture.random(space, seed, keep)
    yield Architecture.full(space)
    blocks = [list(edges) for edges in Architecture.random(space, 3, 0.3)._blocks]
    names = [[edge.name for edge in edges] for edges in blocks]
    names[-1] = []  # identities, and reductions of one branch
    yield Architecture(
        space, names, [['conv_3x3']] + [[]] * (space.num_reductions - 1) if space.reduction_scopes else None
    )


@pytest.mark.parametrize('case', SPACES)
def test_equals_the_built_network(case):
    space, channels, size = SPACES[case]
    for architecture in architectures(space):
        net = Network(architecture, channels, kernels_kind='plain')
        net.initialize()
        found = cost(architecture, channels, size)
        assert (found.params, found.flops, found.mac) == counted(net, size)
        for field in ('params', 'flops', 'mac'):
            assert sum(getattr(block, field) for block in found.blocks) == getattr(found, field)
        assert found.widths == space.widths(channels)


def test_parts_are_named_in_order():
    architecture = Architecture.random(SearchSpace.cifar10(**BASE), 1, 0.3)
    found = cost(architecture)
    assert [block.name for block in found.blocks] == ['stem', 'b00', 'b01', 'r00', 'b02', 'r01', 'b03', 'b04', 'head']
    assert tuple(found.blocks[1].operations) == architecture.operations(0)


def test_auxiliary_tower_does_not_count():
    space = SearchSpace.cifar10(**BASE)
    architecture = Architecture.random(space, 1, 0.3)
    with_tower, without = (
        Network(architecture, auxiliary=auxiliary, kernels_kind='plain') for auxiliary in (True, False)
    )
    assert set(without.collect_params()) == {name for name in with_tower.collect_params() if 'auxiliary' not in name}
    assert cost(architecture).params == counted(without, 32)[0]


def test_a_papers_count():
    """The complete CIFAR-10 network: the supernet's 10,031,002 weights, since γ are trained in both."""
    assert cost(Architecture.full(SearchSpace.cifar10())).params == 10031002


def test_an_identity_costs_nothing():
    space = SearchSpace.cifar10(share=False, **BASE)
    found = cost(Architecture(space, [[]] * 5))
    assert [(block.params, block.flops, block.mac) for block in found.blocks if block.name.startswith('b')] == [
        (0, 0, 0)
    ] * 5


def test_costs_grow_with_every_edge_to_the_output():
    space = SearchSpace.cifar10(channels=4, blocks=(1, 1))
    names = [f'out<-L1.{operation}' for operation in space.operations]
    counts = [cost(Architecture(space, [names[:count]])) for count in range(5)]
    for field in ('params', 'flops', 'mac'):
        values = [getattr(count, field) for count in counts]
        assert values == sorted(values) and len(set(values)) == 5


def test_sizes_of_the_stages():
    assert stage_sizes(SearchSpace.cifar10(), 32) == (32, 16, 8)
    assert stage_sizes(SearchSpace.imagenet(), 224) == (56, 28, 14, 7)
    assert stage_sizes(SearchSpace.imagenet(), 75) == (19, 10, 5, 3)


def test_gate_graphs_say_what_each_edge_joins():
    space = SearchSpace.cifar10(
        levels=2, operations=('max_pool_3x3', 'sep_conv_3x3'), channels=3, blocks=(1, 2), classes=2
    )
    block, reduction = gate_graphs(space, 8)
    assert block.name == 'shared' and reduction.name == 'r00'
    assert (block.part, reduction.part) == (Part.BLOCK, Part.REDUCTION)
    assert block.operations == (
        'L1.max_pool_3x3',
        'L1.sep_conv_3x3',
        'L2.max_pool_3x3',
        'L2.sep_conv_3x3',
    ) and block.ungated == (0, 1)
    ends = [(-1, 2), (0, 2), (1, 2), (-1, 3), (0, 3), (1, 3), (0, -1), (1, -1), (2, -1), (3, -1)]
    assert list(zip(block.source, block.target)) == ends
    assert (reduction.source, reduction.target, reduction.ungated) == ([0, 1], [-1, -1], (0, 1))


def saved_without(space, place, gone, size):
    """(params, flops, mac) that the complete network saves without the edges of one λ vector whose ends (target, source) are `gone`."""
    names = [edge.name for edge in space.block_edges()]
    kept = [names] * len(space.scopes)
    kept[place] = [name for name in names if not gone(*name.split('<-'))]
    whole, less = (
        cost(architecture, image_size=size) for architecture in (Architecture.full(space), Architecture(space, kept))
    )
    return [getattr(whole, field) - getattr(less, field) for field in ('params', 'flops', 'mac')]


@pytest.mark.parametrize('share', [True, False])
def test_what_an_operation_costs_is_what_the_network_saves(share):
    space = SearchSpace.cifar10(share=share, channels=5, blocks=(2, 1), classes=3)
    for place, graph in enumerate(gate_graphs(space, 12)[: len(space.scopes)]):
        for name, alone, columns in zip(graph.operations, graph.costs, graph.output_costs):
            saved = saved_without(space, place, lambda target, source, name=name: name in (target, source), 12)
            assert saved == [alone.params + columns.params, alone.flops + columns.flops, alone.mac + columns.mac]
            if not name.startswith('L4'):  # of the last level, an operation without its edge to the output is isolated
                saved = saved_without(
                    space, place, lambda target, source, name=name: (target, source) == ('out', name), 12
                )
                assert saved == [columns.params, columns.flops, columns.mac]


def test_what_a_reduction_branch_costs():
    space = SearchSpace.cifar10(channels=5, blocks=(1, 1), classes=3)
    whole = cost(Architecture.full(space), image_size=12)
    graph = gate_graphs(space, 12)[1]
    for index, branch in enumerate(graph.operations):
        less = cost(
            Architecture(space, space.edges(), [[name for name in graph.operations if name != branch]]), image_size=12
        )
        for field in ('params', 'flops', 'mac'):
            assert getattr(whole, field) - getattr(less, field) == getattr(graph.costs[index], field)


def test_layers_without_a_count_are_named():
    @dataclasses.dataclass(frozen=True)
    class Shuffle:
        groups: int

    with operations.OPERATIONS.restored():
        operations.register(operations.Operation('shuffled', 'other', (operations.Pointwise(), Shuffle(2))))
        operations.register(operations.Operation('pointwise', 'other', (operations.Pointwise(),)))
        spaces = [SearchSpace(blocks=(1,), operations=('max_pool_3x3', name)) for name in ('shuffled', 'pointwise')]
        shuffled, pointwise = (cost(Architecture.full(space)) for space in spaces)
        assert (shuffled.uncounted, pointwise.uncounted) == (('shuffled: Shuffle',), ())
        assert (shuffled.params, shuffled.flops, shuffled.mac) == (pointwise.params, pointwise.flops, pointwise.mac)
        alone = Architecture(spaces[0], [['out<-L1.max_pool_3x3']])
        assert cost(alone).uncounted == (), 'an operation that is not in the network is not missed'
