"""Legends of drawn blocks: the operations' colours, and what lines mean."""

from typing import Any, List, Mapping, NamedTuple, Sequence, Tuple

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from . import figures, palette
from .dag import Graph
from .pen import line_width

LINE, APART = 0.19, 0.03  # inches: height of a row, between two legends
POINTS = 7  # of their letters
Entry = Tuple[Line2D, str]


class Legend(NamedTuple):
    """Marks with their texts, in so many columns and rows."""

    entries: List[Entry]
    columns: int
    rows: int


def legends_of(
    graphs: Sequence[Graph], colours: Mapping[str, str], scale: float, width: float, largest: float
) -> List[Legend]:
    """Return a Legend of the operations and one of the kinds of edges, without the one that has no entry.

    scale: inches a unit of the layout; width: of the space for them, inches; largest: |λ| of the widest line.
    """
    legends = []
    for entries in (_operations(graphs, colours), _edges(graphs, scale, largest)):
        if entries:
            columns = figures.legend_columns([text for _, text in entries], width, POINTS)
            legends.append(Legend(entries, columns, -(-len(entries) // columns)))
    return legends


def add_legends(figure: Figure, legends: Sequence[Legend], bottom: float) -> None:
    """Put the legends on a figure above each other, the last at `bottom` inches from its lower edge."""
    for legend in legends[::-1]:
        figure.legend(
            *zip(*legend.entries),
            loc='lower center',
            ncol=legend.columns,
            fontsize=POINTS,
            handlelength=1.8,
            columnspacing=1.2,
            handletextpad=0.5,
            bbox_to_anchor=(0.5, bottom / figure.get_figheight()),
            borderaxespad=0,
            borderpad=0,
        )
        bottom += legend.rows * LINE + APART


def largest_gate(graphs: Sequence[Graph]) -> float:
    """Return the largest |λ| of the edges that are alive; 0 where none is known."""
    edges = [edge for graph in graphs for edge in graph.edges if edge.alive]
    return max([abs(edge.value) for edge in edges if edge.value is not None] or [0.0])


def _operations(graphs: Sequence[Graph], colours: Mapping[str, str]) -> List[Entry]:
    kinds = {node.kind for graph in graphs for node in graph.nodes}
    entries = [(_mark(color=color), palette.operation_label(name)) for name, color in colours.items() if name in kinds]
    if any(graph.projected for graph in graphs):
        entries.append((_mark(color='w', markeredgecolor=palette.GREY), '1×1 convolution in the shortcut'))
    return entries


def _edges(graphs: Sequence[Graph], scale: float, largest: float) -> List[Entry]:
    edges = [edge for graph in graphs for edge in graph.edges]
    entries: List[Entry] = []
    if any(edge.shortcut for edge in edges):
        entries.append(
            (Line2D([], [], color=palette.GREY, linestyle=palette.SHORTCUT, linewidth=1.2), _shortcut(graphs))
        )
    for part in (0.1, 0.5, 1.0) if largest else ():
        ink = Line2D([], [], color=palette.INK, linewidth=max(line_width(part, scale), 0.3))
        entries.append((ink, f'λ = {part * largest:.2g}'))
    if any(edge.value is not None and edge.value < 0 for edge in edges):
        entries.append((Line2D([], [], color=palette.INK, linewidth=1.2, linestyle=palette.NEGATIVE), 'λ < 0'))
    if not all(edge.alive for edge in edges):
        entries.append((Line2D([], [], color=palette.FAINT, linewidth=1.5), 'pruned'))
    return entries


def _shortcut(graphs: Sequence[Graph]) -> str:
    """Say of the shortcut in which blocks it is a convolution, where a drawn block stands for several."""
    convolutions = [block for graph in graphs for block in graph.shortcuts]
    if not convolutions:
        return 'shortcut'
    return (
        f'shortcut (1×1 convolution in block{"s" if len(convolutions) > 1 else ""} {", ".join(map(str, convolutions))})'
    )


def _mark(**style: Any) -> Line2D:
    return Line2D([], [], marker='s', linestyle='none', markersize=6.5, **style)
