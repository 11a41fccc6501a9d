"""The soft threshold against its definition, entry by entry."""

import mxnet as mx
import numpy as np
import pytest

from dsonas.optim.proximal import soft_threshold


def naive(z, alpha):
    out = np.zeros_like(z)
    for i in np.ndindex(z.shape):
        a = np.broadcast_to(np.asarray(alpha, dtype=z.dtype), z.shape)[i]
        out[i] = np.sign(z[i]) * max(abs(z[i]) - a, z.dtype.type(0))
    return out


@pytest.mark.parametrize('dtype', ['float32', 'float64'])
@pytest.mark.parametrize('alpha', ['zero', 'scalar', 'array', 'row'])
def test_definition(dtype, alpha):
    random = np.random.RandomState(3)
    z = random.standard_normal((5, 7)).astype(dtype)
    alpha = {'zero': 0, 'scalar': 0.3, 'array': random.rand(5, 7).astype(dtype), 'row': random.rand(7).astype(dtype)}[
        alpha
    ]
    expected = naive(z, alpha)
    for got in (soft_threshold(z, alpha), soft_threshold(mx.nd.array(z, dtype=dtype), alpha).asnumpy()):
        assert got.dtype == z.dtype and got.shape == z.shape
        np.testing.assert_array_equal(got, expected)
    if np.ndim(alpha):
        got = soft_threshold(mx.nd.array(z, dtype=dtype), mx.nd.array(alpha, dtype=dtype)).asnumpy()
        np.testing.assert_array_equal(got, expected)


def test_boundary_is_zero():
    z = np.array([-0.5, -0.25, 0, 0.25, 0.5], dtype='float32')
    for got in (soft_threshold(z, 0.25), soft_threshold(mx.nd.array(z), 0.25).asnumpy()):
        assert got.tolist() == [-0.25, 0, 0, 0, 0.25]


def test_minimises_its_objective():
    """S_α(z) = argmin_x ½(x − z)² + α|x|, on a grid."""
    grid = np.linspace(-3, 3, 6001)
    for z in (-2.0, -0.7, -0.1, 0.0, 0.4, 1.3):
        best = grid[np.argmin(0.5 * (grid - z) ** 2 + 0.5 * np.abs(grid))]
        assert abs(best - float(soft_threshold(np.array(z), 0.5))) < 2e-3


def test_not_a_number_stays_visible():
    z = np.array([np.nan, 1, np.inf], dtype='float32')
    for alpha in (0.5, np.full(3, 0.5)):
        for got in (soft_threshold(z, alpha), soft_threshold(mx.nd.array(z), alpha).asnumpy()):
            np.testing.assert_array_equal(got, [np.nan, 0.5, np.inf])


def test_negative_alpha_is_refused():
    for alpha in (-0.1, np.array([0.1, -0.1])):
        with pytest.raises(ValueError, match='alpha must not be negative'):
            soft_threshold(np.ones(2), alpha)
