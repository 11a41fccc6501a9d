"""The one time axis of a run's curves: its stages one after the other, each with its epochs."""

from typing import Any, List, NamedTuple, Sequence

import numpy as np
from matplotlib.axes import Axes

from ..drawing import palette
from ..reading.runs import STAGES, Run

NAMES = {'pretrain': 'pretrain', 'search': 'search', 'retrain': 'retrain'}
TICK = 0.075  # of the width of the axis: ticks are no nearer to each other


class Span(NamedTuple):
    """A stage on the axis. length: its epochs so far; start, width: where it is, in epochs as wide as those of the search."""

    stage: str
    start: float
    length: int
    width: float

    @property
    def end(self) -> float:
        """Where the stage ends on the axis."""
        return self.start + self.width

    def at(self, epochs: Any) -> Any:
        """Return where epochs of the stage are on the axis."""
        return self.start + np.asarray(epochs, float) * (self.width / self.length)


def timeline(run: Run, stages: Sequence[str] = STAGES) -> List[Span]:
    """Return a Span for each stage that has begun. The retraining is drawn no longer than all that came before it."""
    spans: List[Span] = []
    start = 0.0
    for stage in stages:
        rows = run.rows(stage)
        if rows:
            length = max(row['epoch'] for row in rows)
            width = min(float(length), start) if stage == 'retrain' and start else float(length)
            spans.append(Span(stage, start, length, width))
            start += width
    return spans


def mark(axes: Axes, spans: Sequence[Span], names: bool) -> None:
    """Tint the stages, and set ticks that count the epochs of each. names: with the names of the stages above."""
    begin, end = spans[0].start, spans[-1].end
    axes.set_xlim(begin, end)
    for span in spans:
        axes.axvspan(span.start, span.end, color=palette.STAGES[span.stage], zorder=0, linewidth=0)
        if span is not spans[0]:
            axes.axvline(span.start, color=palette.GREY, linewidth=0.8, zorder=1)
        if names:
            middle, over = (span.start + span.end) / 2, axes.get_xaxis_transform()
            axes.text(middle, 1.01, NAMES[span.stage], ha='center', va='bottom', transform=over, fontsize='small')
    places, labels = [], []
    for span in spans:
        for epoch in _ticks(span, TICK * (end - begin)):
            places.append(float(span.at(epoch)))
            labels.append(str(epoch))
    axes.set_xticks(places, labels)


def _ticks(span: Span, least: float) -> List[int]:
    """Epochs that get a tick: a round step, and the last one."""
    steps = (factor * 10**power for power in range(6) for factor in (1, 2, 5))
    step = next((step for step in steps if step * span.width / span.length >= least), span.length)
    ticks = list(range(step, span.length, step))
    if ticks and (span.length - ticks[-1]) * span.width / span.length < least:
        ticks.pop()
    return [*ticks, span.length]
