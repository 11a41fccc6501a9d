"""NAG: its trajectory against NumPy over the products of its options, in every type, on several devices and through files of states."""

import itertools

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon

from dsonas.optim.nag import ExactNAG

SHAPE, STEPS = (3, 4), 20
TOLERANCE = {'float16': 4e-3, 'float32': 1e-5, 'float64': 1e-13}  # weights reach 9, and rounding adds up over the steps
OPTIONS = list(itertools.product([0.0, 0.9], [0.0, 0.05], [None, 0.8], [1.0, 0.25], ['fixed', 'set', 'scheduler']))


def single(number):
    """As MXNet's kernels see a setting."""
    return float(np.float32(number))


def reference(weight, grads, rates, momentum, wd, clip, rescale):
    """The docstring's rule in double precision: [(W_t, m_t), …]."""
    w, m, trajectory = np.array(weight, np.float64), np.zeros(np.shape(weight)), []
    mu = single(momentum)
    for grad, rate in zip(grads, rates):
        g = single(rescale) * np.asarray(grad, np.float64)
        if clip:
            g = np.clip(g, -single(clip), single(clip))
        before, m = m, mu * m - single(rate) * (g + single(wd) * w)
        w = w - mu * before + (1 + mu) * m
        trajectory.append((w, m))
    return trajectory


def problem(dtype, rates, seed=7):
    """(initial weight, gradients, learning rates, scheduler)."""
    generator = np.random.RandomState(seed)
    weight = generator.standard_normal(SHAPE).astype(dtype)
    grads = (2 * generator.standard_normal((STEPS,) + SHAPE)).astype(dtype)
    scheduler = None
    etas = [0.1] * STEPS if rates == 'fixed' else [0.1 * 0.9**step for step in range(STEPS)]
    if rates == 'scheduler':
        scheduler, copy = (mx.lr_scheduler.FactorScheduler(step=1, factor=0.9, base_lr=0.1) for _ in range(2))
        etas = [copy(step) for step in range(1, STEPS + 1)]  # asked of a copy, since it moves
        assert etas[-1] < 0.5 * etas[0]
    return weight, grads, etas, scheduler


def distances(kind, dtype, momentum, wd, clip, rescale, rates):
    """The largest distances of W and m from the reference over the steps, by an optimizer `kind`; m alone where there is one."""
    initial, grads, etas, scheduler = problem(dtype, rates)
    optimizer = mx.optimizer.create(
        kind,
        learning_rate=0.1,
        momentum=momentum,
        wd=wd,
        clip_gradient=clip,
        rescale_grad=rescale,
        lr_scheduler=scheduler,
        multi_precision=dtype == 'float16',
    )
    weight = mx.nd.array(initial, dtype=dtype)
    updater = mx.optimizer.get_updater(optimizer)
    farthest = [0.0, 0.0, 0.0]
    for step, (w, m) in enumerate(reference(initial, grads, etas, momentum, wd, clip, rescale)):
        if rates == 'set':
            optimizer.set_learning_rate(etas[step])
        updater(0, mx.nd.array(grads[step], dtype=dtype), weight)
        state = updater.states[0]
        state, master = state if dtype == 'float16' else (state, weight)
        for place, (ours, theirs) in enumerate([(weight, w), (state, m), (master, w)]):
            if ours is not None:
                farthest[place] = max(farthest[place], np.abs(ours.asnumpy().astype(np.float64) - theirs).max())
    return farthest


@pytest.mark.parametrize('dtype', ['float32', 'float64'])
@pytest.mark.parametrize('momentum, wd, clip, rescale, rates', OPTIONS)
def test_trajectory(dtype, momentum, wd, clip, rescale, rates):
    assert max(distances('exactnag', dtype, momentum, wd, clip, rescale, rates)) < TOLERANCE[dtype]


@pytest.mark.parametrize('momentum, wd, clip, rescale, rates', OPTIONS)
def test_half_precision_has_an_exact_master_weight(momentum, wd, clip, rescale, rates):
    half, momentum_distance, master = distances('exactnag', 'float16', momentum, wd, clip, rescale, rates)
    assert max(momentum_distance, master) < TOLERANCE['float32'] and half < TOLERANCE['float16']


@pytest.mark.parametrize('dtype', ['float16', 'float32', 'float64'])
@pytest.mark.parametrize('rates', ['fixed', 'set', 'scheduler'])
def test_what_the_tests_would_catch(dtype, rates):
    """MXNet's own NAG, in place, leaves the reference in m and with it in W where there is both decay and momentum, and there alone."""
    for momentum, wd in itertools.product([0.0, 0.9], [0.0, 0.05]):
        _, momentum_distance, master = distances('nag', dtype, momentum, wd, None, 1.0, rates)
        tolerance = TOLERANCE[
            'float32' if dtype == 'float16' else dtype
        ]  # m and the master weight are never half precision
        if momentum and wd:
            assert min(momentum_distance, master) > 1e-3 >= 100 * tolerance
        else:
            assert max(momentum_distance, master) < tolerance


def test_nothing_is_changed_but_the_fault():
    """Without decay, and without momentum, the numbers are those of MXNet's NAG bit for bit."""
    initial, grads, etas, _ = problem('float32', 'fixed')
    for momentum, wd in ((0.9, 0.0), (0.0, 0.05)):
        results = []
        for kind in ('nag', 'exactnag'):
            updater = mx.optimizer.get_updater(
                mx.optimizer.create(kind, learning_rate=0.1, momentum=momentum, wd=wd, clip_gradient=0.8)
            )
            weight = mx.nd.array(initial)
            for grad in grads:
                updater(0, mx.nd.array(grad), weight)
            results.append(weight.asnumpy())
        np.testing.assert_array_equal(*results)


class Linear(gluon.HybridBlock):
    """Predictions x·weight + bias; the bias does not decay."""

    def __init__(self):
        super().__init__()
        with self.name_scope():
            self.weight = self.params.get('weight', shape=(5,), init='ones')
            self.bias = self.params.get('bias', shape=(1,), init='ones', wd_mult=0.0, lr_mult=0.5)

    def hybrid_forward(self, F, x, weight, bias):
        return F.broadcast_add(F.dot(x, weight), bias)


SETTINGS = dict(learning_rate=0.05, momentum=0.9, wd=0.02, clip_gradient=0.3)


def start(contexts):
    net = Linear()
    net.initialize(ctx=contexts)
    net.cast('float64')
    return net, gluon.Trainer(net.collect_params(), ExactNAG(**SETTINGS), kvstore='device', update_on_kvstore=False)


def data(step):
    generator = np.random.RandomState(step)
    return generator.standard_normal((8, 5)), generator.standard_normal(8)


def train(net, trainer, contexts, steps):
    for step in steps:
        trainer.set_learning_rate(0.05 * 0.97**step)
        parts = [gluon.utils.split_and_load(mx.nd.array(array, dtype='float64'), contexts) for array in data(step)]
        with autograd.record():
            losses = [((net(x) - y) ** 2 / 2).sum() for x, y in zip(*parts)]
        autograd.backward(losses)
        trainer.step(8)


def values(net, context):
    return np.concatenate([param.data(context).asnumpy() for param in (net.weight, net.bias)])


def linear_reference(steps):
    """The same training in NumPy, the settings of each parameter by its multipliers."""
    mu, clip = single(SETTINGS['momentum']), single(SETTINGS['clip_gradient'])
    w, m = np.ones(6), np.zeros(6)
    for step in steps:
        x, y = data(step)
        x = np.hstack([x, np.ones((8, 1))])
        rate = 0.05 * 0.97**step
        eta = np.array([single(rate)] * 5 + [single(rate * 0.5)])
        decay = single(SETTINGS['wd']) * np.array([1] * 5 + [0])
        g = np.clip(x.T @ (x @ w - y) / 8, -clip, clip) + decay * w
        before, m = m, mu * m - eta * g
        w = w - mu * before + (1 + mu) * m
    return w


@pytest.mark.parametrize('devices', [1, 2, 4])
def test_several_devices_in_a_trainer(devices):
    contexts = [mx.cpu(number) for number in range(devices)]
    net, trainer = start(contexts)
    train(net, trainer, contexts, range(30))
    for context in contexts:
        np.testing.assert_allclose(values(net, context), linear_reference(range(30)), rtol=0, atol=1e-13)


@pytest.mark.parametrize('devices', [1, 2])
def test_exact_resume(tmp_path, devices):
    contexts = [mx.cpu(number) for number in range(devices)]
    net, trainer = start(contexts)
    train(net, trainer, contexts, range(10))
    net.save_parameters(str(tmp_path / 'net'))
    trainer.save_states(str(tmp_path / 'states'))
    train(net, trainer, contexts, range(10, 30))
    again, resumed = start(contexts)
    again.load_parameters(str(tmp_path / 'net'), ctx=contexts)
    resumed.load_states(str(tmp_path / 'states'))
    assert type(resumed.optimizer) is ExactNAG
    train(again, resumed, contexts, range(10, 30))
    np.testing.assert_array_equal(values(again, contexts[-1]), values(net, contexts[-1]))


@pytest.mark.parametrize('dtype', ['float16', 'float32'])
@pytest.mark.parametrize('momentum', [0.0, 0.9])
def test_states_are_those_of_mxnets_nag(dtype, momentum):
    """What old checkpoints hold fits: same types and shapes."""
    weight = mx.nd.ones(SHAPE, dtype=dtype)

    def layout(state):
        if isinstance(state, (tuple, list)):
            return tuple(layout(part) for part in state)
        return state if state is None else (state.shape, state.dtype)

    layouts = [
        layout(
            mx.optimizer.create(kind, momentum=momentum, multi_precision=True).create_state_multi_precision(0, weight)
        )
        for kind in ('nag', 'exactnag')
    ]
    assert layouts[0] == layouts[1]
