"""From data to a plan: look at the data, measure on this machine, choose the supernet that the time suffices for."""

import dataclasses
import glob
import math
import os
import shutil
import time
from typing import Any, Dict, List, Mapping, Tuple

from ...base.errors import UserError
from ...base.text import format_duration
from ...data.dataset import DataSet
from ...runfiles.fit import FitRecord
from ..config.tree import ratio
from ..engine.checks import free_memory
from ..runtime.devices import Devices
from ..runtime.hooks import Hooks
from ..runtime.opening import open_data, width_multiple
from . import choices, facts, measuring, planning
from .settings import FitSettings, resolved

PREPARE = 'prepare'  # the phase before the plan
MARGIN = 0.95  # of the minutes, that is planned for
ENOUGH = 0.7  # of the epochs that are aimed at, for which a larger supernet is taken
MINUTES = ((1000, 5.0), (10_000, 10.0), (math.inf, 20.0))  # by training images, where the caller gives none


@dataclasses.dataclass(frozen=True)
class Measured:
    """A Choice with the Planner of its times; zoo: gluoncv's network nearest to its network, '' for none."""

    choice: choices.Choice
    planner: planning.Planner
    zoo: str

    def both(self, scale: float) -> float:
        """Return the seconds of a plan with a random architecture beside it, at a share of the epochs that are aimed at."""
        return self.planner.plan(scale, (planning.RANDOM,)).total


class Preparing:
    """Makes the plan of a fit. values: the caller's settings, with the data; run: its directory, which exists."""

    def __init__(self, settings: FitSettings, values: Dict[str, Any], run: str, hooks: Hooks) -> None:
        self.settings, self.values, self.run, self.hooks = settings, values, run, hooks
        self.started = time.monotonic()
        config = resolved({'retrain.width_multiple': 0}, values, run)
        self.devices = Devices(config.train)
        if self.devices.distributed:
            raise UserError(f'train.kvstore={config.train.kvstore}: a fit runs on one machine')
        self.multiple = width_multiple(config, self.devices)
        self.gpu = self.devices.contexts[0].device_type == 'gpu'
        for left in glob.glob(os.path.join(glob.escape(run), measuring.PREFIX + '*')):  # of a start that was killed
            shutil.rmtree(left, ignore_errors=True)

    def look(self) -> Tuple[DataSet, facts.DataFacts]:
        """Open the data at the image size that suits them. Raises UserError for data that nothing can be learned from."""
        start = resolved({}, self.values, self.run)
        self.stored = stored = facts.stored(start)
        size = start.data.image_size
        if stored is not None:
            size = size or choices.image_size(stored.side, self.gpu)
            cut = choices.cutout(int((1 - start.data.held_out) * stored.images), size)
            start = resolved({'data.image_size': size, 'data.cutout': cut}, self.values, self.run)
        dataset = open_data(start)
        about = facts.looked_at(start, dataset)
        size = size or choices.image_size(dataset.image_size, self.gpu)
        return self._opened(about, size), about

    def _opened(self, about: facts.DataFacts, size: int) -> DataSet:
        """Choose settings for images of `size` pixels, and open the data by them."""
        self.chosen = choices.values_of(about, size, len(self.devices.contexts), self.gpu)
        self.chosen['retrain.width_multiple'] = self.multiple
        return open_data(resolved(self.chosen, self.values, self.run))

    def record(self, asked: Dict[str, Any], dataset: DataSet, about: facts.DataFacts) -> FitRecord:
        """Measure and plan. Raises UserError where the minutes do not suffice for anything, saying what does."""
        minutes = self.settings.minutes or next(value for most, value in MINUTES if about.train <= most)
        free, _ = free_memory(self.devices.contexts)
        most = math.inf if free is None else free
        ladder = choices.ladder(about, self.chosen, self.values, most, self.devices.compiled)
        taken = self._measured(ladder[0], dataset, about)
        smaller = choices.SMALLER.get(ladder[0].image_size)
        if smaller and 'data.image_size' not in self.values and taken.both(1.0) > self._left(minutes):
            dataset = self._opened(about, smaller)
            ladder = choices.ladder(about, self.chosen, self.values, most, self.devices.compiled)
            taken = self._measured(ladder[0], dataset, about)
        larger = self._largest(ladder, taken, minutes)
        if larger is not ladder[0]:
            other = self._measured(larger, dataset, about)
            taken = other if other.both(ENOUGH) <= self._left(minutes) else taken
        try:
            plan = taken.planner.best(self._left(minutes))
        except planning.TooShort as error:
            least = math.ceil(10 * (error.least / MARGIN + self._elapsed()) / 60) / 10
            raise UserError(
                f'minutes={minutes:g}: too short for {self._least()}; at least {least:g} minutes are needed here'
            ) from None
        return self._written(asked, minutes, taken, plan)

    def _least(self) -> str:
        fixed = any(f'{stage}.epochs' in self.values for stage in planning.STAGES)
        return 'the epochs that are set' if fixed else 'one epoch of each stage'

    def _elapsed(self) -> float:
        return time.monotonic() - self.started

    def _left(self, minutes: float) -> float:
        return MARGIN * (60 * minutes - self._elapsed())

    def _largest(self, ladder: List[choices.Choice], least: Measured, minutes: float) -> choices.Choice:
        """Return the largest of the Choices of which all epochs that are aimed at are thought to fit, else the smallest."""
        best, times = ladder[0], least.planner.timings
        for choice in ladder[1:]:
            predicted = measuring.scaled(times, ladder[0], choice)
            other = dataclasses.replace(least.planner, timings=predicted)
            if other.plan(1.0, (planning.RANDOM,)).total + measuring.seconds(predicted) <= self._left(minutes):
                best = choice
        return best

    def _measured(self, choice: choices.Choice, dataset: DataSet, about: facts.DataFacts) -> Measured:
        config = resolved(choice.values, self.values, self.run)
        by_stage = choices.steps(about, config)
        clock = measuring.Clock(config, dataset, self.devices, self.run, self.hooks)
        network, fit, flops = clock.network()  # first, since the budget may be one that cannot be met
        supernet = clock.supernet()
        zoo = measuring.zoo_network(about.classes, dataset.image_size, flops)
        baselines = 2 * self.settings.seeds + bool(zoo)
        planner = planning.Planner(
            measuring.timings(supernet, network, fit, clock.known(zoo) if zoo else None, baselines),
            by_stage,
            choices.wanted_epochs(by_stage),
            {
                stage: int(self.values[f'{stage}.epochs'])
                for stage in planning.STAGES
                if f'{stage}.epochs' in self.values
            },
            self.settings.seeds,
            ratio(config.search.ratio) if config.search.split else (1, 1),
            self.values.get('search.prune_every'),
            self.values.get('retrain.test_every'),
        )
        return Measured(choice, planner, zoo or '')

    def _written(self, asked: Dict[str, Any], minutes: float, taken: Measured, plan: planning.Plan) -> FitRecord:
        remarks = []
        if planning.RANDOM not in plan.estimates:
            remarks.append('no baseline: the minutes do not suffice for a second network')
        elif taken.zoo and planning.KNOWN not in plan.estimates:
            both = taken.planner.plan(1.0, (planning.RANDOM, planning.KNOWN)).total
            least = format_duration(60 * math.ceil((both / MARGIN + self._elapsed()) / 60))
            remarks.append(f'with {least}, {taken.zoo} of gluoncv would be trained beside it as well')
        estimates = {phase: round(value, 1) for phase, value in plan.estimates.items()}
        return FitRecord(
            asked=asked,
            minutes=minutes,
            values=_plain(taken.choice.values),
            estimates={PREPARE: round(self._elapsed(), 1), **estimates},
            epochs=dict(plan.epochs),
            zoo=taken.zoo,
            remarks=remarks,
        )


def _plain(values: Mapping[str, Any]) -> Dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}
