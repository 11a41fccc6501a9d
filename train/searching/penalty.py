"""γ of every λ before a λ step (section 3.4: eq. 9, eq. 10, or constant)."""

from typing import Any, Callable, List, Optional, Sequence

import numpy as np

from ...optim import sparsity
from ...symbols.cost import Part
from ..engine.callbacks import BaseCallback
from ..engine.course import Course
from ..engine.names import Update
from .pruner import Pruner
from .target import Target


class Penalty(BaseCallback):
    """Sets γ of every λ in APG-NAG.

    policy: of optim.sparsity. The last branch of a reduction block has no penalty: what has to stay is not pushed to zero.
    target: multiplies all of them by its factor, where there is one.
    """

    def __init__(self, policy: sparsity.Policy, pruner: Pruner, target: Optional[Target] = None) -> None:
        self.policy, self.pruner, self.target = policy, pruner, target
        self._set: Any = None  # prunings and factor when γ were last set
        self.mean = 0.0  # of γ over the λ that are left

    def before_step(self, course: Course) -> None:
        self.follow(course.update)
        course.scalars['gamma'] = self.mean

    def follow(self, update: Update) -> None:
        """Set γ before a step that updates λ, where they may have changed."""
        pruner, factor = self.pruner, 1.0 if self.target is None else self.target.factor
        if update == Update.WEIGHTS or (not self.policy.moves and self._set == (pruner.prunings, factor)):
            return
        gammas = self.policy(pruner.values())
        if self.target is not None:
            gammas = [factor * gamma for gamma in gammas]
        for index in pruner.reductions:
            if (~pruner.pruned[index]).sum() == 1:
                gammas[index] = np.zeros_like(gammas[index])
        for index, gamma in enumerate(gammas):
            pruner.optimizer.set_gamma(index, gamma)
        self._set = pruner.prunings, factor
        left = [gamma[~gone] for gamma, gone in zip(gammas, pruner.pruned)]
        self.mean = float(np.concatenate(left).mean()) if any(map(len, left)) else 0.0


def structures(graphs: Sequence[Any], costs: Optional[Callable[[Any], float]] = None) -> List[sparsity.Structure]:
    """Describe the graph behind each λ vector to optim.sparsity, from cost.gate_graphs.

    costs: function of a LayerCost (or of what stands in its place) giving the number that counts.
    Branches of reduction blocks keep the constant γ: eq. 9 and 10 speak of convolution blocks.
    """

    def numbers(entries: Sequence[Any]) -> np.ndarray:
        return np.array([costs(entry) if costs else 0.0 for entry in entries], np.float64)

    return [
        sparsity.Structure(
            graph.source,
            graph.target,
            numbers(graph.costs),
            graph.ungated,
            numbers(graph.output_costs),
            adaptive=graph.part is Part.BLOCK,
            name=graph.name,
        )
        for graph in graphs
    ]
