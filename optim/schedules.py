"""Learning rates over a run: constant, linear decay, cosine with warm restarts.

A schedule is a small immutable object, called with the progress of the run in epochs (fractions count) and returning the learning
rate; it keeps no state, so that a resumed run needs only its epoch and step. A new schedule is one class, registered in SCHEDULES.
"""

from __future__ import annotations

import dataclasses
import math
import numbers
from typing import Any, NoReturn, Optional, Type

from ..base import limits
from ..base.errors import UserError
from ..base.registry import Registry


@dataclasses.dataclass(frozen=True)
class Schedule:
    """Base of all schedules: the warm-up, the end of the run, the checks.

    lr : the learning rate at the start (after the warm-up), > 0
    epochs : length of the run, warm-up included; from there on the rate stays where it ended. None: a run without end
    warmup : epochs in which the rate first grows linearly from 0 to lr; 0: no warm-up. What follows is shifted by them
    """

    lr: float
    epochs: Optional[float] = None
    warmup: float = 0.0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value: Any = getattr(self, field.name)
            number = isinstance(value, numbers.Real) and not isinstance(value, bool)
            if value is None and field.default is None:
                continue
            if not number or not 0 <= value < math.inf:
                self._refuse(field.name, 'must be a number >= 0')
        if not self.lr > 0:
            self._refuse('lr', 'must be > 0')
        if self.epochs is not None and not self.epochs > self.warmup:
            self._refuse('epochs', f'must be more than the warm-up of {self.warmup}')

    def _refuse(self, field: str, accepted: str) -> NoReturn:
        raise UserError(f'schedule {type(self).__name__}: {field} {accepted}, got {getattr(self, field)!r}')

    def __call__(self, epoch: float) -> float:
        """Return the learning rate at `epoch`, a number >= 0 counted from the start of the run."""
        if not epoch >= 0:
            raise ValueError(f'schedule {type(self).__name__}: epoch must be >= 0, got {epoch!r}')
        if epoch < self.warmup:
            return self.lr * epoch / self.warmup
        return self.rate(epoch if self.epochs is None else min(epoch, self.epochs))

    def rate(self, epoch: float) -> float:
        """Return the learning rate at warmup <= epoch <= epochs."""
        raise NotImplementedError


@dataclasses.dataclass(frozen=True)
class Constant(Schedule):
    """`lr` throughout."""

    def rate(self, epoch: float) -> float:
        return self.lr


@dataclasses.dataclass(frozen=True)
class Linear(Schedule):
    """From `lr` at the end of the warm-up to `lr_min` at `epochs`, in a straight line; `epochs` is needed."""

    lr_min: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.epochs is None:
            self._refuse('epochs', 'must be the length of the run')

    def rate(self, epoch: float) -> float:
        assert self.epochs is not None
        done = (epoch - self.warmup) / (self.epochs - self.warmup)
        return (1 - done) * self.lr + done * self.lr_min  # exact at both ends


@dataclasses.dataclass(frozen=True)
class CosineRestarts(Schedule):
    """Cosine with warm restarts (SGDR): in each period from `lr` down to `lr_min`, then at once back to `lr`.

    The first period lasts `t0` epochs, each following one `tmul` times as long: t0 = 10, tmul = 2 restarts at 10, 30, 70, 150, 310 (and
    630, a good length for a run). With a warm-up all of these come that much later. At a restart the rate is `lr`; just before it, and
    at `epochs` if a period ends there, it is `lr_min`.
    """

    lr_min: float = 0.0
    t0: float = 10
    tmul: float = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.t0 > 0:
            self._refuse('t0', 'must be > 0')
        if not self.tmul >= 1:
            self._refuse('tmul', 'must be >= 1')
        if self._periods() > limits.PERIODS:
            self._refuse('t0', f'must make at most {limits.PERIODS} periods in {self.epochs} epochs')
        if not self.lr_min <= self.lr:
            self._refuse('lr_min', f'must be at most lr = {self.lr}')

    def _periods(self) -> int:
        """Count the periods of the run, as far as one more than the most that there may be."""
        start, length, count = self.warmup, self.t0, 1
        while self.epochs is not None and start + length < self.epochs and count <= limits.PERIODS:
            start, length, count = start + length, length * self.tmul, count + 1
        return count

    def rate(self, epoch: float) -> float:
        start, length = self.warmup, self.t0
        # The end of the run, where a period ends there, belongs to that period; every other end is the restart.
        while epoch > start + length or (epoch == start + length and epoch != self.epochs):
            start, length = start + length, length * self.tmul
        cosine = math.cos(math.pi * (epoch - start) / length)
        return (1 + cosine) / 2 * self.lr + (1 - cosine) / 2 * self.lr_min  # exact at both ends


SCHEDULES: Registry[Type[Schedule]] = Registry('schedule')
SCHEDULES.register('constant', Constant)
SCHEDULES.register('linear', Linear)
SCHEDULES.register('cosine_restarts', CosineRestarts)


def make(name: str, **settings: Any) -> Schedule:
    """Build the schedule called `name` (of SCHEDULES) from those `settings` that it has; the classes say what they mean.

    All the settings of a configuration may be passed, whichever schedule it names: 'constant' ignores `lr_min` and `t0`. None
    stands for the default.
    Raises UserError for an unknown name and for a value out of range, ValueError for a setting that no schedule has and without lr.
    """
    kind = SCHEDULES.get(name)
    known = sorted({field.name for other in SCHEDULES.values() for field in dataclasses.fields(other)})
    for setting in settings:
        if setting not in known:
            raise ValueError(f'schedule {name}: unknown setting {setting!r}; known: {", ".join(known)}')
    if settings.get('lr') is None:
        raise ValueError(f'schedule {name}: lr is needed')
    fields = {field.name for field in dataclasses.fields(kind)}
    return kind(**{key: value for key, value in settings.items() if key in fields and value is not None})
