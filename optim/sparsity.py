"""The γ of every λ (section 3.4): constant, adaptive FLOPs (eq. 9), adaptive MAC (eq. 10), adaptive latency.

One mechanism: a policy turns costs and λ into a γ for each λ. It is made once, from γ and one Structure for each λ vector, and called
with the λ vectors whenever γ is to follow them. A new policy is one small class: a `scales` method, registered in POLICIES.

Costs are plain numbers, of whatever unit; this module has no notion of a block or an operation. The cost of an operation is what the
network saves when it goes: for a λ vector that serves many blocks, the sum over these. The cost of an edge to the block output (the
operation's columns of R) is counted apart, since it can go alone. What no λ can remove belongs in no cost.
"""

from __future__ import annotations

from typing import Any, List, Optional, Sequence, Type, Union

import numpy as np

from ..base.errors import UserError
from ..base.registry import Registry
from .structure import OUTSIDE, Numbers, Structure, complete_cost, kept_cost, kept_operations

__all__ = [
    'OUTSIDE', 'POLICIES', 'AdaptiveFLOPs', 'AdaptiveLatency', 'AdaptiveMAC', 'Constant', 'Policy', 'Structure', 'complete_cost',
    'kept_cost', 'kept_operations', 'make',
]  # fmt: skip

Scales = Union[float, 'np.ndarray[Any, Any]']  # for a whole vector, or one for each λ


class Policy:
    """The rule for γ of every λ, from one γ for all and the structures behind the λ vectors, in the vectors' order.

    Called with the λ vectors (a sequence of arrays), it returns their γ: float64 arrays, one for each vector, in its shape.
    Class attributes: `quantity`, the quantity that the structures' costs have to be ('flops', 'mac', 'latency'; None: any), and
    `moves`, whether γ depends on λ; if not, one call is enough for a whole search.

    Raises UserError for a negative γ and for costs that a policy cannot work with, ValueError for λ that do not fit the structures.
    """

    quantity: Optional[str] = None
    moves: bool = False

    def __init__(self, gamma: float, structures: Sequence[Structure]) -> None:
        if not 0 <= gamma < np.inf:
            raise UserError(f'gamma must be a number >= 0, got {gamma!r}')
        self.gamma = float(gamma)
        self.structures = tuple(structures)
        self.prepare([structure for structure in self.structures if structure.adaptive])

    def __call__(self, lams: Sequence[Numbers]) -> List[np.ndarray[Any, Any]]:
        lams = [np.asarray(lam) for lam in lams]
        sizes, expected = [lam.size for lam in lams], [len(structure.source) for structure in self.structures]
        if sizes != expected:
            raise ValueError(
                f'{type(self).__name__}: λ vectors of {sizes} entries given, the structures have {expected}'
            )
        gammas = []
        for structure, lam in zip(self.structures, lams):
            scales = self.scales(structure, lam) if structure.adaptive else 1.0
            gammas.append(np.full(lam.size, self.gamma * scales, dtype=np.float64).reshape(lam.shape))
        return gammas

    def prepare(self, structures: Sequence[Structure]) -> None:
        """Check the costs of the adaptive structures, once."""

    def scales(self, structure: Structure, lam: np.ndarray[Any, Any]) -> Scales:
        """Return the factor of γ: a number for the whole vector, or an array with one for each λ."""
        return 1.0


class Constant(Policy):
    """γ for every λ."""


class AdaptiveFLOPs(Policy):
    """γ_b^t = (FLOPs_b^t / FLOPs_block) γ for all λ of block b, FLOPs_b^t those of the operations kept at λ_t (eq. 9).

    By the paper's words, and exactly. The published code counts roughly, and an operation that is isolated still counts there until it
    is removed for good: tests/golden/README.md.
    """

    quantity = 'flops'
    moves = True

    def prepare(self, structures: Sequence[Structure]) -> None:
        for structure in structures:
            if not complete_cost(structure) > 0:
                raise UserError(
                    f'AdaptiveFLOPs: the operations of structure {structure.name!r} cost nothing, eq. 9 divides by their sum'
                )

    def scales(self, structure: Structure, lam: np.ndarray[Any, Any]) -> Scales:
        return kept_cost(structure, lam) / complete_cost(structure)  # eq. 9


class AdaptiveMAC(Policy):
    """γ_(m,n) = (MAC_(m,n) / MAC_max) γ for the λ into operation (m,n), see Structure.edge_cost; MAC_max over all blocks (eq. 10)."""

    quantity = 'mac'

    def prepare(self, structures: Sequence[Structure]) -> None:
        self.largest = max(
            (max(structure.cost.max(), structure.output_cost.max()) for structure in structures if len(structure.cost)),
            default=1.0,
        )
        if not self.largest > 0:
            raise UserError(f'{type(self).__name__}: no operation costs anything, eq. 10 divides by the largest cost')

    def scales(self, structure: Structure, lam: np.ndarray[Any, Any]) -> Scales:
        return structure.edge_cost / self.largest  # eq. 10


class AdaptiveLatency(AdaptiveMAC):
    """Eq. 10 with each operation's measured time in the place of its MAC, in seconds at its own shape, on the target device.

    An edge to the block output has no time of its own, and takes that of the operation that it leaves.
    """

    quantity = 'latency'


POLICIES: Registry[Type[Policy]] = Registry('sparsity policy')
POLICIES.register('none', Constant)
POLICIES.register('flops', AdaptiveFLOPs)
POLICIES.register('mac', AdaptiveMAC)
POLICIES.register('latency', AdaptiveLatency)


def make(name: str, gamma: float, structures: Sequence[Structure]) -> Policy:
    """Build the policy called `name` for `gamma` and the structures of the λ vectors.

    name: of POLICIES; 'constant' is another name of 'none'. Raises UserError for an unknown name.
    """
    return POLICIES.get('none' if name == 'constant' else name)(gamma, structures)
