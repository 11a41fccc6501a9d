"""The callbacks of every stage: tests, log, checkpoints, and the line of an epoch."""

import contextlib
import math
import time
from typing import Any, Iterator, List, Sequence

from ...data.dataset import Part
from ...runfiles.log import COLUMNS
from ..config.tree import Config
from ..runtime import seeds
from ..runtime.hooks import NONE, Hooks
from ..runtime.progress import epoch_line
from ..runtime.run import Run
from ..runtime.stops import Stopped
from . import bn_statistics
from .averaging import averaged
from .bar import Bar
from .callbacks import BaseCallback, Callback, create, given
from .course import Course
from .learner import Learner
from .names import StageName, Update
from .plan import Feed
from .stage import Stage
from .testing import TestResult


def around(
    config: Config, before: Sequence[Callback] = (), after: Sequence[Callback] = (), hooks: Hooks = NONE
) -> List[Callback]:
    """Return the callbacks of a stage in their order.

    before: of the stage, whose columns the user's own may read; after: those that speak once the epoch's line is out.
    hooks: whose callbacks follow those of the configuration.
    Tests come twice: where one is due, and where a callback of the user has ended the stage.
    """
    rest = [Steps(), Recording(), Saving(), Announcing()]
    return [Bar(), *before, Testing(), *create(config), *given(hooks.callbacks, config), Testing(), *rest, *after]


class Testing(BaseCallback):
    """Tests the network where it is due, and remembers the best of a derived one."""

    def epoch_ends(self, course: Course) -> None:
        stage, run, row = course.stage, course.run, course.row
        due = course.over or (stage.test_every and course.epoch % stage.test_every == 0)
        if not due or 'test_error' in row:
            return
        supernet, started = stage.name != StageName.RETRAIN, time.monotonic()
        where = f'{stage.name} {course.epoch}/{stage.epochs}'
        with run.progress.phase(f'{where}, statistics of batch norm'), as_tested(stage, run):
            result = test(stage.learner, run, stage.batch_size, stage.inputs(0.0), title=f'{where}, testing')
        run.progress.left.done(f'{stage.name} test', 1, time.monotonic() - started)
        row.update(test_loss=result.loss, test_error=result.error)
        best = run.best.get(stage.name)
        if supernet or (best is not None and best['test_error'] <= result.error):
            return  # a supernet's error says little of what is derived from it
        best = {'epoch': row['epoch'], 'test_error': result.error, 'topk_error': result.topk_error}
        run.best = dict(run.best, **{stage.name: best})
        course.best = True


class Recording(BaseCallback):
    """Writes the epoch's row to log.csv and to TensorBoard's events."""

    def __init__(self) -> None:
        self._columns: List[str] = []

    def stage_begins(self, course: Course) -> None:
        self._columns = [name for callback in course.stage.callbacks for name in callback.columns]
        course.run.log.declare(self._columns)

    def epoch_ends(self, course: Course) -> None:
        undeclared = sorted(set(course.row) - set(COLUMNS) - set(self._columns))
        if undeclared:
            raise ValueError(f'a callback adds {", ".join(undeclared)} to the row without naming it in its columns')
        course.run.record(course.row)


class Steps(BaseCallback):
    """Writes loss, error, learning rates and γ of every tenth step to TensorBoard's events."""

    EVERY = 10

    def step_ends(self, course: Course) -> None:
        events, plan = course.run.events, course.plan
        number = course.epoch * plan.steps + course.step
        if events is None or number % self.EVERY:
            return
        loss, error = course.figures.last
        figures = {} if math.isnan(loss) else {'loss': loss, 'error': error}
        done = course.epoch + (course.step - 1) / plan.steps
        names = {Update.WEIGHTS: 'lr', Update.GATES: 'gate_lr'}
        rates = {names[group]: schedule(done) for group, schedule in course.stage.rates.items()}
        events.step(course.stage.name, number, {**figures, **rates, **course.scalars})


class Saving(BaseCallback):
    """Saves checkpoints: after every epoch, after some minutes within one, and where the run is asked to stop.

    Workers agree to stop or save by sums that arrive a step later.
    """

    def __init__(self) -> None:
        self._vote: Any = None

    def epoch_begins(self, course: Course) -> None:
        self._vote = course.run.devices.start_total([0, 0])

    def step_ends(self, course: Course) -> None:
        run = course.run
        stop, due = run.interrupt.signal, run.devices.main and run.due()
        if run.devices.distributed:
            any_stop, any_due = self._vote.asnumpy()
            self._vote = run.devices.start_total([bool(stop), due])
            stop, due = (stop or 15) if any_stop else 0, bool(any_due)
        if stop or due:
            run.save(course.stage, course.position())
        if stop:
            text = f'stopped at {course.where}; checkpoint written. To go on: {run.resume_command()}'
            raise Stopped(stop, text)

    def epoch_ends(self, course: Course) -> None:
        course.run.save(course.stage, course.position(), course.best)


class Announcing(BaseCallback):
    """Says a line of an epoch's numbers, and why a stage ends early."""

    def epoch_ends(self, course: Course) -> None:
        course.run.say(epoch_line(course.row, course.stage.epochs, course.run.progress.left.seconds()))
        if course.ended:
            course.run.say(f'{course.stage.name} ends after epoch {course.epoch}: {course.ended}')


@contextlib.contextmanager
def as_tested(stage: Stage, run: Run) -> Iterator[None]:
    """Have the stage's network be for a while what is tested.

    A supernet gets the running statistics that it would have if W and λ had stood still for a while; a network whose weights are
    averaged gets those averages, with statistics of their own; any other is tested as it is.
    """
    devices, learner = run.devices, stage.learner
    if stage.name == StageName.RETRAIN and (learner.average is None or not learner.average.values):
        yield
        return
    seeds.set_all(run.config.seed, 'settle', devices.rank)
    feed = Feed(run.dataset, stage.pattern[0][0], devices.share(stage.batch_size), devices.shard, 0, 0)
    try:
        batches, inputs = iter(feed.next, None), stage.inputs(0.0)
        averaging = stage.name == StageName.RETRAIN
        with averaged(learner, batches, inputs) if averaging else bn_statistics.settled(learner, batches, inputs):
            yield
    finally:
        feed.close()


def test(
    learner: Learner,
    run: Run,
    batch_size: int,
    inputs: Sequence[Any] = (),
    classes: int = 0,
    title: str = 'testing',
    part: Part = Part.TEST,
) -> TestResult:
    """Test on the test set, or another part, divided over workers and devices. title: what is shown meanwhile."""
    devices = run.devices
    seeds.set_all(run.config.seed, 'test', devices.rank)  # for operations that draw numbers at any time
    size = run.config.train.test_batch or devices.share(batch_size) // len(devices.contexts)
    batches = run.dataset.batches(part, size, train=False, shard=devices.shard)
    tested, images = [0], run.dataset.sizes[part]

    def counted() -> Iterator[Any]:
        for x, y in batches:
            yield x, y
            tested[0] += len(y) * devices.workers

    try:
        with run.progress.phase(title, lambda: f'{min(tested[0], images)} of {images} images'):
            return learner.evaluate(counted(), size, topk=5, classes=classes, inputs=inputs)
    finally:
        batches.close()
