"""What eq. 9 and 10 are given: the FLOPs and MAC of the network's own blocks."""

import numpy as np
import pytest

from dsonas.optim import sparsity
from dsonas.symbols.architecture import Architecture
from dsonas.symbols.cost import cost, gate_graphs
from dsonas.symbols.operations import OPERATIONS
from dsonas.symbols.space import SearchSpace
from dsonas.train.searching.penalty import structures


def block_flops(architecture, name):
    """FLOPs of one block without its shortcut, by cost.py."""
    found = {block.name: block for block in cost(architecture).blocks}[name]
    index = int(name[1:])
    channels = architecture.space.block_channels(index)
    size = 32 >> architecture.space.stage_of(index)
    shortcut = (
        channels**2 * size**2 if architecture.space.opens_stage(index) and not architecture.is_identity(index) else 0
    )
    return found.flops - shortcut


@pytest.mark.parametrize('first_level_gates', [False, True])
@pytest.mark.parametrize('seed', range(4))
def test_flops_of_what_would_be_left(seed, first_level_gates):
    space = SearchSpace.cifar10(share=False, channels=6, blocks=(2, 1), first_level_gates=first_level_gates)
    generator = np.random.RandomState(seed)
    lams = [generator.rand(len(group)) * (generator.rand(len(group)) < 0.35) for group in space.gate_names()]
    lams[1][:] = 1.0 if seed % 2 else 0.0
    architecture, complete = Architecture.from_lambda(space, lams), Architecture.full(space)
    graphs = structures(gate_graphs(space), lambda entry: entry.flops)
    gammas = sparsity.make('flops', 0.01, graphs)(lams)
    for index, scope in enumerate(space.scopes):
        expected = 0.01 * block_flops(architecture, scope) / block_flops(complete, scope)
        np.testing.assert_allclose(gammas[index], expected, rtol=1e-6)
    np.testing.assert_allclose(gammas[len(space.scopes)], 0.01, rtol=1e-6)  # reduction blocks are outside eq. 9


def test_shared_blocks_count_together():
    space = SearchSpace.cifar10(channels=6, blocks=(2, 2))
    architecture = Architecture.random(space, seed=3, keep=0.3)
    lams = [np.array(mask, float) for mask in architecture.masks()]
    gamma = sparsity.make('flops', 1.0, structures(gate_graphs(space), lambda entry: entry.flops))(lams)[0]
    names = ['b%02d' % block for block in range(4)]
    left, whole = (sum(block_flops(a, name) for name in names) for a in (architecture, Architecture.full(space)))
    np.testing.assert_allclose(gamma, left / whole, rtol=1e-6)


def test_mac_of_the_operation_an_edge_enters():
    space = SearchSpace.cifar10(share=False, channels=6, blocks=(1, 1))
    gammas = sparsity.make('mac', 1.0, structures(gate_graphs(space), lambda entry: entry.mac))(
        [np.ones(len(group)) for group in space.gate_names()]
    )
    largest = max(
        OPERATIONS[name].cost(6 << stage, 32 >> stage, 32 >> stage).mac for name in space.operations for stage in (0, 1)
    )
    for stage in (0, 1):
        channels, size = 6 << stage, 32 >> stage
        for gamma, edge in zip(gammas[stage], space.block_edges()):
            level, index = edge.target
            # an edge to the block output is one input of R, with its weights
            mac = (
                OPERATIONS[space.operations[index]].cost(channels, size, size).mac
                if level <= space.levels
                else channels * size**2 + channels**2
            )
            assert gamma == pytest.approx(mac / largest, rel=1e-6)
