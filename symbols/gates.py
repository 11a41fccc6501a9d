"""λ: one Parameter for each set of scaling factors, apart from the weights, and the matrices cut from its vector."""

from __future__ import annotations

from typing import Dict, List, Sequence, Tuple

from .backend.types import Array, Operators, Parameter, ParameterDict
from .space import Node, SearchSpace

LAMBDA = 'lambda'


def gate_parameters(space: SearchSpace, params: ParameterDict) -> List[Parameter]:
    """Create the λ Parameters in `params`, all ones: one vector for each of space.gate_names(), in order."""
    scopes = space.scopes + space.reduction_scopes
    return [
        params.get(f'{scope}_{LAMBDA}', shape=(len(names),), init='ones', wd_mult=0.0)
        for scope, names in zip(scopes, space.gate_names())
    ]


def runs(places: Sequence[int]) -> List[Tuple[int, int]]:
    """Join consecutive places, which are sorted, to (begin, end) ranges."""
    ranges: List[Tuple[int, int]] = []
    for place in places:
        if ranges and ranges[-1][1] == place:
            ranges[-1] = (ranges[-1][0], place + 1)
        else:
            ranges.append((place, place + 1))
    return ranges


def take(F: Operators, array: Array, places: Sequence[int], size: int, axis: int = 0) -> Array:
    """Take the entries at sorted `places` along an axis of `size`, by one slice a run; the array itself where all are taken."""
    if len(places) == size:
        return array
    parts = [F.slice_axis(array, axis=axis, begin=begin, end=end) for begin, end in runs(places)]
    return parts[0] if len(parts) == 1 else F.concat(*parts, dim=axis)


class GateLayout:
    """The positions of each level's λ, and of the output's, in a block's λ vector."""

    def __init__(self, space: SearchSpace) -> None:
        self._space = space
        self._sources: Dict[int, List[Node]] = {}
        self._begin: Dict[int, int] = {}
        for place, edge in enumerate(space.block_edges()):
            level = edge.target.level
            self._begin.setdefault(level, place)
            if edge.target.operation == 0:
                self._sources.setdefault(level, []).append(edge.source)

    def gated(self, level: int) -> bool:
        """Tell whether edges into `level` carry a λ."""
        return level in self._begin

    def place(self, source: Node, target: Node) -> int:
        """Return the position of an edge's λ in the vector; the output's level has one target, operation 0."""
        columns = self._sources[target.level]
        return self._begin[target.level] + target.operation * len(columns) + columns.index(source)

    def matrix(self, F: Operators, lam: Array, level: int, targets: Sequence[int], sources: Sequence[Node]) -> Array:
        """Cut out the λ of the edges from `sources` to `targets` (operation indices of `level`): (len(targets), len(sources))."""
        columns, rows = self._sources[level], len(self._space.operations) if level <= self._space.levels else 1
        begin = self._begin[level]
        block = F.slice_axis(lam, axis=0, begin=begin, end=begin + rows * len(columns))
        block = F.reshape(block, shape=(rows, len(columns)))
        block = take(F, block, targets, rows, axis=0)
        return take(F, block, [columns.index(source) for source in sources], len(columns), axis=1)
