"""Loss and error over the steps of an epoch."""

import math
from collections import deque
from typing import Any, Deque, Dict, List, Mapping, NoReturn, Optional, Tuple

import numpy as np

from ..runtime.devices import Devices
from ..runtime.stops import TrainingError
from .names import Update

LAG = 2  # steps whose figures are still on their way while the next are started


class Figures:
    """Sums over an epoch's steps, for W steps and λ steps apart.

    They are fetched a few steps late, so that no step waits for them. stage: its name; share: images
    of a batch that this worker gets; sums: of the epoch so far, from `gather`.
    """

    def __init__(
        self, stage: str, share: int, devices: Devices, sums: Optional[Mapping[str, List[List[float]]]] = None
    ) -> None:
        self._stage, self._share, self._devices = stage, share, devices
        self._waiting: Deque[Tuple[str, Update, Any, Mapping[Update, Any]]] = deque()
        self.sums: Dict[Update, List[Any]] = {Update.WEIGHTS: [0.0, 0, 0], Update.GATES: [0.0, 0, 0]}
        for group, rows in (sums or {}).items():
            if len(rows) != devices.workers:  # another number of workers
                rows = [np.sum(rows, axis=0)] + [np.zeros(3)] * (devices.workers - 1)
            loss, wrong, count = rows[devices.rank]
            self.sums[Update(group)] = [float(loss), int(wrong), int(count)]
        self.last = (math.nan, math.nan)

    def gather(self) -> Dict[str, List[List[float]]]:
        """Return the sums so far, all fetched: {group: [loss, wrong images, images] of each worker}."""
        self.fetch()
        return {group.value: self._devices.gather(values).tolist() for group, values in self.sums.items()}

    def add(self, where: str, update: Update, figures: Any, finite: Mapping[Update, Any]) -> None:
        """Add a step. where: a text that names it; figures, finite: what Learner.step returned."""
        self._waiting.append((where, update, figures, finite))
        self.fetch(LAG)

    def fetch(self, keep: int = 0) -> None:
        """Wait for all but the last `keep` steps. Raises TrainingError where a number is not finite."""
        while len(self._waiting) > keep:
            where, update, figures, finite = self._waiting.popleft()
            loss, wrong = np.sum([figure.asnumpy() for figure in figures], axis=0, dtype=np.float64)
            if not math.isfinite(loss):
                self._refuse('the loss', where)
            for group, flag in finite.items():
                if not flag.asscalar():
                    self._refuse(f'the gradient of {group.symbol}', where)
            sums = self.sums[Update.GATES if update is Update.GATES else Update.WEIGHTS]
            sums[0] += float(loss)
            sums[1] += int(wrong)
            sums[2] += self._share
            self.last = (float(loss) / self._share, 100.0 * float(wrong) / self._share)

    def _refuse(self, quantity: str, where: str) -> NoReturn:
        raise TrainingError(
            f'{quantity} is not finite at {where}; the last checkpoint before it is kept. '
            f'A smaller learning rate ({self._stage}.lr), or {self._stage}.clip_gradient, may help'
        )

    def means(self) -> Dict[str, Optional[float]]:
        """Return 'loss', 'error', 'gate_loss' and 'gate_error' over all workers.

        Errors are in percent; None where there was no such step.
        """
        total = self._devices.total(self.sums[Update.WEIGHTS] + self.sums[Update.GATES])
        row: Dict[str, Optional[float]] = {}
        for prefix, (loss, wrong, count) in (('', total[:3]), ('gate_', total[3:])):
            row[f'{prefix}loss'] = float(loss) / float(count) if count else None
            row[f'{prefix}error'] = 100.0 * float(wrong) / float(count) if count else None
        return row
