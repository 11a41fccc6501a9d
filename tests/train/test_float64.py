"""Double precision, which tests compare with: a network is cast before it is initialised, and 'plain' kernels compute in its type."""

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd

from dsonas.symbols.architecture import Architecture
from dsonas.symbols.network import Network
from dsonas.symbols.space import SearchSpace
from dsonas.symbols.supernet import Supernet
from dsonas.train.config.tree import Pretrain, Search, Train
from dsonas.train.engine.learner import Learner, apg_nag, hybridize, nag
from dsonas.train.engine.losses import Loss
from dsonas.train.runtime import state
from dsonas.train.runtime.devices import Devices

SPACE = SearchSpace(channels=4, blocks=(1, 1), levels=2)
STEP = 1e-6  # of finite differences


def batch(seed):
    generator = np.random.RandomState(seed)
    return generator.standard_normal((8, 3, 12, 12)), generator.randint(0, 10, 8).astype(np.int32)


def start(net, devices, seed=3):
    """`net` in double precision, initialised."""
    mx.random.seed(seed)
    net.cast('float64')
    net.initialize(ctx=devices.contexts)
    hybridize(net)
    return net


def searching(devices, architecture=None):
    """A Learner over a supernet, pruned to an architecture where one is given."""
    net = start(Supernet(SPACE, kernels_kind='plain'), devices)
    gates_optimizer = apg_nag(Search(gamma=0.01))
    learner = Learner(net, net.gates, Loss(), devices, nag(net.weights().values(), Pretrain()), gates_optimizer)
    if architecture is not None:
        prune(learner, architecture)
    return learner


def prune(learner, architecture):
    """What `architecture` lacks is zero for good, and physically gone."""
    for index, (gate, mask) in enumerate(zip(learner.gates, architecture.masks())):
        learner.trainers['gates'].optimizer.prune(index, ~np.array(mask))
        gate.set_data(gate.list_data()[0].asnumpy() * np.array(mask))
    learner.replace(learner.net.pruned(architecture))


def train(learner, seeds):
    """W and λ steps in turn; the loss of each."""
    losses = []
    for seed in seeds:
        figures, finite = learner.step(
            ('weights', 'gates')[seed % 2], *batch(seed), 8, (), {'weights': 0.05, 'gates': 0.05}
        )
        assert all(figure.dtype == np.float64 for figure in figures) and all(
            flag.asscalar() == 1 for flag in finite.values()
        )
        losses.append(sum(figure.asnumpy() for figure in figures)[0] / 8)
    return losses


@pytest.mark.parametrize('count', [1, 2])
@pytest.mark.parametrize('kind', ['whole', 'pruned'])
def test_training_goes_on_from_a_checkpoint(count, kind):
    devices = Devices(Train(cpus=count))
    architecture = Architecture.random(SPACE, seed=1, keep=0.5) if kind == 'pruned' else None
    learner = searching(devices)
    train(learner, range(4))
    if architecture is not None:
        prune(learner, architecture)
    train(learner, range(4, 8))
    arrays, counts = state.gather(learner)
    assert {array.dtype for array in arrays.values()} == {np.dtype(np.float64)}
    expected = train(learner, range(8, 14))
    tested = learner.evaluate([batch(0)], 8)

    other = searching(devices, architecture)
    state.restore(other, arrays, counts)
    assert train(other, range(8, 14)) == expected
    assert other.evaluate([batch(0)], 8) == tested
    for param in other.net.collect_params().values():
        assert all(array.dtype == np.float64 for array in param.list_data())


def test_a_network_with_everything_trains():
    devices = Devices(Train(cpus=1))
    net = start(
        Network(
            Architecture.random(SPACE, seed=1, keep=0.6),
            auxiliary=True,
            dropout=0.3,
            drop_path=True,
            image_size=12,
            kernels_kind='plain',
        ),
        devices,
    )
    learner = Learner(net, [], Loss(0.1, 0.4), devices, nag(net.collect_params().values(), Pretrain(lr=0.02)))
    x, y = batch(0)
    losses = []
    for _ in range(30):
        figures, _ = learner.step('weights', x, y, 8, (np.array([0.2]),))
        losses.append(figures[0].asnumpy()[0])
    assert figures[0].dtype == np.float64 and losses[-1] < 0.7 * losses[0]
    assert 0 < learner.evaluate([batch(0)], 8, inputs=(np.zeros(1),)).loss < 5


def loss_of(net, train_mode):
    """The summed loss of a batch, recorded."""
    x, y = (mx.nd.array(array, dtype=array.dtype) for array in batch(2))
    with autograd.record(train_mode=train_mode):
        return Loss()(net(x), y)[0].sum()


@pytest.mark.parametrize('pruned', [False, True])
@pytest.mark.parametrize('train_mode', [True, False])
def test_gradients_are_finite_differences(train_mode, pruned):
    """Of W and λ, in training and in inference mode, to what rounding leaves of a difference in double precision."""
    net = start(Supernet(SPACE, kernels_kind='plain'), Devices(Train(cpus=1)))
    generator = np.random.RandomState(5)
    for name, param in net.collect_params().items():
        if name.endswith(('beta', 'mean')):  # at 0, inference would have ReLU at its kink wherever a map is 0
            param.set_data(mx.nd.array(0.1 * generator.standard_normal(param.shape), dtype='float64'))
    if pruned:
        architecture = Architecture.random(SPACE, seed=1, keep=0.6)
        for gate, mask in zip(net.gates, architecture.masks()):
            gate.set_data(gate.data().asnumpy() * np.array(mask))
        net = net.pruned(architecture)
        hybridize(net)
    loss_of(net, train_mode).backward(train_mode=train_mode)
    gradients = {
        name: param.grad().asnumpy() for name, param in net.collect_params().items() if param.grad_req != 'null'
    }
    assert sum(name.endswith('lambda') for name in gradients) == len(net.gates) < len(gradients)
    for name, gradient in gradients.items():
        param = net.collect_params()[name]
        before = param.data().asnumpy()
        places = (
            np.argwhere(before != 0) if name.endswith('lambda') else np.argwhere(np.ones_like(before))
        )  # λ that are there
        place = tuple(places[generator.randint(len(places))])
        losses = []
        for change in (STEP, -STEP):
            moved = before.copy()
            moved[place] += change
            param.set_data(mx.nd.array(moved, dtype='float64'))
            losses.append(loss_of(net, train_mode).asscalar())
        param.set_data(mx.nd.array(before, dtype='float64'))
        assert abs((losses[0] - losses[1]) / (2 * STEP) - gradient[place]) < 1e-7 * max(1, np.abs(gradient).max()), (
            name,
            place,
        )
