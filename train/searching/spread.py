"""How a search decides: columns of the log on how far λ have parted, by how much they move, and how many groups are decided.

Some λ steps of each epoch are looked at closely, which waits for them; the others are left to run.
"""

from typing import Any, Dict, List, Optional

import numpy as np

from ...runfiles.log import SPREAD
from ..config.goal import NONE
from ..config.tree import Search
from ..engine.callbacks import BaseCallback
from ..engine.course import Course
from ..engine.names import Update
from .pruner import Pruner

LOOKS = 10  # λ steps of an epoch that are looked at
TENTH = 0.1  # of the λ steps
TOO_EARLY = 0.25  # share of the edges that goes in the first tenth and is worth a word
THIRD = 1 / 3  # of the λ steps, after which λ should move on merit
MANY_JUMPS = 0.02  # share of the λ left whose jumps in an epoch are worth a word


class Spread(BaseCallback):
    """Sees λ step by step. It comes after what sets and prunes λ, and before the log."""

    name = 'search.spread'
    columns = SPREAD

    def __init__(self, pruner: Pruner, search: Search) -> None:
        self.pruner, self.search = pruner, search
        self.decisions = pruner.decisions
        self.groups = self.decisions.groups
        self.before: Optional[np.ndarray] = None  # λ at the last epoch's end
        self.looks: List[float] = []  # of this epoch: median over groups of two λ at least of ‖Δλ‖ / ‖λ‖
        self.most_jumps = 0
        self.told: List[str] = []  # kinds of warnings that were given
        self.new: List[str] = []  # warnings of the epoch, to be said once its line is out
        self._within: List[int] = [0]  # λ steps before each step of an epoch
        self._step: Optional[np.ndarray] = None

    def stage_begins(self, course: Course) -> None:
        plan, decisions = course.plan, self.decisions
        self._within = [0] + np.cumsum([plan.step(step)[1] != Update.WEIGHTS for step in range(plan.steps)]).tolist()
        decisions.step = course.epoch * self._within[-1] + self._within[course.step]
        decisions.total = course.stage.epochs * self._within[-1]
        lam = decisions.see(self.pruner.values())
        if self.before is None:
            self.before = lam

    def before_step(self, course: Course) -> None:
        self._step = None
        if course.update == Update.WEIGHTS:
            return
        if self._within[course.step] % max(1, self._within[-1] // LOOKS) == 0:
            self._step = self.decisions.see(self.pruner.values())

    def step_ends(self, course: Course) -> None:
        if course.update == Update.WEIGHTS:
            return
        self.decisions.step += 1
        if self._step is not None:
            steps = self.groups.steps(self._step, self.decisions.see(self.pruner.values()))
            steps = steps[self.groups.sums(self._step != 0) > 1]  # one λ alone is not held by the loss
            if len(steps):
                self.looks.append(float(np.median(steps)))

    def epoch_ends(self, course: Course) -> None:
        course.row.update(self.columns_of_epoch())
        self.new = self.warnings(course.epoch, course.over)

    def columns_of_epoch(self) -> Dict[str, Any]:
        """Return the columns of the log, from λ as they are after the epoch's pruning."""
        assert self.before is not None
        lam = self.decisions.see(self.pruner.values())
        jumps = self.groups.jumps(self.before, lam)
        row = {
            **self.groups.by_kind('variation', self.groups.variation(lam)),
            **self.groups.by_kind('entropy', self.groups.entropy(lam)),
            **self.groups.by_kind('drift', self.groups.steps(self.before, lam)),
            'gate_step': float(np.median(self.looks)) if self.looks else None,
            'groups_decided': self.decisions.groups_decided(TENTH),
            'jumps': jumps,
        }
        self.before, self.looks = lam, []
        if self.decisions.step > THIRD * self.decisions.total:
            self.most_jumps = max(self.most_jumps, jumps)
        return {name: row.get(name) for name in SPREAD}

    def warnings(self, epoch: int, last: bool) -> List[str]:
        """Return what an epoch's end gives reason to say, each kind once."""
        decisions, found = self.decisions, {}
        early, removed, edges = decisions.early(TENTH), int(decisions.zero.sum()), len(decisions.zero)
        tenth = TENTH * decisions.total
        if not last and early >= TOO_EARLY * edges and decisions.step >= tenth >= 1:
            found['early'] = f'{early} of {edges} edges were decided in the first tenth of the search'
        elif last and removed and early >= TOO_EARLY * removed and tenth >= 1:
            found['early'] = (
                f'{early} of the {removed} edges that are gone were decided in the first tenth of the search'
            )
        if 'early' in found:
            found['early'] += f', before W and λ had time to tell them apart: {self._remedy()}'
        narrow = decisions.narrowest()
        told = 'early' in found or 'early' in self.told or self.pruner.target is not None  # which removes many at once
        if last and not told and narrow is not None and narrow < TENTH and removed >= TOO_EARLY * edges:
            found['collapse'] = (
                f'half of the {removed} edges that are gone went within {round(narrow * decisions.total)} of the '
                f'{decisions.total} λ steps: groups of λ collapsed together, not edge by edge on merit: {self._remedy()}'
            )
        if self.most_jumps >= max(3, MANY_JUMPS * (edges - removed)):
            found['jumps'] = (
                f'λ jump: {self.most_jumps} λ changed by more than their own size in search epoch {epoch}: {self._remedy()}'
            )
        new = [kind for kind in found if kind not in self.told]
        self.told += new
        return [f'warning: {found[kind]}' for kind in new]

    def _remedy(self) -> str:
        search = self.search
        normalised = search.normalise == 'always' or (search.normalise == 'auto' and search.target != NONE)
        ways = [] if normalised else ['search.normalise=always']
        ways.append(f'a lower search.gate_lr (now {search.gate_lr:g})')
        ways += ['search.target (--target)'] if search.target == NONE else []
        return f'try {", ".join(ways)} or more pretrain.epochs'

    def summary(self) -> Dict[str, Any]:
        """Return what summary.json says of it."""
        return {
            'early': self.decisions.early(TENTH),
            'removed': int(self.decisions.zero.sum()),
            'groups_decided': self.decisions.groups_decided(TENTH),
            'half_within': self.decisions.narrowest(),
            'jumps': self.most_jumps,
        }

    def state(self) -> Dict[str, Any]:
        before = [] if self.before is None else self.before.tolist()
        return {'before': before, 'looks': self.looks, 'jumps': self.most_jumps, 'told': self.told}

    def restore(self, state: Dict[str, Any]) -> None:
        self.before = np.array(state['before'])
        self.looks, self.most_jumps, self.told = list(state['looks']), state['jumps'], list(state['told'])
