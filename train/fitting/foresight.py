"""How long the whole of a fit will still take: the phase at work as it is measured, and those to come as they are planned.

Phases to come take their estimates times the pace of those before (seconds that they took by seconds that were estimated), the latest
of which count most. Where that is more than the minutes, later stages will be cut and baselines left out, as `decide` does: what is
foreseen has them cut already.
"""

import copy
import dataclasses
import time
from typing import Callable, Collection, FrozenSet, List, Optional, Tuple

from ...runfiles.fit import FitRecord, write_fit
from ..engine.callbacks import BaseCallback
from ..engine.course import Course
from ..runtime.time_left import TimeLeft
from .planning import KNOWN, RANDOM, STAGES, as_decided, reduced, stage_of, trained_as

LATE = 0.5  # of a baseline's time: where more is missing, it is left out
FADE = 0.5  # weight of a phase's pace beside that of the phase after it
EVERY = 10.0  # seconds between two notes in fit.json


@dataclasses.dataclass(frozen=True)
class Decision:
    """What is decided before a phase. epochs: of the stage that begins with it, None where none does; dropped: it is left out."""

    epochs: Optional[int] = None
    dropped: bool = False


def decide(record: FitRecord, phase: str, fixed: Collection[str] = (), begun: bool = False) -> Decision:
    """Decide the epochs of a stage that begins with a phase; of a baseline, whether there is time for it.

    fixed: stages whose epochs the caller set; begun: whether the phase was begun before an interruption, and so is not left out.
    """
    stage = stage_of(phase)
    baseline = stage in (RANDOM, KNOWN)
    if not baseline and (stage not in STAGES or stage in record.decided):
        return Decision()
    coming = as_decided(record.estimates, record.epochs, record.decided, record.left_out)
    planned = record.epochs[trained_as(phase)]
    epochs, missing = reduced(planned, coming, record.spent, 60 * record.minutes)
    if baseline:
        return Decision(dropped=missing > LATE * coming[phase] and not begun)
    return Decision(planned if stage in fixed else epochs)


def pace(record: FitRecord, present: Optional[Tuple[float, float]] = None) -> float:
    """Return seconds taken by seconds estimated. present: (what the phase at work will have taken, its estimate), None if not known."""
    expected = as_decided(record.estimates, record.epochs, record.decided, record.left_out)
    pairs = [(record.spent[phase], expected[phase]) for phase in expected if phase in record.spent]
    weight, took, planned = 1.0, 0.0, 0.0
    for spent, estimate in reversed([*pairs, *([present] if present else [])]):
        took, planned, weight = took + weight * spent, planned + weight * estimate, FADE * weight
    return took / planned if planned > 0 else 1.0


def later(record: FitRecord, phase: str, seconds: float, at_pace: float, fixed: Collection[str] = ()) -> float:
    """Foresee the seconds of all phases after one that will have taken `seconds`, with what will be decided on the way."""
    decided, left_out = dict(record.decided), list(record.left_out)
    spent = {**record.spent, phase: seconds}
    ahead = dataclasses.replace(record, decided=decided, left_out=left_out, spent=spent)
    total = 0.0
    for name in record.estimates:
        if name in spent or name in record.done or name in left_out:
            continue
        decision = decide(ahead, name, fixed)
        if decision.dropped:
            left_out.append(name)
            continue
        if decision.epochs is not None:
            decided[stage_of(name)] = decision.epochs
        one = as_decided({name: record.estimates[name]}, record.epochs, decided, ())
        spent[name] = at_pace * one[name]
        total += spent[name]
    return total


class FitLeft(TimeLeft):
    """TimeLeft of a fit. What stages plan and measure is of the phase at work; `seconds` is of that and of all phases after it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.clock = clock
        self._record: Optional[FitRecord] = None
        self._phase, self._started, self._planned = '', 0.0, False
        self._fixed: FrozenSet[str] = frozenset()

    def begin(self, record: FitRecord, phase: str, fixed: Collection[str] = (), earlier: float = 0.0) -> None:
        """Say that a phase begins or goes on, after `earlier` seconds of it before an interruption. fixed: see `decide`."""
        self.clear()
        self._phase, self._fixed, self._planned = phase, frozenset(fixed), False
        self._started = self.clock() - earlier
        self._record = copy.deepcopy(record)  # read by the thread that draws

    def plan(
        self, kind: str, amount: float, seconds: Optional[float] = None, like: str = '', times: float = 1.0
    ) -> None:
        """See TimeLeft.plan."""
        super().plan(kind, amount, seconds, like, times)
        self._planned = self._planned or amount > 0

    def seconds(self) -> Optional[float]:
        """Return the seconds that the fit will still take; the phase at work counts as estimated until something of it is measured."""
        record, phase = self._record, self._phase
        own = super().seconds() if self._planned else None
        if record is None:
            return own
        elapsed = self.clock() - self._started
        estimate = as_decided(record.estimates, record.epochs, record.decided, ()).get(phase, 0.0)
        if own is None:
            at_pace = pace(record)
            own = max(at_pace * estimate - elapsed, 0.0)
        else:
            at_pace = pace(record, (elapsed + own, estimate))
        return own + later(record, phase, elapsed + own, at_pace, self._fixed)


class Noting(BaseCallback):
    """Notes in fit.json how long the fit will still take, for whoever reads it meanwhile: now and then at the end of an epoch."""

    def __init__(
        self, run: str, record: FitRecord, left: TimeLeft, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.run, self.record, self.left, self.clock = run, record, left, clock
        self._noted: Optional[float] = None

    def epoch_ends(self, course: Course) -> None:
        now = self.clock()
        if course.run.devices.main and (self._noted is None or now - self._noted >= EVERY):
            self._noted = now
            note(self.run, self.record, self.left)


def note(run: str, record: FitRecord, left: TimeLeft) -> None:
    """Write the time left into fit.json of the run directory `run`."""
    seconds = left.seconds()
    if seconds is not None:
        record.foreseen = {'phase': _at_work(record), 'seconds': round(seconds, 1), 'at': round(time.time(), 1)}
        write_fit(run, record)


def _at_work(record: FitRecord) -> str:
    coming: List[str] = [name for name in record.estimates if name not in record.done and name not in record.left_out]
    return coming[0] if coming else ''
