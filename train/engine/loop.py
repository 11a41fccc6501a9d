"""The one loop of all stages: epochs of steps, a step being (data part, what is updated).

What a step does depends on the seed and its position (stage, epoch, step) alone, so a run that was
stopped anywhere goes on as if it had not been: the data position follows from counts of steps, random
numbers from the position, the rest is in the checkpoint. Everything else around a step or an epoch is
a callback of the stage.
"""

import time
from typing import Dict

import mxnet as mx

from ...data.dataset import Part
from ..runtime import seeds
from ..runtime.run import Run
from ..runtime.state import digest
from ..runtime.stops import TrainingError
from . import bn_statistics
from .course import Course
from .names import Update
from .plan import Feed, Plan, Position
from .stage import Stage


def train(stage: Stage, run: Run, position: Position = Position()) -> Course:  # noqa: B008 (a frozen value)
    """Train a Stage to its end, from a Position on. Returns where it stands then.

    Raises Stopped, TrainingError and OSError.
    """
    devices, shard = run.devices, run.devices.shard
    share = devices.share(stage.batch_size, f'{stage.name}.batch_size')
    plan = Plan(stage.pattern, stage.batch_size, run.dataset, share, shard)
    course = Course(stage, run, plan, share, position)
    feeds = {
        part: Feed(run.dataset, part, share, shard, stage.first_pass, plan.before(part, course.epoch, course.step))
        for part in plan.parts
    }
    try:
        _call('stage_begins', course)
        while not course.over:
            course.begin_epoch()
            _call('epoch_begins', course)
            while course.step < plan.steps:
                _step(course, feeds)
            _finish_epoch(course)
            _call('epoch_ends', course)
        _call('stage_ends', course)
    finally:
        for feed in feeds.values():
            feed.close()
    return course


def _call(moment: str, course: Course) -> None:
    for callback in course.stage.callbacks:
        getattr(callback, moment)(course)


def _step(course: Course, feeds: Dict[Part, Feed]) -> None:
    stage, run, plan, epoch, step = course.stage, course.run, course.plan, course.epoch, course.step
    part, course.update = plan.step(step)
    done = epoch + step / plan.steps
    rates = {group: schedule(done) for group, schedule in stage.rates.items()}
    x, y = feeds[part].next()
    if stage.mix is not None:
        x, y = stage.mix(x, y, epoch, step)
    if stage.seeded:
        seeds.set_all(run.config.seed, stage.name, epoch, step, run.devices.rank)
    course.where = f'{stage.name} epoch {epoch + 1}, step {step + 1} of {plan.steps} ({course.update.symbol} step)'
    _call('before_step', course)
    figures, finite = stage.learner.step(
        course.update, x, y, stage.batch_size, stage.inputs(done / stage.epochs), rates
    )
    course.figures.add(course.where, course.update, figures, finite)
    course.step += 1
    _call('step_ends', course)


def _finish_epoch(course: Course) -> None:
    """Wait for the steps of an epoch, make one network of those of all devices, and begin its row of the log."""
    stage, run, steps, epoch = course.stage, course.run, course.plan.steps, course.epoch
    course.figures.fetch()
    mx.nd.waitall()
    seconds = time.monotonic() - course.started
    bn_statistics.average(stage.learner)
    if run.devices.distributed and not run.devices.same_everywhere(digest(stage.learner)):
        raise TrainingError(
            f'{stage.name} epoch {epoch + 1}: the workers hold different weights; the last checkpoint is kept'
        )
    course.epoch, course.step = epoch + 1, 0
    course.row = {
        'stage': stage.name,
        'epoch': epoch + 1,
        'step': (epoch + 1) * steps,
        'lr': stage.rates[Update.WEIGHTS](epoch + (steps - 1) / steps),
        'seconds': seconds,
        'images_per_second': steps * stage.batch_size / max(seconds, 1e-9),
        **course.figures.means(),
    }
