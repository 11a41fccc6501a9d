"""The devices that a check looks at, and how a check ends."""

import dataclasses
from typing import Any, Dict, List, Mapping, Optional, Sequence, Union

import mxnet as mx
import numpy as np

from ..config.tree import Train
from ..runtime.devices import Devices

Figures = Dict[str, Union[float, int, str]]


class Skipped(Exception):
    """A check that cannot be made on these devices; it says why."""


class Mismatch(Exception):
    """Numbers that are not those of the reference; it says which, and by how much."""


@dataclasses.dataclass(frozen=True)
class Target:
    """Devices to look at: the GPUs of these numbers, or, without any, so many CPU devices."""

    gpus: Sequence[int] = ()
    cpus: int = 0

    @property
    def on_gpu(self) -> bool:
        return bool(self.gpus)

    @property
    def count(self) -> int:
        """Return how many devices there are."""
        return len(self.gpus) or self.cpus

    @property
    def first(self) -> mx.Context:
        """Return the first device."""
        return mx.gpu(self.gpus[0]) if self.gpus else mx.cpu(0)

    @property
    def kinds(self) -> List[str]:
        """Return the kinds of kernels that networks compute with on these devices (symbols/backend/kernels.py)."""
        return ['plain', 'exact'] if self.on_gpu else ['cpu', 'onednn', 'plain', 'exact']

    @property
    def unlike(self) -> Optional[str]:
        """Return the kernels for steps that are compared with the CPU's; None: the devices' own.

        On CPU devices they are others than the CPU's, so that there is something to compare.
        """
        return None if self.on_gpu else 'exact'

    def devices(self, count: int = 1, **train: Any) -> Devices:
        """Make Devices of the first `count` devices. train: further settings of the group `train`. Raises Skipped for too few devices."""
        if count > self.count:
            raise Skipped(f'needs {count} devices; there {"is" if self.count == 1 else "are"} {self.count}')
        if self.on_gpu:
            return Devices(Train(gpus=','.join(map(str, self.gpus[:count])), **train))
        return Devices(Train(cpus=count, **train))

    def need_gpu(self, what: str) -> None:
        """Raise Skipped unless the devices are GPUs. what: such as 'float16 training'."""
        if not self.on_gpu:
            raise Skipped(f'{what} is on GPUs alone')


def deviation(found: np.ndarray, wanted: np.ndarray) -> float:
    """Return ‖found − wanted‖ / ‖wanted‖ in double precision; infinite where a number is not finite."""
    found, wanted = np.asarray(found, np.float64), np.asarray(wanted, np.float64)
    if not np.isfinite(found).all():
        return float('inf')
    return float(np.linalg.norm(found - wanted) / max(float(np.linalg.norm(wanted)), 1e-6))


def require_close(
    found: Mapping[str, np.ndarray], wanted: Mapping[str, np.ndarray], tolerance: float, what: str
) -> float:
    """Return the largest deviation over arrays by name. Raises Mismatch where one is above `tolerance`, or names differ."""
    if set(found) != set(wanted):
        raise Mismatch(f'{what}: arrays of other names: {sorted(set(found) ^ set(wanted))[:3]}')
    by_name = {name: deviation(found[name], wanted[name]) for name in wanted}
    worst = max(by_name, key=lambda name: by_name[name])
    if not by_name[worst] <= tolerance:
        raise Mismatch(f'{what}: {worst} deviates by {by_name[worst]:.2g}, accepted is {tolerance:g}')
    return by_name[worst]
