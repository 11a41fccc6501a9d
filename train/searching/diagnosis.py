"""What people are told about a search: what it will send, whether γ can work, and what went wrong in an epoch."""

from typing import Optional

import numpy as np

from ...base.text import format_bytes
from ..config.tree import Search
from ..engine.callbacks import BaseCallback
from ..engine.course import Course
from ..engine.names import Update
from .pruner import Pruner, num_operations
from .spread import Spread

MOVED = 1e-3  # a λ that has moved less than this has not moved
STILL_AFTER = 3  # epochs after which λ that have not moved are worth a word


class Diagnosis(BaseCallback):
    """Warns where a search prunes nothing, everything, or is not done, and says what `spread` has to say."""

    def __init__(self, pruner: Pruner, search: Search, spread: Optional[Spread] = None) -> None:
        self.pruner, self.search, self.spread = pruner, search, spread

    def stage_begins(self, course: Course) -> None:
        if not course.fresh:
            return
        run, plan = course.run, course.plan
        gate_steps = sum(plan.step(step)[1] != Update.WEIGHTS for step in range(plan.steps)) * course.stage.epochs
        warning = self.reach(gate_steps)
        if warning and self.pruner.target is None:
            run.warn(warning)
        if run.devices.distributed:
            sent = [format_bytes(course.stage.learner.bytes_a_step(update)) for update in Update.BOTH.groups]
            run.say(f'a worker sends {sent[0]} a W step, {sent[1]} a λ step')

    def epoch_ends(self, course: Course) -> None:
        warning = self.of_epoch()
        for text in [*([warning] if warning else []), *(self.spread.new if self.spread else [])]:
            course.run.warn(text)

    def of_epoch(self) -> Optional[str]:
        """Return the warning that the last epoch gives reason for, if any."""
        pruner, search = self.pruner, self.search
        values = np.concatenate(pruner.before_epoch)
        epoch, last = pruner.last_epoch, pruner.last_epoch == search.epochs
        gamma, gate_lr = f'search.gamma (now {search.gamma:g})', f'search.gate_lr (now {search.gate_lr:g})'
        if not num_operations(pruner.architecture):
            event = 'no operation is left' if values.any() else 'every λ is zero'
            return (
                f'warning: {event} after search epoch {epoch}: the network is its stem, reductions and head alone. '
                f'Take a smaller {gamma}, a smaller {gate_lr}, or fewer search.epochs'
            )
        if (epoch == STILL_AFTER or last) and (np.abs(values - 1) < MOVED).all():
            return (
                f'warning: no λ has moved in {epoch} epochs of search; take a larger {gate_lr}, '
                f'a larger {gamma}, or more search.epochs'
            )
        if last and not (values == 0).any():
            return f'warning: no λ has reached zero: nothing was pruned. Take a larger {gamma} or more search.epochs'
        if last and not pruner.settled():
            return (
                f'warning: the architecture was still moving in the last epoch ({pruner.changed} λ changed between '
                f'zero and non-zero, {pruner.moved} edges came or went). Take more search.epochs, prune more often '
                f'(search.prune_every, now {search.prune_every}), or a larger {gamma}'
            )
        return None

    def reach(self, steps: int) -> str:
        """Return a line where `steps` λ steps are too few for the L1 norm to bring a λ of 1 to zero; '' otherwise."""
        search = self.search
        reach = steps * search.gate_lr * search.gamma / (1 - search.momentum) if search.momentum < 1 else 1.0
        if reach >= 1:
            return ''
        hint = f'; search.gamma={search.gamma / reach:.2g} would bring it to zero' if reach else ''
        return (
            f'warning: with {steps} λ steps, search.gate_lr={search.gate_lr:g} and search.gamma={search.gamma:g}, '
            f'a λ of 1 comes down by about {reach:.2g} where the loss does not hold it: little will be pruned{hint}'
        )
