"""Charts of costs: FLOPs by block as bars, error against a cost as points with Pareto fronts (Fig. 5 and 6 of the paper)."""

from typing import Mapping, Optional, Sequence, Tuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...base.text import unit_scale
from . import figures, palette
from .pareto import front

AXES = {'params': ('parameters', ''), 'flops': ('FLOPs', 'FLOPs'), 'mac': ('memory access cost', ' elements')}


MOST_SERIES = len(palette.SERIES)


def bars(
    series: Sequence[Tuple[str, Sequence[float]]],
    stages: Sequence[int],
    title: Optional[str] = None,
    size: Optional[Tuple[float, float]] = None,
) -> Figure:
    """Draw the FLOPs of every block, for one or several networks side by side.

    series: (label, FLOPs of each block) of each network. stages: number of blocks of each stage;
    lines divide them. size: (width, height) in inches.
    """
    count = max(len(values) for _, values in series)
    scale, unit = unit_scale([value for _, values in series for value in values])
    figure = figures.new(*(size or (max(4.2, min(7.6, 0.9 + 0.09 * count * (len(series) + 1))), 2.7)))
    axes = figures.axes_of(figure)
    width = 0.8 / len(series)
    for index, (label, values) in enumerate(series):
        spots = [block + (index - (len(series) - 1) / 2) * width for block in range(len(values))]
        axes.bar(
            spots,
            [value / scale for value in values],
            width,
            color=palette.SERIES[index % MOST_SERIES],
            label=label,
            linewidth=0,
        )
    for end in [sum(stages[: stage + 1]) for stage in range(len(stages) - 1)]:
        axes.axvline(end - 0.5, color=palette.GREY, linewidth=0.8, linestyle=':')
    axes.set(xlabel='block', ylabel=f'FLOPs of the block ({unit}FLOPs)', xlim=(-0.6, count - 0.4), title=title or '')
    axes.grid(False, axis='x')
    axes.set_xticks(range(0, count, 1 if count <= 26 else 5))
    if len(series) > 1:
        _legend(figure, axes, [label for label, _ in series])
    return figure


def _legend(figure: Figure, axes: Axes, labels: Sequence[str]) -> None:
    column = 0.5 + 0.065 * max(len(label) for label in labels)  # inches
    columns = max(1, min(len(labels), int((figure.get_figwidth() - 0.5) / column)))
    axes.legend(loc='lower center', bbox_to_anchor=(0.5, 1), ncol=columns, borderaxespad=0.3, borderpad=0.2)


def scatter(groups: Mapping[str, Sequence[Tuple[float, float]]], field: str, title: Optional[str] = None) -> Figure:
    """Draw test error against a cost: a point a network, and each group's Pareto front as a staircase.

    groups: {label: [(cost, test error in percent)]}. field: a key of AXES, which cost it is.
    """
    scale, unit = unit_scale([value for members in groups.values() for value, _ in members])
    figure = figures.new(4.6, 3.3)
    axes = figures.axes_of(figure)
    for index, (label, members) in enumerate(groups.items()):
        colour, marker = palette.SERIES[index % MOST_SERIES], palette.MARKERS[index % MOST_SERIES]
        points = [(value / scale, error) for value, error in members]
        best = [points[at] for at in front(points)]
        axes.plot(
            *zip(*points),
            linestyle='none',
            marker=marker,
            color=colour,
            markersize=4.5,
            alpha=0.75,
            markeredgewidth=0,
            label=f'{label} ({len(members)})',
        )
        axes.plot(*zip(*best), drawstyle='steps-post', color=colour, linewidth=1.2, gid=f'front-{index}')
    axes.plot([], [], color=palette.GREY, linewidth=1.2, label='Pareto front')
    name, what = AXES[field]
    axes.set(xlabel=f'{name} ({(unit + what).strip() or "number"})', ylabel='test error (%)', title=title or '')
    axes.margins(0.08)
    labels = [str(line.get_label()) for line in axes.get_lines()]
    _legend(figure, axes, [label for label in labels if not label.startswith('_')])
    return figure
