"""The parts around the searched blocks, and the initial values."""

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd

from dsonas.symbols.architecture import Architecture
from dsonas.symbols.backend.kernels import kernels
from dsonas.symbols.blocks import BatchNormReLU, Head, Reduction, conv_bn_relu, operation_block, stem
from dsonas.symbols.cost import stage_sizes
from dsonas.symbols.network import Network
from dsonas.symbols.space import PAPER_OPERATIONS, SearchSpace
from dsonas.symbols.supernet import Supernet

KINDS = ['cpu', 'plain', 'exact']


@pytest.mark.parametrize('size', [32, 19, 9, 5, 3, 1])
@pytest.mark.parametrize('name', ['cifar', 'imagenet'])
def test_sizes_through_stem_and_reduction(name, size):
    space = SearchSpace(stem=name, channels=4, blocks=(1, 1, 1))
    first = stem(space, 4, kernels('plain'), True, 'stem_')
    reductions = [
        Reduction(4 << index, 8 << index, ('conv_1x1', 'conv_3x3'), kernels('plain'), True, 'r_') for index in range(2)
    ]
    for block in (first, *reductions):
        block.initialize()
    maps = [first(mx.nd.ones((2, 3, size, size)))]
    for reduction in reductions:
        maps.append(reduction(maps[-1]))
    assert [entry.shape for entry in maps] == [
        (2, 4 << stage, side, side) for stage, side in enumerate(stage_sizes(space, size))
    ]


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('name', PAPER_OPERATIONS)
def test_operations_keep_their_shape_and_equal_mxnets(name, kind):
    ours, plain = (operation_block(name, 5, kernels(which), True, 'op_') for which in (kind, 'plain'))
    ours.initialize()
    plain.initialize()
    for name, parameter in ours.collect_params().items():
        plain.collect_params()[name].set_data(parameter.data())
    for shape in ((2, 5, 9, 7), (1, 5, 1, 1), (3, 5, 2, 3)):
        x, weight = mx.nd.random.normal(shape=shape), mx.nd.random.normal(shape=shape)
        results = []
        for block in (ours, plain):
            x.attach_grad()
            with autograd.record():
                y = block(x)
                loss = (y * weight).sum()
            loss.backward()
            results.append((y.asnumpy(), x.grad.asnumpy()))
        assert results[0][0].shape == shape
        for found, expected in zip(*results):
            assert np.allclose(found, expected, atol=1e-4 * max(1, np.abs(expected).max()))


def test_average_pooling_counts_its_padding():
    for kind in KINDS:
        pooled = kernels(kind).average_pool(mx.nd, mx.nd.ones((1, 2, 4, 4)), 2, 3).asnumpy()
        assert np.allclose(pooled[0, 0], np.array([[4, 6, 6, 4], [6, 9, 9, 6], [6, 9, 9, 6], [4, 6, 6, 4]]) / 9)


def test_max_pooling_looks_at_no_padding():
    for kind in KINDS:
        pooled = kernels(kind).max_pool(mx.nd, -mx.nd.ones((1, 2, 4, 4)), 2, 3).asnumpy()
        assert (pooled == -1).all()


@pytest.mark.parametrize('kind', KINDS)
def test_order_is_conv_bn_relu(kind):
    block = conv_bn_relu(3, 4, kernels(kind), True, 'c_', kernel=3, stride=2)
    block.initialize()
    block[1].beta.set_data(mx.nd.array([0, 1, -1, 2]))
    block[1].running_var.set_data(mx.nd.array([1, 2, 3, 4]))
    x = mx.nd.random.normal(shape=(2, 3, 7, 7))
    convolved = mx.nd.Convolution(
        x, block[0].weight.data(), kernel=(3, 3), stride=(2, 2), pad=(1, 1), num_filter=4, no_bias=True
    ).asnumpy()
    expected = (
        convolved / np.sqrt(np.array([1, 2, 3, 4]) + 2e-5)[:, None, None] + np.array([0, 1, -1, 2])[:, None, None]
    )
    assert np.allclose(block(x).asnumpy(), np.maximum(expected, 0), atol=1e-5)


def test_batch_norm_keeps_nine_tenths_of_its_statistics():
    block = BatchNormReLU(3, kernels(), True, 'bn_')
    block.initialize()
    x = mx.nd.random.normal(2, 3, shape=(20, 3, 8, 8))
    with autograd.record():
        y = block(x)
    y.backward()  # MXNet moves the statistics in the backward pass
    mx.nd.waitall()
    mean = x.asnumpy().mean((0, 2, 3))
    assert np.allclose(block.running_mean.data().asnumpy(), 0.1 * mean, atol=1e-3)


def test_gamma_is_fixed_to_one_in_the_search_only():
    for train_gamma in (False, True):
        block = BatchNormReLU(3, kernels(), train_gamma, 'bn_')
        block.initialize()
        assert (block.gamma.grad_req != 'null') == train_gamma


def test_reduction_with_its_scaling_factors():
    reduction = Reduction(3, 4, ('conv_1x1', 'conv_3x3'), kernels(), False, 'r_')
    reduction.initialize()
    x = mx.nd.random.normal(shape=(2, 3, 6, 6))
    one, three = (branch(x) for branch in reduction._branches)
    assert np.allclose(reduction(x).asnumpy(), (one + three).asnumpy(), atol=1e-6)
    assert np.allclose(reduction(x, mx.nd.array([0.3, -2])).asnumpy(), (0.3 * one - 2 * three).asnumpy(), atol=1e-5)
    alone = Reduction(3, 4, ('conv_3x3',), kernels(), False, 'r_')
    alone.initialize()
    assert np.allclose(alone(x, mx.nd.array([0.3, -2])).asnumpy(), (-2 * alone._branches[0](x)).asnumpy(), atol=1e-5)


@pytest.mark.parametrize('kind', ['cpu', 'plain'])
def test_mixing_is_a_weighted_sum_of_maps(kind):
    sources = [mx.nd.random.normal(shape=(2, 3, 4, 5)) for _ in range(4)]
    weights = mx.nd.random.normal(shape=(3, 4))
    for count in (1, 3):
        mixed = kernels(kind).mix(mx.nd, sources, weights[:count], count)
        expected = np.tensordot(weights[:count].asnumpy(), np.stack([source.asnumpy() for source in sources]), 1)
        assert np.allclose(np.stack([entry.asnumpy() for entry in mixed]), expected, atol=1e-5)


def test_head_averages_over_the_map():
    head = Head(3, 4, kernels(), True, 'head_')
    head.initialize()
    x = mx.nd.random.normal(shape=(2, 3, 5, 5))
    pooled = np.maximum(x.asnumpy() / np.sqrt(1 + 2e-5), 0).mean((2, 3))
    assert np.allclose(head(x).asnumpy(), pooled @ head.dense.weight.data().asnumpy().T, atol=1e-5)


def test_initial_values():
    """Convolutions Xavier gaussian by fan-out of magnitude 2 (variance 2 / fan-out), dense Normal(0.01), λ and γ 1, β and biases 0."""
    mx.random.seed(0)
    net = Supernet(SearchSpace.cifar10(channels=32, blocks=(2, 1)))
    net.initialize()
    for name, parameter in net.collect_params().items():
        value = parameter.data().asnumpy()
        if name.endswith(('lambda', 'gamma', 'running_var')):
            assert (value == 1).all(), name
        elif name.endswith(('beta', 'bias', 'running_mean')):
            assert (value == 0).all(), name
        elif name.endswith('dense_weight'):
            assert 0.008 < value.std() < 0.012
        else:
            deviation = (2 / (value.shape[0] * value.shape[2] * value.shape[3])) ** 0.5
            assert abs(value.std() / deviation - 1) < 5 / (2 * value.size) ** 0.5, name
            assert abs(value.mean()) < 5 * deviation / value.size**0.5, name


def test_no_decay_on_what_must_not_decay():
    space = SearchSpace.cifar10(channels=4, blocks=(1, 1))
    for net in (Supernet(space), Network(Architecture.full(space), auxiliary=True)):
        free = {name for name, parameter in net.collect_params().items() if parameter.wd_mult == 0}
        assert free == {name for name in net.collect_params() if name.endswith(('lambda', 'gamma', 'beta', 'bias'))}


def test_unknown_kernels():
    for kind in ('tpu', 'cpu:biases', 'plain:weights', 'sync:two'):
        with pytest.raises(
            ValueError, match=f"kernels: '{kind}' is not one of cpu, onednn, forward, plain, exact or sync:N"
        ):
            kernels(kind)
