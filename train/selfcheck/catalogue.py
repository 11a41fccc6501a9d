"""Every check by name, in the order in which they are run."""

import functools
from typing import Callable, Dict

from . import measuring, networks, training
from .target import Figures, Target

CHECKS: Dict[str, Callable[[Target], Figures]] = {
    'device': networks.device,
    'operators': networks.operators,
    'networks': networks.networks,
    'finite': networks.finite,
    'steps-search': training.steps_search,
    'steps-derived': training.steps_derived,
    'kvstore-local': functools.partial(training.several, kvstore='local'),
    'kvstore-device': functools.partial(training.several, kvstore='device'),
    'kvstore-nccl': functools.partial(training.several, kvstore='nccl'),
    'sync-bn': training.sync_batch_norm,
    'float16': training.half_precision,
    'memory': measuring.memory,
    'latency': measuring.latency,
    'speed': measuring.speed,
    'speed-float16': functools.partial(measuring.speed, amp=True),
}
