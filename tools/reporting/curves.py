"""Curves of a run over its epochs: loss, error, λ, how much of the network is left, and its FLOPs; stages tinted."""

from typing import List, Optional, Sequence, Tuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...base.errors import UserError
from ...base.text import unit_scale
from ..drawing import figures, palette
from ..reading.runs import STAGES, Run

Span = Tuple[str, int, int]  # stage, epochs before it, its epochs so far


CURVES = {
    'loss': (('loss', 'training'), ('gate_loss', 'λ part'), ('test_loss', 'test')),
    'error': (('error', 'training'), ('gate_error', 'λ part'), ('test_error', 'test')),
}


PANELS = ('loss', 'error', 'lambda', 'left', 'flops')


MOST_LINES = 400  # λ drawn one by one; more are drawn as bands of quantiles


def timeline(run: Run, stages: Sequence[str] = STAGES) -> List[Span]:
    """Return (stage, epochs that come before it, its epochs so far) for the stages that have begun."""
    spans: List[Span] = []
    before = 0
    for stage in stages:
        rows = run.rows(stage)
        if rows:
            length = max(row['epoch'] for row in rows)
            spans.append((stage, before, length))
            before += length
    return spans


def draw(run: Run, panels: Sequence[str] = PANELS, stages: Sequence[str] = STAGES, width: float = 7.5) -> Figure:
    """Draw the panels that the run has data for, one below the other; width in inches.

    Raises UserError where no epoch is logged yet.
    """
    spans = timeline(run, stages)
    if not spans:
        raise UserError(f'{run.path}: nothing to draw yet ({run.why}); accepted is a run whose log.csv has an epoch')
    panels = [name for name in panels if _has(run, name, stages)]
    figure = figures.new(width, 0.5 + 1.75 * len(panels))
    grid = figure.subplots(len(panels), 1, squeeze=False)[:, 0]
    for axes, name in zip(grid, panels):
        _fill(axes, run, name, spans)
    return figure


def panel(
    run: Run, name: str, stages: Sequence[str] = STAGES, size: Tuple[float, float] = (4.4, 2.7)
) -> Optional[Figure]:
    """Draw one panel as a Figure of `size` inches; None where the run has no data for it."""
    spans = timeline(run, stages)
    if not spans or not _has(run, name, stages):
        return None
    figure = figures.new(*size)
    axes = figures.axes_of(figure)
    _fill(axes, run, name, spans)
    return figure


def _fill(axes: Axes, run: Run, name: str, spans: Sequence[Span]) -> None:
    _DRAW[name](axes, run, name, spans)
    _mark(axes, spans if name in CURVES else [span for span in spans if span[0] == 'search'], names=name in CURVES)


def _has(run: Run, name: str, stages: Sequence[str]) -> bool:
    if name in CURVES:
        return any(len(run.columns(stage, column)[0]) for stage in stages for column, _ in CURVES[name])
    if 'search' not in stages or not run.rows('search'):
        return False
    return (
        run.gates is not None
        if name == 'lambda'
        else len(run.columns('search', 'zero_fraction' if name == 'left' else 'flops')[0]) > 0
    )


def _curves(axes: Axes, run: Run, name: str, spans: Sequence[Span]) -> None:
    for index, (column, label) in enumerate(CURVES[name]):
        for stage, before, _ in spans:
            epochs, values = run.columns(stage, 'epoch', column)
            if not len(epochs):
                continue
            marker = 'o' if len(epochs) < 4 or column.startswith('test') and len(epochs) < 40 else None
            known = label in [line.get_label() for line in axes.get_lines()]
            shown = '_' if known else label
            axes.plot(before + epochs, values, color=palette.SERIES[index], label=shown, marker=marker, markersize=3)
    axes.set(ylabel='error (%)' if name == 'error' else 'loss (nats)', xlabel='epoch')
    _from_zero(axes)
    _legend(axes, 0.08)


def _gates(axes: Axes, run: Run, _: str, spans: Sequence[Span]) -> None:
    before = next((span[1] for span in spans if span[0] == 'search'), 0)
    gates = run.gates
    assert gates is not None  # _has
    values = np.where(gates.pruned, 0, gates.values)
    epochs = before + gates.epochs
    if values.shape[1] <= MOST_LINES:
        alive = values[-1] != 0
        for index in np.argsort(alive, kind='stable'):
            gone = np.flatnonzero(gates.pruned[:, index])
            end = gone[0] + 1 if len(gone) else len(epochs)  # a line ends where its λ is pruned
            colour = palette.SERIES[0] if alive[index] else palette.GREY
            axes.plot(epochs[:end], values[:end, index], color=colour, linewidth=0.6, alpha=0.55)
        axes.plot([], [], color=palette.SERIES[0], label=f'{alive.sum()} not zero at the end')
        axes.plot([], [], color=palette.GREY, label=f'{(~alive).sum()} zero at the end')
    else:
        for low, high, alpha in ((0, 100, 0.15), (10, 90, 0.25), (25, 75, 0.4)):
            axes.fill_between(
                epochs,
                *np.percentile(values, [low, high], axis=1),
                color=palette.SERIES[0],
                alpha=alpha,
                linewidth=0,
                label=f'{low}–{high} % of {values.shape[1]} λ',
            )
        axes.plot(epochs, np.median(values, axis=1), color=palette.SERIES[0], label='median')
    axes.set(ylabel='λ', xlabel='epoch')
    _legend(axes)


def _left(axes: Axes, run: Run, _: str, spans: Sequence[Span]) -> None:
    before = next(span[1] for span in spans if span[0] == 'search')
    epochs, zeros = run.columns('search', 'epoch', 'zero_fraction')
    marker = 'o' if len(epochs) < 4 else None
    axes.plot(before + epochs, 100 * zeros, color=palette.SERIES[1], marker=marker, markersize=3, label='λ at zero')
    axes.set(ylabel='λ at zero (%)', xlabel='epoch', ylim=(-2, 102))
    edges = run.columns('search', 'epoch', 'edges')
    if len(edges[0]):
        other = axes.twinx()
        assert isinstance(other, Axes)
        other.plot(before + edges[0], edges[1], color=palette.SERIES[0], linestyle='--', marker=marker, markersize=3)
        other.set(ylabel='edges left')
        _from_zero(other)
        other.spines['right'].set_visible(True)
        other.grid(False)
        axes.plot([], [], color=palette.SERIES[0], linestyle='--', label='edges left')
    _legend(axes)


def _flops(axes: Axes, run: Run, _: str, spans: Sequence[Span]) -> None:
    before = next(span[1] for span in spans if span[0] == 'search')
    epochs, flops = run.columns('search', 'epoch', 'flops')
    scale, unit = unit_scale(flops.tolist())
    axes.plot(
        before + epochs, flops / scale, color=palette.SERIES[2], marker='o' if len(epochs) < 4 else None, markersize=3
    )
    axes.set(ylabel=f'FLOPs left ({unit}FLOPs)', xlabel='epoch')
    _from_zero(axes)


def _from_zero(axes: Axes) -> None:
    top = 1.05 * max(axes.get_ylim()[1], 1e-9)
    axes.set_ylim(-0.02 * top, top)


def _legend(axes: Axes, above: float = 0.0) -> None:
    """Put the legend above the axes, where no line is."""
    axes.legend(
        loc='lower right',
        bbox_to_anchor=(1, 1 + above),
        ncol=4,
        borderaxespad=0.2,
        borderpad=0,
        handlelength=1.6,
        columnspacing=1.2,
    )


def _mark(axes: Axes, spans: Sequence[Span], names: bool) -> None:
    """Tint the stages' epochs."""
    axes.margins(x=0.01)
    for stage, before, length in spans:
        axes.axvspan(before, before + length, color=palette.STAGES[stage], zorder=0, linewidth=0)
        if names:
            axes.text(
                before + length / 2,
                1.01,
                stage,
                ha='center',
                va='bottom',
                transform=axes.get_xaxis_transform(),
                fontsize=7.5,
            )
    axes.set_xlim(min(before for _, before, _ in spans), max(before + length for _, before, length in spans))
    axes.locator_params(axis='x', integer=True)


_DRAW = {'loss': _curves, 'error': _curves, 'lambda': _gates, 'left': _left, 'flops': _flops}
