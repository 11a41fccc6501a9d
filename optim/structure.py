"""The graph behind a λ vector: which operations survive at given λ, and what they cost.

Costs are plain numbers, of whatever unit; an operation is an index. What a cost should contain, sparsity.py says.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Tuple

import numpy as np

OUTSIDE = -1  # the block's input as the source of an edge, its output as the target

Numbers = Any  # a sequence of numbers where a Structure is made; in a Structure a NumPy vector


@dataclasses.dataclass(frozen=True, eq=False)
class Structure:
    """The graph behind one λ vector, and what its operations cost.

    source, target : integer sequences, one entry for each λ, in λ's order
        The operations (0 … N−1) that the edge of that λ joins; OUTSIDE (−1) as source is the block input, as target the block output.
    cost : sequence of N numbers >= 0
        What each operation costs by itself, in the unit of the policy.
    output_cost : sequence of N numbers >= 0, or None for zeros
        What each operation's edge to the block output costs, while it is there.
    ungated : sequence of operations that read the block input by an edge without a λ (the first level's, as published)
    adaptive : bool
        False: adaptive policies give these λ the constant γ, and MAC_max does not include them. Equations 9 and 10 speak of convolution
        blocks alone; False for reduction blocks follows their letter.
    name : str, for messages

    Raises ValueError where these do not fit together.
    """

    source: Numbers
    target: Numbers
    cost: Numbers
    ungated: Tuple[int, ...] = ()
    output_cost: Numbers = None
    adaptive: bool = True
    name: str = ''
    _flat: Numbers = dataclasses.field(init=False, repr=False)  # each edge's position in the flat adjacency matrix
    _always: Numbers = dataclasses.field(init=False, repr=False)  # the adjacency matrix of what has no λ
    _squarings: int = dataclasses.field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._set('source', _vector(self.source, np.int64))
        self._set('target', _vector(self.target, np.int64))
        self._set('cost', _vector(self.cost, np.float64))
        costs_to_output = np.zeros(len(self.cost)) if self.output_cost is None else self.output_cost
        self._set('output_cost', _vector(costs_to_output, np.float64))
        self._set('ungated', tuple(int(operation) for operation in self.ungated))
        self._check()
        # Nodes: the operations, then the block input (n), then its output (n + 1).
        n, where = len(self.cost), f'structure {self.name!r}: '
        tails = np.where(self.source == OUTSIDE, n, self.source)
        heads = np.where(self.target == OUTSIDE, n + 1, self.target)
        flat = tails * (n + 2) + heads
        always = np.eye(n + 2, dtype=np.float32)
        always[n, list(self.ungated)] = 1
        if len(np.unique(flat)) != len(flat) or always.ravel()[flat].any():
            raise ValueError(where + 'two edges join the same operations')
        complete = always.copy()
        complete.ravel()[flat] = 1
        self._set('_flat', flat)
        self._set('_always', always)
        self._set('_squarings', _squarings(complete, where))

    def _set(self, field: str, value: Any) -> None:
        object.__setattr__(self, field, value)  # completes a frozen dataclass

    def _check(self) -> None:
        n, where = len(self.cost), f'structure {self.name!r}: '
        if len(self.source) != len(self.target):
            raise ValueError(where + f'source has {len(self.source)} entries, target {len(self.target)}')
        for end in (self.source, self.target, np.array(self.ungated, dtype=np.int64)):
            if len(end) and not (OUTSIDE <= end.min() and end.max() < n):
                accepted = f'0 to {n - 1} (or {OUTSIDE})'
                raise ValueError(where + f'operations must be {accepted}, got {end.min()} to {end.max()}')
        if OUTSIDE in self.ungated or ((self.source == OUTSIDE) & (self.target == OUTSIDE)).any():
            raise ValueError(where + 'an edge must start or end in an operation')
        if len(self.output_cost) != n:
            raise ValueError(where + f'cost has {n} entries, output_cost {len(self.output_cost)}')
        for numbers in (self.cost, self.output_cost):
            if not (np.isfinite(numbers).all() and (numbers >= 0).all()):
                raise ValueError(where + 'costs must be finite and >= 0')

    @property
    def edge_cost(self) -> np.ndarray[Any, Any]:
        """Cost of each λ's edge: that of the operation that it enters.

        An edge to the block output has its output cost, or where those are all zero, since they were not counted, the cost of the
        operation that it leaves. Eq. 10 speaks of λ on operation (m,n) without saying whether of those into it or out of it; the
        published code takes those into it.
        """
        to_output = self.output_cost if self.output_cost.any() else self.cost
        return np.where(self.target == OUTSIDE, to_output[self.source], self.cost[self.target])


def kept_operations(structure: Structure, lam: Numbers) -> np.ndarray[Any, Any]:
    """Find the operations that would be left if the search ended at `lam`, isolated ones removed to the fixed point.

    An operation is kept if it lies on a path from the block input to the block output over edges that survive (λ not zero, or no λ).
    That is the fixed point of removing operations that have no surviving edge to or from a kept one: on such a path every operation has
    both, and off it a chain of removals arrives, since there are no cycles. So no iteration is needed, but a transitive closure.

    lam: array with one entry for each λ. Returns N booleans. Raises ValueError for a wrong size.
    """
    lam = np.asarray(lam)
    if lam.size != len(structure.source):
        raise ValueError(f'structure {structure.name!r}: {lam.size} λ given, it has {len(structure.source)}')
    paths = structure._always.copy()
    paths.ravel()[structure._flat] = lam.ravel() != 0
    for _ in range(structure._squarings):
        paths = np.minimum(paths @ paths, 1)  # paths of up to twice as many edges; counts, cut to 0 or 1
    n = len(structure.cost)
    kept: np.ndarray[Any, Any] = (paths[n, :n] * paths[:n, n + 1]) > 0
    return kept


def kept_cost(structure: Structure, lam: Numbers) -> float:
    """Sum the cost that would be left if the search ended at `lam`: FLOPs_b^t of eq. 9, where costs are FLOPs.

    That is the operations that are kept, and their surviving edges to the block output. Raises ValueError for a wrong size.
    """
    kept = kept_operations(structure, lam)
    to_output = structure.source[(structure.target == OUTSIDE) & (np.ravel(lam) != 0)]
    return float(structure.cost[kept].sum() + structure.output_cost[to_output[kept[to_output]]].sum())


def complete_cost(structure: Structure) -> float:
    """Sum the cost while no λ is zero: FLOPs_block of eq. 9, where costs are FLOPs."""
    return kept_cost(structure, np.ones(len(structure.source)))


def _vector(numbers: Numbers, dtype: Any) -> np.ndarray[Any, Any]:
    return np.array(numbers, dtype=dtype).reshape(-1)


def _squarings(complete: np.ndarray[Any, Any], where: str) -> int:
    """Count how often the adjacency matrix (with 1 on its diagonal) must be squared to hold the longest path.

    Raises ValueError for a cycle.
    """
    step: np.ndarray[Any, Any] = complete - np.eye(len(complete), dtype=np.float32)
    reached, hops = np.ones(len(complete), dtype=np.float32), 0
    while (reached := np.minimum(step @ reached, 1)).any():  # nodes that hops + 1 edges in a row start from
        hops += 1
        if hops >= len(complete):
            raise ValueError(where + 'the edges form a cycle')
    return int(np.ceil(np.log2(max(hops, 1))))
