"""The line that shows how a stage goes: epoch, loss, error, what is left of the supernet, speed, and the time left of the run."""

import math
import time
from typing import List, Optional

from ...base.progress import Part, clock, left
from ...data.dataset import Part as DataPart
from ..runtime.run import Run
from .callbacks import BaseCallback
from .course import Course
from .figures import LAG
from .names import StageName
from .plan import Plan

TEST_STEP = 1 / 3  # of a training step: what a batch in testing takes, before it is known


class Bar(BaseCallback):
    """Shows the stage, and measures how long its steps take.

    Steps that wait for a graph to be built are not measured: the first of the stage, and those after the network was rebuilt.
    """

    def __init__(self) -> None:
        self._course: Optional[Course] = None
        self._last: Optional[float] = None  # end of the last step; None where the next is not to be measured
        self._unmeasured, self._net = 0, 0
        self._started = 0.0

    def stage_begins(self, course: Course) -> None:
        self._course = course
        plan_work(course.run, course.stage.name, course.plan, course.epoch, course.step)
        course.run.progress.watch(self._parts)

    def epoch_begins(self, course: Course) -> None:
        self._last = time.monotonic()
        if self._net != id(course.stage.learner.net):
            self._net, self._started = id(course.stage.learner.net), time.monotonic()
            self._unmeasured = LAG + len({update for _, update in course.plan.pattern})

    def step_ends(self, course: Course) -> None:
        now, last = time.monotonic(), self._last
        self._unmeasured -= 1
        measured = self._unmeasured < 0 and last is not None
        seconds = now - last if measured and last is not None else None
        course.run.progress.left.done(f'{course.stage.name} step', 1, seconds)
        self._last = now

    def stage_ends(self, course: Course) -> None:
        for kind in ('step', 'test'):
            course.run.progress.left.drop(f'{course.stage.name} {kind}')
        course.run.progress.unwatch(self._parts)

    def _parts(self) -> List[Part]:
        """Return what is known by now; called from the thread that draws."""
        course = self._course
        assert course is not None
        stage, progress = course.stage, course.run.progress
        epoch = min(course.epoch + 1, stage.epochs) if course.step or not course.row else max(course.epoch, 1)
        parts: List[Part] = [(0, f'{stage.name} {epoch}/{stage.epochs}')]
        loss, error = course.figures.last
        if math.isnan(loss):
            if self._unmeasured >= 0:
                parts.append((1, f'building the graph, {clock(time.monotonic() - self._started)}'))
        else:
            parts += [(4, f'{100 * course.step // course.plan.steps}%')] if course.step else []
            parts += [(3, f'loss {loss:.3f}'), (2, f'error {error:.1f}%')]
        parts += [(5, note) for note in list(course.notes.values())]
        seconds = progress.left.rate(f'{stage.name} step')
        if seconds:
            parts.append((6, f'{stage.batch_size / seconds:.0f} images/s'))
        parts.append((1, left(progress.left.seconds())))
        return parts


def plan_work(run: Run, name: StageName, plan: Plan, epoch: int = 0, step: int = 0) -> None:
    """Say how much of the stage `name` is left after some epochs and steps: steps, and tests."""
    settings, time_left = getattr(run.config, name), run.progress.left
    like = f'{StageName.PRETRAIN} step' if name == StageName.SEARCH else ''
    time_left.plan(f'{name} step', plan.steps * (settings.epochs - epoch) - step, like=like)
    every = settings.test_every
    due = {*(range(every, settings.epochs + 1, every) if every else ()), settings.epochs}
    tests = len([number for number in due if number > epoch]) + (name == StageName.RETRAIN)
    batches = run.dataset.sizes[DataPart.TEST] / settings.batch_size
    time_left.plan(f'{name} test', tests, like=f'{name} step', times=TEST_STEP * batches)
