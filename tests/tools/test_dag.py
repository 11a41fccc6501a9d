"""Graphs of blocks and where they are drawn: every surviving edge once, nothing across a label."""

import collections
import random

import pytest

from dsonas.symbols.architecture import Architecture
from dsonas.symbols.space import SearchSpace
from dsonas.tools.drawing import dag
from dsonas.tools.drawing.layout import layout

SHARE = SearchSpace.cifar10()
FULL = SearchSpace.cifar10(share=False)
WITH_FIRST = SearchSpace.cifar10(share=False, blocks=(2, 1), levels=3, first_level_gates=True)
POOLS = ['L2.avg_pool_3x3<-L1.max_pool_3x3', 'out<-L2.avg_pool_3x3']
CASES = {
    'share': Architecture.random(SHARE, 1, 0.5),
    'complete': Architecture.full(SHARE),
    'full': Architecture.random(FULL, 2, 0.3),
    'identity': Architecture(FULL, [[]] * 24),
    'pools': Architecture(SHARE, [POOLS]),
    'first level': Architecture.random(WITH_FIRST, 3, 0.5),
    'unscaled reductions': Architecture.random(SearchSpace.cifar10(searchable_reduction=False), 4, 0.5),
}


def surviving(architecture):
    names = [name for scope in architecture.scopes for name in architecture.edges(scope)]
    return names + [
        name
        for index in range(len(architecture.space.reduction_scopes))
        for name in architecture.reduction_edges(index)
    ]


@pytest.mark.parametrize('pruned', [False, True])
@pytest.mark.parametrize('case', CASES)
def test_every_surviving_edge_stands_in_the_graphs_exactly_once(case, pruned):
    graphs = dag.graphs(CASES[case], pruned=pruned)
    drawn = collections.Counter(edge.name for graph in graphs for edge in graph.surviving)
    assert drawn == collections.Counter(surviving(CASES[case]))
    every = {edge.name for graph in graphs for edge in graph.edges if edge.name}
    assert every == ({name for group in CASES[case].space.gate_names() for name in group} if pruned else set(drawn))


@pytest.mark.parametrize('case', CASES)
def test_operations_are_the_surviving_ones_and_first_levels_read_the_input(case):
    architecture = CASES[case]
    for graph in dag.graphs(architecture):
        if graph.scope.startswith('r'):
            continue
        kinds = {node.key: node.kind for node in graph.nodes}
        assert {f'L{key[0]}.{kind}' for key, kind in kinds.items() if kind in architecture.space.operations} == set(
            architecture.operations(graph.scope)
        )
        reads = {edge.target for edge in graph.edges if edge.source == (0, 0)}
        if not architecture.space.first_level_gates:
            assert {key for key in kinds if key[0] == 1} <= reads
        assert sum(edge.shortcut for edge in graph.edges) == 1


def test_blocks_stand_in_the_order_of_the_network_and_open_stages_with_a_projection():
    graphs = dag.graphs(CASES['full'])
    assert [graph.scope for graph in graphs[7:10]] == ['b07', 'r00', 'b08'] and len(graphs) == 26
    assert [graph.scope for graph in graphs if graph.projected] == ['b00', 'b08', 'b16']


def test_lambda_of_an_edge_is_the_one_of_its_name():
    values = {name: index / 100 for index, name in enumerate(surviving(CASES['full']))}
    for graph in dag.graphs(CASES['full'], values):
        assert all(edge.value == values[edge.name] for edge in graph.surviving)


@pytest.mark.parametrize('width, height', [(1.0, 0.4), (0.66, 0.36)])
@pytest.mark.parametrize('case', CASES)
def test_boxes_are_apart_and_no_line_runs_through_one(case, width, height):
    for graph in dag.graphs(CASES[case], pruned=case in ('share', 'full')):
        at = layout(graph, width, height)
        boxes = list(at.boxes.items())
        for index, (_, (x, y)) in enumerate(boxes):
            assert (
                width / 2 - 1e-9 <= x <= at.width - width / 2 + 1e-9
                and height / 2 - 1e-9 <= y <= at.height - height / 2 + 1e-9
            )
            for _, (other_x, other_y) in boxes[index + 1 :]:
                assert abs(x - other_x) > width or abs(y - other_y) > height
        assert len(at.routes) == len(graph.edges)
        for edge, points in at.routes:
            for x, y in curve(points):
                for key, (box_x, box_y) in boxes:
                    inside = abs(x - box_x) < width / 2 - 1e-6 and abs(y - box_y) < height / 2 - 1e-6
                    assert not inside, (graph.scope, edge.source, edge.target, key)
            ends = [(key, box) for key, box in boxes if key in (edge.source, edge.target)]
            (source, start), (target, end) = sorted(ends)
            assert abs(points[0][0] - start[0]) <= width / 2 and points[0][1] == pytest.approx(start[1] - height / 2), (
                source
            )
            assert abs(points[-1][0] - end[0]) <= width / 2 and points[-1][1] == pytest.approx(end[1] + height / 2), (
                target
            )


def curve(points):
    """Points along a route as draw_blocks draws it: Bézier curves between rows, straight lines past a row."""
    dice = random.Random(0)
    for at in range(0, len(points), 2):
        (x0, y0), (x3, y3) = points[at : at + 2]
        bend = (y0 - y3) / 2
        for t in [0.0, 1.0] + [dice.random() for _ in range(6)]:
            weights = ((1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3)
            yield (
                sum(w * x for w, x in zip(weights, (x0, x0, x3, x3))),
                sum(w * y for w, y in zip(weights, (y0, y0 - bend, y3 + bend, y3))),
            )
        if at:
            (x, y) = points[at - 1]
            yield ((x + x0) / 2, (y + y0) / 2)
