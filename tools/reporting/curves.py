"""Curves of a run on one time axis: error, λ, how much of the network is left; and on request loss and FLOPs."""

from typing import Any, Dict, Optional, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...base.errors import UserError
from ...base.text import unit_scale
from ...symbols.architecture import Architecture
from ...symbols.cost import cost
from ..drawing import figures, palette
from ..reading.runs import STAGES, Run
from ..reading.sources import image_size_of
from . import lambdas
from .timeline import Span, mark, timeline

CURVES = {
    'loss': (('loss', 'training'), ('gate_loss', 'λ part'), ('test_loss', 'test')),
    'error': (('error', 'training'), ('gate_error', 'λ part'), ('test_error', 'test')),
}
STYLES = {'training': '-', 'λ part': '--', 'test': '-'}
PANELS = ('error', 'lambda', 'left')  # drawn where none are chosen
ALL_PANELS = ('loss', 'error', 'lambda', 'left', 'flops')
HEIGHTS = {'lambda': 2.6}  # inches, where a panel is not as high as the others
HEIGHT = 1.75
MOST_PRUNINGS = 40  # drawn as lines from top to bottom; more, as ticks at the top


def draw(
    run: Run, panels: Sequence[str] = PANELS, stages: Sequence[str] = STAGES, width: float = 7.5, title: str = ''
) -> Figure:
    """Draw the panels that the run has data for, one below the other, on one time axis; width in inches.

    Raises UserError where no epoch is logged yet.
    """
    spans = timeline(run, stages)
    if not spans:
        raise UserError(f'{run.path}: nothing to draw yet ({run.why}); accepted is a run whose log.csv has an epoch')
    panels = [name for name in panels if _has(run, name, stages)]
    if not panels:
        raise UserError(f'{run.path}: the stages {", ".join(stages)} have nothing to draw in these panels')
    heights = [HEIGHTS.get(name, HEIGHT) for name in panels]
    figure = figures.new(width, 0.5 + sum(heights))
    grid = figure.subplots(len(panels), 1, squeeze=False, gridspec_kw={'height_ratios': heights})[:, 0]
    for axes, name in zip(grid, panels):
        _DRAW[name](axes, run, name, spans)
        if name in ('lambda', 'left', 'flops'):
            _prunings(axes, run, spans, name)
        mark(axes, spans, names=axes is grid[0])
        legend(axes, 0.12 if axes is grid[0] else 0.0)
    grid[-1].set_xlabel('epoch of the stage')
    if title:
        figure.suptitle(title)
    return figure


def _has(run: Run, name: str, stages: Sequence[str]) -> bool:
    if name in CURVES:
        return any(len(run.columns(stage, column)[0]) for stage in stages for column, _ in CURVES[name])
    if 'search' not in stages or not run.rows('search'):
        return False
    if name == 'lambda':
        return run.gates is not None
    return any(len(run.columns('search', column)[0]) for column in (('edges', 'flops') if name == 'left' else (name,)))


def _curves(axes: Axes, run: Run, name: str, spans: Sequence[Span]) -> None:
    for index, (column, label) in enumerate(CURVES[name]):
        shown = label
        for span in spans:
            epochs, values = run.columns(span.stage, 'epoch', column)
            if not len(epochs):
                continue
            marker = 'o' if len(epochs) < 4 or column.startswith('test') and len(epochs) < 40 else None
            style: Dict[str, Any] = {'color': palette.SERIES[index], 'linestyle': STYLES[label], 'markersize': 3}
            axes.plot(span.at(epochs), values, label=shown, marker=marker, **style)
            shown = f'_{label}'
    axes.set_ylabel('error (%)' if name == 'error' else 'loss (nats)')
    from_zero(axes)
    if name == 'error':
        _final(axes, run, spans)


def _final(axes: Axes, run: Run, spans: Sequence[Span]) -> None:
    """Mark the last test, and write what it gave."""
    tested = [(span, row) for span in spans for row in run.rows(span.stage) if row.get('test_error') is not None]
    if not tested:
        return
    span, row = tested[-1]
    place, error = float(span.at(row['epoch'])), row['test_error']
    ends = span.stage == 'retrain' and run.state == 'finished'
    text = f'{"final" if ends else "last"} test: {error:.2f} %'
    style: Dict[str, Any] = {
        'linestyle': 'none',
        'markeredgecolor': palette.INK,
        'color': palette.SERIES[2],
        'zorder': 6,
    }
    axes.plot([place], [error], marker='*', markersize=10, clip_on=False, gid='final', label=text, **style)


def _left(axes: Axes, run: Run, _: str, spans: Sequence[Span]) -> None:
    """Edges and FLOPs that are left, in percent of the complete network."""
    span = next(span for span in spans if span.stage == 'search')
    for column, label, index, style in (('edges', 'edges', 0, '-'), ('flops', 'FLOPs', 1, '--')):
        epochs, values = run.columns('search', 'epoch', column)
        if not len(epochs):
            continue
        shares = 100 * values / _whole(run, column, float(values.max()))
        text = f'{label}: {shares[-1]:.0f} %'
        marker = 'o' if len(epochs) < 4 else None
        look: Dict[str, Any] = {'color': palette.SERIES[index], 'linestyle': style, 'marker': marker, 'markersize': 3}
        axes.plot(span.at(epochs), shares, label=text, **look)
    axes.set(ylabel='left of the supernet (%)', ylim=(0, 105))


def _whole(run: Run, column: str, otherwise: float) -> float:
    """Edges or FLOPs of the complete network; `otherwise` where the run's space is not known."""
    if run.architecture is None:
        return otherwise or 1.0
    full = Architecture.full(run.architecture.space)
    return float(full.num_edges if column == 'edges' else cost(full, None, image_size_of(run, full)).flops) or 1.0


def _gates(axes: Axes, run: Run, _: str, spans: Sequence[Span]) -> None:
    lambdas.draw(axes, run, next(span for span in spans if span.stage == 'search'))


def _flops(axes: Axes, run: Run, _: str, spans: Sequence[Span]) -> None:
    span = next(span for span in spans if span.stage == 'search')
    epochs, flops = run.columns('search', 'epoch', 'flops')
    scale, unit = unit_scale(flops.tolist())
    marker = 'o' if len(epochs) < 4 else None
    axes.plot(span.at(epochs), flops / scale, color=palette.SERIES[2], marker=marker, markersize=3)
    axes.set_ylabel(f'{unit} multiply-adds left'.strip())
    from_zero(axes)


def prunings_of(run: Run) -> np.ndarray:
    """Return the epochs of search at whose end λ were removed for good."""
    if run.gates is None:
        return np.zeros(0, int)
    count = run.gates.pruned.sum(axis=1)
    return np.asarray(run.gates.epochs)[1:][np.diff(count) > 0]


def _prunings(axes: Axes, run: Run, spans: Sequence[Span], panel: str) -> None:
    """Lines where λ were removed for good."""
    span: Optional[Span] = next((span for span in spans if span.stage == 'search'), None)
    if span is None:
        return
    style: Dict[str, Any] = {'color': palette.INK, 'linewidth': 0.6, 'linestyle': (0, (1, 2)), 'zorder': 1}
    epochs = [epoch for epoch in prunings_of(run) if epoch <= span.length]
    lowest = 0.0 if len(epochs) <= MOST_PRUNINGS else 0.95  # of the height: many lines would be a hatching
    for number, epoch in enumerate(epochs):
        label = '_' if number else 'pruned here'
        axes.axvline(float(span.at(epoch)), lowest, label=label, gid=f'pruned-{panel}-{epoch}', **style)


def from_zero(axes: Axes) -> None:
    """Have the y axis begin at 0."""
    axes.set_ylim(0, 1.06 * max(axes.get_ylim()[1], 1e-9))


def legend(axes: Axes, above: float = 0.0) -> None:
    """Put the legend above the axes, where no line is, in as many rows as it takes."""
    handles, labels = axes.get_legend_handles_labels()
    if not handles:
        return
    figure = axes.get_figure()
    assert isinstance(figure, Figure)
    axes.legend(
        loc='lower right',
        bbox_to_anchor=(1, 1 + above),
        ncol=figures.legend_columns(labels, figure.get_figwidth() - 0.8),
        borderaxespad=0.2,
        borderpad=0,
        handlelength=2.2,
        columnspacing=1.2,
    )


_DRAW = {'loss': _curves, 'error': _curves, 'lambda': _gates, 'left': _left, 'flops': _flops}
