"""The panel of λ over the search: what is left coloured by the operation that an edge leaves, what was removed grey."""

from typing import Any, Dict, List, Sequence, Tuple

import numpy as np
from matplotlib.axes import Axes

from ...symbols.architecture import Architecture
from ..drawing import dag, palette
from ..drawing.architectures import colours_of
from ..drawing.heatmap import rooted
from ..reading.runs import Run
from .timeline import Span

MOST_LINES = 400  # λ drawn one by one; of more, the middle and the spread of each operation's
TICKS = (0, 0.01, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50)
APART = 0.09  # of the height of the panel: ticks are no nearer to each other
OTHER = ''  # of edges whose operation is not known


def draw(axes: Axes, run: Run, span: Span) -> None:
    """Draw the λ of a run's search at `span` of the time axis, on a root scale."""
    gates = run.gates
    assert gates is not None  # the panel is there for runs with λ
    values = rooted(
        np.where(gates.pruned, 0, gates.values)
    )  # a scale of matplotlib's own would write addresses into SVG
    places, alive = span.at(gates.epochs), values[-1] != 0
    kinds, colours = operations_of(run, gates.names)
    groups: Dict[str, List[int]] = {kind: [] for kind in colours}
    for index in np.flatnonzero(alive):
        groups[kinds[index]].append(int(index))
    one_by_one = values.shape[1] <= MOST_LINES
    removed = np.flatnonzero(~alive).tolist()
    if one_by_one:
        _lines(axes, places, values, removed, palette.REMOVED, '-', 0.45)
    else:
        _band(axes, places, values, removed, palette.REMOVED)
        _band(axes, places, values, np.flatnonzero(alive).tolist(), palette.INK)
        axes.plot(places, np.median(values[:, removed], axis=1) if len(removed) else 0 * places, color=palette.REMOVED)
    axes.plot([], [], color=palette.REMOVED, linewidth=0.8, label=f'removed ({len(removed)})')
    for number, (kind, columns) in enumerate(groups.items()):
        if not columns:
            continue
        style = palette.STYLES[number % len(palette.STYLES)]
        if one_by_one:
            _lines(axes, places, values, columns, colours[kind], style, 1.1)
        else:
            axes.plot(
                places, np.median(values[:, columns], axis=1), color=colours[kind], linestyle=style, linewidth=1.4
            )
        label = f'{palette.operation_label(kind) if kind else "input" if run.architecture else "left"} ({len(columns)})'
        axes.plot([], [], color=colours[kind], linestyle=style, label=label)
    _root_scale(axes, float(values.min()), float(values.max()) or 1.0)


def operations_of(run: Run, names: Sequence[str]) -> Tuple[List[str], Dict[str, str]]:
    """(the operation that each edge leaves, {operation: colour}); OTHER for edges of a space that is not known, and of the input."""
    known: Dict[str, str] = {}
    colours: Dict[str, str] = {}
    if run.architecture is not None:
        colours = colours_of(run.architecture)
        for graph in dag.graphs(Architecture.full(run.architecture.space)):
            kinds = {node.key: node.kind for node in graph.nodes}
            known.update({edge.name: kinds[edge.source] for edge in graph.edges if edge.name is not None})
    found = [known.get(name, OTHER) for name in names]
    return [kind if kind in colours else OTHER for kind in found], {**colours, OTHER: palette.INK}


def _lines(
    axes: Axes, places: Any, values: Any, columns: Sequence[int], colour: str, style: palette.Dashes, width: float
) -> None:
    """A line for each λ, which ends where it is zero for good."""
    for column in columns:
        left = np.flatnonzero(values[:, column])
        end = min((left[-1] if len(left) else 0) + 2, len(places))
        axes.plot(
            places[:end],
            values[:end, column],
            color=colour,
            linestyle=style,
            linewidth=width,
            zorder=2 if colour == palette.REMOVED else 3,
        )


def _band(axes: Axes, places: Any, values: Any, columns: Sequence[int], colour: str) -> None:
    """A band where eight in ten of many λ are."""
    if columns:
        low, high = np.percentile(values[:, columns], [10, 90], axis=1)
        axes.fill_between(places, low, high, color=colour, alpha=0.14, linewidth=0)


def _root_scale(axes: Axes, low: float, high: float) -> None:
    """Set ticks at round λ, for the roots that are drawn. low, high: the least and largest root."""
    bottom, top = (low * 1.05 if low < 0 else 0.0), high * 1.04
    axes.set_ylim(bottom, top)
    kept = [0.0]
    for tick in TICKS[1:]:
        if rooted(tick) <= top and rooted(tick) - rooted(kept[-1]) >= APART * (top - bottom):
            kept.append(tick)
    kept = [-tick for tick in kept[:0:-1] if rooted(-tick) >= bottom] + kept
    axes.set_yticks([float(rooted(tick)) for tick in kept], [f'{tick:g}' for tick in kept])
    axes.set_ylabel('λ (root scale)')
