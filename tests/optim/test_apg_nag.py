"""APG-NAG: its trajectory against eq. 6-8 in NumPy, what it refuses, and entries that are pruned for good."""

import pickle

import mxnet as mx
import numpy as np
import pytest

from dsonas.optim.apg_nag import APGNAG

SIZE = 9


def reference(lam, grads, etas, mu, gamma, clip, nonnegative, rescale):
    """Eq. 6-8 as they stand, in double precision; the trajectories of λ and v."""
    mus = [mu] * (len(grads) + 1)
    lams, vs = [np.array(lam, dtype=np.float64)], [np.zeros(len(lam))]
    for t in range(1, len(grads) + 1):
        g = rescale * grads[t - 1]
        if clip:
            g = np.clip(g, -clip, clip)
        z = lams[t - 1] - etas[t - 1] * g
        s = np.array(
            [np.sign(x) * max(abs(x) - a, 0) for x, a in zip(z, np.broadcast_to(etas[t - 1] * gamma, z.shape))]
        )
        vs.append(s - lams[t - 1] + mus[t - 1] * vs[t - 1])
        new = s + mus[t] * vs[t]
        lams.append(np.maximum(new, 0) if nonnegative else new)
    return lams[1:], vs[1:]


@pytest.mark.parametrize('momentum', [0.0, 0.5, 0.9])
@pytest.mark.parametrize('gamma', [0.0, 0.3, 'array'])
@pytest.mark.parametrize('clip', [None, 0.8])
@pytest.mark.parametrize('nonnegative', [False, True])
@pytest.mark.parametrize('rates', ['fixed', 'set', 'scheduler'])
@pytest.mark.parametrize('dtype', ['float32', 'float64'])
def test_trajectory(momentum, gamma, clip, nonnegative, rates, dtype):
    random, steps, rescale = np.random.RandomState(11), 25, 0.5
    lam = random.standard_normal(SIZE)
    grads = random.standard_normal((steps, SIZE)) * 3
    etas = [0.1] * steps if rates == 'fixed' else [0.1 * 0.9**t for t in range(steps)]
    scheduler = mx.lr_scheduler.FactorScheduler(step=1, factor=0.9, base_lr=0.1 / 0.9) if rates == 'scheduler' else None
    optimizer = mx.optimizer.create(
        'apgnag',
        learning_rate=None if scheduler else 0.1,
        lr_scheduler=scheduler,
        momentum=momentum,
        gamma=0.0 if gamma == 'array' else gamma,
        clip_gradient=clip,
        nonnegative=nonnegative,
        rescale_grad=rescale,
    )
    assert type(optimizer) is APGNAG
    if gamma == 'array':
        gamma = random.rand(SIZE)
        optimizer.set_gamma(0, gamma)
    if scheduler:  # the values that it really gives, asked of a copy since it moves
        copy = mx.lr_scheduler.FactorScheduler(step=1, factor=0.9, base_lr=0.1 / 0.9)
        etas = [copy(t) for t in range(1, steps + 1)]
        assert etas[-1] < 0.5 * etas[0]

    weight = mx.nd.array(lam, dtype=dtype)
    state = optimizer.create_state_multi_precision(0, weight)
    lams, vs = reference(
        lam.astype(dtype), [g.astype(dtype) for g in grads], etas, momentum, gamma, clip, nonnegative, rescale
    )
    tolerance = {'float32': 1e-4, 'float64': 1e-12}[dtype]  # λ reach 10, and rounding adds up over the steps
    for t in range(steps):
        if rates == 'set':
            optimizer.set_learning_rate(etas[t])
        optimizer.update_multi_precision(0, weight, mx.nd.array(grads[t], dtype=dtype), state)
        np.testing.assert_allclose(weight.asnumpy(), lams[t], rtol=0, atol=tolerance)
        np.testing.assert_allclose(state.asnumpy(), vs[t], rtol=0, atol=tolerance)


def test_gamma_set_between_steps_and_by_index():
    random = np.random.RandomState(5)
    optimizer = APGNAG(learning_rate=0.1, momentum=0.0, gamma=0.5)
    updater = mx.optimizer.get_updater(optimizer)
    for gamma in (0.2, np.arange(SIZE) / 10, [0.1] * SIZE, mx.nd.ones(SIZE), 0):
        optimizer.set_gamma('own', gamma)
        plain = gamma.asnumpy() if isinstance(gamma, mx.nd.NDArray) else gamma
        np.testing.assert_array_equal(optimizer.get_gamma('own'), plain)
        for index, expected in (('own', plain), ('other', 0.5), (0, 0.5)):
            lam, grad = random.standard_normal((2, SIZE)).astype('float32')
            weight = mx.nd.array(lam)
            updater(index, mx.nd.array(grad), weight)
            expected = reference(lam, [grad], [0.1], 0, np.asarray(expected), None, False, 1)[0][0]
            np.testing.assert_allclose(weight.asnumpy(), expected, atol=1e-6)


def test_multiplier_of_the_rate():
    optimizer = APGNAG(learning_rate=0.1, momentum=0.0, gamma=1.0)
    optimizer.set_lr_mult({'slow': 0.5})
    weight = mx.nd.array([1.0])
    optimizer.update('slow', weight, mx.nd.array([2.0]), optimizer.create_state('slow', weight))
    assert abs(weight.asscalar() - (1 - 0.05 * 2 - 0.05)) < 1e-6


@pytest.mark.parametrize('nonnegative', [False, True])
@pytest.mark.parametrize('momentum', [0.0, 0.9])
def test_shrinks_to_exact_zero(nonnegative, momentum):
    """Without a gradient, each λ goes to zero and is there to the last bit, v too."""
    optimizer = APGNAG(learning_rate=0.1, momentum=momentum, gamma=0.05, nonnegative=nonnegative)
    weight = mx.nd.array(np.random.RandomState(1).rand(SIZE) * (1 if nonnegative else -1))
    state = optimizer.create_state(0, weight)
    for _ in range(300):
        optimizer.update(0, weight, mx.nd.zeros(SIZE), state)
    assert (weight.asnumpy() == 0).all()
    assert nonnegative or (state.asnumpy() == 0).all()


@pytest.mark.parametrize('nonnegative', [False, True])
def test_pruned_entries_stay_zero(nonnegative):
    random = np.random.RandomState(2)
    optimizer = APGNAG(learning_rate=0.1, momentum=0.9, gamma=0.01, nonnegative=nonnegative)
    free = APGNAG(learning_rate=0.1, momentum=0.9, gamma=0.01, nonnegative=nonnegative)
    weight, other = mx.nd.ones(SIZE), mx.nd.ones(SIZE)
    state, other_state = optimizer.create_state(4, weight), free.create_state(4, other)
    mask = np.zeros(SIZE, dtype=bool)
    for t in range(60):
        if t == 20:  # momentum has built up
            mask[:3] = True
            optimizer.prune(4, mask)
        if t == 40:  # pruning adds up
            optimizer.prune(4, np.arange(SIZE) == 5)
            mask[5] = True
            optimizer = pickle.loads(pickle.dumps(optimizer))
            np.testing.assert_array_equal(optimizer.pruned(4), mask)
        grad = random.standard_normal(SIZE) * 5
        free.update(4, other, mx.nd.array(grad), other_state)
        grad[mask & (t % 7 == 0)] = np.nan
        optimizer.update(4, weight, mx.nd.array(grad), state)
        assert (weight.asnumpy()[mask] == 0).all() and (state.asnumpy()[mask] == 0).all()
        np.testing.assert_array_equal(weight.asnumpy()[~mask], other.asnumpy()[~mask])
        np.testing.assert_array_equal(state.asnumpy()[~mask], other_state.asnumpy()[~mask])
    assert (other.asnumpy()[mask] != 0).any() and optimizer.pruned(0) is None


@pytest.mark.parametrize('nonnegative', [False, True])
@pytest.mark.parametrize('clip', [None, 2.0])
def test_a_diverged_gradient_does_not_look_like_sparsity(nonnegative, clip):
    optimizer = APGNAG(learning_rate=0.1, gamma=0.1, nonnegative=nonnegative, clip_gradient=clip)
    weight = mx.nd.ones(2)
    optimizer.update(0, weight, mx.nd.array([np.nan, 0.0]), optimizer.create_state(0, weight))
    assert np.isnan(weight.asnumpy()).tolist() == [True, False]


@pytest.mark.parametrize(
    'settings, word',
    [
        ({'momentum': 1.0}, 'momentum'),
        ({'momentum': -0.1}, 'momentum'),
        ({'momentum': float('nan')}, 'momentum'),
        ({'gamma': -1e-3}, 'gamma'),
        ({'gamma': float('inf')}, 'gamma'),
        ({'gamma': np.ones(3)}, 'set_gamma'),
        ({'learning_rate': -0.1}, 'learning_rate'),
        ({'clip_gradient': -1.0}, 'clip_gradient'),
        ({'wd': 1e-4}, 'wd'),
    ],
)
def test_refused_settings(settings, word):
    with pytest.raises(ValueError, match=word) as error:
        mx.optimizer.create('apgnag', **settings)
    assert '\n' not in str(error.value)


def test_refused_arrays():
    optimizer = APGNAG()
    weight = mx.nd.ones(3)
    for gamma in (-1.0, [0.1, -0.1, 0], [np.nan, 0, 0]):
        with pytest.raises(ValueError, match='gamma of parameter 0'):
            optimizer.set_gamma(0, gamma)
    optimizer.set_gamma(0, [0.1, 0.2])
    with pytest.raises(ValueError, match=r'shape \(2,\), the parameter \(3,\)'):
        optimizer.update(0, weight, weight, optimizer.create_state(0, weight))
    optimizer.prune(1, [True, False])
    with pytest.raises(ValueError, match='mask of parameter 1'):
        optimizer.update(1, weight, weight, optimizer.create_state(1, weight))
    with pytest.raises(ValueError, match='earlier mask'):
        optimizer.prune(1, [True, False, False])
    for multi_precision in (False, True):
        with pytest.raises(ValueError, match='float16'):
            half = mx.nd.ones(3, dtype='float16')
            mx.optimizer.get_updater(APGNAG(multi_precision=multi_precision))(0, half, half)
    with pytest.raises(ValueError, match='dense'):
        optimizer.update(2, mx.nd.ones((3, 2)), mx.nd.ones((3, 2)).tostype('row_sparse'), mx.nd.zeros((3, 2)))


@pytest.mark.parametrize('dtype', ['float32', 'float64'])
@pytest.mark.parametrize('nonnegative', [False, True])
def test_normalised_groups_keep_their_norm(dtype, nonnegative):
    """Eq. 6-8, then v of each group without its part along λ, and both scaled to λ's norm of as many ones; zeros stay zero."""
    random, groups = np.random.RandomState(5), np.array([0, 0, 0, 1, 1, 2, 2, 2, 3])
    lam, grads = random.uniform(0.5, 1.5, SIZE), random.standard_normal((30, SIZE))
    lam[-1] = 0
    grads[:, -1] = 0
    optimizer = APGNAG(learning_rate=0.05, momentum=0.9, gamma=0.2, nonnegative=nonnegative)
    optimizer.normalise(0, groups)
    weight = mx.nd.array(lam, dtype=dtype)
    state = optimizer.create_state(0, weight)
    v = np.zeros(SIZE)
    for grad in grads:
        optimizer.update(0, weight, mx.nd.array(grad, dtype=dtype), state)
        (lam,), (v,) = reference_step(lam, v, grad, nonnegative)
        for group in range(4):
            members = groups == group
            norm = np.linalg.norm(lam[members])
            if norm:
                v[members] -= lam[members] * (lam[members] @ v[members]) / norm**2
                scale = np.sqrt(members.sum()) / norm
                lam[members], v[members] = scale * lam[members], scale * v[members]
        tolerance = 1e-4 if dtype == 'float32' else 1e-10
        assert np.allclose(weight.asnumpy(), lam, atol=tolerance) and np.allclose(state.asnumpy(), v, atol=tolerance)
    norms = [np.linalg.norm(weight.asnumpy()[groups == group]) for group in range(4)]
    assert np.allclose(norms, np.sqrt([3, 2, 3, 0])) or nonnegative
    assert all(norm == 0 or np.isclose(norm, np.sqrt(size)) for norm, size in zip(norms, [3, 2, 3, 1]))


def reference_step(lam, v, grad, nonnegative):
    """One step of eq. 6-8 from any λ and v: ([λ], [v])."""
    z = lam - 0.05 * grad
    s = np.sign(z) * np.maximum(np.abs(z) - 0.05 * 0.2, 0)
    v = s - lam + 0.9 * v
    new = s + 0.9 * v
    return [np.maximum(new, 0) if nonnegative else new], [v]


@pytest.mark.parametrize('groups', [[0.5] * SIZE, [-1] * SIZE, []])
def test_groups_that_are_none_are_refused(groups):
    with pytest.raises(ValueError, match='groups of parameter 0 must be whole numbers'):
        APGNAG().normalise(0, groups)


def test_normalised_groups_and_rest_travel_with_the_optimizer():
    optimizer = APGNAG(learning_rate=0.1, momentum=0.9)
    optimizer.normalise(0, [0, 0])
    optimizer.rest(0, [True, False])
    again = pickle.loads(pickle.dumps(optimizer))
    results = []
    for one in (optimizer, again):
        weight, state = mx.nd.array([1.0, 1.0]), mx.nd.array([-3.0, 0.1])
        one.update(0, weight, mx.nd.array([0.0, 0.0]), state)
        results.append(weight.asnumpy())
    assert np.array_equal(*results) and abs(np.linalg.norm(results[0]) - 2**0.5) < 1e-6
    assert abs(results[0][0] / results[0][1] - 1 / (1 + 0.9 * 0.09)) < 1e-6  # the first one's v was set to 0


def test_rest_lasts_for_one_update():
    optimizer, weight, state = APGNAG(learning_rate=0.1, momentum=0.5), mx.nd.array([1.0]), mx.nd.array([1.0])
    optimizer.rest(0, [True])
    optimizer.update(0, weight, mx.nd.array([-1.0]), state)
    assert np.isclose(state.asnumpy()[0], 0.1)
    optimizer.update(0, weight, mx.nd.array([0.0]), state)
    assert np.isclose(state.asnumpy()[0], 0.05)
