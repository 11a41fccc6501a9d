"""A run in progress: its directory, log and checkpoints, what it tells people, and how it is stopped."""
import os
import sys
import time

from ...base.errors import UserError
from ...runfiles.checkpoint import Checkpoint, Checkpoints
from ...runfiles.config import write_config
from ...runfiles.directory import RunDirectory
from ...runfiles.environment import (
    Environment,
    changed_conditions,
    last_environment,
    this_environment,
    write_environment,
)
from ...runfiles.log import Log
from ...runfiles.network import SEARCHED
from ...runfiles.stages import STAGES
from ...runfiles.summary import update_summary
from ..config import settings
from .events import Events
from .progress import Progress
from .state import gather, restore
from .stops import Interrupt

# A resumed run may have others of these.
FREE_TO_CHANGE = ('run', 'preset', 'plugins', 'train', 'data.dir', 'data.workers', 'data.memory_gb')


class Run:
    """One run directory at work. Worker 0 alone writes in it."""

    def __init__(self, config, devices, dataset, script):
        """config: a Config with `run` set; script: the command that resumes, such as 'train/search.py'."""
        self.config, self.devices, self.dataset, self.script = config, devices, dataset, script
        self.directory = RunDirectory(config.run)
        self.progress = Progress(devices.main)
        self.checkpoints = Checkpoints(self.directory.checkpoints, config.train.keep)
        self.interrupt = Interrupt()
        self.best = {}          # stage -> {'epoch', 'test_error'}
        self.events = None
        self._environment = self._before = Environment()   # of this start, and of the one before it
        self._saved = time.monotonic()
        self.log = Log(self.directory.log)

    def check(self, mode='new', allow_changes=False, may_differ=()):
        """Whether the run directory is one to work in; nothing is written.

        mode: 'new' for a directory without a run; 'resume' and 'add' for one whose run goes on, or gets a further stage.
        may_differ: keys or groups that an added stage may set anew. Raises UserError if something else is there.
        """
        if mode == 'new' and (self.checkpoints.positions() or self.log.rows or os.path.exists(self.directory.summary)):
            raise UserError('run directory %s: it holds a run; --resume continues it, another --run starts a new one'
                             % self.directory.path)
        if mode != 'new' and self.directory.exists():
            before = settings.build(stored_config(self.directory.config))
            different = settings.differences(before, self.config, FREE_TO_CHANGE + tuple(may_differ))
            if different and not allow_changes:
                raise UserError('run directory %s: its configuration differs (%s); --allow-changes continues with the new one'
                                 % (self.directory.path, '; '.join(different)))

    def start(self, kind=SEARCHED):
        """Take the directory's lock, write config.yaml and environment.json, and from now on stop when asked to.

        kind: of the network that is trained, see runfiles/network.py.
        """
        if self.devices.main:
            self.directory.lock()
            self.directory.sweep()
            self.log = Log(self.directory.log)
        self.devices.barrier()
        if self.devices.main:
            self._before = last_environment(self.directory.environment)
            self._environment = this_environment(self.devices.contexts, self.devices.workers, self.config.train.kvstore,
                                                 self.config.seed, kind, self.dataset.options.dir)
            write_config(self.directory.config, settings.dump(self.config))
            write_environment(self.directory.environment, self._environment)
            if self.config.train.tensorboard:
                self.events = Events(self.directory.events)
        self.interrupt.install()

    def newest(self, stages=STAGES):
        """The newest whole Checkpoint, or None; all workers must read the same."""
        found = self.checkpoints.newest(self.warn, stages)
        if self.devices.distributed:
            position = found or Checkpoint(STAGES[0], 0, 0)
            here = [STAGES.index(position.stage), position.epoch, position.step]
            if list(self.devices.total(here) / self.devices.workers) != here:
                raise UserError('run directory %s: the workers read different checkpoints in it; all must see one file system'
                                 % self.directory.path)
        return found

    def save(self, stage, epoch, step, partial, best=False):
        """Checkpoint of a Stage when `step` steps of `epoch` are done. All workers call it alike; one writes."""
        self._saved = time.monotonic()
        arrays, counts = gather(stage.learner)
        if not self.devices.main:
            return
        self.checkpoints.save(Checkpoint(
            stage.name, epoch, step, arrays, seed=self.config.seed, batch_size=stage.batch_size, epochs=stage.epochs, counts=counts,
            partial=partial, best=self.best, extra=stage.hooks.state()), best)

    def restore(self, stage, checkpoint):
        """Put a checkpoint back into a Stage and cut the log there. Returns the position for loop.train.

        Warns where the run now works under conditions that change the last digits of its numbers.
        """
        changed = changed_conditions(self._before, self._environment)
        if changed:
            self.warn(f"warning: {self.directory.path} goes on under other conditions ({'; '.join(changed)}): its numbers may differ "
                      'from those of an uninterrupted run')
        stage.hooks.restore(checkpoint.extra)
        restore(stage.learner, checkpoint.arrays, checkpoint.counts)
        stage.hooks.restored()
        self.best = checkpoint.best
        self.log.cut(checkpoint.stage, checkpoint.epoch)
        return checkpoint.epoch, checkpoint.step, checkpoint.partial

    def due(self):
        """Whether the time for a checkpoint within an epoch has come."""
        minutes = self.config.train.checkpoint_minutes
        return minutes > 0 and time.monotonic() - self._saved > 60 * minutes

    def record(self, row):
        """A row of the log, and its events."""
        if self.devices.main:
            self.log.append(row)
            if self.events:
                self.events.add(row)

    def write_summary(self, **content):
        """Add to summary.json; returns all that it then holds, for workers that do not write what was added."""
        return update_summary(self.directory.summary, **content) if self.devices.main else content

    def say(self, line):
        """A line for people, once in a distributed run."""
        self.progress.say(line)

    def warn(self, line):
        """A line on stderr."""
        if self.devices.main:
            print(line, file=sys.stderr, flush=True)

    def resume_command(self):
        return 'python %s --resume --run %s' % (self.script, self.directory.path)

    def close(self):
        self.progress.end()
        if self.events:
            self.events.close()
        self.directory.unlock()


def stored_config(path):
    """The Config of a run directory's config.yaml, as {dotted name: value}, its plugins imported. Raises OSError, UserError."""
    return settings.check_all(settings.read_yaml(path), path)
