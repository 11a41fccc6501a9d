"""Random architectures with as many edges as a given one, as baselines."""

from __future__ import annotations

import random
from typing import List, Sequence, Set, Tuple

from ..base.errors import UserError
from .architecture import Architecture
from .space import BLOCK_INPUT, Edge, SearchSpace


def random_like(space: SearchSpace, seed: int, like: Architecture) -> Architecture:
    """Draw a random architecture of as many block edges as `like`, or the next number that is found above it.

    Of the shares of edges to keep the smallest is taken that leads to as many; what it has too many is taken away at random. Where no
    share does, the architecture is complete.
    """

    def edges(architecture: Architecture) -> int:
        return sum(len(architecture.edges(scope)) for scope in architecture.scopes)

    wanted = edges(like)
    count = len(space.block_edges())
    for kept in range(max(1, wanted // len(space.scopes)), count + 1):
        try:
            drawn = Architecture.random(space, seed=seed, keep=kept / count)
        except UserError:  # so few edges that blocks come out empty
            continue
        if edges(drawn) >= wanted:
            return _thinned(drawn, max(wanted, 1), random.Random(f'dsonas.random_like:{seed}'))
    return Architecture.full(space)


def _thinned(architecture: Architecture, wanted: int, generator: random.Random) -> Architecture:
    """Take edges away in random order, with those that they leave on no way, while `wanted` are left and no block comes out empty."""
    space = architecture.space
    blocks = [list(architecture.block_edges(scope)) for scope in architecture.scopes]
    order = [(place, edge) for place, edges in enumerate(blocks) for edge in edges]
    generator.shuffle(order)
    left = len(order)
    for place, edge in order:
        if left == wanted:
            break
        if edge in blocks[place]:
            fewer = _on_a_way(space, [other for other in blocks[place] if other != edge])
            if fewer and left - len(blocks[place]) + len(fewer) >= wanted:
                left += len(fewer) - len(blocks[place])
                blocks[place] = fewer
    return Architecture(space, [[edge.name for edge in edges] for edges in blocks])


def random_block(space: SearchSpace, generator: random.Random, count: int, tries: int = 20) -> Tuple[Edge, ...]:
    """Draw the edges of one block that has `count` of them and no isolated operation, or where that is not found, the nearest number.

    Edges are added in random order until that many of them lie on a way from the block's input to its output.
    """
    best: Sequence[Edge] = ()
    for _ in range(tries if count else 0):
        order = list(space.block_edges())
        generator.shuffle(order)
        low, high = count, len(order)
        while low < high:  # what is connected only grows with the prefix
            middle = (low + high) // 2
            if len(_on_a_way(space, order[:middle])) >= count:
                high = middle
            else:
                low = middle + 1
        for prefix in (low, low - 1):
            drawn = _on_a_way(space, order[:prefix])
            if drawn and (not best or abs(len(drawn) - count) < abs(len(best) - count)):
                best = drawn
        if len(best) == count:
            break
    return tuple(best)


def _on_a_way(space: SearchSpace, edges: Sequence[Edge]) -> List[Edge]:
    """Return the edges on a way from the block's input to its output: what architecture.connected leaves, found in two passes."""
    fed: Set[object] = {BLOCK_INPUT}
    if not space.first_level_gates:
        fed.update(node for node in space.nodes() if node.level == 1)
    forward = []
    for edge in sorted(edges, key=lambda edge: edge.target):
        if edge.source in fed:
            forward.append(edge)
            fed.add(edge.target)
    feeding: Set[object] = {space.output}
    kept = []
    for edge in reversed(forward):
        if edge.target in feeding:
            kept.append(edge)
            feeding.add(edge.source)
    return kept
