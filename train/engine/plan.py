"""Which batches and which updates the steps of a stage are, as functions of counts alone."""

import dataclasses
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from ...base.errors import UserError
from ...data.dataset import Part
from .names import Update

Pattern = Sequence[Tuple[Part, Update]]
Shard = Tuple[int, int]


@dataclasses.dataclass(frozen=True)
class Position:
    """Where a stage stands: epochs done, and steps done of the epoch after them.

    partial: figures of an epoch that has begun: {'sums': see Figures.gather, 'seconds': so far}.
    ended: why the stage was ended before its last epoch; '' where it was not.
    """

    epoch: int = 0
    step: int = 0
    partial: Optional[Dict[str, Any]] = None
    ended: str = ''


class Feed:
    """Batches of one part over one pass after another, from batch `position` of the stage on."""

    def __init__(self, dataset: Any, part: Part, batch_size: int, shard: Shard, first_pass: int, position: int) -> None:
        self._dataset, self._part, self._batch_size, self._shard = dataset, part, batch_size, shard
        self._pass, self._skip = divmod(position, dataset.num_batches(part, batch_size, True, shard))
        self._pass += first_pass
        self._batches: Any = None

    def next(self) -> Tuple[np.ndarray, np.ndarray]:
        """Return the next batch: images (b, 3, H, W) and labels (b,)."""
        while True:
            if self._batches is None:
                self._batches = self._dataset.batches(
                    self._part, self._batch_size, epoch=self._pass, train=True, shard=self._shard, skip=self._skip
                )
                self._pass, self._skip = self._pass + 1, 0
            for batch in self._batches:
                return batch
            self.close()

    def close(self) -> None:
        """Stop the threads that make batches."""
        if self._batches is not None:
            self._batches.close()
            self._batches = None


class Plan:
    """The steps of an epoch, and how many batches of each part lie before any of them.

    pattern: the turn of steps. An epoch is one pass over the part of the pattern's first step.
    Raises UserError where the pattern does not fit into an epoch.
    """

    def __init__(self, pattern: Pattern, batch_size: int, dataset: Any, share: int, shard: Shard) -> None:
        self.pattern = pattern
        self.parts: List[Part] = list(dict.fromkeys(part for part, _ in pattern))
        self._count = {part: [other for other, _ in pattern].count(part) for part in self.parts}
        lead = self.parts[0]
        batches = dataset.num_batches(lead, share, True, shard)
        cycles, rest = divmod(batches, self._count[lead])
        if not cycles:
            raise UserError(
                f'search.ratio: the W part has {batches} batches of {batch_size} images an epoch, '
                f'fewer than the {self._count[lead]} W iterations of one turn'
            )
        self.steps = cycles * len(pattern) + rest

    def step(self, number: int) -> Tuple[Part, Update]:
        """Return the data part and the update of a step of an epoch."""
        return self.pattern[number % len(self.pattern)]

    def before(self, part: Part, epoch: int, step: int) -> int:
        """Count the batches of `part` used before step `step` of epoch `epoch`."""
        return epoch * self._within(part, self.steps) + self._within(part, step)

    def _within(self, part: Part, step: int) -> int:
        turns, rest = divmod(step, len(self.pattern))
        return turns * self._count[part] + [other for other, _ in self.pattern[:rest]].count(part)
