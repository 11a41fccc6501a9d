"""APG-NAG inside gluon.Trainer: one and two devices, γ and pruning by index, exact resume from a file of states."""

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon

from dsonas.optim.apg_nag import APGNAG

SETTINGS = {'learning_rate': 0.05, 'momentum': 0.9, 'gamma': 0.02, 'clip_gradient': 2.0, 'nonnegative': True}
SIZES = (6, 4)


class Gates(gluon.HybridBlock):
    """Two λ vectors that scale given features: predictions x₁·λ₁ + x₂·λ₂."""

    def __init__(self):
        super().__init__()
        with self.name_scope():
            for i, size in enumerate(SIZES):
                setattr(self, f'lambda{i}', self.params.get(f'lambda{i}', shape=(size,), init='ones'))

    def hybrid_forward(self, F, x, lambda0, lambda1):
        return F.dot(x, F.concat(lambda0, lambda1, dim=0))


def start(contexts, kvstore='device', **settings):
    net = Gates()
    net.initialize(ctx=contexts)
    return net, gluon.Trainer(
        net.collect_params('.*lambda'), 'apgnag', dict(SETTINGS, **settings), kvstore=kvstore, update_on_kvstore=False
    )


def step(net, trainer, contexts, seed):
    random = np.random.RandomState(seed)
    x = random.standard_normal((8, sum(SIZES)))
    y = x @ np.linspace(-0.5, 1, sum(SIZES)) + random.standard_normal(8)
    with autograd.record():
        losses = [
            ((net(a) - b) ** 2 / 2).sum()
            for a, b in zip(
                gluon.utils.split_and_load(mx.nd.array(x), contexts),
                gluon.utils.split_and_load(mx.nd.array(y), contexts),
            )
        ]
    autograd.backward(losses)
    trainer.step(8)


def values(net, context=None):
    return [param.data(context).asnumpy() for param in net.collect_params().values()]


def velocities(trainer, device=0):
    return [trainer._updaters[device].states[i].asnumpy() for i in range(len(SIZES))]


def change(trainer, t):
    """What a search does between steps: rates, γ and pruned entries change."""
    if t == 4:
        trainer.optimizer.set_gamma(0, np.linspace(0, 0.1, SIZES[0]))
    if t == 8:
        trainer.optimizer.prune(1, [False, True, False, True])
    trainer.set_learning_rate(0.05 * 0.95**t)


@pytest.mark.parametrize('kvstore', ['local', 'device'])
def test_two_devices_follow_one(kvstore):
    one, two = [mx.cpu(0)], [mx.cpu(0), mx.cpu(1)]
    (net, trainer), (twin, twin_trainer) = start(one), start(two, kvstore)
    for t in range(30):
        for n, tr, contexts in ((net, trainer, one), (twin, twin_trainer, two)):
            change(tr, t)
            step(n, tr, contexts, t)
        for a, b, c in zip(values(net, one[0]), values(twin, two[0]), values(twin, two[1])):
            np.testing.assert_array_equal(b, c)
            np.testing.assert_allclose(a, b, atol=2e-6)
        for a, b, c in zip(velocities(trainer), velocities(twin_trainer, 0), velocities(twin_trainer, 1)):
            np.testing.assert_array_equal(b, c)
            np.testing.assert_allclose(a, b, atol=2e-6)
    lam = np.concatenate(values(net, one[0]))
    assert lam[7] == 0 == lam[9] and (lam == 0).sum() > 2 and (lam > 0).sum() > 2


@pytest.mark.parametrize('devices', [1, 2])
@pytest.mark.parametrize('stop', [3, 6, 12])
def test_exact_resume(tmp_path, devices, stop):
    contexts = [mx.cpu(i) for i in range(devices)]
    net, trainer = start(contexts)
    for t in range(20):
        if t == stop:
            net.save_parameters(str(tmp_path / 'net'))
            trainer.save_states(str(tmp_path / 'states'))
        change(trainer, t)
        step(net, trainer, contexts, t)

    again, resumed = start(contexts, gamma=0.7)  # what the file says holds
    again.load_parameters(str(tmp_path / 'net'), ctx=contexts)
    resumed.load_states(str(tmp_path / 'states'))
    assert type(resumed.optimizer) is APGNAG and resumed.optimizer.gamma == 0.02
    for t in range(stop, 20):
        change(resumed, t)
        step(again, resumed, contexts, t)
    for a, b in zip(
        values(net, contexts[-1]) + velocities(trainer, -1), values(again, contexts[-1]) + velocities(resumed, -1)
    ):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(resumed.optimizer.get_gamma(0), np.linspace(0, 0.1, SIZES[0]))
    assert resumed.optimizer.pruned(1).tolist() == [False, True, False, True]


def test_indices_are_checked_against_the_parameters():
    net, trainer = start([mx.cpu()])
    name = list(net.collect_params())[1]
    trainer.optimizer.set_gamma(name, 0.25)
    assert trainer.optimizer.get_gamma(1) == 0.25 and trainer.optimizer.get_gamma(0) == SETTINGS['gamma']
    for index in (2, 'nowhere'):
        with pytest.raises(ValueError, match=f'no parameter {index!r}'):
            trainer.optimizer.set_gamma(index, 0.1)
    with pytest.raises(ValueError, match=r'shape \(3,\), the parameter \(6,\)'):
        trainer.optimizer.set_gamma(0, [0.1] * 3)
    with pytest.raises(ValueError, match=r'mask of parameter 1 has shape \(6,\)'):
        trainer.optimizer.prune(1, [True] * 6)
