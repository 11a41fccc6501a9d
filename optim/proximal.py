"""The soft threshold: the proximal operator of the L1 norm, which is what sets λ exactly to zero (the S of eq. 7 and 8)."""

from __future__ import annotations

from typing import Any

import mxnet as mx
import numpy as np


def soft_threshold(z: Any, alpha: Any) -> Any:
    """Apply the soft threshold: S_α(z)_i = sign(z_i) · max(|z_i| − α_i, 0), elementwise.

    Parameters
    ----------
    z : mx.nd.NDArray or numpy array, of any shape
    alpha : float, or an array that broadcasts to the shape of z; not negative
        The threshold, in the units of z. An NDArray is not checked for negative entries, since that would wait for the device.

    Returns an array of z's kind, shape and type; an entry with |z_i| <= α_i is exactly 0.

    Raises ValueError for a negative α.
    """
    if not isinstance(alpha, mx.nd.NDArray) and np.any(np.less(alpha, 0)):
        raise ValueError(f'soft_threshold: alpha must not be negative, got {np.min(alpha)}')
    # z − clip(z, −α, α) is the same function, rounding included; but where z is not a number it stays so. The product with sign(z)
    # gives 0 there: a diverged search would look like a finished one.
    if isinstance(z, mx.nd.NDArray):
        if not isinstance(alpha, mx.nd.NDArray):
            alpha = on_device(alpha, z) if np.ndim(alpha) else float(alpha)
        return z - mx.nd.maximum(mx.nd.minimum(z, alpha), -alpha)  # not nd.clip, whose bounds are single precision
    z = np.asarray(z)
    z = z if np.issubdtype(z.dtype, np.floating) else z.astype(np.float64)
    alpha = np.asarray(alpha, dtype=z.dtype)
    return z - np.clip(z, -alpha, alpha)


def on_device(array: Any, like: Any) -> Any:
    """Copy a numpy array to an NDArray of the type and on the device of `like`, an NDArray.

    On the CPU it is several times faster than mx.nd.array.
    """
    return mx.nd.from_numpy(np.array(array, dtype=like.dtype, order='C')).as_in_context(like.context)
