"""Charts of costs: FLOPs by block as bars, error against a cost as points with Pareto fronts (Fig. 5 and 6 of the paper)."""

from typing import Mapping, Optional, Sequence, Tuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...base.text import unit_scale
from . import figures, palette
from .naming import write_names
from .pareto import front

AXES = {'params': 'parameters', 'flops': 'multiply-adds', 'mac': 'elements of memory access'}


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
            hatch=palette.HATCHES[index % MOST_SERIES],
            edgecolor='#ffffff',
            linewidth=0,
        )
    for end in [sum(stages[: stage + 1]) for stage in range(len(stages) - 1)]:
        axes.axvline(end - 0.5, color=palette.GREY, linewidth=0.8, linestyle=':')
    axes.set(xlabel='block', ylabel=f'{unit} multiply-adds'.strip(), xlim=(-0.6, count - 0.4), title=title or '')
    axes.set_ylim(0, 1.05 * max([value / scale for _, values in series for value in values] + [1e-9]))
    axes.grid(False, axis='x')
    axes.set_xticks(range(0, count, 1 if count <= 26 else 5))
    if len(series) > 1:
        _legend(figure, axes, [label for label, _ in series])
    return figure


def _legend(figure: Figure, axes: Axes, labels: Sequence[str]) -> None:
    columns = figures.legend_columns(labels, figure.get_figwidth() - 0.5)
    axes.legend(
        loc='lower center',
        bbox_to_anchor=(0.5, 1),
        ncol=columns,
        borderaxespad=0.3,
        borderpad=0.2,
        handlelength=2.2,
        columnspacing=1.2,
    )


def scatter(
    groups: Mapping[str, Sequence[Tuple[float, float]]],
    field: str,
    title: Optional[str] = None,
    names: Optional[Mapping[str, Sequence[str]]] = None,
) -> Figure:
    """Draw test error against a cost, both from 0: a point a network; a group's Pareto front as a staircase, where there is one.

    groups: {label: [(cost, test error in percent)]}. field: a key of AXES, which cost it is. names: {label: [name of each
    network]}, written beside the points as far as there is room.
    """
    scale, unit = unit_scale([value for members in groups.values() for value, _ in members])
    figure = figures.new(5.4, 3.8)
    axes = figures.axes_of(figure)
    fronts = 0
    for index, (label, members) in enumerate(groups.items()):
        colour, marker = palette.SERIES[index % MOST_SERIES], palette.MARKERS[index % MOST_SERIES]
        points = [(value / scale, error) for value, error in members]
        axes.plot(
            *zip(*points),
            linestyle='none',
            marker=marker,
            color=colour,
            markersize=5.5,
            alpha=0.85,
            markeredgewidth=0,
            gid=f'points-{index}',
            label=f'{label} ({len(members)})',
        )
        best = [points[at] for at in front(points)]
        if len(best) > 1:  # one network that beats all others is no front
            style = palette.STYLES[index % len(palette.STYLES)]
            axes.plot(
                *zip(*best), drawstyle='steps-post', color=colour, linestyle=style, linewidth=1.2, gid=f'front-{index}'
            )
            fronts += 1
    if fronts:
        axes.plot([], [], color=palette.GREY, linewidth=1.2, label='Pareto front')
    what = AXES[field]
    axes.set(xlabel=f'{unit} {what}'.strip(), ylabel='test error (%)', title=title or '')
    axes.set_xlim(0, 1.14 * max([value / scale for members in groups.values() for value, _ in members] + [1e-9]))
    axes.set_ylim(0, 1.12 * max([error for members in groups.values() for _, error in members] + [1e-9]))
    labels = [str(line.get_label()) for line in axes.get_lines()]
    _legend(figure, axes, [label for label in labels if not label.startswith('_')])
    if names:
        write_names(
            axes,
            [
                (value / scale, error, name)
                for label, members in groups.items()
                for (value, error), name in zip(members, names[label])
            ],
        )
    return figure
