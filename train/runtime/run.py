"""A run in progress: its directory, log and checkpoints, what it tells people, and how it is stopped."""

import dataclasses
import os
import sys
import time
from typing import TYPE_CHECKING, Any, Dict, Optional, Sequence

from ...base.errors import UserError
from ...base.text import escaped, few
from ...data.dataset import DataSet
from ...runfiles import checksums
from ...runfiles.checkpoint import Checkpoint, Checkpoints
from ...runfiles.config import own_data, write_config
from ...runfiles.data import write_data
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
from ...symbols.backend import native
from ..config import settings
from ..config.changes import changed
from ..config.tree import Config
from ..engine.callbacks import restore as restore_states
from ..engine.callbacks import states
from ..engine.plan import Position
from . import facts
from .devices import Devices
from .events import Events
from .hooks import NONE, Hooks
from .progress import Progress
from .state import gather, restore
from .stops import Interrupt

if TYPE_CHECKING:
    from ..engine.stage import Stage

# A resumed run may have others of these.
FREE_TO_CHANGE = ('run', 'preset', 'plugins', 'train', 'data.dir', 'data.workers', 'data.memory_gb')


class Run:
    """One run directory at work. Worker 0 alone writes in it."""

    def __init__(self, config: Config, devices: Devices, dataset: DataSet, script: str, hooks: Hooks = NONE) -> None:
        """config: a Config with `run` set; script: the command that resumes, such as 'train/search.py'."""
        self.hooks = hooks
        self.config, self.devices, self.dataset, self.script = config, devices, dataset, script
        self.directory = RunDirectory(config.run)
        self.progress = hooks.progress or Progress(devices.main)
        self.checkpoints = Checkpoints(self.directory.checkpoints, config.train.keep)
        self.interrupt = Interrupt()
        self.best: Dict[str, Any] = {}  # stage -> {'epoch', 'test_error', 'topk_error'}
        self.events: Optional[Events] = None
        self.data = facts.describe(dataset)
        self._environment = self._before = Environment()  # of this start, and of the one before it
        self._begun = False
        self._saved = time.monotonic()
        self.log = Log(self.directory.log)

    def check(self, mode: str = 'new', allow_changes: bool = False, may_differ: Sequence[str] = ()) -> None:
        """Check that the run directory is one to work in; nothing is written.

        mode: 'new' for a directory without a run; 'resume' and 'add' for one whose run goes on, or gets a further stage.
        may_differ: keys or groups that an added stage may set anew. Raises UserError if something else is there.
        """
        if mode == 'new' and (self.checkpoints.positions() or self.log.rows or os.path.exists(self.directory.summary)):
            raise UserError(
                f'run directory {self.directory.path}: it holds a run; --resume continues it, another --run starts a new one'
            )
        if mode != 'new' and self.directory.exists():
            before = settings.build(stored_config(self.directory.config))
            free = FREE_TO_CHANGE + tuple(may_differ) + tuple(self.hooks.may_differ)
            different = settings.differences(before, self.config, free)
            if different and not allow_changes:
                raise UserError(
                    f'run directory {self.directory.path}: its configuration differs ({"; ".join(different)}); '
                    '--allow-changes continues with the new one'
                )
            accepted = 'give the data that it began with by --data-dir, or start another run with --run'
            if mode == 'add':
                accepted = 'give its own by --data-dir, or --name NAME retrains beside it'
            different = facts.check_same(self.directory.path, self.data, accepted, allow_changes)
            if different:
                note = f'goes on with other data than it began with: {few(different, facts.ROOM)}'
                self.warn(f'warning: {self.directory.path} {note}')
                self.data = dataclasses.replace(self.data, notes=[*self.data.notes, f'The run {note}.'])
        if mode == 'new':
            self._tell_differences_from_parent()

    def _tell_differences_from_parent(self) -> None:
        """Say in what a retraining in another run's directory is not to be compared with it: its data, its settings."""
        if not os.path.basename(self.directory.path).startswith('retrain-'):
            return
        warning = facts.differences_from_parent(self.directory.path, self.data)
        if warning:
            self.warn(warning)
        parent = RunDirectory(os.path.dirname(self.directory.path))
        if not parent.exists():
            return
        others = tuple(key for key in settings.KEYS if not key.startswith('retrain.')) + ('retrain.test_every',)
        different = settings.differences(settings.build(stored_config(parent.config)), self.config, others)
        if different:
            self.warn(f'note: not by the recipe of {parent.path} ({few(different, facts.ROOM)}): tables will say so')

    def start(self, kind: str = SEARCHED, searching: bool = False) -> None:
        """Take the directory's lock, tell what was understood of the data, and from now on stop when asked to.

        Nothing that the run holds is changed before `begin`. kind: of the network that is trained, see runfiles/network.py; searching:
        whether this start searches.
        """
        if self.devices.main:
            self.directory.lock()
            self.directory.sweep()
            self.log = Log(self.directory.log)
        self.devices.barrier()
        if self.devices.main:
            for line in checksums.changes(self.directory.path):
                self.warn(f'warning: {os.path.join(self.directory.path, "")}{line}')
            self._before = last_environment(self.directory.environment)
            self._environment = this_environment(
                self.devices.contexts,
                self.devices.workers,
                self.config.train.kvstore,
                self.config.seed,
                kind,
                self.dataset.options.dir,
            )
            self._environment.changed = changed(self.config)
            self._environment.search_threads = self._environment.threads if searching else self._before.search_threads
            self._environment.blocks = native.blocks() if self.devices.kernels_kind == 'cpu' else None
        for line in facts.told(self.data):
            self.say(line)
        if self.devices.kernels_kind == 'cpu' and native.missing():
            self.say(
                f"blocks of networks are computed by MXNet's operators, in up to twice the time: {native.missing()}"
            )
        self.interrupt.install()

    def begin(self) -> None:
        """Write config.yaml, environment.json and data.json of this start, once everything is ready to train.

        A start that is refused, such as a resume, so leaves the files of the last one.
        """
        if not self.devices.main or self._begun:
            return
        self._begun = True
        write_config(self.directory.config, settings.dump(self.config))
        write_environment(self.directory.environment, self._environment)
        write_data(self.directory.path, self.data)
        if self.config.train.tensorboard:
            unshown = ('run', 'preset', 'plugins', 'data.dir')
            shown = {name: value for name, value in settings.flatten(self.config).items() if name not in unshown}
            self.events = Events(self.directory.events, shown)

    def newest(self, stages: Sequence[str] = STAGES) -> Optional[Checkpoint]:
        """Return the newest whole Checkpoint, or None; all workers must read the same."""
        newest = self.checkpoints.newest(self.warn, stages)
        if newest is None and any(row['stage'] in stages for row in self.log.rows):
            self.warn(
                f'warning: {self.checkpoints.folder}: no checkpoint, though {self.directory.log} has epochs; they are trained anew'
            )
            self.log.rows = [row for row in self.log.rows if row['stage'] not in stages]
        if self.devices.distributed:
            position = newest or Checkpoint(STAGES[0], 0, 0)
            here = [STAGES.index(position.stage), position.epoch, position.step]
            if list(self.devices.total(here) / self.devices.workers) != here:
                raise UserError(
                    f'run directory {self.directory.path}: the workers read different checkpoints in it; all must see one file system'
                )
        return newest

    def save(self, stage: 'Stage', position: Position, best: bool = False) -> None:
        """Save a checkpoint of a Stage at a Position. All workers call it alike; one writes."""
        self._saved = time.monotonic()
        with self.progress.phase(f'{stage.name} {position.epoch}/{stage.epochs}, saving a checkpoint'):
            self._save(stage, position, best)

    def _save(self, stage: 'Stage', position: Position, best: bool) -> None:
        arrays, counts = gather(stage.learner)
        if not self.devices.main:
            return
        checkpoint = Checkpoint(
            stage.name,
            position.epoch,
            position.step,
            arrays,
            seed=self.config.seed,
            batch_size=stage.batch_size,
            epochs=stage.epochs,
            counts=counts,
            partial=position.partial,
            best=self.best,
            extra=states(stage.callbacks),
            ended=position.ended,
        )
        self.checkpoints.save(checkpoint, best)

    def restore(self, stage: 'Stage', checkpoint: Checkpoint) -> Position:
        """Put a checkpoint back into a Stage and cut the log there. Returns the Position to go on from.

        Warns where the run now works under conditions that change the last digits of its numbers.
        """
        changed = changed_conditions(self._before, self._environment)
        if changed:
            self.warn(
                f'warning: {self.directory.path} goes on under other conditions ({"; ".join(changed)}): its numbers may differ '
                'from those of an uninterrupted run'
            )
        restore_states(stage.callbacks, checkpoint.extra)
        restore(stage.learner, checkpoint.arrays, checkpoint.counts)
        self.best = checkpoint.best
        self.log.cut(checkpoint.stage, checkpoint.epoch)
        return Position(checkpoint.epoch, checkpoint.step, checkpoint.partial, checkpoint.ended)

    def due(self) -> bool:
        """Whether the time for a checkpoint within an epoch has come."""
        minutes = self.config.train.checkpoint_minutes
        return minutes > 0 and time.monotonic() - self._saved > 60 * minutes

    def record(self, row: Dict[str, Any]) -> None:
        """Write a row of the log, and its events."""
        if self.devices.main:
            self.log.append(row)
            if self.events:
                self.events.add(row)

    def write_summary(self, **content: Any) -> Dict[str, Any]:
        """Add to summary.json; returns all that it then holds, for workers that do not write what was added."""
        return dict(update_summary(self.directory.summary, **content)) if self.devices.main else content

    def say(self, line: str) -> None:
        """Print a line for people, once in a distributed run."""
        self.progress.say(line)

    def warn(self, line: str) -> None:
        """Print a line on stderr."""
        if self.devices.main:
            with self.progress.aside():
                print(escaped(line), file=sys.stderr, flush=True)

    def resume_command(self) -> str:
        """Return the command that resumes the run."""
        return self.hooks.command or f'python {self.script} --resume --run {self.directory.path}'

    def close(self) -> None:
        """End what is shown and the events, and give up the lock."""
        self.progress.end()
        if self.events:
            self.events.close()
        self.directory.unlock()


def stored_config(path: str) -> Dict[str, Any]:
    """Read the Config of a run directory's config.yaml, as {dotted name: value}, its plugins imported. Raises OSError, UserError."""
    values = settings.check_all(settings.read_yaml(path), path)
    if values.get('data.dir'):
        values['data.dir'] = own_data(values['data.dir'], path)
    return values
