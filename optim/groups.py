"""Groups of λ whose common scale the network does not see: rescaling them to constant norm (ours, not the paper's)."""

from __future__ import annotations

from typing import Any

import mxnet as mx
import numpy as np

from .proximal import on_device


def normalise_groups(groups: np.ndarray[Any, Any], weight: Any, v: Any) -> None:
    """Bring each group of `weight` to the norm of as many ones, and `v` along without its part along `weight`, in place.

    groups: whole numbers, an array in the shape of `weight` and `v`, which are NDArrays. A group that is all zero stays as it is.
    """
    members = groups.reshape(1, -1) == np.unique(groups).reshape(-1, 1)
    one_hot, sizes = on_device(members, weight), on_device(members.sum(1, keepdims=True), weight)

    def spread(sums: Any) -> Any:
        return mx.nd.dot(one_hot, sums, transpose_a=True).reshape(weight.shape)

    squares = mx.nd.dot(one_hot, weight.reshape((-1, 1)) ** 2)
    there, safe = squares > 0, mx.nd.maximum(squares, 1e-30)
    along = mx.nd.dot(one_hot, (weight * v).reshape((-1, 1))) / safe
    scale = spread(mx.nd.where(there, mx.nd.sqrt(sizes / safe), mx.nd.ones_like(squares)))
    mx.nd.elemwise_mul(v - weight * spread(along), scale, out=v)
    mx.nd.elemwise_mul(weight, scale, out=weight)
