"""End a retraining that no longer gets better (`retrain.patience`), by images that are held out of training.

The test set is never looked at for this: `retrain.held_out` of the training images are set apart before training, and what is learned
comes from the rest alone. A network that ends so is that of its last epoch.
"""

from typing import Any, Dict, Optional, Tuple

from ...data.dataset import Part
from .callbacks import BaseCallback
from .course import Course
from .standard import as_tested, test


class Patience(BaseCallback):
    """Ends the stage once the error on the held-out images has not fallen for `epochs` epochs."""

    name = 'retrain.patience'
    columns: Tuple[str, ...] = ('held_out_loss', 'held_out_error')

    def __init__(self, epochs: int) -> None:
        self.epochs, self.waited = epochs, 0
        self.best: Optional[float] = None

    def epoch_ends(self, course: Course) -> None:
        stage, run = course.stage, course.run
        title = f'{stage.name} {course.epoch}/{stage.epochs}, testing on what is held out'
        with as_tested(stage, run):
            result = test(stage.learner, run, stage.batch_size, stage.inputs(0.0), title=title, part=Part.HELD_OUT)
        course.row.update(held_out_loss=result.loss, held_out_error=result.error)
        better = self.best is None or result.error < self.best
        self.best = result.error if self.best is None else min(self.best, result.error)
        self.waited = 0 if better else self.waited + 1
        if self.waited >= self.epochs:
            course.stop(f'the error on held-out images has not fallen below {self.best:.2f}% for {self.epochs} epochs')

    def state(self) -> Dict[str, Any]:
        return {'waited': self.waited, 'best': self.best}

    def restore(self, state: Dict[str, Any]) -> None:
        self.waited, self.best = state['waited'], state['best']
