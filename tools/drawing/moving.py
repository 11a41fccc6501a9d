"""A search as a moving picture: an SVG that moves by itself, or a GIF."""

import io
from typing import Any, Dict, List, Mapping, Sequence, Tuple

import numpy as np
from PIL import Image

from . import figures, palette
from .dag import Line, Node
from .frames import Film, Frame, at_places, holds, route_keys, seconds, shares, steps
from .layout import Layout
from .pen import LONG, NAMES, Pen

UNIT = 72  # SVG units a unit of the layout
SIDE, TOP, BOTTOM = 24, 66, 46  # around the block: above it the title and the bar of what is left, below it the legend
LEVELS = 52  # for the names of the levels
THIN, THICK = 0.5, 4.2  # widths of lines in SVG units: of the smallest λ, and what the largest adds
GHOST = 0.7  # of lines that are gone
FONT = 'font-family="DejaVu Sans, Verdana, sans-serif"'
GIF_INCHES, GIF_DOTS, GIF_COLOURS = 0.72, 84, 96  # inches a unit of the layout; dots an inch; colours of the palette
GIF_BYTES, FEWEST_DOTS = 900_000, 50  # what it may take, and how far the pictures shrink for that


def svg(film: Film, colours: Mapping[str, str], title: str) -> str:
    """Return a film as SVG, which shows the last frame where nothing moves. colours: {operation: '#rrggbb'}."""
    return _Drawing(film, colours, title).text()


class _Drawing:
    """The parts of the SVG, in units of UNIT a unit of the layout, y downwards."""

    def __init__(self, film: Film, colours: Mapping[str, str], title: str) -> None:
        self.film, self.colours, self.title = film, colours, title
        self.total = len(film.frames) + holds(len(film.frames))
        self.lasts = seconds(len(film.frames)) * self.total / len(film.frames)
        self.width = film.placed.width * UNIT + 2 * SIDE + LEVELS
        self.height = film.placed.height * UNIT + TOP + BOTTOM

    def text(self) -> str:
        film = self.film
        by_route = [route_keys(frame.graph) for frame in film.frames]
        routes = [
            ([known[edge.source, edge.target, edge.shortcut] for known in by_route], points)
            for edge, points in film.placed.routes
        ]
        routes.sort(key=lambda route: _importance(route[0]))  # what stays longest is drawn over what goes
        parts = [self._edge(lines, points) for lines, points in routes]
        for place in range(len(film.last.graph.nodes)):
            parts.append(self._node([frame.graph.nodes[place] for frame in film.frames]))
        label = figures.xml_escaped(f'{self.title}. {film.label(film.frames[0])}; {film.label(film.last)}.')
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width:.0f} {self.height:.0f}" '
            f'width="{self.width:.0f}" height="{self.height:.0f}" role="img" aria-label="{label}" {FONT}>'
        )
        paper = f'<rect width="{self.width:.0f}" height="{self.height:.0f}" rx="8" fill="#ffffff"/>'
        lines = [
            head,
            f'<title>{label}</title>',
            paper,
            *self._head(),
            *self._levels(),
            *parts,
            *self._legend(),
            '</svg>',
        ]
        return '\n'.join(line for line in lines if line) + '\n'

    def _x(self, x: float) -> float:
        return SIDE + LEVELS + x * UNIT

    def _y(self, y: float) -> float:
        return TOP + (self.film.placed.height - y) * UNIT

    def _animate(self, name: str, values: Sequence[str]) -> str:
        """An <animate> that steps through one value a frame; '' where it never changes."""
        found = steps(values, self.total)
        if len(found) < 2:
            return ''
        times = ';'.join(f'{time:.4g}' for time, _ in found)
        return (
            f'<animate attributeName="{name}" calcMode="discrete" dur="{self.lasts:g}s" repeatCount="indefinite" '
            f'keyTimes="{times}" values="{";".join(value for _, value in found)}"/>'
        )

    def _flow(self, name: str, values: Sequence[str]) -> str:
        """An <animate> that goes evenly from one frame's value to the next; '' where it never changes."""
        found = steps(values, self.total)
        if len(found) < 2:
            return ''
        ends: List[Tuple[float, str]] = []
        for time, value in found:
            if ends and time - ends[-1][0] > 1.5 / self.total:  # it stayed until the frame before this one
                ends.append((time - 1 / self.total, ends[-1][1]))
            ends.append((time, value))
        ends.append((1.0, ends[-1][1]))
        return (
            f'<animate attributeName="{name}" dur="{self.lasts:g}s" repeatCount="indefinite" '
            f'keyTimes="{";".join(f"{time:.4g}" for time, _ in ends)}" values="{";".join(value for _, value in ends)}"/>'
        )

    def _edge(self, lines: Sequence[Line], points: Sequence[Tuple[float, float]]) -> str:
        kinds = {node.key: node.kind for node in self.film.last.graph.nodes}
        last = lines[-1]
        colour = palette.GREY if last.shortcut else self.colours.get(kinds[last.source], palette.INK)
        strokes = [colour if line.alive else palette.FAINT for line in lines]
        widths = [self._width(line) for line in lines]
        dashes = ' stroke-dasharray="5 3"' if last.shortcut else ''
        name = f' data-edge="{figures.xml_escaped(last.name)}"' if last.name else ''
        inside = self._animate('stroke', strokes) + self._flow('stroke-width', widths)
        start = f'<path{name} fill="none" stroke="{strokes[-1]}" stroke-width="{widths[-1]}"{dashes} d="{self._path(points)}"'
        return f'{start}>{inside}</path>' if inside else f'{start}/>'

    def _width(self, line: Line) -> str:
        if line.value is None or line.shortcut:
            return '1.4' if line.alive else f'{GHOST}'
        return f'{THIN + THICK * abs(line.value) / self.film.largest:.2g}' if line.alive else f'{GHOST}'

    def _path(self, points: Sequence[Tuple[float, float]]) -> str:
        """A line through pairs of points, curved within a pair, straight from one pair to the next."""
        words = [f'M{self._x(points[0][0]):.1f} {self._y(points[0][1]):.1f}']
        for at in range(0, len(points), 2):
            (x0, y0), (x1, y1) = ((self._x(x), self._y(y)) for x, y in points[at : at + 2])
            if at:
                words.append(f'L{x0:.1f} {y0:.1f}')
            bend = (y1 - y0) / 2
            words.append(f'C{x0:.1f} {y0 + bend:.1f} {x1:.1f} {y1 - bend:.1f} {x1:.1f} {y1:.1f}')
        return ''.join(words)

    def _node(self, nodes: Sequence[Node]) -> str:
        last = nodes[-1]
        x, y = self.film.placed.boxes[last.key]
        x, y, fixed = self._x(x), self._y(y), NAMES.get(last.kind)
        face = self.colours.get(last.kind, '#f2f2f2')
        ink = palette.INK if fixed else palette.text_on(face)
        fills = [face if node.alive else '#ffffff' for node in nodes]
        inks = [ink if node.alive else '#b5b5b5' for node in nodes]
        edges = [(palette.INK if fixed else face) if node.alive else palette.FAINT for node in nodes]
        style = f'fill="{fills[-1]}" stroke="{edges[-1]}"'
        moves = self._animate('fill', fills) + self._animate('stroke', edges)
        width, height = LONG.width * UNIT, LONG.height * UNIT
        if last.kind == 'sum':
            shape = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{height / 2:.1f}" {style}>{moves}</circle>'
        else:
            place = f'x="{x - width / 2:.1f}" y="{y - height / 2:.1f}" width="{width:.0f}" height="{height:.1f}" rx="7"'
            shape = f'<rect {place} {style}>{moves}</rect>'
        label = fixed[0] if fixed else palette.operation_label(last.kind)
        size = min(12.0, 110 / max(len(label), 1))
        name = (
            ''
            if fixed
            else f' data-node="L{last.key[0]}.{figures.xml_escaped(last.kind)}" data-alive="{int(last.alive)}"'
        )
        words = (
            f'<text{name} x="{x:.1f}" y="{y + 4:.1f}" text-anchor="middle" font-size="{size:.3g}" fill="{inks[-1]}">'
            f'{figures.xml_escaped(label)}{self._animate("fill", inks)}</text>'
        )
        return shape + words

    def _head(self) -> List[str]:
        """The title, a line that tells epoch and edges, and a bar of the edges that are left."""
        film, whole = self.film, self.width - 2 * SIDE
        lines = [
            f'<text x="{SIDE}" y="24" font-size="14" font-weight="bold" fill="{palette.INK}">{figures.xml_escaped(self.title)}</text>'
        ]
        for frame in film.frames:
            shown = ['visible' if other is frame else 'hidden' for other in film.frames]
            state = 'visible' if frame is film.last else 'hidden'
            lines.append(
                f'<text data-epoch="{frame.epoch}" data-left="{frame.left}" x="{SIDE}" y="42" font-size="12" '
                f'fill="{palette.INK}" visibility="{state}">{film.label(frame)}{self._animate("visibility", shown)}</text>'
            )
        widths = [f'{share * whole:.1f}' for share in shares(film)]
        lines.append(f'<rect x="{SIDE}" y="50" width="{whole:.0f}" height="6" rx="3" fill="{palette.FAINT}"/>')
        bar = f'<rect x="{SIDE}" y="50" width="{widths[-1]}" height="6" rx="3" fill="{palette.SERIES[0]}">'
        return [*lines, f'{bar}{self._flow("width", widths)}</rect>']

    def _levels(self) -> List[str]:
        ys: Dict[int, float] = {
            node.key[0]: self.film.placed.boxes[node.key][1]
            for node in self.film.last.graph.nodes
            if node.kind in self.colours
        }
        style = f'font-size="11" fill="#6f6f6f" x="{SIDE}"'
        return [f'<text {style} y="{self._y(y) + 4:.1f}">level {level}</text>' for level, y in ys.items()]

    def _legend(self) -> List[str]:
        y = self.height - 16
        words = 'a line as wide as its λ; grey: removed; dashed: shortcut'
        return [f'<text x="{SIDE}" y="{y:.0f}" font-size="11" fill="#6f6f6f">{words}</text>']


def _importance(lines: Sequence[Line]) -> Tuple[int, float]:
    """In how many frames an edge is alive, and its last λ."""
    return sum(line.alive for line in lines), abs(lines[-1].value or 0.0)


def gif(film: Film, colours: Mapping[str, str], title: str) -> bytes:
    """Return a film as an animated GIF, one picture a frame; the last one stays for a while. Long films get smaller pictures."""
    dots = GIF_DOTS
    while True:
        content = _gif(film, colours, title, dots)
        if len(content) <= GIF_BYTES or dots <= FEWEST_DOTS:
            return content
        dots = max(FEWEST_DOTS, int(dots * 0.75))


def _gif(film: Film, colours: Mapping[str, str], title: str, dots: int) -> bytes:
    with figures.styled():
        pictures = [_picture(film, frame, colours, title, dots) for frame in film.frames]
    both = Image.new('RGB', (pictures[0].width * 2, pictures[0].height))  # has the colours of all frames
    both.paste(pictures[0], (0, 0))
    both.paste(pictures[-1], (pictures[0].width, 0))
    palette_of = both.quantize(GIF_COLOURS)
    flat = [picture.quantize(palette=palette_of, dither=Image.Dither.NONE) for picture in pictures]
    each = int(1000 * seconds(len(flat)) / len(flat))
    stream = io.BytesIO()
    flat[0].save(
        stream,
        'GIF',
        save_all=True,
        append_images=flat[1:],
        duration=[each] * (len(flat) - 1) + [each * (1 + holds(len(flat)))],
        loop=0,
        optimize=True,
        disposal=1,
    )
    return stream.getvalue()


def _picture(film: Film, frame: Frame, colours: Mapping[str, str], title: str, dots: int) -> Image.Image:
    scale, margin, head = GIF_INCHES, 0.3, 0.75
    width = film.placed.width * scale + 2 * margin + 0.7
    height = film.placed.height * scale + head + 2 * margin
    figure: Any = figures.new(width, height, layout='none')
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.axis('off')
    placed: Layout = at_places(film.placed, frame.graph)
    graph = frame.graph
    Pen(axes, colours, LONG, scale, film.largest, ghost=GHOST).block(
        graph, placed, margin + 0.7, margin, True, titled=False
    )
    axes.text(margin, height - margin, title, ha='left', va='top', fontsize=10, fontweight='bold')
    axes.text(margin, height - margin - 0.2, film.label(frame), ha='left', va='top', fontsize=9)
    figures.letter_by_letter(figure)
    figure.set_dpi(dots)
    figure.canvas.draw()
    return Image.fromarray(np.asarray(figure.canvas.buffer_rgba())[..., :3].copy())
