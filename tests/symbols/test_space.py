"""Names, order and number of edges; the macro structure; fields refused."""

import json
import time

import pytest

from dsonas.symbols.operations import OPERATIONS
from dsonas.symbols.space import SearchSpace

TINY = dict(levels=2, operations=('sep_conv_3x3', 'max_pool_3x3'), channels=4, blocks=(1, 2))
BLOCK = (
    'L2.sep_conv_3x3<-in',
    'L2.sep_conv_3x3<-L1.sep_conv_3x3',
    'L2.sep_conv_3x3<-L1.max_pool_3x3',
    'L2.max_pool_3x3<-in',
    'L2.max_pool_3x3<-L1.sep_conv_3x3',
    'L2.max_pool_3x3<-L1.max_pool_3x3',
    'out<-L1.sep_conv_3x3',
    'out<-L1.max_pool_3x3',
    'out<-L2.sep_conv_3x3',
    'out<-L2.max_pool_3x3',
)
FIRST = ('L1.sep_conv_3x3<-in', 'L1.max_pool_3x3<-in')
REDUCTION = ('r00/out<-conv_1x1', 'r00/out<-conv_3x3')


def scoped(scope, names):
    return tuple(f'{scope}/{name}' for name in names)


def test_edges_of_a_shared_block_by_hand():
    space = SearchSpace(**TINY)
    assert space.edges() == [scoped('shared', BLOCK)]
    assert space.reduction_edges() == [REDUCTION]
    assert space.gate_names() == [scoped('shared', BLOCK), REDUCTION]
    assert space.scopes == ('shared',) and space.reduction_scopes == ('r00',)


def test_edges_of_the_full_space_by_hand():
    space = SearchSpace(share=False, **TINY)
    assert space.edges() == [scoped(scope, BLOCK) for scope in ('b00', 'b01', 'b02')]
    assert [space.scope_index(block) for block in range(3)] == [0, 1, 2] and space.scope_index('b02') == 2


def test_gated_first_level_comes_first():
    assert SearchSpace(first_level_gates=True, **TINY).edges() == [scoped('shared', FIRST + BLOCK)]


def test_plain_reductions_carry_none():
    space = SearchSpace(searchable_reduction=False, **TINY)
    assert space.reduction_edges() == [] and space.reduction_scopes == () and len(space.gate_names()) == 1


@pytest.mark.parametrize(
    'levels, inner, first, outputs', [(4, 4 * (5 + 9 + 13), 4, 16), (3, 4 * (5 + 9), 4, 12), (1, 0, 4, 4)]
)
def test_edges_of_a_block(levels, inner, first, outputs):
    edges = SearchSpace(levels=levels).block_edges()
    assert len(edges) == inner + outputs
    assert sum(edge.target == (levels + 1, 0) for edge in edges) == outputs
    assert len(SearchSpace(levels=levels, first_level_gates=True).block_edges()) == inner + first + outputs


def test_numbers_of_the_papers_spaces():
    assert [len(group) for group in SearchSpace.cifar10().gate_names()] == [124, 2, 2]
    assert [len(group) for group in SearchSpace.cifar10(share=False).gate_names()] == [124] * 24 + [2, 2]
    assert [len(group) for group in SearchSpace.imagenet().gate_names()] == [124, 2, 2, 2]
    names = [name for group in SearchSpace.imagenet(share=False).gate_names() for name in group]
    assert len(set(names)) == len(names) == 23 * 124 + 6


def test_every_edge_goes_to_a_higher_level_and_is_named_by_its_ends():
    space = SearchSpace()
    for edge in space.block_edges():
        assert edge.source[0] < edge.target[0]
        assert edge.name == f'{space.node_name(edge.target)}<-{space.node_name(edge.source)}'
    assert [space.node_name(node) for node in ((0, 0), (3, 1), (5, 0))] == ['in', 'L3.sep_conv_5x5', 'out']


def test_macro_structure():
    space = SearchSpace.imagenet()
    assert (space.num_blocks, space.num_reductions) == (23, 3)
    assert [space.stage_of(block) for block in (0, 1, 2, 3, 4, 16, 17, 22)] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert [block for block in range(23) if space.opens_stage(block)] == [0, 2, 4, 17]
    assert (
        space.widths() == (28, 56, 112, 224)
        and space.widths(10) == (10, 20, 40, 80)
        and space.widths((3, 4, 5, 6)) == (3, 4, 5, 6)
    )
    assert [space.block_channels(block, 10) for block in (1, 2, 22)] == [10, 20, 80]
    with pytest.raises(ValueError, match='block 23: the space has blocks 0 to 22'):
        space.stage_of(23)
    for wrong in (23, -1, 'b07', 'r00'):
        with pytest.raises(ValueError, match='blocks 0 to 22'):
            space.scope_index(wrong)


@pytest.mark.parametrize(
    'space',
    [
        SearchSpace(**TINY),
        SearchSpace.imagenet(share=False, searchable_reduction=False),
        SearchSpace(first_level_gates=True, operations=('noise', 'zero')),
    ],
)
def test_round_trip(space):
    assert SearchSpace.from_dict(json.loads(json.dumps(space.to_dict()))) == space


@pytest.mark.parametrize(
    'fields, message',
    [
        ({'channels': 0}, 'space.channels: 0 is not a whole number from 1 to 4096'),
        ({'channels': 4.0}, 'space.channels: 4.0 is not a whole number'),
        ({'classes': True}, 'space.classes: True is not a whole number'),
        ({'levels': '4'}, "space.levels: '4' is not a whole number"),
        ({'blocks': ()}, 'space.blocks: .* is not a list of at least one entry'),
        ({'blocks': 8}, 'space.blocks: 8 is not a list'),
        ({'blocks': (8, -1)}, 'space.blocks: -1 is not a whole number'),
        ({'operations': 'sep_conv_3x3'}, 'space.operations: .* is not a list'),
        (
            {'operations': ('sep_conv_7x7',)},
            "space.operations: unknown operation 'sep_conv_7x7'; accepted are sep_conv_3x3, sep_conv_5x5",
        ),
        ({'operations': (['sep_conv_3x3'],)}, 'space.operations: unknown operation'),
        ({'operations': ('zero', 'zero')}, 'names an operation twice'),
        ({'stem': 'mnist'}, "space.stem: 'mnist' is not one of cifar, imagenet"),
        ({'stem': 'imagenet', 'channels': 5}, 'space.channels: the imagenet stem needs an even number, not 5'),
        ({'share': 1}, 'space.share: 1 is neither true nor false'),
        ({'shared': True}, "space: unknown field 'shared'; accepted are share, channels, classes"),
    ],
)
def test_refused_fields(fields, message):
    with pytest.raises(ValueError, match=message) as error:
        SearchSpace.from_dict(fields)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    'channels, message',
    [
        ((1, 2), 'not one width for each of the 3 stages'),
        ((1, 2, 0), 'channels: 0 is not'),
        (0, 'channels: 0 is not'),
        ((1, 2, 2.5), 'channels: 2.5 is not'),
    ],
)
def test_refused_widths(channels, message):
    with pytest.raises(ValueError, match=message):
        SearchSpace().widths(channels)


@pytest.mark.parametrize(
    'fields, message',
    [
        ({'levels': 100_000}, 'space.levels'),
        ({'blocks': (100_000,)}, 'space.blocks'),
        ({'blocks': (1,) * 100_000}, 'space.blocks: 100000 stages'),
        ({'channels': 10**30}, 'space.channels'),
        ({'classes': 10**9}, 'space.classes'),
        ({'levels': 32, 'operations': tuple(OPERATIONS)[:6]}, 'space.levels: 32 levels of 6 operations are 192'),
        ({'levels': 32, 'blocks': (64, 64)}, 'space.blocks: .* operations; accepted are at most 8192'),
        ({'levels': 32, 'share': False, 'blocks': (32,)}, 'are 262144 λ'),
    ],
)
def test_what_would_take_all_memory_is_refused_before_it_is_named(fields, message):
    start = time.perf_counter()
    with pytest.raises(ValueError, match=message) as error:
        SearchSpace.cifar10(**fields)
    assert len(str(error.value)) < 300 and time.perf_counter() - start < 1


def test_the_largest_accepted_block_is_made_at_once_and_counted_rightly():
    start = time.perf_counter()
    space = SearchSpace.cifar10(levels=32, blocks=(1, 1))
    counted = 4**2 * 32 * 31 // 2 + 2 * 128 - 4
    assert len(space.block_edges()) == counted and time.perf_counter() - start < 5
    with pytest.raises(ValueError, match='channels'):
        space.widths(20_000)
