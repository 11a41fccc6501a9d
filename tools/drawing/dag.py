"""A block as a graph: its operations by level, and its edges with their λ."""

import dataclasses
from typing import AbstractSet, Collection, List, Mapping, Optional, Tuple

from ...base.text import format_count
from ...symbols.architecture import Architecture
from ...symbols.nodes import INPUT, OUTPUT, REDUCTION_BRANCHES
from ...symbols.nodes import Node as SpaceNode
from ...symbols.space import SearchSpace

Key = Tuple[int, int]  # (level, index): level 0 the input, M + 1 concatenation and 1×1, M + 2 the sum


@dataclasses.dataclass(frozen=True)
class Node:
    """kind: an operation's name, 'in', 'out' (concatenation and 1×1 convolution) or 'sum'."""

    key: Key
    kind: str
    alive: bool = True


@dataclasses.dataclass(frozen=True)
class Line:
    """One edge. name: its λ's ('b03/out<-L4.avg_pool_3x3'), None without λ; value: λ where known; shortcut: from input to sum."""

    source: Key
    target: Key
    name: Optional[str] = None
    value: Optional[float] = None
    alive: bool = True
    shortcut: bool = False


@dataclasses.dataclass(frozen=True)
class Graph:
    """One block: scope ('shared', 'b03', 'r01'), title, nodes, edges.

    projected: the shortcut is a 1×1 convolution. shortcuts: the numbers of the blocks in which it is one, of a block that several
    share. stage: the stage that the block belongs to, from 0; None for one that is in several.
    """

    scope: str
    title: str
    nodes: Tuple[Node, ...]
    edges: Tuple[Line, ...]
    projected: bool = False
    shortcuts: Tuple[int, ...] = ()
    stage: Optional[int] = None

    @property
    def surviving(self) -> List[Line]:
        """The edges that carry a λ and are alive."""
        return [edge for edge in self.edges if edge.name is not None and edge.alive]


def graphs(
    architecture: Architecture,
    gates: Optional[Mapping[str, float]] = None,
    pruned: bool = False,
    flops: Optional[Mapping[str, int]] = None,
) -> List[Graph]:
    """A Graph for each block that is different: the shared one, or every one; then the reduction blocks that carry λ.

    gates: {edge name: λ}, where known. pruned: with the operations and edges that did not survive, too. flops: {scope: FLOPs of
    the block}, for the titles.
    """
    space, masks, found = architecture.space, architecture.masks(), []
    for at, (scope, names, mask) in enumerate(zip(space.scopes + space.reduction_scopes, space.gate_names(), masks)):
        alive = {name for name, keep in zip(names, mask) if keep}
        values = {name: None if gates is None else gates.get(name) for name in names}
        if at < len(space.scopes):
            found.append(_block(space, scope, architecture.operations(scope), alive, values, pruned))
        else:
            found.append(_reduction(space, scope, alive, values, pruned))
    if flops is not None:
        found = [
            dataclasses.replace(graph, title=f'{graph.title}: {format_count(flops[graph.scope])}')
            if graph.scope in flops
            else graph
            for graph in found
        ]
    if not space.share:
        found = _in_order_of_the_network(space, found)
    return found


def _block(
    space: SearchSpace,
    scope: str,
    operations: Collection[str],
    alive: AbstractSet[str],
    values: Mapping[str, Optional[float]],
    pruned: bool,
) -> Graph:
    def living(key: Key) -> bool:
        return space.node_name(SpaceNode(*key)) in operations

    top = space.levels + 1
    nodes = [Node((0, 0), INPUT)]
    nodes += [Node(key, space.operations[key[1]], living(key)) for key in space.nodes() if living(key) or pruned]
    edges = []
    for edge in space.block_edges():
        name = f'{scope}/{edge.name}'
        if name in alive or pruned:
            edges.append(Line(edge.source, edge.target, name, values[name], name in alive))
    if not space.first_level_gates:  # the input of a first-level operation carries no λ
        edges += [Line((0, 0), node.key, alive=node.alive) for node in nodes if node.key[0] == 1]
    if any(edge.target == (top, 0) for edge in edges):
        joined = any(edge.target == (top, 0) and edge.alive for edge in edges)
        nodes.append(Node((top, 0), OUTPUT, joined))
        edges.append(Line((top, 0), (top + 1, 0), alive=joined))
    nodes.append(Node((top + 1, 0), 'sum'))
    edges.append(Line((0, 0), (top + 1, 0), shortcut=True))
    if space.share:
        opening = tuple(block for block in range(space.num_blocks) if space.opens_stage(block))
        title = f'shared by all {space.num_blocks} blocks'
        return Graph(scope, title, tuple(nodes), tuple(edges), shortcuts=opening)
    block = space.scopes.index(scope)
    projected = space.opens_stage(block)
    title = f'block {block}' + ('' if operations else ' (identity)')
    return Graph(scope, title, tuple(nodes), tuple(edges), projected, stage=space.stage_of(block))


def _reduction(
    space: SearchSpace, scope: str, alive: AbstractSet[str], values: Mapping[str, Optional[float]], pruned: bool
) -> Graph:
    nodes, edges = [Node((0, 0), INPUT)], []
    for index, branch in enumerate(REDUCTION_BRANCHES):
        name = f'{scope}/{OUTPUT}<-{branch}'
        if name in alive or pruned:
            nodes.append(Node((1, index), branch, name in alive))
            edges += [
                Line((0, 0), (1, index), alive=name in alive),
                Line((1, index), (2, 0), name, values[name], name in alive),
            ]
    nodes.append(Node((2, 0), 'sum'))
    return Graph(scope, f'reduction {space.reduction_scopes.index(scope)}', tuple(nodes), tuple(edges))


def _in_order_of_the_network(space: SearchSpace, found: List[Graph]) -> List[Graph]:
    blocks, reductions = found[: len(space.scopes)], found[len(space.scopes) :]
    ordered: List[Graph] = []
    for stage, count in enumerate(space.blocks):
        ordered, blocks = ordered + blocks[:count], blocks[count:]
        ordered += [dataclasses.replace(graph, stage=stage) for graph in reductions[stage : stage + 1]]
    return ordered
