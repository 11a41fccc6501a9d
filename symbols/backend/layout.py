"""Conversion of arrays from oneDNN's blocked layouts to the plain one.

MXNet converts an array when it is next read, in the background. A reader at the same time, such as an optimizer or a KVStore,
gets other numbers now and then. An operator's output is plain; a copy (`copy()`, `copyto()`) has the layout of its source.
"""

from __future__ import annotations

import mxnet as mx

from .types import Block, NDArray


def plain_copy(array: NDArray) -> NDArray:
    """Return a copy of an NDArray in the plain layout."""
    return array * 1


def write_plain(source: NDArray, target: NDArray) -> None:
    """Write the NDArray `source` to `target`, of the same shape and type on any device, so that `target` is plain."""
    mx.nd._internal._mul_scalar(source.as_in_context(target.context), scalar=1.0, out=target)


def plain_parameters(net: Block) -> None:
    """Convert the parameters of `net` to the plain layout; to be called after inference, before training goes on.

    Inference leaves weights in oneDNN's blocked layout. The next training step would at times convert them while they are being
    updated, and the same command would not give the same numbers.
    """
    mx.nd.waitall()
    for param in net.collect_params().values():
        for array in param.list_data():
            if array.context.device_type == 'cpu':
                write_plain(plain_copy(array), array)
    mx.nd.waitall()
