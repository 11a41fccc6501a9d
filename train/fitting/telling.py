"""What is printed while a fit goes on: lines of at most 80 columns on stdout, or none."""

import textwrap
import time
from typing import Any, Callable, List, Optional

from ...base.progress import fitted, left
from ...base.text import escaped
from ..engine.callbacks import BaseCallback
from ..engine.course import Course
from ..runtime.progress import Progress
from .foresight import FitLeft

WIDTH = 80
EVERY = 10.0  # seconds between lines of epochs, where epochs are shorter


class Teller(Progress):
    """Prints lines, wrapped; stages say their epochs through `Epochs` instead of lines of their own. quiet: prints nothing."""

    def __init__(self, quiet: bool = False) -> None:
        self.fit_left = FitLeft()
        super().__init__(not quiet, left=self.fit_left)

    def say(self, line: str) -> None:
        """Take a line of a stage, which is for those who run stages one by one."""

    def tell(self, text: str = '', indent: str = '  ') -> None:
        """Print text, wrapped behind its first line by `indent`."""
        lines = textwrap.wrap(escaped(text), WIDTH, subsequent_indent=indent, break_long_words=False) or ['']
        super().say('\n'.join(lines))

    def show(self, lines: List[str]) -> None:
        """Print lines as they are."""
        super().say('\n'.join(escaped(line) for line in lines))


class Epochs(BaseCallback):
    """Says how a stage goes, an epoch a line but not more often than every few seconds; the last epoch always."""

    def __init__(self, teller: Teller, clock: Callable[[], float] = time.monotonic) -> None:
        self.teller, self.clock = teller, clock
        self._said: Optional[float] = None

    def stage_begins(self, course: Course) -> None:
        self._said = self.clock()

    def epoch_ends(self, course: Course) -> None:
        now = self.clock()
        if course.over or self._said is None or now - self._said >= EVERY:
            self._said = now
            self.teller.show([line_of(course.row, course.stage.epochs, self.teller.left.seconds())])
        if course.ended:
            self.teller.tell(f'  ends after epoch {course.epoch}: {course.ended}')


def line_of(row: Any, epochs: int, seconds: Optional[float] = None) -> str:
    """Write a row of log.csv as a line: '  search 12/50, loss 0.51, error 12.1 %, test error 9.0 %, 31 edges, 4 min left'.

    seconds: that the fit will still take.
    """
    parts = [(0, f'  {row["stage"]} {row["epoch"]}/{epochs}')]
    for name, form in (('loss', 'loss {:.3f}'), ('error', 'error {:.1f} %'), ('test_error', 'test error {:.1f} %')):
        if row.get(name) is not None:
            parts.append((1, form.format(row[name])))
    if row.get('edges') is not None:
        parts.append((2, f'{row["edges"]} edges'))
    return fitted([*parts, (1, left(seconds))], WIDTH, gap=', ')


def clock(seconds: float) -> str:
    """Write seconds as minutes and seconds: 75 -> '1:15'; from an hour on '1:02:03'."""
    whole = int(round(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, seconds = divmod(rest, 60)
    return f'{hours}:{minutes:02d}:{seconds:02d}' if hours else f'{minutes}:{seconds:02d}'
