"""From data to a plan: look at the data, measure on this machine, choose the supernet that the time suffices for."""

import dataclasses
import math
import os
import time
from typing import Any, Dict, List, Mapping, Optional, Tuple

from ...base.errors import UserError
from ...base.text import format_duration
from ...data.dataset import DataSet
from ...runfiles.fit import FitRecord
from ...symbols.budget import parse_budget
from ...symbols.cost import cost
from ..config.tree import Config, ratio
from ..engine.checks import free_memory
from ..runtime.devices import Devices
from ..runtime.hooks import Hooks
from ..runtime.opening import width_multiple
from . import choices, facts, measuring, planning
from .settings import FitSettings, resolved
from .telling import Teller

PREPARE = 'prepare'  # the phase before the plan
MARGIN = 0.95  # of the minutes, that is planned for
MINUTES = ((1000, 5.0), (10_000, 10.0), (math.inf, 20.0))  # by training images, where the caller gives none


class Preparing:
    """Makes the plan of a fit. values: the caller's settings, with the data; run: its directory, which exists."""

    def __init__(self, settings: FitSettings, values: Dict[str, Any], run: str, teller: Teller, hooks: Hooks) -> None:
        self.settings, self.values, self.run, self.teller, self.hooks = settings, values, run, teller, hooks
        self.started = time.monotonic()

    def look(self) -> Tuple[DataSet, facts.DataFacts, Config]:
        """Open the data at the image size that suits them. Raises UserError for data that nothing can be learned from."""
        start = resolved({}, self.values, self.run)
        self.devices = Devices(start.train)
        if self.devices.distributed:
            raise UserError(
                f'train.kvstore={start.train.kvstore}: a fit runs on one machine; search and retrain on several'
            )
        side = facts.stored_side(start)
        self.gpu = self.devices.contexts[0].device_type == 'gpu'
        size = int(self.values.get('data.image_size') or 0)
        if not size and side:
            size = choices.image_size(side, self.gpu)
        config = resolved({'data.image_size': size}, self.values, self.run)
        dataset = facts.opened(config)
        about = facts.looked_at(config, dataset, side)
        if not size:
            size = choices.image_size(dataset.image_size, self.gpu)
        chosen = choices.values_of(about, size, len(self.devices.contexts), self.gpu)
        chosen['retrain.width_multiple'] = (
            width_multiple(start, self.devices) if self._free('retrain.width_multiple') else 1
        )
        if self._free('retrain.width_multiple'):
            chosen['retrain.width_multiple'] = width_multiple(
                resolved({'retrain.width_multiple': 0}, self.values, self.run), self.devices
            )
        self.chosen = chosen
        config = resolved(chosen, self.values, self.run)
        return facts.opened(config), about, config

    def _free(self, key: str) -> bool:
        return key not in self.values

    def record(self, asked: Dict[str, Any], dataset: DataSet, about: facts.DataFacts) -> FitRecord:
        """Measure and plan. Raises UserError where the minutes do not suffice for anything, saying what does."""
        minutes = self.settings.minutes or next(value for most, value in MINUTES if about.train <= most)
        free, _ = free_memory(self.devices.contexts)
        ladder = choices.ladder(about, self.chosen, self.values, math.inf if free is None else free)
        place = ladder[0]
        planner, zoo, config = self._measured(place, dataset, about, None)
        times = planner.timings
        better = self._largest(ladder, planner, minutes)
        if better is not place:
            larger, larger_zoo, larger_config = self._measured(better, dataset, about, times)
            if larger.plan(1.0, (planning.RANDOM,)).total <= self._left(minutes) or self._fits(
                larger, planner, minutes
            ):
                place, planner, zoo, config = better, larger, larger_zoo, larger_config
        try:
            plan = planner.best(self._left(minutes))
        except planning.TooShort as error:
            least = math.ceil(10 * (error.least / MARGIN + self._elapsed()) / 60) / 10
            raise UserError(
                f'minutes={minutes:g}: too short for one epoch of each stage here; at least {least:g} minutes are needed'
            ) from None
        return self._written(asked, minutes, place, plan, zoo, planner)

    def _fits(self, larger: planning.Planner, smaller: planning.Planner, minutes: float) -> bool:
        """Whether a larger supernet still gets most of the epochs that are aimed at."""
        return larger.plan(0.7, (planning.RANDOM,)).total <= self._left(minutes)

    def _elapsed(self) -> float:
        return time.monotonic() - self.started

    def _left(self, minutes: float) -> float:
        return MARGIN * (60 * minutes - self._elapsed())

    def _largest(self, ladder: List[choices.Choice], planner: planning.Planner, minutes: float) -> choices.Choice:
        """Return the largest of the Choices of which all epochs that are aimed at are thought to fit, else the smallest."""
        best = ladder[0]
        for choice in ladder[1:]:
            times = measuring.scaled(planner.timings, ladder[0], choice)
            more = planner.timings.supernet_build + planner.timings.network_build  # to measure it as well
            other = dataclasses.replace(planner, timings=times)
            if other.plan(1.0, (planning.RANDOM,)).total + more <= self._left(minutes):
                best = choice
        return best

    def _measured(
        self, choice: choices.Choice, dataset: DataSet, about: facts.DataFacts, known: Optional[planning.Timings]
    ) -> Tuple[planning.Planner, str, Config]:
        """Measure a Choice. known: times of a smaller one. Returns (Planner, gluoncv's network or '', Config)."""
        config = resolved(choice.values, self.values, self.run)
        by_stage = choices.steps(about, config)
        clock = measuring.Clock(config, dataset, self.devices, self.run, self.hooks)
        supernet = clock.supernet()
        network = clock.network()
        zoo = self._zoo(config, choice) or ''
        stepped = clock.known(zoo) if zoo else None
        baselines = self.settings.seeds * 2 + bool(zoo)
        times = measuring.timings(supernet, network, stepped, about.test, baselines)
        fixed = {
            stage: int(self.values[f'{stage}.epochs']) for stage in planning.STAGES if f'{stage}.epochs' in self.values
        }
        n, m = ratio(config.search.ratio) if config.search.split else (1, 1)
        planner = planning.Planner(
            times,
            by_stage,
            choices.wanted_epochs(by_stage),
            fixed,
            self.settings.seeds,
            (n, m),
            self.values.get('search.prune_every'),
            self.values.get('retrain.test_every'),
        )
        return planner, zoo, config

    def _zoo(self, config: Config, choice: choices.Choice) -> Optional[str]:
        architecture = choices.sample(choice.space, config.search.target)
        kind, size = (
            (config.retrain.budget, 0.0) if config.retrain.budget == 'none' else parse_budget(config.retrain.budget)
        )
        flops = size if kind == 'flops' else float(cost(architecture, image_size=choice.image_size).flops)
        return measuring.zoo_network(choice.space.classes, choice.image_size, flops)

    def _written(
        self,
        asked: Dict[str, Any],
        minutes: float,
        choice: choices.Choice,
        plan: planning.Plan,
        zoo: str,
        planner: planning.Planner,
    ) -> FitRecord:
        numbers = planning.as_record(plan)
        remarks = []
        if planning.RANDOM not in plan.estimates:
            remarks.append('no baseline: the minutes do not suffice for a second network')
        elif zoo and planning.KNOWN not in plan.estimates:
            more = planner.plan(1.0, (planning.RANDOM, planning.KNOWN)).total / MARGIN + self._elapsed()
            remarks.append(
                f'{zoo} of gluoncv would be trained as well with {format_duration(60 * math.ceil(more / 60))}'
            )
        return FitRecord(
            asked=asked,
            minutes=minutes,
            values={**_plain(choice.values), 'fit.known': zoo},
            estimates={PREPARE: round(self._elapsed(), 1), **numbers['estimates']},
            epochs=numbers['epochs'],
            remarks=remarks,
        )


def _plain(values: Mapping[str, Any]) -> Dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}


def made(path: str) -> bool:
    """Make a directory. Returns whether it was there. Raises OSError."""
    there = os.path.isdir(path)
    os.makedirs(path, exist_ok=True)
    return there
