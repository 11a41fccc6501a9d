"""How large γ is for every λ (section 3.4): constant, adaptive FLOPs (eq. 9), adaptive MAC (eq. 10), adaptive latency.

One mechanism: a policy turns costs and λ into a γ for each λ. It is made once, from γ and one Structure for each λ vector, and called
with the λ vectors whenever γ is to follow them. A new budget is one small class: a `scales` method, registered in POLICIES.

Costs are plain numbers, of whatever unit; here is no notion of what a block or an operation is. The cost of an operation is what the
network saves when it goes: for a λ vector that serves many blocks, the sum over these. What an edge to the block output costs (the
operation's columns of R) is counted apart, since it can go alone. What no λ can remove belongs in no cost.
"""

import dataclasses

import numpy as np

from ..base.errors import UserError
from ..base.registry import Registry

OUTSIDE = -1  # the block's input as the source of an edge, its output as the target


@dataclasses.dataclass(frozen=True, eq=False)
class Structure:
    """The graph behind one λ vector, and what its operations cost.

    source, target : integer sequences, one entry for each λ, in λ's order
        The operations (0 … N−1) that the edge of that λ joins; OUTSIDE (−1) as source is the block input, as target the block output.
    cost : sequence of N numbers >= 0
        What each operation costs by itself, in the unit of the policy.
    output_cost : sequence of N numbers >= 0, or None for zeros
        What each operation's edge to the block output costs, while it is there.
    ungated : sequence of operations that read the block input by an edge without a λ (the first level's, as published)
    adaptive : bool
        False: adaptive policies give these λ the constant γ, and MAC_max does not look at them. Equations 9 and 10 speak of convolution
        blocks alone; set it for reduction blocks to keep to their letter.
    name : str, for messages

    Raises ValueError where these do not fit together.
    """

    source: np.ndarray
    target: np.ndarray
    cost: np.ndarray
    ungated: tuple = ()
    output_cost: np.ndarray = None
    adaptive: bool = True
    name: str = ''

    def __post_init__(self):
        source, target = (np.array(ends, dtype=np.int64).reshape(-1) for ends in (self.source, self.target))
        cost = np.array(self.cost, dtype=np.float64).reshape(-1)
        output_cost = (
            np.zeros(len(cost))
            if self.output_cost is None
            else np.array(self.output_cost, dtype=np.float64).reshape(-1)
        )
        ungated = tuple(int(operation) for operation in self.ungated)
        n, where = len(cost), f'structure {self.name!r}: '
        if len(source) != len(target):
            raise ValueError(where + f'source has {len(source)} entries, target {len(target)}')
        for end in (source, target, np.array(ungated, dtype=np.int64)):
            if len(end) and not (OUTSIDE <= end.min() and end.max() < n):
                raise ValueError(
                    where + f'operations must be 0 to {n - 1} (or {OUTSIDE}), got {end.min()} to {end.max()}'
                )
        if OUTSIDE in ungated or ((source == OUTSIDE) & (target == OUTSIDE)).any():
            raise ValueError(where + 'an edge must start or end in an operation')
        if len(output_cost) != n:
            raise ValueError(where + f'cost has {n} entries, output_cost {len(output_cost)}')
        for numbers in (cost, output_cost):
            if not (np.isfinite(numbers).all() and (numbers >= 0).all()):
                raise ValueError(where + 'costs must be finite and >= 0')
        # Nodes: the operations, then the block input (n), then its output (n + 1). An edge is a position in the flat adjacency matrix.
        tails, heads = np.where(source == OUTSIDE, n, source), np.where(target == OUTSIDE, n + 1, target)
        flat = tails * (n + 2) + heads
        always = np.eye(n + 2, dtype=np.float32)
        always[n, list(ungated)] = 1
        if len(np.unique(flat)) != len(flat) or always.ravel()[flat].any():
            raise ValueError(where + 'two edges join the same operations')
        complete = always.copy()
        complete.ravel()[flat] = 1
        final = {
            'source': source,
            'target': target,
            'cost': cost,
            'output_cost': output_cost,
            'ungated': ungated,
            '_flat': flat,
            '_always': always,
            '_squarings': _squarings(complete, where),
        }
        for field, value in final.items():
            object.__setattr__(self, field, value)  # the way to complete a frozen dataclass

    @property
    def edge_cost(self):
        """For each λ, what its edge costs: as much as the operation that it enters; to the block output, its output cost, or where those
        are all zero, since they were not counted, as much as the operation that it leaves.

        Eq. 10 speaks of λ on operation (m,n) without saying whether of those into it or out of it; the published code takes those into it.
        """
        to_output = self.output_cost if self.output_cost.any() else self.cost
        return np.where(self.target == OUTSIDE, to_output[self.source], self.cost[self.target])


def _squarings(complete, where):
    """How often the adjacency matrix (with 1 on its diagonal) must be squared to hold the longest path; ValueError for a cycle."""
    step, reached, hops = (
        complete - np.eye(len(complete), dtype=np.float32),
        np.ones(len(complete), dtype=np.float32),
        0,
    )
    while (reached := np.minimum(step @ reached, 1)).any():  # nodes that hops + 1 edges in a row start from
        hops += 1
        if hops >= len(complete):
            raise ValueError(where + 'the edges form a cycle')
    return int(np.ceil(np.log2(max(hops, 1))))


def kept_operations(structure, lam):
    """Which operations would be left if the search ended at `lam`: isolated ones are gone, and what they isolate, to the fixed point.

    An operation is kept if it lies on a path from the block input to the block output over edges that survive (λ not zero, or no λ).
    That is the fixed point of removing operations that have no surviving edge to or from a kept one: on such a path every operation has
    both, and off it a chain of removals arrives, since there are no cycles. So no iteration is needed, but a transitive closure.

    lam: array with one entry for each λ. Returns N booleans. Raises ValueError for a wrong size.
    """
    lam = np.asarray(lam)
    if lam.size != len(structure.source):
        raise ValueError(f'structure {structure.name!r}: {lam.size} λ given, it has {len(structure.source)}')
    paths = structure._always.copy()
    paths.ravel()[structure._flat] = lam.ravel() != 0
    for _ in range(structure._squarings):
        paths = np.minimum(paths @ paths, 1)  # paths of up to twice as many edges; counts, cut to 0 or 1
    n = len(structure.cost)
    return (paths[n, :n] * paths[:n, n + 1]) > 0


def kept_cost(structure, lam):
    """What would be left to pay if the search ended at `lam`: FLOPs_b^t of eq. 9, where costs are FLOPs.

    That is the operations that are kept, and their surviving edges to the block output.
    """
    kept = kept_operations(structure, lam)
    to_output = structure.source[(structure.target == OUTSIDE) & (np.ravel(lam) != 0)]
    return float(structure.cost[kept].sum() + structure.output_cost[to_output[kept[to_output]]].sum())


def complete_cost(structure):
    """kept_cost while no λ is zero: FLOPs_block of eq. 9, where costs are FLOPs."""
    return kept_cost(structure, np.ones(len(structure.source)))


class Policy:
    """γ of every λ, from one γ for all and the structures behind the λ vectors (a sequence of Structure, in the vectors' order).

    Called with the λ vectors (a sequence of arrays), it returns their γ: float64 arrays, one for each vector, in its shape.
    Class attributes: `quantity`, what the structures' costs have to be ('flops', 'mac', 'latency'; None: they do not matter), and
    `moves`, whether γ depends on λ; if not, one call is enough for a whole search.

    Raises UserError for a negative γ, for costs a policy cannot work with, and for λ that do not fit the structures.
    """

    quantity = None
    moves = False

    def __init__(self, gamma, structures):
        if not 0 <= gamma < np.inf:
            raise UserError(f'gamma must be a number >= 0, got {gamma!r}')
        self.gamma = float(gamma)
        self.structures = tuple(structures)
        self.prepare([structure for structure in self.structures if structure.adaptive])

    def __call__(self, lams):
        lams = [np.asarray(lam) for lam in lams]
        if [lam.size for lam in lams] != [len(structure.source) for structure in self.structures]:
            raise ValueError(
                f'{type(self).__name__}: λ vectors of {[lam.size for lam in lams]} entries given, the structures have {[len(s.source) for s in self.structures]}'
            )
        gammas = []
        for structure, lam in zip(self.structures, lams):
            scales = self.scales(structure, lam) if structure.adaptive else 1.0
            gammas.append(np.full(lam.size, self.gamma * scales, dtype=np.float64).reshape(lam.shape))
        return gammas

    def prepare(self, structures):
        """Check and digest the costs of the adaptive structures, once."""

    def scales(self, structure, lam):
        """What γ is multiplied with: a number for the whole vector, or an array with one for each λ."""
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

    def prepare(self, structures):
        for structure in structures:
            if not complete_cost(structure) > 0:
                raise UserError(
                    f'AdaptiveFLOPs: the operations of structure {structure.name!r} cost nothing, eq. 9 divides by their sum'
                )

    def scales(self, structure, lam):
        return kept_cost(structure, lam) / complete_cost(structure)  # eq. 9


class AdaptiveMAC(Policy):
    """γ_(m,n) = (MAC_(m,n) / MAC_max) γ for the λ into operation (m,n), see Structure.edge_cost; MAC_max over all blocks (eq. 10)."""

    quantity = 'mac'

    def prepare(self, structures):
        self.largest = max(
            (max(structure.cost.max(), structure.output_cost.max()) for structure in structures if len(structure.cost)),
            default=1.0,
        )
        if not self.largest > 0:
            raise UserError(f'{type(self).__name__}: no operation costs anything, eq. 10 divides by the largest cost')

    def scales(self, structure, lam):
        return structure.edge_cost / self.largest  # eq. 10


class AdaptiveLatency(AdaptiveMAC):
    """Eq. 10 with each operation's measured time (seconds at its own shape, on the device that counts) in the place of its MAC. An edge
    to the block output has no time of its own, and takes that of the operation that it leaves.
    """

    quantity = 'latency'


POLICIES = Registry('sparsity policy')
POLICIES.register('none', Constant)
POLICIES.register('flops', AdaptiveFLOPs)
POLICIES.register('mac', AdaptiveMAC)
POLICIES.register('latency', AdaptiveLatency)


def make(name, gamma, structures):
    """The policy called `name` (of POLICIES; 'constant' is another name of 'none') for `gamma` and the structures of the λ vectors.

    Raises UserError for an unknown name.
    """
    return POLICIES.get('none' if name == 'constant' else name)(gamma, structures)
