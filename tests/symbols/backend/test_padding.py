"""Maps that are wider than a stage: the same network, computed on whole blocks of channels."""

import random

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd

from dsonas.base import machine
from dsonas.optim.nag import ExactNAG
from dsonas.symbols import operations
from dsonas.symbols.architecture import Architecture
from dsonas.symbols.backend import padding
from dsonas.symbols.backend.padding import Width, fullest
from dsonas.symbols.blocks import LAYERS
from dsonas.symbols.network import Network
from dsonas.symbols.space import SearchSpace

CASES = {
    'share': (SearchSpace.cifar10(channels=4, blocks=(1, 2, 1), classes=3), (5, 9, 12), (8, 16, 13)),
    'full': (SearchSpace.cifar10(share=False, channels=4, blocks=(2, 1), classes=3), (3, 7), (3, 16)),
    'imagenet stem': (SearchSpace.imagenet(channels=4, blocks=(1, 1, 1, 1), classes=3), (6, 10, 17, 18), (8, 10, 32, 32)),
    'decoys': (SearchSpace.cifar10(channels=4, blocks=(1, 1), classes=3, operations=('sep_conv_3x3', 'zero')), (3, 5), (8, 8)),
}  # fmt: skip


def pair(case, dtype='float64', **options):
    """A network on maps of its own widths and one on wider maps, with the same weights."""
    space, widths, maps = CASES[case]
    architecture = Architecture.random(space, 2, 0.4)
    own, wide = (
        Network(architecture, widths, kernels_kind='exact', maps=channels, **options) for channels in (widths, maps)
    )
    generator = np.random.RandomState(3)
    for net in (own, wide):
        net.initialize()
        net.cast(dtype)
    others = wide.collect_params()
    for name, param in own.collect_params().items():
        values = (
            generator.uniform(0.5, 1.5, param.shape) if len(param.shape) == 1 else generator.normal(size=param.shape)
        )
        for each in (param, others[name]):
            each.set_data(mx.nd.array(values, dtype=dtype))
    return own, wide


def stored(net):
    return {name: padding.stored(param, param.data().asnumpy()) for name, param in net.collect_params().items()}


def trained(net, inputs, steps):
    """Train for some steps; returns logits, gradients of the last step, and what files hold of all parameters."""
    trainer = mx.gluon.Trainer(net.collect_params(), ExactNAG(learning_rate=1e-3, momentum=0.9, wd=1e-3), kvstore=None)
    for _ in range(steps):
        with autograd.record():
            outputs = net(*inputs)
            outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
            loss = sum((output**2).sum() for output in outputs)
        loss.backward()
        trainer.step(4)
    mx.nd.waitall()
    gradients = {
        name: param.grad().asnumpy() for name, param in net.collect_params().items() if param.grad_req != 'null'
    }
    return [output.asnumpy() for output in outputs], gradients, stored(net)


@pytest.mark.parametrize('hybridized', [False, True])
@pytest.mark.parametrize('case', CASES)
def test_the_same_network_to_the_last_digits(case, hybridized):
    """Outputs, gradients and five steps, with everything that training adds, in double precision."""
    options = dict(drop_path=True, dropout=0.3, auxiliary=True, image_size=32) if case == 'share' else {}
    nets = pair(case, **options)
    x = mx.nd.array(np.random.RandomState(1).normal(size=(4, 3, 32, 32)), dtype='float64')
    inputs = [x, mx.nd.array([0.4], dtype='float64')] if options else [x]
    results = []
    for net in nets:
        if hybridized:
            net.hybridize(static_alloc=True, static_shape=True)
        mx.random.seed(5)
        results.append(trained(net, inputs, 5))
        results[-1][0].append((net(*inputs)[0] if options else net(*inputs)).asnumpy())  # in inference mode
    (one, gradients, values), (other, others, wide_values) = results
    for found, wanted in zip(other, one):
        assert np.allclose(found, wanted, rtol=1e-8, atol=1e-10)
    assert gradients.keys() == others.keys() and values.keys() == wide_values.keys()
    for name in gradients:
        assert gradients[name].shape == others[name].shape, name
        assert np.allclose(
            gradients[name], others[name], rtol=1e-5, atol=1e-7 * np.abs(gradients[name]).max() + 1e-12
        ), name
    for name in values:
        assert values[name].shape == wide_values[name].shape, name
        assert np.allclose(values[name], wide_values[name], rtol=1e-8, atol=1e-9), name


def test_what_lies_beyond_a_networks_channels_stays_zero():
    _, net = pair('share')
    trained(net, [mx.nd.random.normal(shape=(4, 3, 32, 32), dtype='float64')], 3)
    space, widths, maps = CASES['share']
    x = net.stem(mx.nd.random.normal(shape=(2, 3, 32, 32), dtype='float64'))
    assert x.shape[1] == maps[0] and (x[:, widths[0] :].asnumpy() == 0).all() and x[:, : widths[0]].asnumpy().any()
    longer = [param for param in net.collect_params().values() if isinstance(param, padding.Statistics)]
    beyond = [param.data()[param.own_channels :].asnumpy() for param in longer]
    assert longer and max(np.abs(values).max() for values in beyond) < 1e-15  # a variance is computed from its inverse


def test_the_kernels_of_the_cpu_fill_blocks(monkeypatch):
    monkeypatch.setattr(machine, 'width_multiple', lambda: 16)
    architecture = Architecture.random(CASES['share'][0], 1, 0.4)
    assert Network(architecture, (5, 17, 40), kernels_kind='cpu').maps == (8, 32, 48)
    assert Network(architecture, (16, 32, 64), kernels_kind='cpu').maps == (16, 32, 64)
    assert Network(architecture, (5, 17, 40), kernels_kind='cpu', maps=(5, 17, 40)).maps == (5, 17, 40)
    for kind in ('plain', 'exact'):
        assert Network(architecture, (5, 17, 40), kernels_kind=kind).maps == (5, 17, 40)
    monkeypatch.setattr(machine, 'width_multiple', lambda: 8)
    assert Network(architecture, (5, 17, 40), kernels_kind='cpu').maps == (8, 24, 40)
    monkeypatch.setattr(machine, 'width_multiple', lambda: 1)
    assert Network(architecture, (5, 17, 40), kernels_kind='cpu').maps == (5, 17, 40)


@pytest.mark.parametrize('seed', range(4))
def test_single_precision_on_whole_blocks(seed):
    """The CPU's kernels, which fuse what meets in one layout, against double precision without wider maps."""
    rng = random.Random(seed)
    space = SearchSpace.cifar10(channels=8, blocks=(1, 1, 1), classes=5)
    widths = [rng.randint(1, 40) for _ in range(3)]
    net = Network(Architecture.random(space, seed, 0.3), widths, kernels_kind='cpu')
    mx.random.seed(seed)
    net.initialize()
    double = Network(net.architecture, widths, kernels_kind='exact')
    double.initialize()
    double.cast('float64')
    others = double.collect_params()
    for name, values in stored(net).items():
        others[name].set_data(mx.nd.array(values, dtype='float64'))
    x = np.random.RandomState(seed).normal(size=(4, 3, 16, 16))
    found, wanted = (
        trained(each, [mx.nd.array(x, dtype=dtype)], 1) for each, dtype in ((net, 'float32'), (double, 'float64'))
    )
    assert np.abs(found[0][0] - wanted[0][0]).max() < 1e-4 * np.abs(wanted[0][0]).max()
    one, other = (np.concatenate([part[1][name].ravel() for name in sorted(part[1])]) for part in (found, wanted))
    assert np.linalg.norm(one - other) < 0.05 * np.linalg.norm(other), widths


def test_files_hold_a_networks_own_channels(tmp_path):
    own, wide = pair('share', 'float32')
    paths = [str(tmp_path / name) for name in ('own', 'wide')]
    for net, path in zip((own, wide), paths):
        net.save_parameters(path)
    contents = [mx.nd.load(path) for path in paths]
    assert contents[0].keys() == contents[1].keys()
    assert all(np.array_equal(contents[0][name].asnumpy(), contents[1][name].asnumpy()) for name in contents[0])
    for net in pair('share', 'float32'):
        net.collect_params().setattr('grad_req', 'null')
        net.load_parameters(paths[0])
        assert all(np.array_equal(values, stored(own)[name]) for name, values in stored(net).items())


def test_values_of_statistics():
    _, net = pair('share', 'float32')
    param = next(param for param in net.collect_params().values() if isinstance(param, padding.Statistics))
    own, whole = param.own_channels, param.shape[0]
    assert own < whole and padding.stored_shape(param) == (own,)
    param.set_data(mx.nd.arange(1, own + 1))
    assert param.data().asnumpy().tolist() == list(range(1, own + 1)) + [0] * (whole - own)
    param.set_data(mx.nd.ones(whole))
    assert param.data().asnumpy().tolist() == [1] * whole and padding.stored(param, param.data().asnumpy()).size == own
    with pytest.raises(AssertionError):
        param.set_data(mx.nd.ones(own - 1))


def test_widths_of_maps():
    assert [fullest(width, 16).maps for width in (1, 8, 9, 16, 17, 47, 93, 186)] == [8, 8, 16, 16, 32, 48, 96, 192]
    assert [fullest(width, 8).maps for width in (1, 8, 9, 17, 47)] == [8, 8, 16, 24, 48]
    assert [fullest(width, 1).maps for width in (1, 9, 47)] == [1, 9, 47]
    assert padding.maps(7) == 7 and padding.maps(Width(7, 8)) == 8 and Width(7, 8) == 7 and repr(Width(7, 8)) == '7'
    assert (
        padding.half(Width(20)).maps == 10
        and padding.half(Width(20, 32)) == 10
        and padding.half(Width(20, 32)).maps >= 10
    )
    with pytest.raises(ValueError, match='maps: 6 are fewer than 7 channels'):
        Width(7, 6)


def test_an_operation_of_ones_own_computes_on_its_own_channels(monkeypatch):
    """Its block may not keep zeros, so its networks have no wider maps."""
    monkeypatch.setattr(machine, 'width_multiple', lambda: 16)

    class Shift:
        def cost(self, channels, height, width):
            return operations.LayerCost(0, 0, 0)

    class Plus(mx.gluon.HybridBlock):
        def hybrid_forward(self, F, x):
            return x + 1

    monkeypatch.setitem(LAYERS, Shift, lambda layer, channels, kernels: Plus())
    with operations.OPERATIONS.restored():
        operations.register(operations.Operation('shift_by_one', 'other', (Shift(),)))
        space = SearchSpace.cifar10(channels=4, blocks=(1, 1), classes=3, operations=('sep_conv_3x3', 'shift_by_one'))
        assert Network(Architecture.full(space), (5, 9), kernels_kind='cpu').maps == (5, 9)
