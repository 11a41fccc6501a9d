"""Error of a supernet over the edges that were taken from it, one line an order; random orders as a band."""

from typing import Mapping, Optional, Sequence, Tuple

from matplotlib.figure import Figure

from . import figures, palette


def removal(
    lines: Mapping[str, Sequence[Tuple[float, float]]],
    band: Sequence[Sequence[Tuple[float, float]]] = (),
    title: Optional[str] = None,
) -> Figure:
    """Draw {label: [(edges removed, error in percent)]}, and behind it what random orders did, one sequence each."""
    figure = figures.new(4.6, 3.1)
    axes = figures.axes_of(figure)
    if band:
        numbers = [number for number, _ in band[0]]
        columns = [[order[place][1] for order in band] for place in range(len(numbers))]
        label = f'{len(band)} random orders: mean and range' if len(band) > 1 else 'a random order'
        axes.fill_between(
            numbers, [min(c) for c in columns], [max(c) for c in columns], color=palette.FAINT, linewidth=0
        )
        axes.plot(numbers, [sum(c) / len(c) for c in columns], color=palette.GREY, label=label, gid='random')
    for index, (label, points) in enumerate(lines.items()):
        axes.plot(
            *zip(*points),
            label=label,
            gid=f'order-{index}',
            color=palette.SERIES[index],
            marker=palette.MARKERS[index],
            markersize=3.5,
        )
    axes.set(xlabel='edges removed', ylabel='error of the supernet (%)', title=title or '')
    axes.set_ylim(bottom=0)
    axes.legend(loc='best')
    return figure
