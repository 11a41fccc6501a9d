"""The one loop of all stages: epochs of steps, a step being (data part, what is updated).

What a step does depends on the seed and its position (stage, epoch, step) alone, so a run that was stopped anywhere goes on as if it
had not been: the data position follows from counts of steps, random numbers from the position, the rest is in the checkpoint.
"""
import contextlib
import math
import time
from collections import deque

import mxnet as mx
import numpy as np

from ...base.errors import UserError
from ..runtime import seeds
from ..runtime.progress import epoch_line
from ..runtime.state import digest
from ..runtime.stops import Stopped, TrainingError
from . import bn_statistics

LAG = 2   # steps whose figures are still on their way while the next are started


class Feed:
    """Batches of one part over one pass after another, from batch `position` of the stage on."""

    def __init__(self, dataset, part, batch_size, shard, first_pass, position):
        self._dataset, self._part, self._batch_size, self._shard = dataset, part, batch_size, shard
        self._pass, self._skip = divmod(position, dataset.num_batches(part, batch_size, True, shard))
        self._pass += first_pass
        self._batches = None

    def next(self):
        """(x, y) numpy arrays."""
        while True:
            if self._batches is None:
                self._batches = self._dataset.batches(self._part, self._batch_size, epoch=self._pass, train=True, shard=self._shard,
                                                      skip=self._skip)
                self._pass, self._skip = self._pass + 1, 0
            for batch in self._batches:
                return batch
            self.close()

    def close(self):
        if self._batches is not None:
            self._batches.close()
            self._batches = None


class Plan:
    """Which step is what: the steps of an epoch, and how many batches of each part lie before any of them.

    An epoch is one pass over the part of the pattern's first step. Raises UserError where the pattern does not fit into an epoch.
    """

    def __init__(self, pattern, batch_size, dataset, share, shard):
        self.pattern, self.parts = pattern, []
        for part, _ in pattern:
            if part not in self.parts:
                self.parts.append(part)
        self._count = {part: [name for name, _ in pattern].count(part) for part in self.parts}
        lead = self.parts[0]
        batches = dataset.num_batches(lead, share, True, shard)
        cycles, rest = divmod(batches, self._count[lead])
        if not cycles:
            raise UserError('search.ratio: the W part has %d batches of %d images an epoch, fewer than the %d W iterations of one turn'
                             % (batches, batch_size, self._count[lead]))
        self.steps = cycles * len(pattern) + rest

    def step(self, number):
        """(part, update) of a step of an epoch."""
        return self.pattern[number % len(self.pattern)]

    def before(self, part, epoch, step):
        """Batches of `part` used before step `step` of epoch `epoch`."""
        return epoch * self._within(part, self.steps) + self._within(part, step)

    def _within(self, part, step):
        turns, rest = divmod(step, len(self.pattern))
        return turns * self._count[part] + [name for name, _ in self.pattern[:rest]].count(part)


class Figures:
    """Sums over an epoch's steps, for W steps and λ steps apart, fetched a few steps late so that no step waits for them."""

    def __init__(self, stage, share, devices, sums=None):
        """sums: of the epoch so far, from `gather`."""
        self._stage, self._share, self._devices, self._waiting = stage, share, devices, deque()
        self.sums = {'weights': [0.0, 0, 0], 'gates': [0.0, 0, 0]}
        for group, rows in (sums or {}).items():
            if len(rows) != devices.workers:   # another number of workers
                rows = [np.sum(rows, axis=0)] + [np.zeros(3)] * (devices.workers - 1)
            loss, wrong, count = rows[devices.rank]
            self.sums[group] = [float(loss), int(wrong), int(count)]
        self.last = (math.nan, math.nan)

    def gather(self):
        """Sums so far, all fetched: {group: those of each worker}."""
        self.fetch()
        return {group: self._devices.gather(values).tolist() for group, values in self.sums.items()}

    def add(self, where, update, figures, finite):
        """where: a text that names the step; figures, finite: what Learner.step returned."""
        self._waiting.append((where, update, figures, finite))
        self.fetch(LAG)

    def fetch(self, keep=0):
        """Wait for all but the last `keep` steps. Raises TrainingError where a number is not finite."""
        while len(self._waiting) > keep:
            where, update, figures, finite = self._waiting.popleft()
            loss, wrong = np.sum([figure.asnumpy() for figure in figures], axis=0, dtype=np.float64)
            if not math.isfinite(loss):
                self._refuse('the loss', where)
            for group, flag in finite.items():
                if not flag.asscalar():
                    self._refuse('the gradient of %s' % {'weights': 'W', 'gates': 'λ'}[group], where)
            sums = self.sums['gates' if update == 'gates' else 'weights']
            sums[0] += float(loss)
            sums[1] += int(wrong)
            sums[2] += self._share
            self.last = (loss / self._share, 100.0 * wrong / self._share)

    def _refuse(self, what, where):
        raise TrainingError('%s is not finite at %s; the last checkpoint before it is kept. A smaller learning rate '
                            '(%s.lr), or %s.clip_gradient, may help' % (what, where, self._stage.name, self._stage.name))

    def means(self):
        """{'loss', 'error', 'gate_loss', 'gate_error'} over all workers; errors in percent; None where there was no such step."""
        total = self._devices.total(self.sums['weights'] + self.sums['gates'])
        row = {}
        for prefix, (loss, wrong, count) in (('', total[:3]), ('gate_', total[3:])):
            row[prefix + 'loss'] = float(loss) / float(count) if count else None
            row[prefix + 'error'] = 100.0 * float(wrong) / float(count) if count else None
        return row


def train(stage, run, position=(0, 0, None)):
    """Train a Stage to its end, from (epoch, step, figures so far). Raises Stopped, TrainingError, OSError."""
    devices, shard = run.devices, (run.devices.rank, run.devices.workers)
    share = devices.share(stage.batch_size, '%s.batch_size' % stage.name)
    plan = Plan(stage.pattern, stage.batch_size, run.dataset, share, shard)
    epoch, step, partial = position
    feeds = {part: Feed(run.dataset, part, share, shard, stage.first_pass, plan.before(part, epoch, step)) for part in plan.parts}
    try:
        while epoch < stage.epochs:
            row = _epoch(stage, run, plan, feeds, share, epoch, step, partial)
            best = _tested(stage, run, row)
            run.record(row)
            epoch, step, partial = epoch + 1, 0, None
            run.save(stage, epoch, step, partial, best)
            run.say(epoch_line(row, stage.epochs))
            stage.hooks.say(run)
    finally:
        run.progress.end()
        for feed in feeds.values():
            feed.close()


def _epoch(stage, run, plan, feeds, share, epoch, step, partial):
    learner, devices = stage.learner, run.devices
    figures = Figures(stage, share, devices, partial and partial['sums'])
    started = time.monotonic() - (partial['seconds'] if partial else 0)
    run.progress.start('%s %d/%d' % (stage.name, epoch + 1, stage.epochs), plan.steps, step)
    first = step
    vote = devices.start_total([0, 0])
    while step < plan.steps:
        part, update = plan.step(step)
        done = epoch + step / plan.steps
        rates = {group: schedule(done) for group, schedule in stage.rates.items()}
        x, y = feeds[part].next()
        if stage.seeded:
            seeds.set_all(run.config.seed, stage.name, epoch, step, devices.rank)
        stage.hooks.before(update)
        where = '%s epoch %d, step %d of %d (%s step)' % (
            stage.name, epoch + 1, step + 1, plan.steps, {'weights': 'W', 'gates': 'λ', 'both': 'W and λ'}[update])
        figures.add(where, update, *learner.step(update, x, y, stage.batch_size, stage.inputs(done / stage.epochs), rates))
        step += 1
        run.progress.step(lambda: _postfix(stage, figures, share, step - first, started))  # noqa: B023 - called at once
        stop, due, vote = _asked(run, vote)
        if stop or due:
            run.save(stage, epoch, step, {'sums': figures.gather(), 'seconds': time.monotonic() - started})
        if stop:
            raise Stopped(stop, 'stopped at %s; checkpoint written. To go on: %s' % (where, run.resume_command()))
    run.progress.end()
    figures.fetch()
    mx.nd.waitall()
    seconds = time.monotonic() - started
    bn_statistics.average(learner)
    if devices.distributed and not devices.same_everywhere(digest(learner)):
        raise TrainingError('%s epoch %d: the workers hold different weights; the last checkpoint is kept' % (stage.name, epoch + 1))
    last = epoch + (plan.steps - 1) / plan.steps
    row = {'stage': stage.name, 'epoch': epoch + 1, 'step': (epoch + 1) * plan.steps, 'lr': stage.rates['weights'](last),
           'seconds': seconds, 'images_per_second': plan.steps * stage.batch_size / max(seconds, 1e-9)}
    row.update(figures.means())
    row.update(stage.hooks.end_of_epoch(epoch + 1))
    return row


def _asked(run, vote):
    """(signal number that all workers stop for, or 0; whether a checkpoint is due; next vote). Workers agree by sums that arrive a step
    later."""
    here = run.interrupt.signal, run.devices.main and run.due()
    if not run.devices.distributed:
        return here + (vote,)
    stop, due = vote.asnumpy()
    return (here[0] or 15) if stop else 0, bool(due), run.devices.start_total([bool(here[0]), here[1]])


def _postfix(stage, figures, share, steps, started):
    loss, error = figures.last
    rate = steps * stage.batch_size / max(time.monotonic() - started, 1e-9)
    return 'loss %.3f, error %.1f%%, %.0f images/s%s' % (loss, error, rate, stage.hooks.live())


def _tested(stage, run, row):
    """Test where it is due, into `row`; True if this is the best test error so far."""
    last = row['epoch'] == stage.epochs
    if not last and not (stage.test_every and row['epoch'] % stage.test_every == 0):
        return False
    supernet = stage.name != 'retrain'
    with _settled(stage, run) if supernet else contextlib.nullcontext():
        result = test(stage.learner, run, stage.batch_size, stage.inputs(0.0))
    row.update(test_loss=result['loss'], test_error=result['error'])
    if supernet:   # its error says little of what is derived from it
        return False
    best = run.best.get(stage.name)
    if best is not None and best['test_error'] <= result['error']:
        return False
    run.best = dict(run.best, **{stage.name: {'epoch': row['epoch'], 'test_error': result['error'], 'topk_error': result['topk_error']}})
    return True


@contextlib.contextmanager
def _settled(stage, run):
    """The supernet with batch norm's statistics as they would be if W and λ had stood still for a while."""
    devices = run.devices
    seeds.set_all(run.config.seed, 'settle', devices.rank)
    feed = Feed(run.dataset, stage.pattern[0][0], devices.share(stage.batch_size), (devices.rank, devices.workers), 0, 0)
    try:
        with bn_statistics.settled(stage.learner, iter(feed.next, None)):
            yield
    finally:
        feed.close()


def test(learner, run, batch_size, inputs=(), classes=0):
    """Test on the test set, divided over workers and devices."""
    devices = run.devices
    seeds.set_all(run.config.seed, 'test', devices.rank)   # for operations that draw numbers at any time
    size = run.config.train.test_batch or devices.share(batch_size) // len(devices.contexts)
    batches = run.dataset.batches('test', size, train=False, shard=(devices.rank, devices.workers))
    try:
        return learner.evaluate(batches, size, topk=5, classes=classes, inputs=inputs)
    finally:
        batches.close()
