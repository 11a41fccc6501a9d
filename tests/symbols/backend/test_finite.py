"""One flag for any number of arrays."""

import mxnet as mx
import numpy as np
import pytest

from dsonas.symbols.backend.finite import all_finite


@pytest.mark.parametrize('count', [1, 200, 201, 450])
@pytest.mark.parametrize('bad', [None, np.nan, np.inf, -np.inf])
def test_all_finite_of_any_number_of_arrays(count, bad):
    arrays = [mx.nd.ones((2, 3)) for _ in range(count)]
    assert all_finite(arrays).asscalar() == 1
    if bad is not None:
        arrays[-1][1, 2] = bad
        assert all_finite(arrays).asscalar() == 0
