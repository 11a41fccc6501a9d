"""Steering of a search to a target: how much of the supernet it shall leave.

This is ours, not the paper's, and off unless `search.target` asks for it. What is to be left falls along a smooth course, from all
of the supernet to the target at SETTLED of the λ steps; then nothing more is removed and W and λ settle. A hundred times in a
search γ is set so that as many λ as the course wants gone soon would reach zero, were it for the penalty alone, times a factor that
learns from how far the search is off its course. γ of single λ stay in the proportions of the penalty in force.

The penalty does the work; an exact end is seen to at the ends of epochs. Where more was lost than the course allows, the λ that are
zero but not yet removed come back, the largest of before first. Where less was lost by the time that the course ends, or clearly
less at a pruning before, the smallest λ of their groups go.
"""

from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from ...base.errors import UserError
from ...optim.sparsity import Policy
from ...symbols.architecture import Architecture
from ..config.goal import Goal
from ..config.tree import Search
from ..engine.callbacks import BaseCallback
from ..engine.course import Course
from ..engine.names import Update
from ..engine.plan import Plan
from .closest import ORDERS, closest
from .measure import Measure, relative
from .pruner import Pruner

SETTLED = 0.8  # share of the λ steps after which nothing more is removed
CONTROLS = 100  # how often γ is set in a search, where it has as many λ steps
AHEAD = 0.05  # share of the λ steps that the course is looked ahead
CLOSE = 0.005  # share of the supernet that counts as met
LOST = 0.02  # share of the supernet below the course at which λ come back within an epoch
BEHIND = 0.1  # share of the supernet above the course at which a pruning removes the smallest λ
QUICKER, SLOWER = 1.06, 0.9  # how the factor learns, each time that γ is set
FACTORS = (0.05, 20.0)
FASTEST = 0.05  # of the median λ, by the penalty alone, in one λ step


class Target(BaseCallback):
    """Steers γ, and meets the goal exactly.

    factor: what every γ of the policy is multiplied by. removed, revived: λ that went or came back otherwise than by APG-NAG.
    Raises UserError where search.gamma or search.gate_lr is 0, since there is nothing to steer then.
    """

    name = 'search.target'
    columns: Tuple[str, ...] = ('gamma', 'left')

    def __init__(self, goal: Goal, policy: Policy, pruner: Pruner, search: Search) -> None:
        for key in ('gamma', 'gate_lr'):
            if not getattr(search, key):
                raise UserError(
                    f'search.target={goal}: it steers search.gamma from its value on; search.{key} must not be 0'
                )
        self.goal, self.policy, self.pruner, self.search = goal, policy, pruner, search
        self.measure = Measure(pruner.space, goal.quantity, pruner.image_size)
        self.factor = self._learned = 1.0
        self.rate = search.gate_lr  # of the λ steps at this moment
        self.removed = self.revived = self.quiet = 0
        self.left = 1.0
        self._last = pruner.values()  # of every λ the value before it was zero
        self._before = np.concatenate(self._last), 0  # λ when γ was last set, and the λ steps by then
        self._groups = pruner.space.gate_groups()
        self._within: List[int] = [0]  # λ steps before each step of an epoch
        self._total = self._now = 0

    # The course.

    def wanted(self, progress: float) -> float:
        """Return the share that shall be left at a progress in [0, 1] of the search."""
        done = min(max(progress, 0.0) / SETTLED, 1.0)
        return 1 - (1 - self.goal.share) * done**2 * (3 - 2 * done)

    @property
    def progress(self) -> float:
        """Share of the λ steps that are done."""
        return self._now / max(self._total, 1)

    @property
    def settling(self) -> bool:
        """Whether the course has ended."""
        return self.progress >= SETTLED

    def plan(self, plan: Plan, epochs: int) -> None:
        """Count the λ steps of a search."""
        steps = [plan.step(step)[1] != Update.WEIGHTS for step in range(plan.steps)]
        self._within = [0] + np.cumsum(steps).tolist()
        self._total = self._within[-1] * epochs

    def stage_begins(self, course: Course) -> None:
        self.plan(course.plan, course.stage.epochs)
        self._now = course.epoch * self._within[-1] + self._within[course.step]
        if course.fresh and self.measure.least > self.goal.share:
            course.run.warn(
                f'warning: search.target={self.goal} cannot be met: without any operation '
                f'{100 * self.measure.least:.1f} % of the {self.goal.quantity} are left'
            )

    # Steering.

    def before_step(self, course: Course) -> None:
        if course.update == Update.WEIGHTS:
            return
        self._now = course.epoch * self._within[-1] + self._within[course.step]
        if self._now % max(1, self._total // CONTROLS) == 0:
            self.rate = course.stage.rates[Update.GATES](course.epoch + course.step / course.plan.steps)
            self.steer()

    def steer(self) -> None:
        """Set `factor` from λ and the course."""
        values = self.pruner.values()
        self._remember(values)
        coming = self._coming(np.concatenate(values))
        self._before = np.concatenate(values), self._now
        self.left = self._share(values)
        if self.settling:
            self.factor = 0.0
            return
        behind = self.left - self.wanted(self.progress)
        if abs(behind) > CLOSE:
            learned = self._learned * (QUICKER if behind > 0 else SLOWER)
            self._learned = float(np.clip(learned, *FACTORS))
        if behind < -LOST:
            self.pruner.set_values(self.correct(values, False))
        surplus = self.left - self.wanted(self.progress + AHEAD)
        self.factor = self._needed(coming, np.concatenate(self.policy(values)), surplus)

    def _coming(self, size: np.ndarray) -> np.ndarray:
        """Return where |λ| would come to rest without gradient and penalty: momentum carries on what they did since last looked at."""
        before, when = self._before
        drift = (np.abs(size) - np.abs(before)) / max(self._now - when, 1)
        return np.where(size == 0, 0, np.abs(size) + drift * self.search.momentum / (1 - self.search.momentum))

    def _needed(self, coming: np.ndarray, gamma: np.ndarray, surplus: float) -> float:
        """Return the factor at which the penalty alone brings a share `surplus` of the supernet to zero within AHEAD."""
        alive = np.concatenate(self.pruner.values()) != 0
        adjustable = alive & (gamma > 0)
        going = surplus / max(self.left, 1e-6) * alive.sum() - (alive & (coming <= 0)).sum()
        if going <= 0 or not adjustable.any():
            return 0.0
        speed = max(self.rate, 1e-12) * gamma[adjustable] / (1 - self.search.momentum)  # a λ step, at factor 1
        times = np.sort(np.maximum(coming[adjustable], 0) / speed)
        times = times[times > 0]
        if not len(times):
            return 0.0
        time = float(np.interp(min(going, len(times)) - 1, np.arange(len(times)), times))
        return min(self._learned * time / max(AHEAD * self._total, 1.0), FASTEST * float(np.median(times)))

    def _remember(self, values: List[np.ndarray]) -> None:
        self._last = [np.where(value != 0, value, last) for value, last in zip(values, self._last)]

    # Meeting the goal.

    def correct(self, values: List[np.ndarray], due: bool) -> List[np.ndarray]:
        """Return λ with what the course does not allow undone. values: λ at an epoch's end; due: whether zeros are removed now."""
        self._remember(values)
        wanted = self.goal.share if self.settling else self.wanted(self.progress)
        before, left = values, self._share(values)
        if left < wanted - CLOSE:
            values = self._revived(before, wanted)
            if self.settling:
                ways = values, self._reduced(self._back(before), wanted)
                values = min(ways, key=lambda way: abs(self._share(way) - wanted))
        elif left > wanted + (CLOSE if self.settling else BEHIND) and (due or self.settling):
            values = self._reduced(before, wanted)
        self.left = self._share(values)
        was, now = np.concatenate(before) != 0, np.concatenate(values) != 0
        self.revived += int((now & ~was).sum())
        self.removed += int((was & ~now).sum())
        return values

    def _share(self, values: List[np.ndarray]) -> float:
        return self.measure(Architecture.from_lambda(self.pruner.space, values))

    def _revivable(self, values: List[np.ndarray]) -> np.ndarray:
        """Return the places of λ that are zero and not yet removed, the largest of before first."""
        there = np.concatenate([np.array(mask, bool) for mask in self.pruner.built.masks()])
        last = np.abs(np.concatenate(self._last))
        places = np.flatnonzero(
            (np.concatenate(values) == 0) & there & ~np.concatenate(self.pruner.pruned) & (last != 0)
        )
        return places[np.argsort(-last[places], kind='stable')]

    def _revived(self, values: List[np.ndarray], wanted: float) -> List[np.ndarray]:
        """Return λ with as many zeros at their last value as `wanted` takes; the largest first.

        Before the end one order will do: what comes back can go again.
        """
        last, orders = np.concatenate(self._last), ORDERS if self.settling else 1
        return self._changed(values, self._revivable(values), last, wanted, orders)

    def _back(self, values: List[np.ndarray]) -> List[np.ndarray]:
        """Return λ with every one back that can come back."""
        return self._taken(values, self._revivable(values), np.concatenate(self._last))

    def _reduced(self, values: List[np.ndarray], wanted: float) -> List[np.ndarray]:
        """Return λ with as many of the smallest of their groups at zero as `wanted` takes. A reduction block keeps a branch."""
        flat = np.concatenate(values)
        sizes = np.concatenate([relative(value, groups) for value, groups in zip(values, self._groups)])
        kept = [np.zeros(len(value), bool) for value in values]
        for index in self.pruner.reductions:
            kept[index][np.abs(values[index]).argmax()] = True
        places = np.flatnonzero((flat != 0) & ~np.concatenate(kept))
        places = places[np.argsort(sizes[places], kind='stable')]
        return self._changed(values, places, np.zeros_like(flat), wanted, ORDERS)

    def _changed(
        self, values: List[np.ndarray], places: np.ndarray, source: np.ndarray, wanted: float, orders: int
    ) -> List[np.ndarray]:
        """Return λ with the entries of `source` at as many of `places` as come closest to what is wanted, the first first."""

        def left(chosen: np.ndarray) -> float:
            return self._share(self._taken(values, chosen, source))

        return self._taken(values, closest(places, left, wanted, CLOSE, orders), source)

    def _taken(self, values: List[np.ndarray], places: np.ndarray, source: np.ndarray) -> List[np.ndarray]:
        """Return λ with the entries of `source` at `places`."""
        flat = np.concatenate(values)
        flat[places] = source[places]
        return np.split(flat, np.cumsum([len(value) for value in values])[:-1])

    def summary(self) -> Dict[str, Any]:
        """Return what summary.json says of it: shares in per cent."""
        return {
            'wanted': str(self.goal),
            'left': 100 * self.left,
            'gamma': self.factor * self.search.gamma,
            'removed': self.removed,
            'revived': self.revived,
        }

    def state(self) -> Dict[str, Any]:
        return {
            'factor': self.factor,
            'learned': self._learned,
            'counts': [self.removed, self.revived, self.quiet],
            'left': self.left,
            'last': [value.astype(float).tolist() for value in self._last],
            'before': [self._before[0].astype(float).tolist(), self._before[1]],
        }

    def restore(self, state: Dict[str, Any]) -> None:
        self.factor, self._learned, self.left = state['factor'], state['learned'], state['left']
        self.removed, self.revived, self.quiet = state['counts']
        self._last = [np.array(value, np.float32) for value in state['last']]
        self._before = np.array(state['before'][0], np.float32), state['before'][1]


class Settling(BaseCallback):
    """Logs what the target has done at an epoch's end, after the pruning, and ends a search that has settled (search.patience)."""

    def __init__(self, target: Optional[Target], patience: int) -> None:
        self.target, self.patience = target, patience

    def epoch_ends(self, course: Course) -> None:
        target = self.target
        if target is None:
            return
        course.row.update(gamma=target.factor * target.search.gamma, left=100 * target.left)
        moved = target.pruner.moved or target.pruner.changed
        target.quiet = target.quiet + 1 if target.settling and not moved else 0
        if self.patience and target.quiet >= self.patience and not course.over:
            course.stop(f'the target is met, and nothing was pruned for {target.quiet} epochs (search.patience)')
