"""oneDNN's blocked layouts: arrays that MXNet keeps in them, brought back into the plain one.

MXNet brings an array back when it is next read, in the background. What reads it at the same time, as an optimizer or a KVStore does,
gets other numbers now and then. An operator's output is plain; a copy (`copy()`, `copyto()`) has the layout of its source.
"""

import mxnet as mx


def plain_copy(array):
    """Return a copy of an NDArray in the plain layout."""
    return array * 1


def write_plain(source, target):
    """Write the NDArray `source` to `target`, of the same shape and type on any device, so that `target` is plain."""
    mx.nd._internal._mul_scalar(source.as_in_context(target.context), scalar=1.0, out=target)


def plain_parameters(net):
    """Bring the parameters of `net` into the plain layout; to be called after inference, before training goes on.

    Inference leaves weights in oneDNN's blocked layout. The next training step would bring them back while they are being updated, at
    times: the same command would not give the same numbers.
    """
    mx.nd.waitall()
    for param in net.collect_params().values():
        for array in param.list_data():
            if array.context.device_type == 'cpu':
                write_plain(plain_copy(array), array)
    mx.nd.waitall()
