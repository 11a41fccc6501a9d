"""Where the training of a stage stands, as callbacks see it."""

import time
from typing import TYPE_CHECKING, Any, Dict

from .figures import Figures
from .names import Update
from .plan import Plan, Position

if TYPE_CHECKING:
    from ..runtime.run import Run
    from .stage import Stage


class Course:
    """The training of one stage in a run.

    stage, run: see stage.Stage and runtime.run.Run; plan: its Plan; share: images of a batch that this worker gets.
    epoch, step: epochs done, and steps done of the epoch after them; in `epoch_ends` the epoch is done.
    update, where: what the step at hand updates, and a text that names it.
    row: the epoch's row of log.csv. best: whether its test error is the best so far.
    notes: texts to show in the line of progress, by whom they are of.
    scalars: further numbers of the last step for TensorBoard, by name.
    ended: why the stage ends before its last epoch, '' where it does not.
    """

    def __init__(self, stage: 'Stage', run: 'Run', plan: Plan, share: int, position: Position) -> None:
        self.stage, self.run, self.plan, self.share = stage, run, plan, share
        self.epoch, self.step, self.ended = position.epoch, position.step, position.ended
        self.fresh = position.epoch == position.step == 0
        self.update, self.where = Update.WEIGHTS, ''
        self.row: Dict[str, Any] = {}
        self.best = False
        self.notes: Dict[str, str] = {}
        self.scalars: Dict[str, float] = {}
        self._partial = position.partial
        self.figures, self.started = Figures(stage.name, share, run.devices), time.monotonic()

    def begin_epoch(self) -> None:
        """Start the figures and the clock of an epoch, from those of a checkpoint within it."""
        partial, self._partial = self._partial, None
        self.row, self.best = {}, False
        self.figures = Figures(self.stage.name, self.share, self.run.devices, partial['sums'] if partial else None)
        self.started = time.monotonic() - (partial['seconds'] if partial else 0)

    @property
    def over(self) -> bool:
        """Whether no epoch is left."""
        return self.epoch >= self.stage.epochs or bool(self.ended and not self.step)

    def stop(self, reason: str) -> None:
        """End the stage after the present epoch. reason: a text for people and for the checkpoint."""
        self.ended = reason or 'asked to'

    def position(self) -> Position:
        """Return the Position for a checkpoint. All workers call it alike."""
        partial = None
        if self.step:
            partial = {'sums': self.figures.gather(), 'seconds': time.monotonic() - self.started}
        return Position(self.epoch, self.step, partial, self.ended)
