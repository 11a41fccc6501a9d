"""End a retraining that no longer gets better (`retrain.patience`), by images that are held out of training.

The test set is never looked at for this: `retrain.held_out` of the training images are set apart before training, and what is learned
comes from the rest alone. The network of the epoch with the least error on them is kept, the first of several: as it was tested, so
with averaged weights where there are (averaging.py). Checkpoints hold it besides the weights that training goes on with.
"""

from typing import Any, Dict, Optional, Tuple

import mxnet as mx

from ...data.dataset import Part
from ...symbols.backend import padding
from ..runtime.state import parameters
from . import averaging
from .callbacks import BaseCallback
from .course import Course
from .standard import as_tested, test


class Patience(BaseCallback):
    """Ends the stage once the error on the held-out images has not fallen for `epochs` epochs. best, epoch: the least error, and when."""

    name = 'retrain.patience'
    columns: Tuple[str, ...] = ('held_out_loss', 'held_out_error')

    def __init__(self, epochs: int) -> None:
        self.epochs, self.waited, self.epoch = epochs, 0, 0
        self.best: Optional[float] = None

    def epoch_ends(self, course: Course) -> None:
        stage, run = course.stage, course.run
        title = f'{stage.name} {course.epoch}/{stage.epochs}, testing on what is held out'
        with as_tested(stage, run):
            result = test(stage.learner, run, stage.batch_size, stage.inputs(0.0), title=title, part=Part.HELD_OUT)
            self.waited += 1
            if self.best is None or result.error < self.best:
                self.best, self.epoch, self.waited = result.error, course.epoch, 0
                named = parameters(stage.learner.net).items()
                stage.learner.kept = {
                    name: padding.stored(param, param.list_data()[0].asnumpy()) for name, param in named
                }
        course.row.update(held_out_loss=result.loss, held_out_error=result.error)
        if self.waited >= self.epochs:
            course.stop(f'the error on held-out images has not fallen below {self.best:.2f}% for {self.epochs} epochs')

    def state(self) -> Dict[str, Any]:
        return {'waited': self.waited, 'best': self.best, 'epoch': self.epoch}

    def restore(self, state: Dict[str, Any]) -> None:
        self.waited, self.best = state['waited'], state['best']
        self.epoch = state.get('epoch', 0)  # 0 in checkpoints of versions that kept the last epoch's network


def finish(course: Course) -> int:
    """Leave in the learner, for good, the network that a retraining ends with. Returns its epoch.

    With patience that of the least error on the held-out images, else that of the last epoch, with its averages where there are.
    """
    learner = course.stage.learner
    own = [callback for callback in course.stage.callbacks if isinstance(callback, Patience)]
    if not own or not own[0].epoch or not learner.kept:
        averaging.finish(learner)
        return course.epoch
    mx.nd.waitall()
    for name, param in parameters(learner.net).items():
        param.set_data(mx.nd.array(learner.kept[name], dtype=param.dtype))
    return own[0].epoch
