"""Batch norm's running statistics: averaged over all devices, and recomputed for evaluation."""

import contextlib
import itertools
from typing import Any, Iterator, List, Sequence, Tuple

import mxnet as mx
import numpy as np

from ..runtime.state import parameters
from .learner import Learner

Batch = Tuple[np.ndarray, np.ndarray]
SETTLING = 40  # batches, after which what was there before weighs 0.9 ** 40, a hundredth


def running(learner: Learner) -> List[Any]:
    """Return the Parameters that hold running statistics, in the order of their names."""
    trained = {param.name for param in learner.weights + learner.gates}
    return [
        param for param in parameters(learner.net).values() if param.name not in trained and param.grad_req == 'null'
    ]


def average(learner: Learner) -> None:
    """Set running statistics to their mean over the devices of all workers: one network again, at an epoch's end."""
    mx.nd.waitall()  # MXNet moves them in a backward pass without saying so to who reads them
    devices = learner.devices
    if len(devices.contexts) == 1 and not devices.distributed:
        return
    params = running(learner)
    if not params:
        return
    local = [np.mean([array.asnumpy() for array in param.list_data()], axis=0) for param in params]
    flat = devices.total(np.concatenate([array.ravel() for array in local])) / devices.workers
    start = 0
    for param, array in zip(params, local):
        _set(param, [flat[start : start + array.size].reshape(array.shape)] * len(devices.contexts))
        start += array.size


@contextlib.contextmanager
def settled(learner: Learner, batches: Iterator[Batch], inputs: Sequence[np.ndarray] = ()) -> Iterator[None]:
    """Recompute running statistics for W and λ as they are now, on SETTLING (x, y) from `batches`; put back at the end what was before.

    inputs: further inputs of the network.

    In the search λ fall until the last step, and statistics that follow with a momentum of 0.9 are of a network that is no more.
    """
    mx.nd.waitall()
    params = running(learner)
    before = [[array.asnumpy() for array in param.list_data()] for param in params]
    learner.observe(itertools.islice(batches, SETTLING), inputs)
    mx.nd.waitall()
    average(learner)
    try:
        yield
    finally:
        mx.nd.waitall()
        for param, values in zip(params, before):
            _set(param, values)


def _set(param: Any, values: Sequence[np.ndarray]) -> None:
    for place, value in zip(param.list_data(), values):
        place[:] = mx.nd.array(value, ctx=place.context, dtype=place.dtype)
