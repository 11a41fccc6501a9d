"""The supernet against the formulas written edge by edge, whole and pruned."""

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd

from dsonas.symbols.architecture import Architecture
from dsonas.symbols.space import SearchSpace
from dsonas.symbols.supernet import Supernet, zero_fraction
from dsonas.tools.timing.naive_supernet import NaiveSupernet

SMALL = dict(channels=6, blocks=(2, 1), classes=5)
VARIANTS = {
    'share': SearchSpace.cifar10(**SMALL),
    'full': SearchSpace.cifar10(share=False, **SMALL),
    'three levels': SearchSpace.cifar10(levels=3, **SMALL),
    'one level': SearchSpace.cifar10(levels=1, **SMALL),
    'two operations': SearchSpace.cifar10(operations=('max_pool_3x3', 'sep_conv_5x5'), **SMALL),
    'gated first level': SearchSpace.cifar10(first_level_gates=True, **SMALL),
    'plain reduction': SearchSpace.cifar10(searchable_reduction=False, **SMALL),
    'imagenet stem': SearchSpace.imagenet(channels=6, blocks=(1, 1), classes=5),
}
DTYPES = {
    'cpu': 'float32',
    'onednn': 'float32',
    'plain': 'float64',
}  # in which these kernels themselves compute gradients on a CPU


def parameters_count(net):
    gates = set(net.collect_params('.*lambda'))
    sizes = {name: int(np.prod(p.shape)) for name, p in net.collect_params().items() if 'running' not in name}
    return sum(size for name, size in sizes.items() if name not in gates), sum(sizes[name] for name in gates)


@pytest.mark.parametrize(
    'space, weights, gates',
    [
        (SearchSpace.cifar10(), 10031002, 128),
        (SearchSpace.cifar10(share=False), 10031002, 24 * 124 + 4),
        (SearchSpace.imagenet(), None, 124 + 6),
        (SearchSpace.cifar10(searchable_reduction=False), 10031002, 124),
    ],
)
def test_parameters_of_the_papers_networks(space, weights, gates):
    counted = parameters_count(Supernet(space))
    assert counted[1] == gates == sum(map(len, space.gate_names()))
    assert weights is None or counted[0] == weights


def random_lambda(net, seed, zeros=0.4, signed=True):
    """λ at random, some exactly zero; zeros are completed so that isolated edges are zero too. Returns the architecture."""
    print('seed', seed)
    generator = np.random.RandomState(seed)
    values = []
    for gate in net.gates:
        value = generator.uniform(-1 if signed else 0.2, 1, gate.shape)
        value[generator.rand(*gate.shape) < zeros] = 0
        values.append(value)
    for value in values[len(net.space.scopes) :]:
        value[0] = 0.7  # a reduction block with no branch would pass nothing
    architecture = Architecture.from_lambda(net.space, values)
    for gate, value, mask in zip(net.gates, values, architecture.masks()):
        gate.set_data(mx.nd.array(value * np.array(mask)))
    return architecture


def outputs_and_gradients(net, x, weight, train):
    with autograd.record(train_mode=train):
        y = net(x)
        loss = (y * weight).sum()
    loss.backward(train_mode=train)
    return y.asnumpy(), {
        name: p.grad().asnumpy().copy() for name, p in net.collect_params().items() if p.grad_req != 'null'
    }


def running_statistics(net):
    return {name: p.data().asnumpy().copy() for name, p in net.collect_params().items() if 'running' in name}


def close(a, b, tolerance=2e-4):
    scale = max(np.abs(a).max(), np.abs(b).max(), 1e-3)
    return np.abs(a - b).max() <= tolerance * scale


def largest_of_windows(F, x, kernel):
    """Max pooling from its definition: the windows laid out as an axis, then the first maximum in it."""
    windows = F.im2col(
        F.pad(x, mode='constant', pad_width=(0, 0, 0, 0, 1, 1, 1, 1), constant_value=-1e4), kernel=(kernel, kernel)
    )
    windows = F.reshape(windows, shape=(0, -4, -1, kernel**2, -2))
    return F.reshape_like(F.pick(windows, F.argmax(windows, axis=2), axis=2), x)


SEEDS = range(3, 9)


@pytest.mark.parametrize('train', [True, False], ids=['train', 'inference'])
@pytest.mark.parametrize('kernels', ['cpu', 'onednn', 'plain'])
@pytest.mark.parametrize('variant', VARIANTS)
def test_equals_the_network_written_edge_by_edge(variant, kernels, train):
    """Outputs with every seed, gradients with one of them: rounding opens a ReLU or moves a maximum in about every third network."""
    for seed in SEEDS:
        worst = compare_with_edge_by_edge(VARIANTS[variant], kernels, train, seed)
        if not worst:
            return
        assert DTYPES[kernels] == 'float32' and max(worst.values()) < 0.3
    raise AssertionError(worst)


def compare_with_edge_by_edge(space, kernels, train, seed):
    """Deviations of gradients that are too large, by name, as shares of the largest. Everything else is asserted."""
    mx.random.seed(seed)
    net = Supernet(space, kernels_kind=kernels)
    dtype = DTYPES[kernels]
    net.cast(dtype)
    net.initialize()
    random_lambda(net, seed=seed, zeros=0.3)
    naive = NaiveSupernet(net, max_pool=None if train else largest_of_windows)
    assert list(naive.collect_params('.*lambda')) == list(net.collect_params('.*lambda'))
    net.hybridize(static_alloc=True, static_shape=True)
    x, weight = mx.nd.random.normal(shape=(3, 3, 24, 24), dtype=dtype), mx.nd.random.normal(shape=(3, 5), dtype=dtype)
    before = running_statistics(net)
    fused = outputs_and_gradients(net, x, weight, train)
    fused_statistics = running_statistics(net)
    for name, value in before.items():
        net.collect_params()[name].set_data(mx.nd.array(value, dtype=dtype))
    reference = outputs_and_gradients(naive, x, weight, train)
    assert close(fused[0], reference[0])
    assert set(fused[1]) == set(reference[1])
    statistics = running_statistics(naive)
    assert all(close(fused_statistics[name], statistics[name]) for name in statistics)
    assert train == any(not np.array_equal(before[name], statistics[name]) for name in before)
    wrong = [name for name in reference[1] if not close(fused[1][name], reference[1][name], 2e-3)]
    return {
        name: float(np.abs(fused[1][name] - reference[1][name]).max() / np.abs(reference[1][name]).max())
        for name in wrong
    }


@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize('variant', ['share', 'full', 'gated first level', 'imagenet stem'])
def test_pruned_equals_zeros(variant, seed):
    mx.random.seed(seed)
    space = VARIANTS[variant]
    net = Supernet(space)
    net.initialize()
    architecture = random_lambda(net, seed, zeros=0.6)
    assert not any(architecture.is_identity(block) for block in range(space.num_blocks))
    x, weight = mx.nd.random.normal(shape=(3, 3, 16, 16)), mx.nd.random.normal(shape=(3, 5))
    whole = outputs_and_gradients(net, x, weight, True)
    pruned = net.pruned(architecture)
    small = outputs_and_gradients(pruned, x, weight, True)
    assert close(whole[0], small[0])
    masks = dict(zip((gate.name for gate in net.gates), architecture.masks()))
    assert set(small[1]) <= set(whole[1])
    for name, gradient in small[1].items():
        what_is_left = np.array(masks[name]) if name in masks else np.ones(gradient.shape, bool)
        assert close(gradient[what_is_left], whole[1][name][what_is_left], 2e-3), name


def test_pruned_network_goes_on_with_the_same_parameters():
    net = Supernet(VARIANTS['share'])
    net.initialize()
    architecture = random_lambda(net, seed=5, zeros=0.7)
    pruned = net.pruned(architecture)
    before, after = net.collect_params(), pruned.collect_params()
    assert all(after[name] is before[name] for name in after)
    gone = [name for name in before if name not in set(after)]
    assert gone and all(before[name].grad_req == 'null' for name in gone)
    again = pruned.pruned(architecture)
    assert set(again.collect_params()) == set(after)


def test_block_with_nothing_left_is_the_identity():
    space = SearchSpace.cifar10(share=False, channels=4, blocks=(3,), classes=3)
    values = [np.ones(124), np.zeros(124), np.ones(124)]
    architecture = Architecture.from_lambda(space, values)
    assert architecture.is_identity(1) and architecture.operations(1) == ()
    net = Supernet(space, architecture)
    net.initialize()
    assert not [name for name in net.collect_params() if '_b01_' in name and not name.endswith('lambda')]
    assert net(mx.nd.ones((1, 3, 8, 8))).shape == (1, 3)


def test_gradients_are_only_computed_where_asked():
    net = Supernet(VARIANTS['share'])
    net.initialize()
    net.hybridize(static_alloc=True, static_shape=True)
    x, weight = mx.nd.random.normal(shape=(2, 3, 16, 16)), mx.nd.random.normal(shape=(2, 5))
    both = outputs_and_gradients(net, x, weight, True)[1]
    gates, weights = net.collect_params('.*lambda'), net.weights()
    assert not set(gates) & set(weights) and set(gates) | set(weights) == set(net.collect_params())
    for parameters, others in ((gates, weights), (weights, gates)):
        trained = [name for name in both if name in set(others)]
        parameters.setattr('grad_req', 'null')
        alone = outputs_and_gradients(net, x, weight, True)[1]
        assert set(alone) == set(trained)
        assert all(close(alone[name], both[name], 1e-5) for name in alone)
        for name in both:
            net.collect_params()[name].grad_req = 'write'


def test_another_spaces_architecture_is_refused():
    with pytest.raises(ValueError, match='another search space'):
        Supernet(VARIANTS['share'], Architecture.full(VARIANTS['full']))


def test_zero_fraction():
    assert zero_fraction([np.array([0.0, 1.0]), np.array([0.0, 0.0, 2.0, -1.0])]) == pytest.approx(0.5)
