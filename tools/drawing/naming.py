"""Names beside the points of a chart, as many as there is room for."""

from typing import List, Sequence, Tuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from . import figures

SIZE = 6.5  # points
MOST = 60  # names that are tried
# Where a name may stand, from its point, in points: at its corners first, where no staircase runs, then right, left, above, below.
PLACES = (
    (3, 3, 'left', 'bottom'),
    (-3, -3, 'right', 'top'),
    (3, -3, 'left', 'top'),
    (-3, 3, 'right', 'bottom'),
    (5, 0, 'left', 'center'),
    (-5, 0, 'right', 'center'),
    (0, 5, 'center', 'bottom'),
    (0, -5, 'center', 'top'),
)


def write_names(axes: Axes, points: Sequence[Tuple[float, float, str]]) -> List[str]:
    """Write names at points (x, y, name) where they overlap nothing. Returns the names that had no room.

    To be called once the axes have their limits and all that is beside them.
    """
    figure = axes.get_figure()
    assert isinstance(figure, Figure)
    figures.letter_by_letter(figure)
    figure.canvas.draw()  # which lays the axes out
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    inside, reach = axes.get_window_extent(renderer), 3.2 * figure.dpi / 72
    pixels = [axes.transData.transform((x, y)) for x, y, _ in points]
    taken = [Bbox.from_extents(x - reach, y - reach, x + reach, y + reach) for x, y in pixels]
    left = []
    for number, (x, y, name) in enumerate(points):
        if number >= MOST or not _written(axes, (x, y), name, inside, taken, number, renderer):
            left.append(name)
    return left


def _written(
    axes: Axes, point: Tuple[float, float], name: str, inside: Bbox, taken: List[Bbox], own: int, renderer: object
) -> bool:
    """Write a name at the first place where it overlaps nothing of `taken`, which then has its box, too."""
    for right, up, across, along in PLACES:
        text = axes.annotate(
            name, point, (right, up), textcoords='offset points', ha=across, va=along, fontsize=SIZE, zorder=5
        )
        figures.literal(text)
        text.set_in_layout(False)
        box = text.get_window_extent(renderer)  # type: ignore[arg-type]
        free = inside.x0 <= box.x0 and box.x1 <= inside.x1 and inside.y0 <= box.y0 and box.y1 <= inside.y1
        if free and not any(box.overlaps(other) for place, other in enumerate(taken) if place != own):
            taken.append(box)
            return True
        text.remove()
    return False
