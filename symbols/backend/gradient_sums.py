"""The workaround for wrong sums of gradients in MXNet 1.9.1, where an array is used often.

The gradient of an array that is used in n places is a sum of n terms. From a number of terms on (8 by default) MXNet adds each of them
to a common buffer, and with static memory on the CPU a term that oneDNN computes, after others that it did not, is added to something
that is not the sum: gradients of any size, or NaN. An environment variable raises that number. MXNet reads it once, at its first
gradient in a process, so this module must be imported before.
"""

from __future__ import annotations

import functools
import os

SETTING, ENOUGH = 'MXNET_EXEC_INPLACE_GRAD_SUM_CAP', 1000
os.environ.setdefault(SETTING, str(ENOUGH))  # before MXNet looks

import mxnet as mx  # noqa: E402
from mxnet import autograd  # noqa: E402

from ...base.errors import UserError  # noqa: E402
from .types import Array, Operators  # noqa: E402

CHANNELS = 16


class _OftenUsed(mx.gluon.HybridBlock):
    """The sum of 1×1 convolutions and multiples of one array, in an order whose gradient is wrong where any is."""

    def hybrid_forward(self, F: Operators, x: Array, weight: Array) -> Array:
        terms = [
            F.Convolution(x, weight * (place + 1), kernel=(1, 1), num_filter=CHANNELS, no_bias=True)
            if convolved
            else x * (place + 1)
            for place, convolved in enumerate([True, False, True, False, False, False, False, True])
        ]
        return F.add_n(*terms)


@functools.lru_cache(maxsize=None)
def check() -> None:
    """Check, once in a process and in a few milliseconds, that sums of gradients are right. Raises UserError where they are not."""
    net = _OftenUsed()
    net.hybridize(static_alloc=True, static_shape=True)
    x, weight = mx.nd.ones((1, CHANNELS, 2, 2), ctx=mx.cpu()), mx.nd.ones((CHANNELS, CHANNELS, 1, 1), ctx=mx.cpu())
    x.attach_grad()
    for _ in range(2):
        with autograd.record(train_mode=True):
            y = net(x, weight)
        y.backward()
    expected = (1 + 3 + 8) * CHANNELS + 2 + 4 + 5 + 6 + 7
    if not (abs(x.grad - expected) < 1e-3 * expected).asnumpy().all():
        raise UserError(
            f'{SETTING}: it was below {ENOUGH} when this process computed its first gradient, and MXNet adds up gradients wrongly '
            'then; leave it unset, and import dsonas.symbols.supernet before anything is trained'
        )
