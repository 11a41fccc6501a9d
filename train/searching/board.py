"""What TensorBoard shows of λ: their distribution, and a picture of every λ vector, at each epoch's end."""

from typing import Sequence

import numpy as np

from ..engine.callbacks import BaseCallback
from ..engine.course import Course
from .pruner import Pruner

SIDE = 12  # pixels of a λ
GONE = (40, 40, 60)  # color of a λ at zero
FREE = (255, 255, 255)  # where there is no λ


class GateBoard(BaseCallback):
    """Writes histograms and pictures of λ, where the run writes events."""

    def __init__(self, pruner: Pruner) -> None:
        self.pruner = pruner

    def epoch_ends(self, course: Course) -> None:
        events, space = course.run.events, self.pruner.space
        if events is None:
            return
        values = self.pruner.values()
        events.histogram(f'{course.stage.name}/lambda', np.concatenate(values), course.epoch)
        names = [*space.scopes, *space.reduction_scopes]
        for name, value, groups in zip(names, values, space.gate_groups()):
            events.histogram(f'lambda/{name}', value, course.epoch)
            events.picture(f'lambda/{name}', picture(value, groups), course.epoch)


def picture(values: np.ndarray, groups: Sequence[int]) -> np.ndarray:
    """Draw a λ vector (n,): a row of squares for each operation, of the λ into it, the brighter the larger; dark where zero.

    groups: of each λ, see SearchSpace.gate_groups. Returns uint8 (height, width, 3).
    """
    rows = [[value for value, group in zip(values, groups) if group == number] for number in range(max(groups) + 1)]
    largest = max(float(np.abs(values).max()), 1e-12)
    squares = np.full((len(rows), max(map(len, rows)), 3), FREE, np.uint8)
    for number, row in enumerate(rows):
        for place, value in enumerate(row):
            share = abs(float(value)) / largest
            shade = (80 + 175 * share, 120 * share + 40, 40)
            squares[number, place] = GONE if value == 0 else np.array(shade, np.uint8)
    return squares.repeat(SIDE, axis=0).repeat(SIDE, axis=1)
