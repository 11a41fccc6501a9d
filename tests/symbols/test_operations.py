"""The registry of operations: MAC by hand, decoys, and a new operation in one entry."""

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd

from dsonas.symbols import operations
from dsonas.symbols.architecture import Architecture
from dsonas.symbols.backend.kernels import kernels
from dsonas.symbols.blocks import operation_block
from dsonas.symbols.cost import cost
from dsonas.symbols.network import Network
from dsonas.symbols.operations import OPERATIONS, Depthwise, Operation, Pointwise, register
from dsonas.symbols.space import PAPER_OPERATIONS, SearchSpace
from dsonas.symbols.supernet import Supernet
from dsonas.tools.timing.naive_supernet import NaiveSupernet

from .graph_costs import counted


@pytest.mark.parametrize(
    'name, channels, height, width, params, flops, mac',
    [
        # depthwise: reads 4·64, writes 4·64, weights 4·9; pointwise: the same elements, weights 4·4
        ('sep_conv_3x3', 4, 8, 8, 36 + 16, 36 * 64 + 16 * 64, (256 + 256 + 36) + (256 + 256 + 16)),
        ('sep_conv_3x3', 6, 5, 7, 54 + 36, 54 * 35 + 36 * 35, (210 + 210 + 54) + (210 + 210 + 36)),
        ('sep_conv_5x5', 4, 8, 8, 100 + 16, 100 * 64 + 16 * 64, (256 + 256 + 100) + (256 + 256 + 16)),
        ('sep_conv_5x5', 6, 5, 7, 150 + 36, 150 * 35 + 36 * 35, (210 + 210 + 150) + (210 + 210 + 36)),
        ('avg_pool_3x3', 4, 8, 8, 0, 0, 256 + 256),
        ('avg_pool_3x3', 6, 5, 7, 0, 0, 210 + 210),
        ('max_pool_3x3', 4, 8, 8, 0, 0, 256 + 256),
        ('max_pool_3x3', 6, 5, 7, 0, 0, 210 + 210),
    ],
)
def test_costs_by_hand(name, channels, height, width, params, flops, mac):
    assert OPERATIONS[name].cost(channels, height, width) == operations.LayerCost(params, flops, mac)


def test_decoys_are_off_by_default():
    assert {'noise', 'zero'} <= set(OPERATIONS) and not {'noise', 'zero'} & set(SearchSpace().operations)
    assert SearchSpace().operations == PAPER_OPERATIONS


@pytest.mark.parametrize('hybridized', [False, True])
def test_noise_depends_on_nothing_and_passes_no_gradient(hybridized):
    block = operation_block('noise', 3, kernels('plain'), True, 'noise_')
    block.initialize()
    if hybridized:
        block.hybridize()
    x = mx.nd.random.normal(shape=(8, 3, 16, 16)) * 100 + 7
    x.attach_grad()
    mx.random.seed(1)
    first = block[0](x)
    mx.random.seed(1)
    assert np.array_equal(first.asnumpy(), block[0](mx.nd.zeros_like(x)).asnumpy())
    again = block[0](x).asnumpy()
    assert not np.array_equal(first.asnumpy(), again)
    assert abs(again.mean()) < 0.1 and abs(again.std() - 1) < 0.1
    assert abs(np.corrcoef(again.ravel(), x.asnumpy().ravel())[0, 1]) < 0.1
    with autograd.record():
        loss = (block(x) * mx.nd.random.normal(shape=x.shape)).sum()
    loss.backward()
    assert not x.grad.asnumpy().any() and block[1].beta.grad().asnumpy().any()


def test_zero_is_zero():
    block = operation_block('zero', 3, kernels('plain'), True, 'zero_')
    block.initialize()
    x = mx.nd.random.normal(shape=(2, 3, 5, 5))
    x.attach_grad()
    with autograd.record():
        y = block[0](x)
    y.backward()
    assert y.shape == x.shape and not y.asnumpy().any() and not x.grad.asnumpy().any()


def test_decoys_compute_in_supernet_and_network():
    space = SearchSpace(channels=4, blocks=(1, 1), levels=2, classes=3, operations=('sep_conv_3x3', 'noise', 'zero'))
    x = mx.nd.random.normal(shape=(2, 3, 8, 8))
    for net in (Supernet(space), Network(Architecture.full(space))):
        net.initialize()
        net.hybridize()
        with autograd.record():
            y = net(x)
        y.backward()
        assert np.isfinite(y.asnumpy()).all() and not np.array_equal(y.asnumpy(), net(x).asnumpy())


@pytest.fixture
def dilated():
    """A new operation, as one entry of the registry."""
    with OPERATIONS.restored():
        register(Operation('dil_conv_3x3', 'separable', (Depthwise(3, dilation=2), Pointwise())))
        yield SearchSpace(channels=4, blocks=(1, 1), levels=2, classes=3, operations=('dil_conv_3x3', 'max_pool_3x3'))


def test_a_new_operation_is_one_entry(dilated):
    x = mx.nd.random.normal(shape=(2, 3, 12, 12))
    supernet = Supernet(dilated)
    supernet.initialize()
    naive = NaiveSupernet(supernet)
    with autograd.record():
        assert np.allclose(supernet(x).asnumpy(), naive(x).asnumpy(), atol=1e-4)
    architecture = Architecture.random(dilated, 2, 0.7)
    assert any('dil_conv_3x3' in name for name in architecture.operations(0))
    net = Network(architecture, kernels_kind='plain')
    net.initialize()
    assert net(x).shape == (2, 3)
    found = cost(architecture, image_size=12)
    assert (found.params, found.flops, found.mac) == counted(net, 12)


def test_dilation_reaches_two_pixels_far(dilated):
    block = operation_block('dil_conv_3x3', 1, kernels('plain'), True, 'dilated_')
    block.initialize(mx.init.One())
    block[0].initialize(mx.init.One(), force_reinit=True)
    block[0].weight.set_data(mx.nd.ones((1, 1, 3, 3)))
    x = mx.nd.zeros((1, 1, 9, 9))
    x[0, 0, 4, 4] = 1
    rows, columns = np.nonzero(block[0](x).asnumpy()[0, 0])
    assert sorted(zip(rows, columns)) == [(y, x) for y in (2, 4, 6) for x in (2, 4, 6)]


@pytest.mark.parametrize(
    'operation, message',
    [
        (Operation('zero', 'decoy', ()), "operation 'zero' is registered already"),
        (Operation('conv<-3', 'x', ()), "operation 'conv<-3': a name is letters, digits"),
        (Operation('', 'x', ()), 'a name is letters'),
    ],
)
def test_refused_entries(operation, message):
    before = dict(OPERATIONS.items())
    with pytest.raises(ValueError, match=message):
        register(operation)
    assert dict(OPERATIONS.items()) == before
