"""When each edge of a search was decided, and how far λ have parted: numbers of λ alone, by group.

A group are the λ whose common scale the network does not see: those into one operation, into a block's output, of a reduction block.
"""

from typing import Any, Dict, List, Optional, Sequence

import numpy as np

from ...symbols.space import SearchSpace

KINDS = ('operations', 'outputs', 'reductions')
JUMP_OF_GROUP = 0.1  # of the mean λ of its group: a jump is no smaller


class Groups:
    """The groups of all λ of a space, one vector after another, as sums over them are taken. ids: (n,); kinds: (g,), of KINDS."""

    def __init__(self, space: SearchSpace) -> None:
        ids: List[int] = []
        kinds: List[str] = []
        for number, members in enumerate(space.gate_groups()):
            count = max(members) + 1
            ids += [len(kinds) + member for member in members]
            if number < len(space.scopes):
                kinds += ['operations'] * (count - 1) + ['outputs']  # whose λ come last in each vector
            else:
                kinds += ['reductions'] * count
        self.ids, self.kinds = np.array(ids), np.array(kinds)
        self.sizes = np.bincount(self.ids)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sum (n,) over the members of each group: (g,)."""
        return np.bincount(self.ids, weights=values, minlength=len(self.kinds))

    def variation(self, lam: np.ndarray) -> np.ndarray:
        """Return the standard deviation of |λ| over its mean in each group: 0 all alike, √(members − 1) one left; nan none left."""
        mean, squares = (self.sums(np.abs(lam) ** power) / self.sizes for power in (1, 2))
        with np.errstate(invalid='ignore', divide='ignore'):
            return np.where(mean > 0, np.sqrt(np.maximum(squares - mean**2, 0)) / mean, np.nan)

    def entropy(self, lam: np.ndarray) -> np.ndarray:
        """Return the entropy of |λ| / Σ|λ| in each group over its largest value: 1 all alike, 0 one left; nan none, or of one member."""
        total = self.sums(np.abs(lam))
        with np.errstate(invalid='ignore', divide='ignore'):
            share = np.abs(lam) / total[self.ids]
            entropy = -self.sums(np.where(share > 0, share * np.log(np.where(share > 0, share, 1)), 0))
            return np.where((total > 0) & (self.sizes > 1), entropy / np.log(np.maximum(self.sizes, 2)), np.nan)

    def steps(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        """Return ‖after − before‖ / ‖before‖ of each group; nan where nothing was left before."""
        size = self.sums(before**2)
        with np.errstate(invalid='ignore', divide='ignore'):
            return np.where(size > 0, np.sqrt(self.sums((after - before) ** 2) / size), np.nan)

    def jumps(self, before: np.ndarray, after: np.ndarray) -> int:
        """Count the λ that changed by more than their own size, and by a tenth of the mean |λ| left in their group."""
        left = np.maximum(self.sums(before != 0), 1)
        mean = (self.sums(np.abs(before)) / left)[self.ids]
        change = np.abs(after - before)
        return int(((before != 0) & (change > np.abs(before)) & (change > JUMP_OF_GROUP * mean)).sum())

    def by_kind(self, name: str, values: np.ndarray) -> Dict[str, float]:
        """Return {name_kind: mean over the groups of that kind}, those without a value left out."""
        means = {}
        for kind in KINDS:
            known = values[(self.kinds == kind) & ~np.isnan(values)]
            if len(known):
                means[f'{name}_{kind}'] = float(known.mean())
        return means


class Decisions:
    """At which λ step each λ last went to zero or came back from it.

    step: λ steps done; total: of the whole search. changed: (n,), 0 where it never did. zero: (n,), as last seen.
    """

    def __init__(self, groups: Groups) -> None:
        self.groups = groups
        self.step = self.total = 0
        self.changed = np.zeros(len(groups.ids), np.int64)
        self.zero = np.zeros(len(groups.ids), bool)

    def see(self, values: Sequence[np.ndarray]) -> np.ndarray:
        """Note λ as they are now, one array a vector; returns them as one, (n,)."""
        lam = np.concatenate([np.asarray(value, np.float64) for value in values])
        self.changed[(lam == 0) != self.zero] = self.step
        self.zero = lam == 0
        return lam

    @property
    def decided(self) -> np.ndarray:
        """Return for each λ the step at which it went to zero for good, −1 where it is not zero."""
        return np.where(self.zero, self.changed, -1)

    def early(self, share: float) -> int:
        """Count the λ that went for good within the first `share` of the search."""
        return int((self.zero & (self.changed <= share * self.total)).sum())

    def narrowest(self) -> Optional[float]:
        """Return the smallest share of the λ steps within which half of the λ that are gone went; None for fewer than two."""
        steps = np.sort(self.changed[self.zero])
        half = -(-len(steps) // 2)
        if len(steps) < 2 or not self.total:
            return None
        return float((steps[half - 1 :] - steps[: len(steps) - half + 1]).min() / self.total)

    def groups_decided(self, share: float) -> float:
        """Return the share of groups in which λ went, and none went or came back within the last `share` of the search."""
        last = np.zeros(len(self.groups.kinds), np.int64)
        np.maximum.at(last, self.groups.ids, self.changed)
        went = self.groups.sums(self.zero) > 0
        return float((went & (self.step - last >= share * self.total)).mean())

    def state(self) -> Dict[str, Any]:
        return {'changed': self.changed.tolist(), 'zero': self.zero.astype(int).tolist()}

    def restore(self, state: Dict[str, Any]) -> None:
        self.changed, self.zero = np.array(state['changed'], np.int64), np.array(state['zero'], bool)
