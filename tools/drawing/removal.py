"""Error of a supernet over the edges that are left of it, one line an order; random orders in grey."""

from typing import Mapping, Optional, Sequence, Tuple

from matplotlib.figure import Figure

from . import figures, palette


def removal(
    lines: Mapping[str, Sequence[Tuple[float, float]]],
    band: Sequence[Sequence[Tuple[float, float]]] = (),
    title: Optional[str] = None,
) -> Figure:
    """Draw {label: [(edges left, error in percent)]}, and behind it what random orders did, one sequence each."""
    figure = figures.new(4.6, 3.1)
    axes = figures.axes_of(figure)
    for number, points in enumerate(band):
        label = None if number else f'{len(band)} random orders' if len(band) > 1 else 'a random order'
        axes.plot(*zip(*points), color=palette.GREY, linewidth=0.9, label=label, gid=f'random-{number}')
    for index, (label, points) in enumerate(lines.items()):
        axes.plot(
            *zip(*points),
            label=label,
            gid=f'order-{index}',
            color=palette.SERIES[index],
            marker=palette.MARKERS[index],
            markersize=3.5,
        )
    axes.set(xlabel='edges left', ylabel='error of the supernet (%)', title=title or '')
    axes.set_ylim(bottom=0)
    axes.invert_xaxis()
    axes.legend(loc='best')
    return figure
