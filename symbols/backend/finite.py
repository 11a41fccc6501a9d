"""Whether numbers are finite, found without waiting for them."""

import mxnet as mx

AT_ONCE = 200  # arrays; more at once crash multi_all_finite


def all_finite(arrays):
    """Return an NDArray of shape (1,): 1 where every number of a list of NDArrays is finite, else 0."""
    flags = [
        mx.nd.multi_all_finite(*arrays[first : first + AT_ONCE], num_arrays=len(arrays[first : first + AT_ONCE]))
        for first in range(0, len(arrays), AT_ONCE)
    ]
    return flags[0] if len(flags) == 1 else mx.nd.concat(*flags, dim=0).min(axis=0, keepdims=True)
