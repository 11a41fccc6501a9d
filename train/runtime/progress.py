"""Show how training goes: what it does at the moment, how long the run will still take, and a line an epoch."""

from typing import Any, Mapping, Optional, Sequence

from ...base import progress
from .time_left import TimeLeft


class Progress(progress.Progress):
    """base.progress.Progress of a run. left: what the run will still take; whoever knows of later phases plans them there."""

    def __init__(self, shown: bool = True, apart: bool = False, left: Optional[TimeLeft] = None) -> None:
        super().__init__(shown, apart)
        self.left = TimeLeft() if left is None else left

    def further(self) -> Sequence[progress.Part]:
        """Return the time left of the run."""
        return [(3, progress.left(self.left.seconds()))]


def epoch_line(row: Mapping[str, Any], epochs: int, left: Optional[float] = None) -> str:
    """Write a row of the log as a line of at most 80 columns; epochs: of the stage; left: seconds that the run will still take."""
    parts = [(0, f'{row["stage"]} {row["epoch"]}/{epochs}')]
    for name, gate, label, form in (('loss', 'gate_loss', 'loss', '%.3f'), ('error', 'gate_error', 'error', '%.1f%%')):
        if row.get(name) is not None:
            text = f'{label} {form % row[name]}'
            parts.append((1, text if row.get(gate) is None else f'{text} (λ {form % row[gate]})'))
    if row.get('test_error') is not None:
        parts.append((1, 'test %.2f%%' % row['test_error']))
    if row.get('edges') is not None:
        parts.append((1, f'{row["edges"]} edges'))
    parts.append((3, '%.0f images/s' % row['images_per_second']))
    parts.append((2, progress.left(left)))
    return progress.fitted(parts, progress.COLUMNS, gap=', ')
