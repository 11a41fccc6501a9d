"""How many epochs each stage gets, so that everything fits into the minutes: arithmetic on measured times alone."""

import dataclasses
import math
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from .choices import tests_every

SHRINKING = 0.85  # mean share of the complete supernet's step over a search that leaves 30 % of the edges
REBUILDS = 5  # of the supernet in a search, where it is pruned as often
TOLERANCE = 1.02  # so much more than what is left is let pass
MOST_SCALE = 2.0  # of the epochs that are aimed at
STAGES = ('pretrain', 'search', 'retrain')
RANDOM, KNOWN, FINISH = 'random', 'known', 'finish'  # phases beside them


@dataclasses.dataclass(frozen=True)
class Timings:
    """Measured seconds. weights, gates, network, known: of one step, data included; known: of gluoncv's network, 0 where there is none.

    *_epoch: what comes to the steps of an epoch; *_build: until the first step is done; *_test: a test on the whole test set, with its
    graph. settle: what goes before a test of the supernet. fit: to find a network's widths. start: of a stage on open data.
    finish: tests, export, pictures, report.
    """

    weights: float
    gates: float
    network: float
    known: float = 0.0
    supernet_epoch: float = 0.0
    network_epoch: float = 0.0
    supernet_build: float = 0.0
    network_build: float = 0.0
    known_build: float = 0.0
    supernet_test: float = 0.0
    network_test: float = 0.0
    known_test: float = 0.0
    settle: float = 0.0
    fit: float = 0.0
    finish: float = 0.0


@dataclasses.dataclass(frozen=True)
class Plan:
    """epochs by stage, seconds by phase in their order, and which baselines are in it. seconds in all: `total`."""

    epochs: Dict[str, int]
    estimates: Dict[str, float]

    @property
    def total(self) -> float:
        """Seconds of all phases."""
        return math.fsum(self.estimates.values())


class TooShort(ValueError):
    """Not even one epoch of each stage fits. least: seconds that would do."""

    def __init__(self, least: float) -> None:
        super().__init__(f'{least:.0f} s are needed')
        self.least = least


@dataclasses.dataclass(frozen=True)
class Planner:
    """Plans for one choice of settings.

    timings: measured; steps: of an epoch by stage; wanted: epochs that are aimed at by stage; fixed: epochs that the caller set;
    seeds: how many searches; ratio: (W steps, λ steps) of a turn of the search; shared: whether W and λ are updated at once.
    """

    timings: Timings
    steps: Mapping[str, int]
    wanted: Mapping[str, int]
    fixed: Mapping[str, int] = dataclasses.field(default_factory=dict)
    seeds: int = 1
    ratio: Tuple[int, int] = (1, 1)
    prune_every: Optional[int] = None
    test_every: Optional[int] = None

    def seconds(self, stage: str, epochs: int) -> float:
        """Estimate a phase: 'pretrain', 'search', 'retrain', 'random', 'known' (the last two of retrain's epochs), 'finish'."""
        times, steps = self.timings, self.steps
        if stage == 'pretrain':
            if not epochs:
                return 0.0
            tested = times.settle + times.supernet_test
            return times.supernet_build + epochs * (steps[stage] * times.weights + times.supernet_epoch) + tested
        if stage == 'search':
            if not epochs:
                return 0.0
            n, m = self.ratio
            step = (n * times.weights + m * times.gates) / (n + m)
            every = self.prune_every or max(1, epochs // 8)
            builds = 2 + min(REBUILDS, epochs // every)
            tested = times.settle + times.supernet_test
            trained = epochs * (SHRINKING * steps[stage] * step + times.supernet_epoch)
            return builds * times.supernet_build + trained + tested
        if stage == FINISH:
            return times.finish
        known = stage == KNOWN
        step, build, test = (
            (times.known, times.known_build, times.known_test)
            if known
            else (times.network, times.network_build + times.fit, times.network_test)
        )
        every = self.test_every or tests_every(epochs)
        tests = -(-epochs // every)
        return build + epochs * (steps['retrain'] * step + times.network_epoch) + tests * test

    def epochs(self, scale: float) -> Dict[str, int]:
        """Return the epochs by stage at a share `scale` of those that are aimed at; at least one."""
        return {
            stage: self.fixed[stage] if stage in self.fixed else max(1, math.floor(scale * self.wanted[stage] + 1e-9))
            for stage in STAGES
        }

    def plan(self, scale: float, baselines: Sequence[str]) -> Plan:
        """Return the Plan at a scale. baselines: of 'random' and 'known'."""
        epochs = self.epochs(scale)
        estimates: Dict[str, float] = {}
        for phase in phases(self.seeds, baselines):
            stage = stage_of(phase)
            estimates[phase] = self.seconds(stage, epochs.get(stage, epochs['retrain']))
        return Plan(epochs, estimates)

    def best(self, seconds: float) -> Plan:
        """Return the plan that makes the most of `seconds`. Raises TooShort.

        First epochs grow to half of what is aimed at; then a random architecture is trained as well, and they grow to all of it; then a
        known network is, and they grow further, to MOST_SCALE. So more time never means fewer epochs.
        """
        levels: List[Tuple[Tuple[str, ...], float, float]] = [((), 0.0, 0.5), ((RANDOM,), 0.5, 1.0)]
        if self.timings.known:
            levels.append(((RANDOM, KNOWN), 1.0, MOST_SCALE))
        else:
            levels[-1] = ((RANDOM,), 0.5, MOST_SCALE)
        for baselines, low, high in reversed(levels):
            plan = self.plan(low, baselines)
            if plan.total <= seconds:
                return self._grown(seconds, baselines, low, high)
        raise TooShort(self.plan(0.0, ()).total)

    def _grown(self, seconds: float, baselines: Sequence[str], low: float, high: float) -> Plan:
        if self.plan(high, baselines).total <= seconds:
            return self.plan(high, baselines)
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (middle, high) if self.plan(middle, baselines).total <= seconds else (low, middle)
        return self.plan(low, baselines)


def phases(seeds: int, baselines: Sequence[str]) -> List[str]:
    """Return the phases in their order: all searches, their networks, the baselines, what is made of them. 'search-2' is of seed 2."""
    numbers = range(1, seeds + 1)
    order = [f'{stage}{_suffix(number)}' for number in numbers for stage in ('pretrain', 'search')]
    order += [f'retrain{_suffix(number)}' for number in numbers]
    if RANDOM in baselines:
        order += [f'{RANDOM}{_suffix(number)}' for number in numbers]
    return [*order, *([KNOWN] if KNOWN in baselines else []), FINISH]


def _suffix(number: int) -> str:
    return '' if number == 1 else f'-{number}'


def stage_of(phase: str) -> str:
    """Return the kind of a phase, without the number of its seed."""
    return phase.partition('-')[0]


def trained_as(phase: str) -> str:
    """Return the stage whose settings a phase has: baselines are trained as the searched network is."""
    stage = stage_of(phase)
    return 'retrain' if stage in (RANDOM, KNOWN) else stage


def number_of(phase: str) -> int:
    """Return the number of a phase's seed, from 1."""
    return int(phase.partition('-')[2] or 1)


def reduced(
    epochs: int, estimates: Mapping[str, float], spent: Mapping[str, float], seconds: float
) -> Tuple[int, float]:
    """Return (epochs of a stage that is about to begin, seconds that are missing for what is to come).

    epochs: as planned. estimates: by phase; spent: by phase that has ended. seconds: that all may take. What is to come is scaled by how
    much longer the phases so far took than was estimated; where that is more than is left, epochs fall in proportion.
    """
    expected = math.fsum(value for phase, value in estimates.items() if phase in spent)
    took = math.fsum(spent.values())
    slower = max(1.0, took / expected) if expected > 0 else 1.0
    rest = slower * math.fsum(value for phase, value in estimates.items() if phase not in spent)
    left = seconds - took
    if rest <= left * TOLERANCE or rest <= 0:
        return epochs, 0.0
    share = max(left, 0.0) / rest
    return max(1, math.floor(epochs * share)), rest - left


def as_decided(
    estimates: Mapping[str, float], planned: Mapping[str, int], decided: Mapping[str, int], left_out: Sequence[str]
) -> Dict[str, float]:
    """Return the estimates of the phases that are not left out, at the epochs that were decided instead of those planned."""
    kept = {}
    for phase, value in estimates.items():
        stage = trained_as(phase)
        share = decided[stage] / planned[stage] if decided.get(stage) and planned.get(stage) else 1.0
        if phase not in left_out:
            kept[phase] = value * share
    return kept
