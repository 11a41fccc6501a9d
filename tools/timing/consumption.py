"""Images a second that training consumes: steps of the search and of retraining, on noise."""

import time
from typing import Dict, Sequence

import mxnet as mx
from mxnet.gluon import Block

from ...symbols.architecture import Architecture
from ...symbols.network import Network
from ...symbols.space import SearchSpace
from ...symbols.supernet import Supernet

WARM_UP = 4  # steps


class Steps:
    """A network in training. A turn updates W or, where the network has λ, W and λ alternately, on a batch each.

    shape: (batch, 3, height, width) of the images.
    """

    def __init__(self, net: Block, shape: Sequence[int], context: mx.Context) -> None:
        net.initialize(mx.init.Xavier(), ctx=context)
        net.hybridize(static_alloc=True, static_shape=True)
        self.net = net
        self._x = mx.nd.random.normal(shape=tuple(shape), ctx=context)
        self._y = mx.nd.zeros((shape[0],), ctx=context)
        self._loss = mx.gluon.loss.SoftmaxCrossEntropyLoss()
        net(self._x).wait_to_read()
        gates = list(net.collect_params('.*lambda').values())
        others = [value for value in net.collect_params().values() if value.grad_req != 'null']
        weights = [value for value in others if not any(value is gate for gate in gates)]
        self._groups = [group for group in (weights, gates) if group]
        options = {'learning_rate': 1e-6, 'momentum': 0.9}
        self._trainers = [mx.gluon.Trainer(group, 'nag', options, kvstore=None) for group in self._groups]

    def turn(self, number: int) -> None:
        """Do the step of turn `number`, and wait for its end."""
        updated = number % len(self._groups)
        for index, group in enumerate(self._groups):
            for value in group:
                value.grad_req = 'write' if index == updated else 'null'
        with mx.autograd.record():
            error = self._loss(self.net(self._x), self._y)
        error.backward()
        self._trainers[updated].step(len(self._y))
        mx.nd.waitall()

    def speed(self, seconds: float) -> float:
        """Measure images a second, over at least `seconds` and as many W as λ steps."""
        for number in range(WARM_UP):
            self.turn(number)
        turns, start = 0, time.perf_counter()
        while time.perf_counter() - start < seconds or turns % 2:
            self.turn(turns)
            turns += 1
        return float(turns * len(self._y) / (time.perf_counter() - start))


def consumed(size: int, batch_size: int, seconds: float, channels: int, blocks: Sequence[int]) -> Dict[str, float]:
    """Measure {'search': images a second, 'retrain': the same}, on the GPU if there is one, else the CPU.

    search: steps of W and of λ on the supernet; retrain: the complete derived network. size: pixels, square.
    """
    space = (SearchSpace.cifar10 if size < 64 else SearchSpace.imagenet)(channels=channels, classes=10, blocks=blocks)
    context = mx.gpu() if mx.context.num_gpus() else mx.cpu()
    networks = {'search': Supernet(space), 'retrain': Network(Architecture.full(space))}
    shape = (batch_size, 3, size, size)
    return {stage: Steps(net, shape, context).speed(seconds) for stage, net in networks.items()}
