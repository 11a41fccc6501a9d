"""A moving average of weights (`retrain.ema`), which is tested and exported in their place.

After update t (from 1) the average a follows the weights w: a ← d a + (1 - d) w with d = min(decay, (1 + t) / (10 + t)), so that it soon
forgets the random weights of the beginning. Batch norm's running statistics are not averaged but measured anew, on training images, for
the averaged weights. Weights are equal on all devices and workers, and so are their averages; one device of each worker holds them.
"""

import contextlib
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence

import mxnet as mx
import numpy as np

from ...symbols.backend import padding
from ..runtime.state import parameters
from .bn_statistics import Batch, running, settled
from .learner import Learner


class Average:
    """The average of Parameters. updates: how many it has followed; statistics: batch norm's for it, by name, when last measured."""

    def __init__(self, params: Sequence[Any], decay: float) -> None:
        self.params, self.decay, self.updates = list(params), decay, 0
        self.values: List[Any] = []
        self.statistics: Dict[str, np.ndarray] = {}

    def update(self) -> None:
        """Follow the weights after an update of them."""
        self.updates += 1
        weights = [param.list_data()[0] for param in self.params]
        if not self.values:
            self.values = [weight.copy() for weight in weights]
            return
        rest = 1 - min(self.decay, (1 + self.updates) / (10 + self.updates))
        for value, weight in zip(self.values, weights):
            mx.nd.sgd_update(value, weight, lr=-rest, wd=-1.0, out=value)  # value + rest (weight - value)

    def set_weights(self) -> None:
        """Put the average in the weights' place."""
        for param, value in zip(self.params, self.values):
            param.set_data(value)

    # For checkpoints: arrays by the names of `state.parameters`.

    def arrays(self, names: Mapping[str, str]) -> Dict[str, np.ndarray]:
        """Return what a checkpoint holds. names: of parameters there, by their own."""
        held = {names[param.name]: value.asnumpy() for param, value in zip(self.params, self.values)}
        held.update(self.statistics)
        made = {f'ema/0/{name}': array for name, array in held.items()}
        return {**made, 'ema/updates/count': np.array([self.updates], np.int64)}

    def restore(self, named: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
        """Put back what `arrays` returned; a checkpoint without an average leaves it to begin anew."""
        self.values, self.statistics, self.updates = [], {}, 0
        if 'ema/updates/count' not in arrays:
            return
        names = {param.name: name for name, param in named.items()}
        self.updates = int(arrays['ema/updates/count'][0])
        for param in self.params:
            place = param.list_data()[0]
            array = arrays[f'ema/0/{names[param.name]}']
            self.values.append(mx.nd.array(array, ctx=place.context, dtype=place.dtype))
        own = {f'ema/0/{names[param.name]}' for param in self.params}
        self.statistics = {
            name.split('/', 2)[2]: array
            for name, array in arrays.items()
            if name.startswith('ema/0/') and name not in own
        }


@contextlib.contextmanager
def averaged(learner: Learner, batches: Iterator[Batch], inputs: Sequence[np.ndarray] = ()) -> Iterator[None]:
    """Have the network compute with its averaged weights; at the end it is what it was before."""
    average = learner.average
    assert average is not None
    before = [param.list_data()[0].copy() for param in average.params]
    average.set_weights()
    try:
        with settled(learner, batches, inputs):
            names = {param.name: name for name, param in parameters(learner.net).items()}
            average.statistics = {
                names[param.name]: padding.stored(param, param.list_data()[0].asnumpy()) for param in running(learner)
            }
            yield
    finally:
        mx.nd.waitall()
        for param, array in zip(average.params, before):
            param.set_data(array)


def finish(learner: Learner) -> None:
    """Leave the averaged weights, with the statistics that were measured last for them, in the network for good."""
    average: Optional[Average] = learner.average
    if average is None or not average.values:
        return
    mx.nd.waitall()
    average.set_weights()
    for name, param in parameters(learner.net).items():
        if name in average.statistics:
            param.set_data(mx.nd.array(average.statistics[name], dtype=param.dtype))
