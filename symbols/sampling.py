"""Random architectures with as many edges as a given one, as baselines."""

from __future__ import annotations

from ..base.errors import UserError
from .architecture import Architecture
from .space import SearchSpace


def random_like(space: SearchSpace, seed: int, like: Architecture) -> Architecture:
    """Draw a random architecture of at least as many block edges as `like`.

    Of the shares of edges to keep the smallest is taken that leads to one; where none does, the architecture is complete.
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
            return drawn
    return Architecture.full(space)
