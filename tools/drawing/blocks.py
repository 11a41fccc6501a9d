"""Drawing blocks (Fig. 4 of the paper): one in print quality, or all of a network on a sheet of one page."""

import dataclasses
from typing import Any, List, Mapping, Optional, Sequence, Tuple

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Ellipse, FancyBboxPatch, PathPatch, Polygon
from matplotlib.path import Path

from . import figures, palette
from .dag import Graph, Line
from .layout import Layout, layout

MARGIN, HEAD, FOOT, LINE = 0.35, 0.3, 0.55, 0.19  # inches
LARGEST = 0.72  # inches a unit, which is the width of a box with its long label
LEVELS = 0.75  # units, for the names of the levels
NAMES = {'in': ('input', 'in'), 'out': ('concat 1×1', 'out'), 'sum': ('+', '+')}


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


def sheet(
    graphs: Sequence[Graph], colours: Mapping[str, str], title: str = '', page: Optional[Tuple[float, float]] = None
) -> Figure:
    """A Figure with every Graph of `graphs`, in reading order, and a legend.

    colours: {operation: '#rrggbb'}. page: (width, height) in inches that it must not exceed; A4, upright or lying, by default.
    A few blocks get long labels and level names; many get short labels, at the largest scale at which all fit the page.
    """
    pages = [page] if page else [figures.A4, figures.A4[::-1]]
    best = None
    for look in (LONG, SHORT):
        panels = [Panel(graph, layout(graph, look.width, look.height, look.row), look) for graph in graphs]
        if look is LONG and len(graphs) > 1 and all(graph.scope.startswith('r') for graph in graphs[1:]):
            cells = [Cell(panels[:1], look, named=True), Cell(panels[1:], look)]
        else:
            cells = [Cell([panel], look, named=look is LONG and len(graphs) == 1) for panel in panels]
        for paper in pages:
            scale, lines = _fit(cells, paper[0] - 2 * MARGIN, paper[1] - 2 * MARGIN - FOOT - HEAD)
            readable = scale * look.label * 72
            if best is None or readable > best[0] + 0.3:
                best = (readable, look, cells, scale, lines)
        if best[0] >= 6.5:
            break
    return _draw(graphs, colours, title, min(5.4, pages[0][0] - 2 * MARGIN), *best[1:])


class Panel:
    """One block and its title. width, height: in units."""

    def __init__(self, graph: Graph, placed: Layout, look: Look) -> None:
        self.graph, self.placed = graph, placed
        self.width = max(placed.width, len(graph.title) * look.label * 0.62) + 2 * look.side
        self.height = placed.height + look.head + look.side


class Cell:
    """Panels above each other. named: with the names of the levels at the left."""

    def __init__(self, panels: Sequence[Panel], look: Look, named: bool = False) -> None:
        self.panels, self.named, self.names = panels, named, LEVELS if named else 0.0
        self.width = max(panel.width for panel in panels) + self.names
        self.height = sum(panel.height for panel in panels)


def _fit(cells: Sequence[Cell], width: float, height: float) -> Tuple[float, Any]:
    """The largest scale (inches a unit) at which `cells`, set like words in lines, fit; and the lines, each a list of cells."""
    low, high = 0.01, LARGEST
    if len(cells) == 2:  # the shared block, and the reduction blocks beside it
        high = min(high, width / sum(cell.width for cell in cells) * 0.999)
    if _tall(cells, high, width) <= height:
        return high, _lines(cells, width / high)
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if _tall(cells, middle, width) <= height else (low, middle)
    return low, _lines(cells, width / low)


def _tall(cells: Sequence[Cell], scale: float, width: float) -> float:
    lines = _lines(cells, width / scale)
    return float('inf') if lines is None else scale * sum(max(cell.height for cell in line) for line in lines)


def _lines(cells: Sequence[Cell], width: float) -> Optional[List[List[Cell]]]:
    lines, used = [[]], 0.0
    for cell in cells:
        if cell.width > width:
            return None
        if used + cell.width > width:
            lines.append([])
            used = 0.0
        lines[-1].append(cell)
        used += cell.width
    return lines


def _draw(graphs, colours, title, least, look, cells, scale, lines):
    inner = max(max(sum(cell.width for cell in line) for line in lines) * scale, least)
    tall = [max(cell.height for cell in line) * scale for line in lines]
    top = HEAD if title else 0.0
    width, height = inner + 2 * MARGIN, sum(tall) + top + FOOT + 2 * MARGIN
    legends = _legends(graphs, colours, scale, width)
    height += LINE * max(0, sum(rows for _, _, rows in legends) - 2)
    figure = figures.new(width, height, layout='none')
    axes = figure.add_axes([0, 0, 1, 1])
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.axis('off')
    if title:
        axes.text(width / 2, height - MARGIN, title, ha='center', va='top', fontsize=9, fontweight='bold')
    pen = _Pen(axes, colours, look, scale, _largest(graphs))
    y = height - MARGIN - top
    for line, step in zip(lines, tall):
        spare = (inner - sum(cell.width for cell in line) * scale) / (len(line) + 1)
        x = MARGIN + spare
        for cell in line:
            down = y
            for panel in cell.panels:
                left = x + (cell.names + (cell.width - cell.names - panel.placed.width) / 2) * scale
                pen.block(panel.graph, panel.placed, left, down - (panel.placed.height + look.head) * scale, cell.named)
                down -= panel.height * scale
            x += cell.width * scale + spare
        y -= step
    at = MARGIN * 0.6
    for entries, columns, rows in legends[::-1]:
        figure.legend(
            *zip(*entries),
            loc='lower center',
            ncol=columns,
            fontsize=7,
            handlelength=1.8,
            columnspacing=1.2,
            handletextpad=0.5,
            bbox_to_anchor=(0.5, at / height),
            borderaxespad=0,
            borderpad=0,
        )
        at += rows * LINE + 0.03
    return figure


class _Pen:
    """Draws blocks on `axes`, whose data unit is an inch."""

    def __init__(self, axes, colours, look, scale, largest):
        self.axes, self.colours, self.look, self.scale, self.largest = axes, colours, look, scale, largest
        self.type = look.label * scale * 72

    def block(self, graph: Graph, placed: Layout, left: float, bottom: float, level_names: bool) -> None:
        def at(point):
            return left + point[0] * self.scale, bottom + point[1] * self.scale

        kinds = {node.key: node.kind for node in graph.nodes}
        order = sorted(placed.routes, key=lambda route: (route[0].alive, abs(route[0].value or 0)))
        for number, (edge, points) in enumerate(order):
            self._edge(edge, [at(point) for point in points], kinds[edge.source], 2 + number / 1000)
        for node in graph.nodes:
            self._node(node, at(placed.boxes[node.key]))
        if graph.projected:
            self._projection([at(point) for edge, points in placed.routes if edge.shortcut for point in points])
        x, y = at((placed.width / 2, placed.height + 0.16))
        self.axes.text(x, y, graph.title, ha='center', va='bottom', fontsize=min(max(self.type, 5), 9))
        if level_names:
            ys = {node.key[0]: placed.boxes[node.key][1] for node in graph.nodes if node.kind in self.colours}
            for level, height in ys.items():
                x, y = at((-0.2, height))
                self.axes.text(
                    x, y, 'level %d' % level, ha='right', va='center', fontsize=self.type * 0.9, color=palette.GREY
                )

    def width(self, edge: Line) -> float:
        """Points: a thin line for a small λ, a thick one for the largest; one width where no λ is known."""
        if edge.value is None or not edge.alive or not self.largest:
            return 1.5 * self.scale
        return _width(abs(edge.value) / self.largest, self.scale)

    def _edge(self, edge, points, kind, order):
        path = [points[0]]
        codes = [Path.MOVETO]
        for at in range(0, len(points), 2):
            begin, end = points[at], points[at + 1]
            if at:
                path.append(begin)
                codes.append(Path.LINETO)
            bend = (begin[1] - end[1]) * 0.5
            path += [(begin[0], begin[1] - bend), (end[0], end[1] + bend), end]
            codes += [Path.CURVE4] * 3
        colour = self.colours.get(kind, palette.INK) if edge.alive else palette.FAINT
        dashes = '-' if edge.value is None or edge.value >= 0 else (0, (1.2, 1))
        if edge.shortcut:
            colour, dashes = palette.GREY, (0, (4, 2))
        self.axes.add_patch(
            PathPatch(
                Path(path, codes),
                fill=False,
                edgecolor=colour,
                linewidth=self.width(edge),
                linestyle=dashes,
                capstyle='butt',
                zorder=order if edge.alive else 1,
                gid=edge.name,
            )
        )
        (x, y), tip = points[-1], 0.035 * self.scale
        self.axes.add_patch(
            Polygon(
                [(x, y), (x - tip, y + 2.4 * tip), (x + tip, y + 2.4 * tip)],
                closed=True,
                facecolor=colour,
                linewidth=0,
                zorder=order if edge.alive else 1,
            )
        )

    def _node(self, node, centre):
        fixed = NAMES.get(node.kind)
        label = fixed[self.look.short] if fixed else palette.operation_label(node.kind, self.look.short)
        face = self.colours.get(node.kind, '#f2f2f2') if node.alive else '#ffffff'
        ink = palette.text_on(face) if node.alive else '#b5b5b5'
        edge = palette.FAINT if not node.alive else palette.INK if fixed else face
        width, height = self.look.width * self.scale, self.look.height * self.scale
        if node.kind == 'sum':
            shape = Ellipse(
                centre, height, height, facecolor=face, edgecolor=edge, linewidth=0.8 * self.scale, zorder=4
            )
        else:
            round_ = 'round,pad=0,rounding_size=%.4f' % (0.1 * self.scale)
            shape = FancyBboxPatch(
                (centre[0] - width / 2, centre[1] - height / 2),
                width,
                height,
                boxstyle=round_,
                facecolor=face,
                edgecolor=edge,
                linewidth=0.8 * self.scale,
                zorder=4,
            )
        self.axes.add_patch(shape)
        size = self.type * min(1, (9.4 if not self.look.short else 4.4) / len(label))
        self.axes.text(*centre, label, ha='center', va='center_baseline', fontsize=size, color=ink, zorder=5)

    def _projection(self, points):
        """A mark on the shortcut that is a 1×1 convolution."""
        x, y = points[len(points) // 2]
        side = 0.36 * (self.look.height / 0.4) * self.scale
        self.axes.add_patch(
            FancyBboxPatch(
                (x - side / 2, y - side / 2),
                side,
                side,
                boxstyle='square,pad=0',
                facecolor='#ffffff',
                edgecolor=palette.GREY,
                linewidth=0.7 * self.scale,
                zorder=4,
            )
        )
        if self.type * 0.7 >= 4:  # the legend says what it is
            self.axes.text(
                x, y, '1×1', ha='center', va='center_baseline', fontsize=self.type * 0.7, color=palette.INK, zorder=5
            )


def _largest(graphs: Sequence[Graph]) -> float:
    return max(
        [abs(edge.value) for graph in graphs for edge in graph.edges if edge.value is not None and edge.alive] or [0]
    )


def _legends(graphs, colours, scale, width):
    """Operations, and kinds of edges: for both (entries, columns, rows), where there are any."""
    edges = [edge for graph in graphs for edge in graph.edges]
    kinds = {node.kind for graph in graphs for node in graph.nodes}
    boxes = [(_mark(color=color), palette.operation_label(name)) for name, color in colours.items() if name in kinds]
    if any(graph.projected for graph in graphs):
        boxes.append((_mark(color='w', markeredgecolor=palette.GREY), '1×1 convolution in the shortcut'))
    lines = [(Line2D([], [], color=palette.GREY, linestyle=(0, (4, 2)), linewidth=1.2), 'shortcut')]
    for part in (0.1, 0.5, 1.0) if _largest(graphs) else ():
        ink = Line2D([], [], color=palette.INK, linewidth=max(_width(part, scale), 0.3))
        lines.append((ink, 'λ = %.2g' % (part * _largest(graphs))))
    if any(edge.value is not None and edge.value < 0 for edge in edges):
        lines.append((Line2D([], [], color=palette.INK, linewidth=1.2, linestyle=(0, (1.2, 1))), 'λ < 0'))
    if not all(edge.alive for edge in edges):
        lines.append((Line2D([], [], color=palette.FAINT, linewidth=1.5), 'pruned'))
    columns = max(1, int((width - MARGIN) / 0.95))
    return [(entries, min(columns, len(entries)), -(-len(entries) // columns)) for entries in (boxes, lines) if entries]


def _width(part: float, scale: float) -> float:
    """Points of a line whose λ is `part` of the largest, at `scale` inches a unit."""
    return (0.7 + 3.4 * part) * scale


def _mark(**style: Any) -> Line2D:
    return Line2D([], [], marker='s', linestyle='none', markersize=6.5, **style)
