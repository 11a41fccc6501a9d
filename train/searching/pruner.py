"""Pruning for good: λ that are zero at an epoch's end, and what that isolates.

Zeros revive under batch noise, so what is zero at the end of every few epochs is removed: APG-NAG keeps
it at zero, and the supernet is rebuilt without it once enough work would be saved, since a new graph
costs seconds. A block that has lost everything is rebuilt at once, because it is then the identity
(eq. 4), which R of nothing is not.

One branch of a reduction block always stays, since nothing passes without it: where a step would bring
the λ of all of them to zero, APG-NAG keeps the largest (`keep_last`).
"""

from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional

import numpy as np

from ...base.errors import UserError
from ...optim.apg_nag import APGNAG
from ...runfiles.gates import GateHistory
from ...symbols.architecture import Architecture
from ...symbols.cost import Cost, cost
from ...symbols.space import REDUCTION_BRANCHES, SearchSpace
from ..config.goal import NONE
from ..config.tree import Search
from ..engine.callbacks import BaseCallback
from ..engine.course import Course
from ..engine.learner import Learner
from ..engine.names import Update
from .decisions import Decisions, Groups

if TYPE_CHECKING:
    from .target import Target

REBUILD_AT = 0.9  # rebuild once the FLOPs left have fallen to this share of what the present graph computes


class Pruner(BaseCallback):
    """What is left of a supernet in search, and its pruning.

    rebuild: callable that puts an Architecture physically in place of the learner's supernet.
    history: the λ over the epochs, None where this worker does not write.

    architecture: what is left; built: what the present graph computes; pruned: masks of the λ that are
    removed for good, one a λ vector; decisions: when each went; prunings: how often they may have changed; changed, moved: λ that
    went between zero and non-zero, and edges that came or went, in the last epoch.
    """

    name = 'search.pruning'

    def __init__(
        self,
        space: SearchSpace,
        learner: Learner,
        search: Search,
        image_size: int,
        rebuild: Callable[[Architecture], None],
        history: Optional[GateHistory] = None,
    ) -> None:
        self.space, self.learner, self.search = space, learner, search
        self.image_size, self.rebuild, self.history = image_size, rebuild, history
        self.architecture = self.built = Architecture.full(space)
        self.pruned = [np.zeros(len(group), bool) for group in space.gate_names()]
        self.reductions = range(len(space.scopes), len(self.pruned))  # indices of the λ vectors of reduction blocks
        for index in self.reductions:
            self.optimizer.keep_last(index)
        if search.normalise == 'always' or (search.normalise == 'auto' and search.target != NONE):
            for index, groups in enumerate(space.gate_groups()):
                self.optimizer.normalise(index, groups)
        self.target: Optional['Target'] = None  # what is to be left, where search.target says so
        self.before_epoch = self.values()
        self.decisions = Decisions(Groups(space))
        self.changed = self.moved = self.prunings = self.last_epoch = 0
        self.built_flops = self.cost(self.built).flops

    @property
    def optimizer(self) -> APGNAG:
        """APG-NAG; asked for anew each time, since loading a Trainer's states replaces it."""
        return self.learner.trainers[Update.GATES].optimizer

    def values(self) -> List[np.ndarray]:
        """Return λ as they are, one array for each group of gate names."""
        return [gate.list_data()[0].asnumpy() for gate in self.learner.gates]

    def cost(self, architecture: Architecture) -> Cost:
        """Count what an architecture costs at the supernet's width."""
        return cost(architecture, image_size=self.image_size)

    def settled(self) -> bool:
        """Whether at most one edge in a hundred still came or went in the last epoch."""
        return max(self.changed, self.moved) <= 0.01 * sum(len(gone) for gone in self.pruned)

    # Called by the loop.

    def stage_begins(self, course: Course) -> None:
        if course.fresh:
            self._keep_history(0, self.values())
        else:
            self.restored()
        self._note(course)

    def epoch_ends(self, course: Course) -> None:
        course.row.update(self.end_of_epoch(course.epoch))
        self._note(course)

    def _note(self, course: Course) -> None:
        course.notes[self.name] = f'{self.architecture.num_edges} edges'

    def end_of_epoch(self, epoch: int) -> Dict[str, Any]:
        """See what is left after `epoch` epochs (from 1), and prune where that is due. Returns columns of the log."""
        self.last_epoch = epoch
        every = self.search.prune_every
        values = self.passable()
        due = bool(epoch == self.search.epochs or (every and epoch % every == 0))
        if self.target is not None:
            values = self.set_values(self.target.correct(values, due))
            due = due or self.target.settling
        previous, self.architecture = self.architecture, Architecture.from_lambda(self.space, values)
        if due:
            values = self.prune(values)
        self.changed = int(sum(((new != 0) != (old != 0)).sum() for new, old in zip(values, self.before_epoch)))
        masks = zip(self.architecture.masks(), previous.masks())
        self.moved = int(sum(np.not_equal(new, old).sum() for new, old in masks))
        self.before_epoch = values
        left = self.cost(self.architecture)
        self._keep_history(epoch, values)
        return {
            'zero_fraction': float((np.concatenate(values) == 0).mean()),
            'edges': self.architecture.num_edges,
            'operations': num_operations(self.architecture),
            'flops': int(left.flops),
            'params': int(left.params),
            'changed': self.changed,
        }

    def set_values(self, values: List[np.ndarray]) -> List[np.ndarray]:
        """Set λ, those that change at rest. Returns them."""
        for index, (gate, new, old) in enumerate(zip(self.learner.gates, values, self.values())):
            if not np.array_equal(new, old):
                gate.set_data(new)
                self.optimizer.rest(index, new != old)
        return values

    def _keep_history(self, epoch: int, values: List[np.ndarray]) -> None:
        self.decisions.see(values)
        if self.history is not None:
            decided = self.decisions.decided
            self.history.append(
                epoch, np.concatenate(values), np.concatenate(self.pruned), self.decisions.step, decided
            )

    def passable(self) -> List[np.ndarray]:
        """Return λ with one branch of each reduction block not zero, and set them so.

        APG-NAG sees to that in its steps; λ that were set from outside may lack it: the branch of those
        there that was largest at the last epoch's end then has the λ that it had, or 1.
        """
        values = self.values()
        for number, index in enumerate(self.reductions):
            if values[index].any():
                continue
            there = np.array([branch in self.built.reduction_branches(number) for branch in REDUCTION_BRANCHES])
            if (there & ~self.pruned[index]).any():
                there &= ~self.pruned[index]
            before = np.where(there, np.abs(self.before_epoch[index]), -1)
            place = int(before.argmax())
            values[index][place] = self.before_epoch[index][place] if before[place] > 0 else 1
            self.pruned[index][place] = False
            self.learner.gates[index].set_data(values[index])
        return values

    def prune(self, values: List[np.ndarray]) -> List[np.ndarray]:
        """Remove for good what is zero and what that isolates. Returns λ after it."""
        alive = [np.array(mask, bool) for mask in self.architecture.masks()]
        self.pruned = [gone | ~mask for gone, mask in zip(self.pruned, alive)]
        self.freeze()
        values = [np.where(gone, np.float32(0), value) for gone, value in zip(self.pruned, values)]
        for gate, value in zip(self.learner.gates, values):
            gate.set_data(value)
        flops = self.cost(self.architecture).flops
        lost_a_block = self._identities(self.architecture) != self._identities(self.built)
        if flops <= REBUILD_AT * self.built_flops or lost_a_block:
            self.rebuild(self.architecture)
            self.built, self.built_flops = self.architecture, flops
        return values

    def _identities(self, architecture: Architecture) -> List[str]:
        return [scope for scope in self.space.scopes if architecture.is_identity(scope)]

    def freeze(self) -> None:
        """Have APG-NAG keep at zero what is pruned."""
        for index, gone in enumerate(self.pruned):
            if gone.any():
                self.optimizer.prune(index, gone)
        self.prunings += 1

    def state(self) -> Dict[str, Any]:
        return {
            'pruned': [gone.astype(int).tolist() for gone in self.pruned],
            'built': self.built.to_dict(),
            'architecture': self.architecture.to_dict(),
            'epoch': self.last_epoch,
            'changed': self.changed,
            'moved': self.moved,
            'values': [value.astype(float).tolist() for value in self.before_epoch],
            'decisions': self.decisions.state(),
        }

    def restore(self, state: Dict[str, Any]) -> None:
        built = Architecture.from_dict(state['built'])
        if built.space != self.space:
            raise UserError(
                'the checkpoint is of another network: the search space is not the one that it was written in'
            )
        self.pruned = [np.array(gone, bool) for gone in state['pruned']]
        self.architecture = Architecture.from_dict(state['architecture'])
        if 'values' in state:
            self.before_epoch = [np.array(value, np.float32) for value in state['values']]
        else:  # of version 0.1.0, which kept only what was zero
            self.before_epoch = [1 - np.array(zero, np.float32) for zero in state['zero']]
        if 'decisions' in state:
            self.decisions.restore(state['decisions'])
        self.last_epoch = state['epoch']
        self.changed, self.moved = state.get('changed', 0), state.get('moved', 0)
        if built != self.built:
            self.rebuild(built)
            self.built, self.built_flops = built, self.cost(built).flops
        if self.history is not None:
            self.history.resume(self.last_epoch)

    def restored(self) -> None:
        """Freeze again what is pruned, once λ are restored.

        A run of version 0.1.0 may have no branch of a reduction block left, or another than its network has.
        """
        values = self.passable()
        if any(
            not set(self.architecture.reduction_branches(number)) <= set(self.built.reduction_branches(number))
            for number in range(len(self.reductions))
        ):
            self.architecture = Architecture.from_lambda(self.space, values)
        self.freeze()


def num_operations(architecture: Architecture) -> int:
    """Count the operations left, over all sets of λ (one set when shared)."""
    return sum(len(architecture.operations(scope)) for scope in architecture.scopes)
