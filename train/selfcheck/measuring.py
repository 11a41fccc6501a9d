"""Memory, speed and latency on the first device."""

import resource
import statistics
import time
from typing import Callable, Tuple

import mxnet as mx
import numpy as np

from ...symbols.latency import Stopwatch, device_name
from ...symbols.space import SearchSpace
from ...symbols.supernet import Supernet
from ..config.tree import Pretrain, Search
from ..engine.learner import Learner, apg_nag, nag
from ..engine.losses import Loss
from ..engine.names import Update
from ..engine.stage import initialise, weights_of
from .target import Figures, Mismatch, Target

WARM_UP, STEPS = 3, 5
ON_GPU = (SearchSpace.cifar10(channels=48, blocks=(2, 2, 2)), 128, 32)  # space, batch size, pixels
ON_CPU = (SearchSpace.cifar10(channels=8, blocks=(1, 1, 1)), 20, 16)


def _learner(target: Target, amp: bool) -> Tuple[Learner, int, int]:
    space, batch_size, size = ON_GPU if target.on_gpu else ON_CPU
    devices = target.devices(amp=amp)
    net = Supernet(space, kernels_kind=devices.kernels_kind)
    initialise(net, devices, size, 3, 'selfcheck')
    optimizers = nag(weights_of(net), Pretrain()), apg_nag(Search())
    return Learner(net, net.gates, Loss(), devices, *optimizers, amp=amp), batch_size, size


def _stepper(target: Target, amp: bool = False) -> Tuple[Callable[[Update], None], int]:
    learner, batch_size, size = _learner(target, amp)
    generator = np.random.RandomState(5)
    x = generator.standard_normal((batch_size, 3, size, size)).astype(np.float32)
    y = generator.randint(0, 10, batch_size).astype(np.int32)
    rates = {Update.WEIGHTS: 1e-3, Update.GATES: 1e-3}

    def step(update: Update) -> None:
        learner.step(update, x, y, batch_size, (), rates)
        mx.nd.waitall()

    return step, batch_size


def speed(target: Target, amp: bool = False) -> Figures:
    """Measure images a second of W and λ steps of a search. amp: in float16."""
    if amp:
        target.need_gpu('float16 (train.amp)')
    step, batch_size = _stepper(target, amp)
    figures: Figures = {'batch': batch_size}
    for update in (Update.WEIGHTS, Update.GATES):
        times = []
        for _ in range(WARM_UP + STEPS):
            start = time.perf_counter()
            step(update)
            times.append(time.perf_counter() - start)
        figures[f'{update.symbol} step, images/s'] = batch_size / statistics.median(times[WARM_UP:])
    return figures


def memory(target: Target) -> Figures:
    """Measure what a search takes on the device, and check that further steps take no more."""
    before = _used(target)
    step, batch_size = _stepper(target)
    seen = []
    for _ in range(WARM_UP + STEPS):
        step(Update.WEIGHTS)
        step(Update.GATES)
        seen.append(_used(target))
    growth = seen[-1] / seen[WARM_UP - 1] - 1
    if growth > 0.1:
        raise Mismatch(f'memory grew by {growth:.0%} over {STEPS} steps')
    return {'batch': batch_size, 'taken GB': (seen[-1] - before) / 1e9, 'growth': growth}


def _used(target: Target) -> float:
    """Bytes in use on the device, by all processes; the largest resident memory of this process on a CPU."""
    mx.nd.waitall()
    if target.on_gpu:
        free, total = mx.context.gpu_memory_info(target.gpus[0])
        return float(total - free)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0


def latency(target: Target) -> Figures:
    """Measure operations as the latency penalty does."""
    stopwatch = Stopwatch(target.first, passes=3)
    figures: Figures = {'device': device_name(target.first)}
    for name in SearchSpace.cifar10().operations:
        seconds = stopwatch.operation(name, 16, 16)
        if not 0 < seconds < 1:
            raise Mismatch(f'{name} takes {seconds:g} s an image')
        figures[f'{name}, µs an image'] = seconds * 1e6
    return figures
