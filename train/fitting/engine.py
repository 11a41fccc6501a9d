"""`run_fit`: from data to a tested, exported network, interrupted anywhere and gone on with."""

import contextlib
import dataclasses
import os
import signal
import threading
import time
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Union

from ...base.errors import UserError
from ...data import registry
from ...data.dataset import DataSet
from ...data.registry import DataSource
from ...runfiles.directory import RunDirectory, is_run
from ...runfiles.fit import LOCK, FitRecord, read_fit, write_fit
from ..config.tree import Config
from ..runtime import facts as data_facts
from ..runtime.hooks import Hooks
from ..runtime.opening import open_data
from ..runtime.stops import Stopped
from . import choices, delivering, foresight, phases, planning, screen
from .facts import DataFacts, Stored
from .preparing import PREPARE, Preparing
from .settings import FitSettings, differences, directory, located, resolved
from .telling import Epochs, Teller

STAGES = planning.STAGES


def run_fit(
    data: Union[str, DataSource],
    settings: Optional[FitSettings] = None,
    *,
    callbacks: Sequence[Any] = (),
    loss: Optional[Callable[[Any, Any], Any]] = None,
    quiet: bool = False,
) -> str:
    """Search, train, compare and export a network for `data`. Returns the run directory.

    data: a folder of images, another path or the name of a data set, or an object as the registry of data sets holds (its `name`, if it
    has one, is what the run knows the data by). callbacks, loss: as runtime/hooks.Hooks, of all stages. quiet: print nothing but warnings.
    A run of the same data and settings that was interrupted is gone on with; of a finished one the result is shown.
    Raises UserError for what cannot be, OSError, Stopped after a signal.
    """
    settings = settings or FitSettings()
    values, word = located(data, settings.checked())
    run = directory(settings, word)
    teller = Teller(quiet)
    hooks = Hooks(
        callbacks=[lambda config: Epochs(teller), *callbacks],
        loss=loss,
        progress=teller,
        command='the same command again',
        may_differ=STAGES,
    )
    held, new = RunDirectory(run), missing(run)
    record = read_fit(run)
    if record is None and is_run(run):
        raise UserError(f'run directory {run}: it holds a run that was not begun by a fit; take another directory')
    try:
        held.lock(LOCK)
        with registry.kept_open():
            return _Fit(settings, values, run, teller, hooks, record).run()
    finally:
        held.unlock()
        remove_empty(run, new)


def missing(path: str) -> List[str]:
    """Return the folders of a path that are not there, the innermost first."""
    found, path = [], os.path.abspath(path)
    while not os.path.lexists(path):
        found.append(path)
        path = os.path.dirname(path)
    return found


def remove_empty(run: str, new: Sequence[str]) -> None:
    """Leave nothing behind where nothing was begun. new: folders that were not there."""
    with contextlib.suppress(OSError):
        if set(os.listdir(run)) <= {LOCK}:
            os.remove(os.path.join(run, LOCK))
            for folder in new:
                os.rmdir(folder)


class _Fit:
    """A fit at work."""

    def __init__(
        self,
        settings: FitSettings,
        values: Dict[str, Any],
        run: str,
        teller: Teller,
        hooks: Hooks,
        record: Optional[FitRecord],
    ) -> None:
        self.settings, self.values, self.path = settings, values, run
        self.teller, self.hooks = teller, hooks
        self.asked = settings.asked(values)
        self.record = self._prepared() if record is None else self._gone_on(record)

    @property
    def zoo(self) -> str:
        """Name of gluoncv's network that stands beside, '' for none."""
        return self.record.zoo

    def run(self) -> str:
        """Do what is still to be done, and show the result."""
        for phase in self.record.estimates:
            if phase in self.record.done or phase in self.record.left_out:
                continue
            if self._fits(phase):
                self._phase(phase)
        config = self.config()
        names = [phase for phase in self.record.estimates if phase in self.record.done]
        networks = phases.trained(config, names, self.zoo)
        self.teller.show(screen.result(self.record, config, networks))
        return self.path

    @property
    def fixed(self) -> List[str]:
        """Stages whose epochs the caller set."""
        return [stage for stage in STAGES if f'{stage}.epochs' in self.values]

    # Beginning and going on.

    def _prepared(self) -> FitRecord:
        preparing = Preparing(self.settings, self.values, self.path, self.hooks)
        dataset, about = preparing.look()
        self._tell_data(dataset, preparing.stored)
        self.teller.tell('measuring how long steps take here ...')
        asked = {**self.asked, 'data': _identity(dataset)}
        record = preparing.record(asked, dataset, about)
        record.spent[PREPARE] = record.estimates[PREPARE]
        record.done.append(PREPARE)
        self.record = record
        self._tell_plan(about)
        write_fit(self.path, record)
        return record

    def _gone_on(self, record: FitRecord) -> FitRecord:
        """Check that a run is of the same data and settings. Raises UserError in one line that names what differs."""
        before = {key: value for key, value in record.asked.items() if key != 'data'}
        different = differences(before, self.asked)
        if not different:
            self.record = record
            dataset = open_data(self.config())
            different = differences({'data': record.asked.get('data')}, {'data': _identity(dataset)})
            if different:
                different = ['other data than these']
        if different:
            raise UserError(
                f'run directory {self.path}: it was begun with other settings or data ({"; ".join(different[:3])}); '
                'take another directory'
            )
        done = [phase for phase in record.estimates if phase in record.done]
        if record.finished:
            self.teller.tell(f'{self.path} is complete; nothing is left to be done')
        else:
            self.teller.tell(f'{self.path} goes on after: {screen.phase_name(done[-1], self.zoo)}')
        return record

    def _tell_data(self, dataset: DataSet, stored: Optional[Stored]) -> None:
        for line in data_facts.told(data_facts.describe(dataset)):
            self.teller.tell(line)
        if stored is not None:
            self.teller.tell(f'data: images as they are stored have a short side of {stored.side} pixels (median)')

    def _tell_plan(self, about: DataFacts) -> None:
        config = self.config()
        self.teller.show(screen.plan(self.record, config, choices.steps(about, config)))

    # Phases.

    def config(self, number: int = 1, path: str = '') -> Config:
        """Return the Config of the search `number`, at the epochs that are decided or planned, to run in `path`."""
        epochs = {**self.record.epochs, **self.record.decided}
        made = resolved({**self.record.values, **choices.with_epochs(epochs)}, self.values, path or self.path)
        return dataclasses.replace(made, seed=made.seed + number - 1)

    def _fits(self, phase: str) -> bool:
        """Decide the epochs of the stage that begins with a phase; whether there is time for a baseline at all."""
        record, stage = self.record, planning.stage_of(phase)
        begun = RunDirectory(phases.place(self.config(), phase, self.zoo)).exists()
        decision = foresight.decide(record, phase, self.fixed, begun)
        if decision.dropped:
            record.left_out.append(phase)
            self._remark(f'left out, since time was short: {screen.phase_name(phase, self.zoo)}')
            return False
        if decision.epochs is not None:
            record.decided[stage], planned = decision.epochs, record.epochs[stage]
            if decision.epochs < planned:
                self._remark(f'{stage}: {decision.epochs} epochs and not {planned}, since it took longer before')
            write_fit(self.path, record)
        return True

    def _remark(self, text: str) -> None:
        self.record.remarks.append(text)
        self.teller.tell(text)
        write_fit(self.path, self.record)

    def _phase(self, phase: str) -> None:
        record, number, stage = self.record, planning.number_of(phase), planning.stage_of(phase)
        config = self.config()
        own = self.config(number, phases.place(config, phase, self.zoo))
        logged = planning.trained_as(phase)
        earlier = phases.earlier_seconds(own.run, logged)
        self.teller.tell(f'{screen.phase_name(phase, self.zoo)} ...')
        started = time.monotonic()
        self.teller.fit_left.begin(record, phase, self.fixed, earlier)
        foresight.note(self.path, record, self.teller.left)
        with _signals_as_before():
            if stage == planning.FINISH:
                names = [name for name in record.estimates if name in record.done]
                record.remarks += delivering.deliver(config, phases.trained(config, names, self.zoo), self.teller)
            elif getattr(own, logged).epochs:
                self._train(config, phase, own)
        record.spent[phase] = round(time.monotonic() - started + earlier, 1)
        record.done.append(phase)
        record.foreseen = {}
        write_fit(self.path, record)

    def _train(self, config: Config, phase: str, own: Config) -> None:
        noting = foresight.Noting(self.path, self.record, self.teller.left)
        hooks = dataclasses.replace(self.hooks, callbacks=[noting, *self.hooks.callbacks])
        try:
            phases.train(config, phase, own, hooks, self.zoo)
        except Stopped as stop:
            where = screen.phase_name(phase, self.zoo)
            raise Stopped(stop.signal, f'stopped while: {where}; the same command goes on from there') from None


def _identity(dataset: DataSet) -> Mapping[str, Any]:
    """Return what tells data from others, as plain data."""
    described = data_facts.describe(dataset)
    counts = {part: sum(numbers) for part, numbers in described.counts.items() if part in ('train', 'test')}
    return {'name': described.name, 'classes': list(described.classes), 'fingerprint': described.fingerprint, **counts}


@contextlib.contextmanager
def _signals_as_before() -> Iterator[None]:
    """Have signals do what they did before, once a stage is over that answered them with a checkpoint."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:
                signal.signal(number, handler)
