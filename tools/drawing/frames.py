"""A search frame by frame: the block that λ leave after each epoch, in places that stay from the first frame to the last."""

import dataclasses
from typing import Any, Dict, List, Optional, Protocol, Sequence, Tuple

import numpy as np

from ...base.errors import UserError
from ...symbols.architecture import Architecture
from ...symbols.space import SearchSpace
from . import dag
from .architectures import graphs_of
from .dag import Graph, Key
from .layout import Layout, layout
from .pen import LONG


class History(Protocol):
    """λ over the epochs of a search. names: n; epochs (e,); values, pruned (e, n)."""

    @property
    def names(self) -> Tuple[str, ...]: ...

    @property
    def epochs(self) -> Any: ...

    @property
    def values(self) -> Any: ...

    @property
    def pruned(self) -> Any: ...


@dataclasses.dataclass(frozen=True)
class Frame:
    """A block after `epoch` epochs of search: all its nodes and edges, each alive or not. architecture: of all blocks, then."""

    epoch: int
    graph: Graph
    architecture: Architecture

    @property
    def left(self) -> int:
        """How many edges of the block are alive."""
        return len(self.graph.surviving)


@dataclasses.dataclass(frozen=True)
class Film:
    """Frames of one block, and where its nodes and edges are in all of them. edges: how many the complete block has."""

    frames: List[Frame]
    placed: Layout
    edges: int
    largest: float

    @property
    def last(self) -> Frame:
        """The frame after the last epoch."""
        return self.frames[-1]

    def label(self, frame: Frame) -> str:
        """Say what a frame shows: 'epoch 3 of 10: 41 of 124 edges left'."""
        return f'epoch {frame.epoch} of {self.last.epoch}: {frame.left} of {self.edges} edges left'


def film(space: SearchSpace, history: History, block: Optional[str] = None) -> Film:
    """Return the frames of one block, one for each epoch of a history of λ, epoch 0 before the search included.

    block: a scope or number, as `graphs_of` takes it; the first block of the network by default. Raises UserError for a block that
    is not there, and for a history of another space.
    """
    groups = space.gate_names()
    names = tuple(name for group in groups for name in group)
    if tuple(history.names) != names:
        raise UserError('the history of λ names other edges than the search space has')
    scope = block if block not in (None, '') else space.scopes[0]
    frames = []
    ends = np.cumsum([len(group) for group in groups])[:-1]
    for epoch, values, pruned in zip(history.epochs, history.values, history.pruned):
        alive = np.where(pruned, 0, values)
        architecture = Architecture.from_lambda(space, np.split(alive, ends))
        (graph,) = graphs_of(architecture, dict(zip(names, alive.tolist())), faint=True, block=scope)
        frames.append(Frame(int(epoch), graph, architecture))
    largest = max([abs(edge.value or 0.0) for frame in frames for edge in frame.graph.surviving] + [0.0]) or 1.0
    first = frames[0].graph
    placed = layout(_complete(first), LONG.width, LONG.height, LONG.row)
    return Film(frames, placed, sum(edge.name is not None for edge in first.edges), largest)


def route_keys(graph: Graph) -> Dict[Tuple[Key, Key, bool], dag.Line]:
    """Return the edges of a graph by where they run: {(source, target, whether it is the shortcut): edge}."""
    return {(edge.source, edge.target, edge.shortcut): edge for edge in graph.edges}


def at_places(placed: Layout, graph: Graph) -> Layout:
    """Return a layout whose routes carry the edges of another frame's graph."""
    known = route_keys(graph)
    routes = [(known[edge.source, edge.target, edge.shortcut], points) for edge, points in placed.routes]
    return dataclasses.replace(placed, routes=routes)


def _complete(graph: Graph) -> Graph:
    """A graph with every node and edge alive, which is laid out without regard to what will be left."""
    nodes = tuple(dataclasses.replace(node, alive=True) for node in graph.nodes)
    return dataclasses.replace(
        graph, nodes=nodes, edges=tuple(dataclasses.replace(edge, alive=True) for edge in graph.edges)
    )


def shares(film_: Film) -> List[float]:
    """Return for each frame the share of the block's edges that is alive, 0 to 1."""
    return [frame.left / max(film_.edges, 1) for frame in film_.frames]


def holds(count: int) -> int:
    """Return how many times the last frame is shown beyond the first: it stays for a while before all begins anew."""
    return max(3, count // 4)


def seconds(count: int) -> float:
    """Return how long a film of `count` frames lasts, without its end: half a second a frame, at most 14 seconds."""
    return min(0.5 * count, 14.0)


Steps = List[Tuple[float, str]]


def steps(values: Sequence[str], total: int) -> Steps:
    """Compress one value a frame to [(time from 0 to 1, value)] where it changes. total: frames with those held at the end."""
    found: Steps = []
    for place, value in enumerate(values):
        if not found or found[-1][1] != value:
            found.append((place / total, value))
    return found
