"""Random architectures of like size."""

import random

import pytest

from dsonas.symbols.architecture import Architecture, connected
from dsonas.symbols.sampling import _on_a_way, random_block, random_like
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
        assert block_edges(like) <= block_edges(found) <= block_edges(like) + 1
        for scope in space.scopes:
            assert list(found.block_edges(scope)) == connected(space, found.block_edges(scope)) != []
        assert keep == 1 or (found != like and found != random_like(space, seed + 1, like))


def test_no_draw_is_much_larger():
    """One edge more can join much to a block's output; what is too much is taken away again."""
    space = SearchSpace.cifar10(channels=8, blocks=(1, 1, 1))
    like = Architecture.random(space, 5, 0.27)
    for seed in range(40):
        assert 0 <= block_edges(random_like(space, seed, like)) - block_edges(like) <= 1, seed


def test_of_nothing_is_little():
    space = SearchSpace.cifar10(share=False, blocks=(1, 1))
    found = random_like(space, 3, Architecture(space, [[], []]))
    assert 0 < block_edges(found) < 12


@pytest.mark.parametrize('first', [False, True])
def test_random_blocks_are_valid_and_of_the_number_asked_for(first):
    space, generator = SearchSpace.cifar10(first_level_gates=first), random.Random(3)
    exact = 0
    for count in [0, 1, 2, 5, 17, 40, 90, len(space.block_edges())] * 4:
        block = random_block(space, generator, count)
        assert set(connected(space, block)) == set(block) and len(set(block)) == len(block)
        exact += len(block) == count
    assert exact >= 28 - 8 * first  # with gates on the first level no way has one edge
    assert random_block(space, random.Random(1), 20) == random_block(space, random.Random(1), 20)


def test_ways_are_what_connected_leaves():
    generator = random.Random(5)
    for first in (False, True):
        space = SearchSpace.cifar10(first_level_gates=first)
        for _ in range(50):
            edges = generator.sample(space.block_edges(), generator.randint(1, 60))
            assert set(_on_a_way(space, edges)) == set(connected(space, edges))
