"""Random architectures as baselines: as many edges as a given one has, the rest left to chance."""

from ..base.errors import UserError
from .architecture import Architecture


def random_like(space, seed, like):
    """The random architecture with the fewest edges kept before isolated ones go that has at least as many block edges as `like`."""

    def edges(architecture):
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
