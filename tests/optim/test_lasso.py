"""APG-NAG on least squares reaches scikit-learn's Lasso solution: the same support, with exact zeros."""

import mxnet as mx
import numpy as np
import pytest
from sklearn.linear_model import Lasso

from dsonas.optim.apg_nag import APGNAG

SAMPLES, FEATURES, GAMMA = 80, 30, 0.15


def problem(seed):
    random = np.random.RandomState(seed)
    x = random.standard_normal((SAMPLES, FEATURES)) @ (
        np.eye(FEATURES) + 0.3 * random.standard_normal((FEATURES, FEATURES)) / 5
    )
    truth = np.where(np.arange(FEATURES) < 12, random.standard_normal(FEATURES), 0)
    return x, x @ truth + 0.5 * random.standard_normal(SAMPLES)


def lasso(x, y, gamma, nonnegative):
    """min 1/(2n) |y − x w|² + Σ γ_i |w_i|: with u_i = γ_i w_i / GAMMA, a Lasso over scaled columns."""
    scale = GAMMA / np.broadcast_to(gamma, FEATURES)
    model = Lasso(alpha=GAMMA, fit_intercept=False, positive=nonnegative, tol=1e-12, max_iter=200000).fit(x * scale, y)
    return model.coef_ * scale


def search(x, y, gamma, nonnegative, momentum, dtype, steps=500):
    optimizer = APGNAG(
        learning_rate=0.9 * SAMPLES / np.linalg.norm(x, 2) ** 2, momentum=momentum, gamma=GAMMA, nonnegative=nonnegative
    )
    if np.ndim(gamma):
        optimizer.set_gamma(0, gamma)
    weight = mx.nd.ones(FEATURES, dtype=dtype)
    state = optimizer.create_state(0, weight)
    for _ in range(steps):
        grad = x.T @ (x @ weight.asnumpy().astype('float64') - y) / SAMPLES
        optimizer.update(0, weight, mx.nd.array(grad, dtype=dtype), state)
    return weight.asnumpy()


@pytest.mark.parametrize('seed', [0, 1])
@pytest.mark.parametrize('nonnegative', [False, True])
@pytest.mark.parametrize('kind', ['scalar', 'each'])
@pytest.mark.parametrize('momentum, dtype', [(0.9, 'float32'), (0.9, 'float64'), (0.5, 'float32')])
def test_lasso(seed, nonnegative, kind, momentum, dtype):
    x, y = problem(seed)
    gamma = GAMMA if kind == 'scalar' else GAMMA * np.random.RandomState(seed + 100).uniform(0.2, 2, FEATURES)
    expected, got = lasso(x, y, gamma, nonnegative), search(x, y, gamma, nonnegative, momentum, dtype)
    print(f'seed {seed}: {(expected != 0).sum()} of {FEATURES} kept')
    assert 3 < (expected != 0).sum() < 0.8 * FEATURES
    np.testing.assert_array_equal(got != 0, np.abs(expected) > 1e-9)
    np.testing.assert_allclose(got, expected, rtol=0, atol={'float32': 2e-6, 'float64': 1e-10}[dtype])
