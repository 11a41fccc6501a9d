"""The derived network: against eq. 1, drop path, auxiliary tower, dropout."""

import os
import random

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd

from dsonas.symbols.architecture import Architecture
from dsonas.symbols.backend import padding
from dsonas.symbols.backend.kernels import drawn_masks, masked_sum
from dsonas.symbols.network import Network
from dsonas.symbols.space import SearchSpace

from .reference_network import Reference

BASE = dict(channels=4, blocks=(2, 1, 1), classes=5)
CASES = {
    'share': (SearchSpace.cifar10(**BASE), None),
    'full': (SearchSpace.cifar10(share=False, **BASE), (3, 5, 7)),
    'imagenet stem': (SearchSpace.imagenet(share=False, **BASE), (6, 5, 9)),
    'gated first level': (SearchSpace.cifar10(first_level_gates=True, **BASE), None),
    'plain reduction': (SearchSpace.cifar10(searchable_reduction=False, **BASE), 5),
    'one stage': (SearchSpace.cifar10(channels=4, blocks=(2,), classes=5), None),
}


EXAMPLES = int(os.environ.get('DSONAS_EXAMPLES', '0'))  # further random cases


def randomised(net, seed):
    """Initialised with values at random everywhere, so that no part of the network is silent."""
    print('seed', seed)
    mx.random.seed(seed)
    net.initialize()
    generator = np.random.RandomState(seed)
    for name, parameter in net.collect_params().items():
        if name.endswith(('gamma', 'running_var')):
            parameter.set_data(mx.nd.array(generator.uniform(0.5, 1.5, parameter.shape)))
        elif name.endswith(('beta', 'running_mean')):
            parameter.set_data(mx.nd.array(generator.uniform(-0.3, 0.3, parameter.shape)))
    return net


def architectures(space):
    yield Architecture.random(space, 0, 0.15)
    yield Architecture.random(space, 1, 0.4)
    yield Architecture.full(space)
    names = [
        [edge.name for edge in edges] for edges in map(Architecture.random(space, 2, 0.3).block_edges, space.scopes)
    ]
    names[-1] = []
    yield Architecture(space, names, [['conv_3x3']] * len(space.reduction_scopes))


@pytest.mark.parametrize('kernels', ['cpu', 'plain', 'exact'])
@pytest.mark.parametrize('case', CASES)
def test_equals_the_network_written_from_eq_1(case, kernels):
    space, channels = CASES[case]
    x = mx.nd.random.normal(shape=(3, 3, 17, 17))
    for seed, architecture in enumerate(architectures(space)):
        net = randomised(Network(architecture, channels, kernels_kind=kernels), seed)
        expected, expected_in_training = Reference(net)(x).asnumpy(), Reference(net, train=True)(x).asnumpy()
        assert np.abs(expected).max() > 1e-3
        for _ in range(2):
            assert np.allclose(net(x).asnumpy(), expected, atol=2e-5, rtol=1e-4)
            net.hybridize()
        with autograd.record():
            assert np.allclose(net(x).asnumpy(), expected_in_training, atol=5e-5, rtol=1e-3)


def test_parameters_go_by_structure_from_training_to_use(tmp_path):
    """What a network with everything for training has saved loads into one without."""
    architecture = Architecture.random(CASES['share'][0], 1, 0.3)
    trained = randomised(Network(architecture, auxiliary=True, dropout=0.4, drop_path=True), 1)
    path = str(tmp_path / 'network.params')
    trained.save_parameters(path)
    used = Network(architecture)
    used.load_parameters(path, ignore_extra=True)
    x = mx.nd.random.normal(shape=(2, 3, 16, 16))
    assert np.allclose(used(x).asnumpy(), trained(x, mx.nd.zeros(1))[0].asnumpy(), atol=1e-6)


# Drop path.


def dropped(maps, rate):
    """The sum of maps, with masks drawn for each."""
    return masked_sum(mx.nd, maps, drawn_masks(mx.nd, maps[0], mx.nd.array([rate]), len(maps)))


def test_masked_sum_expects_the_sum():
    mx.random.seed(3)
    maps = [mx.nd.random.normal(shape=(2, 3, 4, 4)) for _ in range(3)]
    exact = sum(maps).asnumpy()
    assert np.allclose(dropped(maps, 0.0).asnumpy(), exact, atol=1e-6)
    draws = np.stack([dropped(maps, 0.3).asnumpy() for _ in range(4000)])
    error = draws.std(0) / 4000**0.5
    assert (np.abs(draws.mean(0) - exact) < 5 * error).all()
    assert np.isfinite(dropped(maps, 1.0).asnumpy()).all()


def test_masks_are_drawn_for_each_image_and_edge():
    mx.random.seed(4)
    maps = [mx.nd.ones((400, 1, 2, 2)) * 10**power for power in range(2)]
    sums = dropped(maps, 0.5).asnumpy()
    assert (sums == sums[:, :, :1, :1]).all()  # one draw serves a whole map
    found, counts = np.unique(sums[:, 0, 0, 0].round(4), return_counts=True)
    assert found.tolist() == [0, 2, 20, 22]  # survivors are scaled up by 1 / (1 - rate)
    assert (np.abs(counts - 100) < 45).all()  # 5 standard deviations: the draws are independent


@pytest.mark.parametrize('dtype', ['float16', 'float32', 'float64'])
def test_at_rate_zero_all_is_kept(dtype):
    """In half precision one draw in some thousands is 1."""
    x, rate = mx.nd.ones((200000, 1, 1, 1), dtype=dtype), mx.nd.zeros((1,), dtype=dtype)
    assert (drawn_masks(mx.nd, x, rate, 4).asnumpy() == 1).all()


def test_gradients_pass_where_the_mask_is():
    mx.random.seed(5)
    a, b = mx.nd.ones((50, 1, 2, 2)), mx.nd.ones((50, 1, 2, 2))
    for array in (a, b):
        array.attach_grad()
    with autograd.record():
        y = dropped([a, b], 0.5)
    y.backward()
    assert np.array_equal(y.asnumpy(), a.grad.asnumpy() + b.grad.asnumpy()) and set(a.grad.asnumpy().ravel()) == {0, 2}


def one_level(blocks, seed=6):
    """A network of blocks whose operations all read the block input and reach the output alone."""
    space = SearchSpace.cifar10(levels=1, channels=4, blocks=blocks, classes=3)
    return randomised(Network(Architecture.full(space), drop_path=True), seed)


def test_a_blocks_expectation_is_the_undropped_block():
    net = one_level((1,))
    cell = net._steps[0]
    cell.output_bn.beta.set_data(mx.nd.ones(4) * 50)  # keeps its ReLU open, so that the block is linear in the masks
    x = mx.nd.random.normal(shape=(500, 3, 6, 6))
    x[:] = x[0].expand_dims(0)
    x = net.stem(x)
    exact = cell(x, mx.nd.zeros(1)).asnumpy()
    assert np.abs(exact - exact[:1]).max() < 1e-5
    draws = np.concatenate([cell(x, mx.nd.array([0.4])).asnumpy() for _ in range(6)])
    assert (np.abs(draws.mean(0) - exact[0]) < 5 * draws.std(0) / 3000**0.5 + 1e-4).all() and draws.std(0).max() > 0.1


@pytest.mark.parametrize('hybridized', [False, True])
def test_rate_is_data(hybridized):
    architecture = Architecture.random(CASES['share'][0], 1, 0.4)
    net = randomised(Network(architecture, drop_path=True), 1)
    plain = Network(architecture, params=net.collect_params())
    if hybridized:
        net.hybridize(static_alloc=True, static_shape=True)
    x = mx.nd.random.normal(shape=(2, 3, 16, 16))
    x[1] = x[0]
    exact = plain(x).asnumpy()
    assert np.allclose(net(x, mx.nd.zeros(1)).asnumpy(), exact, atol=1e-5)
    first, second = (net(x, mx.nd.array([0.5])).asnumpy() for _ in range(2))
    assert not np.allclose(first, exact, atol=1e-4) and not np.allclose(first, second, atol=1e-4)
    assert not np.allclose(first[0], first[1], atol=1e-4)  # equal images, masks of their own
    assert np.allclose(net(x, mx.nd.zeros(1)).asnumpy(), exact, atol=1e-5)


def test_rate_grows_linearly_with_depth():
    blocks = (2, 2)
    net = one_level(blocks)
    cells = [step for place, step in enumerate(net._steps) if place in net._cells]
    assert len(cells) == 4
    for depth, cell in enumerate(cells, 1):
        for operation in cell._operations.values():  # every operation gives 1
            operation[-1].gamma.set_data(mx.nd.zeros(operation[-1].gamma.shape))
            operation[-1].beta.set_data(mx.nd.ones(operation[-1].beta.shape))
        channels = cell._channels
        weight = np.zeros((channels, 4, channels, 1, 1))
        weight[0, 0, 0] = 1  # R passes the first channel of the first operation
        cell.out_weight.set_data(mx.nd.array(weight.reshape(channels, 4 * channels, 1, 1)))
        bn = cell.output_bn
        for parameter, value in ((bn.gamma, 1), (bn.beta, 0), (bn.running_mean, 0), (bn.running_var, 1)):
            parameter.set_data(mx.nd.ones(parameter.shape) * value)
        x = mx.nd.zeros((4000, padding.maps(channels), 1, 1))
        for name, parameter in (cell.shortcut.collect_params() if cell.shortcut is not None else {}).items():
            if name.endswith(('beta', 'mean')):
                parameter.set_data(mx.nd.zeros(parameter.shape))
        for largest in (0.0, 0.3, 0.8):
            rate = largest * depth / 4  # of the last block, the full rate
            first = cell(x, mx.nd.array([largest])).asnumpy()[:, 0, 0, 0]
            dropped = (first == 0).mean()
            assert abs(dropped - rate) <= 5 * (rate * (1 - rate) / 4000) ** 0.5, (depth, largest, dropped)
            assert np.allclose(first[first > 0], 1 / (1 - rate), rtol=1e-3)


def test_the_block_input_is_never_dropped():
    space = SearchSpace.cifar10(levels=2, channels=4, blocks=(1,), classes=3, operations=('avg_pool_3x3',))
    net = randomised(Network(Architecture(space, [['L2.avg_pool_3x3<-in', 'out<-L2.avg_pool_3x3']]), drop_path=True), 8)
    cell = net._steps[0]
    x = net.stem(mx.nd.random.normal(shape=(200, 3, 6, 6)))
    mx.random.seed(1)
    node = next(iter(cell._operations))
    masks = drawn_masks(mx.nd, x, mx.nd.array([0.9]), len(cell._places))
    fed = [cell._sum(mx.nd, {(0, 0): x}, node, masks) for _ in range(3)]
    assert all(np.array_equal(entry.asnumpy(), x.asnumpy()) for entry in fed)


def test_drop_path_asks_for_its_rate():
    net = randomised(Network(Architecture.full(CASES['one stage'][0]), drop_path=True), 1)
    with pytest.raises(ValueError, match='takes the current rate as its second input'):
        net(mx.nd.zeros((1, 3, 8, 8)))


# Auxiliary tower and dropout.


@pytest.mark.parametrize(
    'space, size',
    [(SearchSpace.cifar10(**BASE), size) for size in (32, 19, 8, 4)]
    + [(SearchSpace.imagenet(**BASE), size) for size in (224, 64, 33, 8)]
    + [(SearchSpace.cifar10(channels=4, blocks=(1, 1), classes=5), 8)],
)
def test_auxiliary_tower(space, size):
    net = randomised(Network(Architecture.random(space, 1, 0.3), auxiliary=True, image_size=size), 1)
    net.hybridize()
    x = mx.nd.random.normal(shape=(2, 3, size, size))
    with autograd.record():
        logits, side = net(x)
        loss = side.sum()
    loss.backward()
    assert logits.shape == side.shape == (2, 5) and np.isfinite(side.asnumpy()).all()
    after = [
        name
        for name, parameter in net.collect_params().items()
        if parameter.grad_req != 'null' and np.abs(parameter.grad().asnumpy()).max() > 0
    ]
    last_stage = f'b{space.num_blocks - space.blocks[-1]:02d}_'
    assert any('b00_' in name for name in after) and not any(last_stage in name or 'head_' in name for name in after)


@pytest.mark.parametrize('stem, stride', [('cifar', 3), ('imagenet', 2)])
def test_auxiliary_tower_is_the_papers(stem, stride):
    space = SearchSpace(stem=stem, channels=4, blocks=(1, 1, 1))
    net = Network(Architecture.random(space, 1, 0.3), auxiliary=True)
    tower = net.auxiliary
    assert tower._pool == dict(kernel=(5, 5), stride=(stride, stride), pool_type='avg')
    assert tower.weight.shape == (768, 128, 2, 2) and tower.dense.weight.shape == (10, 768)


def test_auxiliary_tower_needs_a_stage_before_the_last():
    with pytest.raises(ValueError, match='auxiliary: a network of one stage has no stage before the last'):
        Network(Architecture.full(CASES['one stage'][0]), auxiliary=True)


def test_dropout_in_training_only():
    architecture = Architecture.random(CASES['share'][0], 1, 0.3)
    net = randomised(Network(architecture, dropout=0.5), 1)
    plain = Network(architecture, params=net.collect_params())
    x = mx.nd.random.normal(shape=(2, 3, 16, 16))
    assert np.array_equal(net(x).asnumpy(), plain(x).asnumpy())
    with autograd.record():
        assert not np.allclose(net(x).asnumpy(), net(x).asnumpy())
        assert np.allclose(plain(x).asnumpy(), plain(x).asnumpy())


def test_odd_first_width_is_refused_by_the_imagenet_stem():
    with pytest.raises(ValueError, match='channels: the imagenet stem needs an even first width, not 5'):
        Network(Architecture.full(CASES['imagenet stem'][0]), (5, 6, 7))


def test_bn_gamma_is_trained_without_decay():
    net = Network(Architecture.random(CASES['share'][0], 1, 0.3))
    gammas = [parameter for name, parameter in net.collect_params().items() if name.endswith('gamma')]
    assert gammas and all(gamma.grad_req == 'write' and gamma.wd_mult == 0 for gamma in gammas)


def gradients(net, x, y):
    """Return the gradients of all weights of a network as one array (n,), of the cross entropy in training mode."""
    net.hybridize(static_alloc=True, static_shape=True)
    with autograd.record():
        outputs = net(x)
        losses = [mx.gluon.loss.SoftmaxCrossEntropyLoss()(logits, y) for logits in _as_list(outputs)]
    autograd.backward(losses)
    params = [param for param in net.collect_params().values() if param.grad_req != 'null']
    return np.concatenate([param.grad().asnumpy().ravel().astype(float) for param in params])


def _as_list(outputs):
    return outputs if isinstance(outputs, (list, tuple)) else [outputs]


@pytest.mark.parametrize('seed', list(range(4)) + [random.randrange(10**6) for _ in range(EXAMPLES)])
def test_gradients_are_right_at_any_mixture_of_widths(seed):
    """Stages fill oneDNN's blocks of 16 or of 8 channels, or none, in any order: gradients are those of double precision."""
    print('seed', seed)
    rng = random.Random(seed)
    for _ in range(3):
        blocks = rng.choice([(1, 1, 1), (2, 1, 2), (1, 1), (1, 2, 1, 1)])
        space = SearchSpace.cifar10(channels=8, blocks=blocks, share=False, classes=5)
        widths = [rng.choice([16 * rng.randint(1, 3), 16 * rng.randint(0, 2) + 8, rng.randint(3, 45)]) for _ in blocks]
        architecture = Architecture.random(space, rng.randrange(100), rng.choice([0.15, 0.3, 0.6]))
        size = 8 * 2 ** (len(blocks) - 2)
        options = dict(auxiliary=rng.random() < 0.3, image_size=size)
        net = randomised(Network(architecture, widths, kernels_kind='cpu', **options), rng.randrange(1000))
        double = Network(architecture, widths, kernels_kind='exact', **options)
        double.initialize()
        double.cast('float64')
        for name, param in double.collect_params().items():
            own = net.collect_params()[name]
            param.set_data(mx.nd.array(padding.stored(own, own.data().asnumpy()), dtype='float64'))
        x = np.random.RandomState(seed).normal(size=(4, 3, size, size))
        y = mx.nd.array([0, 1, 2, 3])
        found = gradients(net, mx.nd.array(x), y)
        expected = gradients(double, mx.nd.array(x, dtype='float64'), y.astype('float64'))
        # single precision may take another maximum in pooling, or another side of ReLU; wrong gradients are as far off as they are long
        print(widths, np.linalg.norm(found - expected) / np.linalg.norm(expected))
        assert np.linalg.norm(found - expected) < 0.1 * np.linalg.norm(expected), (widths, blocks, options)
