"""Draw the boxes and edges of a block on axes whose data unit is an inch."""

import dataclasses
from typing import Any, Dict, List, Mapping, Sequence, Tuple, Union

from matplotlib.axes import Axes
from matplotlib.patches import Ellipse, FancyBboxPatch, PathPatch, Polygon
from matplotlib.path import Path

from . import palette
from .dag import Graph, Line, Node
from .layout import Layout

NAMES = {'in': ('input', 'in'), 'out': ('concat 1×1', 'out'), 'sum': ('+', '+')}  # long and short
Point = Tuple[float, float]


@dataclasses.dataclass(frozen=True)
class Look:
    """short: abbreviated labels in narrow boxes. Lengths in units of the layout; label: height of the type."""

    short: bool
    width: float
    height: float
    label: float
    row: float  # least distance of two levels
    side: float  # free space beside a block; level names stand in it
    head: float  # above it, for its title


LONG, SHORT = Look(False, 1.0, 0.4, 0.155, 0.5, 0.30, 0.5), Look(True, 0.54, 0.29, 0.19, 0.34, 0.16, 0.4)


class Pen:
    """Draws blocks on `axes`, whose data unit is an inch.

    scale: inches a unit of the layout; largest: |λ| of the widest line; ghost: points of a line that did not survive, at scale 1.
    """

    def __init__(
        self, axes: Axes, colours: Mapping[str, str], look: Look, scale: float, largest: float, ghost: float = 1.5
    ) -> None:
        self.ghost = ghost
        self.axes, self.colours, self.look, self.scale, self.largest = axes, colours, look, scale, largest
        self.type = look.label * scale * 72

    def block(
        self, graph: Graph, placed: Layout, left: float, bottom: float, level_names: bool, titled: bool = True
    ) -> None:
        """Draw a laid out block whose lower left corner is at (left, bottom), in inches."""

        def at(point: Point) -> Point:
            return left + point[0] * self.scale, bottom + point[1] * self.scale

        kinds = {node.key: node.kind for node in graph.nodes}
        order = sorted(placed.routes, key=lambda route: (route[0].alive, abs(route[0].value or 0)))
        for number, (edge, points) in enumerate(order):
            self._edge(edge, [at(point) for point in points], kinds[edge.source], 2 + number / 1000)
        for node in graph.nodes:
            self._node(node, at(placed.boxes[node.key]))
        if graph.projected:
            self._projection([at(point) for edge, points in placed.routes if edge.shortcut for point in points])
        if titled:
            x, y = at((placed.width / 2, placed.height + 0.16))
            self.axes.text(x, y, graph.title, ha='center', va='bottom', fontsize=min(max(self.type, 5), 9))
        if level_names:
            ys = {node.key[0]: placed.boxes[node.key][1] for node in graph.nodes if node.kind in self.colours}
            style: Dict[str, Any] = {'ha': 'right', 'va': 'center', 'fontsize': self.type * 0.9, 'color': palette.GREY}
            for level, height in ys.items():
                self.axes.text(*at((-0.2, height)), f'level {level}', **style)

    def width(self, edge: Line) -> float:
        """Points: a thin line for a small λ, a thick one for the largest; one width where no λ is known."""
        if not edge.alive:
            return self.ghost * self.scale
        if edge.value is None or not self.largest:
            return 1.5 * self.scale
        return line_width(abs(edge.value) / self.largest, self.scale)

    def _edge(self, edge: Line, points: Sequence[Point], kind: str, order: float) -> None:
        colour = self.colours.get(kind, palette.INK) if edge.alive else palette.FAINT
        dashes: palette.Dashes = '-' if edge.value is None or edge.value >= 0 else palette.NEGATIVE
        if edge.shortcut:
            colour, dashes = palette.GREY, palette.SHORTCUT
        order = order if edge.alive else 1
        self.axes.add_patch(
            PathPatch(
                _curve(points),
                fill=False,
                edgecolor=colour,
                linewidth=self.width(edge),
                linestyle=dashes,
                capstyle='butt',
                zorder=order,
                gid=edge.name,
            )
        )
        (x, y), tip = points[-1], 0.035 * self.scale
        corners = [(x, y), (x - tip, y + 2.4 * tip), (x + tip, y + 2.4 * tip)]
        self.axes.add_patch(Polygon(corners, closed=True, facecolor=colour, linewidth=0, zorder=order))

    def _node(self, node: Node, centre: Point) -> None:
        fixed = NAMES.get(node.kind)
        label = fixed[self.look.short] if fixed else palette.operation_label(node.kind, self.look.short)
        face = self.colours.get(node.kind, '#f2f2f2') if node.alive else '#ffffff'
        ink = '#b5b5b5' if not node.alive else palette.INK if fixed else palette.text_on(face)
        edge = palette.FAINT if not node.alive else palette.INK if fixed else face
        width, height = self.look.width * self.scale, self.look.height * self.scale
        shape: Union[Ellipse, FancyBboxPatch]
        if node.kind == 'sum':
            shape = Ellipse(centre, height, height)
        else:
            corner = (centre[0] - width / 2, centre[1] - height / 2)
            rounded = f'round,pad=0,rounding_size={0.1 * self.scale:.4f}'
            shape = FancyBboxPatch(corner, width, height, boxstyle=rounded)
        shape.set(facecolor=face, edgecolor=edge, linewidth=0.8 * self.scale, zorder=4)
        self.axes.add_patch(shape)
        size = self.type * min(1, (9.4 if not self.look.short else 4.4) / len(label))
        self.axes.text(*centre, label, ha='center', va='center_baseline', fontsize=size, color=ink, zorder=5)

    def _projection(self, points: Sequence[Point]) -> None:
        """A mark on the shortcut that is a 1×1 convolution."""
        x, y = points[len(points) // 2]
        size = max(self.type * 0.85, 3.0)
        width, height = 2.0 * size / 72, 1.3 * size / 72
        self.axes.add_patch(
            FancyBboxPatch(
                (x - width / 2, y - height / 2),
                width,
                height,
                boxstyle='square,pad=0',
                facecolor='#ffffff',
                edgecolor=palette.GREY,
                linewidth=0.7 * self.scale,
                zorder=4,
            )
        )
        self.axes.text(x, y, '1×1', ha='center', va='center_baseline', fontsize=size, color=palette.INK, zorder=5)


def _curve(points: Sequence[Point]) -> Path:
    """A line through pairs of points, curved within a pair, straight from one pair to the next."""
    path: List[Point] = [points[0]]
    codes = [Path.MOVETO]
    for at in range(0, len(points), 2):
        begin, end = points[at], points[at + 1]
        if at:
            path.append(begin)
            codes.append(Path.LINETO)
        bend = (begin[1] - end[1]) * 0.5
        path += [(begin[0], begin[1] - bend), (end[0], end[1] + bend), end]
        codes += [Path.CURVE4] * 3
    return Path(path, codes)


def line_width(part: float, scale: float) -> float:
    """Points of a line whose λ is `part` of the largest, at `scale` inches a unit."""
    return (0.7 + 3.4 * part) * scale
