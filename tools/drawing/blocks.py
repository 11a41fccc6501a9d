"""Drawing blocks (Fig. 4 of the paper): one in print quality, or all of a network on a sheet of one page."""

from typing import Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from . import figures, palette
from .dag import Graph
from .layout import Layout, layout
from .legends import LINE, add_legends, largest_gate, legends_of
from .pen import LONG, SHORT, Look, Pen

MARGIN, HEAD, FOOT = 0.35, 0.3, 0.55  # inches
LEAST = 5.4  # inches: a sheet is no narrower, for its title and legends
STAGE = 0.16  # inches: the heading of a stage
LARGEST = 0.72  # inches a unit, which is the width of a box with its long label
LEVELS = 0.75  # units, for the names of the levels
PIECE = 0.55  # inches a unit, of a block that stands on a figure of its own
READABLE = 6.5  # points: labels that are as large need no abbreviation


def sheet(
    graphs: Sequence[Graph],
    colours: Mapping[str, str],
    title: str = '',
    page: Optional[Tuple[float, float]] = None,
    largest: Optional[float] = None,
) -> Figure:
    """A Figure with every Graph of `graphs`, in reading order, and a legend.

    colours: {operation: '#rrggbb'}. page: (width, height) in inches that it must not exceed; A4, upright or lying, by default.
    largest: |λ| of the widest line; that of these graphs by default.
    A few blocks get long labels and level names; many get short labels, at the largest scale at which all fit the page.
    """
    pages = [page] if page else [figures.A4, figures.A4[::-1]]
    best: Optional[Arrangement] = None
    for look in (LONG, SHORT):
        cells = _cells(graphs, look)
        for paper in pages:
            fitted = _fit(cells, paper[0] - 2 * MARGIN, paper[1] - 2 * MARGIN - FOOT - LINE - HEAD, look)
            if best is None or fitted.label_size > best.label_size + 0.3:
                best = fitted
        if best is not None and best.label_size >= READABLE:
            break
    assert best is not None  # there is a page
    widest = largest_gate(graphs) if largest is None else largest
    return _draw(graphs, colours, title, min(LEAST, pages[0][0] - 2 * MARGIN), best, widest)


def pieces(graphs: Sequence[Graph], colours: Mapping[str, str]) -> List[Figure]:
    """A Figure for every Graph, all at one scale, with short labels and no legend: for a page that sets them in lines itself."""
    widest, drawn = largest_gate(graphs), []
    for graph in graphs:
        panel = Panel(graph, layout(graph, SHORT.width, SHORT.height, SHORT.row), SHORT)
        figure, axes = _blank(panel.width * PIECE, panel.height * PIECE)
        left = (panel.width - panel.placed.width) / 2 * PIECE
        Pen(axes, colours, SHORT, PIECE, widest).block(graph, panel.placed, left, SHORT.side * PIECE, False)
        drawn.append(figure)
    return drawn


def legend(graphs: Sequence[Graph], colours: Mapping[str, str], width: float) -> Figure:
    """A Figure, `width` inches wide, of the legend of `pieces`."""
    legends = legends_of(graphs, colours, PIECE, width, largest_gate(graphs))
    figure, _ = _blank(width, LINE * (sum(part.rows for part in legends) + 1))
    add_legends(figure, legends, LINE / 2)
    return figure


class Panel:
    """One block and its title. width, height: in units."""

    def __init__(self, graph: Graph, placed: Layout, look: Look) -> None:
        self.graph, self.placed = graph, placed
        self.width = max(placed.width, len(graph.title) * look.label * 0.62) + 2 * look.side
        self.height = placed.height + look.head + look.side


class Cell:
    """Panels above each other. named: with the names of the levels at the left. stage: of the first one."""

    def __init__(self, panels: Sequence[Panel], named: bool = False) -> None:
        self.panels, self.named, self.names = panels, named, LEVELS if named else 0.0
        self.stage = panels[0].graph.stage
        self.width = max(panel.width for panel in panels) + self.names
        self.height = sum(panel.height for panel in panels)


class Arrangement(NamedTuple):
    """How blocks are set on a page: look, scale in inches a unit, and the cells of each line."""

    look: Look
    scale: float
    lines: List[List[Cell]]

    @property
    def label_size(self) -> float:
        """Height of the type of a label, points."""
        return self.scale * self.look.label * 72


def _cells(graphs: Sequence[Graph], look: Look) -> List[Cell]:
    panels = [Panel(graph, layout(graph, look.width, look.height, look.row), look) for graph in graphs]
    reductions = [graph.scope.startswith('r') for graph in graphs]
    if look is LONG and len(graphs) > 1 and not reductions[0] and all(reductions[1:]):
        return [Cell(panels[:1], named=True), Cell(panels[1:])]
    return [Cell([panel], named=look is LONG and len(graphs) == 1 and not reductions[0]) for panel in panels]


def _fit(cells: Sequence[Cell], width: float, height: float, look: Look) -> Arrangement:
    """The Arrangement of the largest scale at which `cells`, set like words in lines, fit into width × height inches."""
    low, high = 0.01, LARGEST
    if len(cells) == 2:  # the shared block, and the reduction blocks beside it
        high = min(high, width / sum(cell.width for cell in cells) * 0.999)
    if _tall(cells, high, width) <= height:
        low = high
    else:
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (middle, high) if _tall(cells, middle, width) <= height else (low, middle)
    return Arrangement(look, low, _lines(cells, width / low) or [list(cells)])


def _tall(cells: Sequence[Cell], scale: float, width: float) -> float:
    lines = _lines(cells, width / scale)
    return (
        float('inf')
        if lines is None
        else sum(scale * max(cell.height for cell in line) for line in lines) + STAGE * len(_heads(lines))
    )


def _lines(cells: Sequence[Cell], width: float) -> Optional[List[List[Cell]]]:
    lines: List[List[Cell]] = [[]]
    used = 0.0
    for cell in cells:
        if cell.width > width:
            return None
        if lines[-1] and (used + cell.width > width or cell.stage != lines[-1][-1].stage):
            lines.append([])
            used = 0.0
        lines[-1].append(cell)
        used += cell.width
    return lines


def _heads(lines: Sequence[Sequence[Cell]]) -> Dict[int, str]:
    """{line with which a stage begins: its heading}, for a sheet with blocks of several stages."""
    stages = [line[0].stage for line in lines]
    if len(set(stages)) < 2:
        return {}
    return {
        at: f'stage {stage + 1}'
        for at, stage in enumerate(stages)
        if stage is not None and (not at or stage != stages[at - 1])
    }


def _draw(
    graphs: Sequence[Graph],
    colours: Mapping[str, str],
    title: str,
    least: float,
    arrangement: Arrangement,
    largest: float,
) -> Figure:
    look, scale, lines = arrangement
    inner = max(max(sum(cell.width for cell in line) for line in lines) * scale, least)
    tall, heads = [max(cell.height for cell in line) * scale for line in lines], _heads(lines)
    top = HEAD if title else 0.0
    width, height = inner + 2 * MARGIN, sum(tall) + STAGE * len(heads) + top + FOOT + 2 * MARGIN
    legends = legends_of(graphs, colours, scale, width - MARGIN, largest)
    height += LINE * max(0, sum(legend.rows for legend in legends) - 2)
    figure, axes = _blank(width, height)
    if title:
        axes.text(width / 2, height - MARGIN, title, ha='center', va='top', fontsize=9, fontweight='bold')
    pen = Pen(axes, colours, look, scale, largest)
    y = height - MARGIN - top
    for at, (line, step) in enumerate(zip(lines, tall)):
        if at in heads:
            axes.plot([MARGIN, width - MARGIN], [y, y], color=palette.FAINT, linewidth=0.8, zorder=0)
            axes.text(MARGIN, y - 0.04, heads[at], ha='left', va='top', fontsize=7.5, color=palette.INK)
            y -= STAGE
        _draw_line(pen, line, y, inner)
        y -= step
    add_legends(figure, legends, MARGIN * 0.6)
    return figure


def _blank(width: float, height: float) -> Tuple[Figure, Axes]:
    """A Figure, and axes all over it whose data unit is an inch."""
    figure = figures.new(width, height, layout='none')
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.axis('off')
    return figure, axes


def _draw_line(pen: Pen, line: Sequence[Cell], top: float, inner: float) -> None:
    """Draw cells side by side below `top`, evenly spread over `inner` inches."""
    scale = pen.scale
    spare = (inner - sum(cell.width for cell in line) * scale) / (len(line) + 1)
    x = MARGIN + spare
    for cell in line:
        down = top
        for panel in cell.panels:
            left = x + (cell.names + (cell.width - cell.names - panel.placed.width) / 2) * scale
            pen.block(panel.graph, panel.placed, left, down - (panel.placed.height + pen.look.head) * scale, cell.named)
            down -= panel.height * scale
        x += cell.width * scale + spare
