"""A check that numbers are finite, without synchronising with the device."""

from __future__ import annotations

from typing import Sequence

import mxnet as mx

from .types import NDArray

AT_ONCE = 200  # arrays; more at once crash multi_all_finite


def all_finite(arrays: Sequence[NDArray]) -> NDArray:
    """Return an NDArray of shape (1,): 1 where every number of a list of NDArrays is finite, else 0."""
    flags = [
        mx.nd.multi_all_finite(*arrays[first : first + AT_ONCE], num_arrays=len(arrays[first : first + AT_ONCE]))
        for first in range(0, len(arrays), AT_ONCE)
    ]
    return flags[0] if len(flags) == 1 else mx.nd.concat(*flags, dim=0).min(axis=0, keepdims=True)
