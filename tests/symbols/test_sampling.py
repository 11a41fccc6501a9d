"""Random architectures of like size."""

import pytest

from dsonas.symbols.architecture import Architecture
from dsonas.symbols.sampling import random_like
from dsonas.symbols.space import SearchSpace


def block_edges(architecture):
    return sum(len(architecture.block_edges(scope)) for scope in architecture.scopes)


@pytest.mark.parametrize('share', [True, False])
def test_as_many_edges(share):
    space = SearchSpace.cifar10(share=share, blocks=(1, 2))
    for seed, keep in enumerate((0.1, 0.3, 0.7, 1)):
        like = Architecture.random(space, 100 + seed, keep)
        found = random_like(space, seed, like)
        assert found == random_like(space, seed, like)
        assert block_edges(like) <= block_edges(found) <= 1.25 * block_edges(like) + 6 * len(space.scopes)
        assert keep == 1 or (found != like and found != random_like(space, seed + 1, like))


def test_of_nothing_is_little():
    space = SearchSpace.cifar10(share=False, blocks=(1, 1))
    found = random_like(space, 3, Architecture(space, [[], []]))
    assert 0 < block_edges(found) < 12
