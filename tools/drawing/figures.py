"""Matplotlib as every figure here uses it: no display, one look, text that stays text, and SVG that can stand in a page with others."""

import io
import re
from typing import Any, ContextManager, Mapping, Optional, Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from ...base import files
from ...base.text import escaped
from . import palette

A4 = (8.27, 11.69)  # inches
STYLE = {
    'font.family': ['DejaVu Sans', 'sans-serif'],
    'font.size': 8,
    'axes.titlesize': 9,
    'axes.labelsize': 8,
    'legend.fontsize': 7.5,
    'xtick.labelsize': 7.5,
    'ytick.labelsize': 7.5,
    'axes.spines.top': False,
    'axes.spines.right': False,
    'axes.edgecolor': palette.INK,
    'axes.labelcolor': palette.INK,
    'xtick.color': palette.INK,
    'ytick.color': palette.INK,
    'text.color': palette.INK,
    'legend.frameon': False,
    'pdf.fonttype': 42,
    'svg.fonttype': 'path',
    'svg.hashsalt': 'dsonas',
    'figure.constrained_layout.use': True,
    'lines.linewidth': 1.3,
    'axes.grid': True,
    'grid.color': '#e6e6e6',
    'grid.linewidth': 0.6,
    'axes.axisbelow': True,
}

# Colours that a page may have otherwise in the dark, by the name of its variable.
THEMED = {
    palette.INK: 'ink',
    palette.GREY: 'grey',
    palette.FAINT: 'faint',
    palette.REMOVED: 'removed',
    '#ffffff': 'paper',
    '#f2f2f2': 'box',
    '#e6e6e6': 'grid',
    **{colour: f'of-{stage}' for stage, colour in palette.STAGES.items()},
}


def styled() -> ContextManager[None]:
    """A context in which figures must be built and saved."""
    return matplotlib.rc_context(STYLE)


def new(width: float, height: float, **options: Any) -> Figure:
    """A Figure of width × height inches that belongs to no window."""
    figure = Figure(figsize=(width, height), **options)
    FigureCanvasAgg(figure)
    return figure


def axes_of(figure: Figure) -> Axes:
    """Add to a figure the one pair of axes that fills it."""
    axes = figure.subplots()
    assert isinstance(axes, Axes)  # of one row and one column
    return axes


def legend_columns(labels: Sequence[str], width: float, points: Optional[float] = None) -> int:
    """Return the largest number of columns of a legend that is no wider than `width` inches; at least 1.

    points: the size of its letters, that of the style by default.
    """
    size = float(points or matplotlib.rcParams['legend.fontsize']) / 72
    for count in range(len(labels), 1, -1):
        longest = [max(map(len, column)) for column in np.array_split(np.asarray(labels, object), count)]
        if sum(4.2 + 0.58 * length for length in longest) * size <= width:  # a handle with its gaps, and letters
            return count
    return 1


def save(figure: Figure, path: str, kind: str, dpi: int = 200) -> None:
    """Write a figure as svg, png or pdf; the same figure always gives the same bytes."""
    dated = {'svg': {'Date': None}, 'pdf': {'CreationDate': None}}.get(kind, {})
    letter_by_letter(figure)
    _settle(figure)
    with files.replacing(path) as stream:
        figure.savefig(stream, format=kind, dpi=dpi, metadata=dated, facecolor='white')


def svg(figure: Figure, prefix: str, label: str, titles: Optional[Mapping[str, str]] = None, grow: bool = False) -> str:
    """A figure as an <svg> element for a page: text as text, every id led by `prefix` (a page must not hold one twice), sized by the page.

    Colours of THEMED are variables of the page.
    label: what the picture shows, for who cannot see it. titles: {gid of an artist: text that shows when pointed at}.
    grow: as wide as the page lets it, instead of its own size at most.
    """
    stream = io.StringIO()
    letter_by_letter(figure)
    _settle(figure)
    with matplotlib.rc_context({'svg.fonttype': 'none', 'svg.hashsalt': prefix}):
        figure.savefig(stream, format='svg', metadata={'Date': None, 'Creator': None, 'Format': None, 'Type': None})
    text = stream.getvalue()
    text = text[text.index('<svg') :]
    text = re.sub(r'<metadata>.*?</metadata>', '', text, flags=re.S)
    text = re.sub(r'<text [^>]*>|' + '|'.join(THEMED), _themed, text)
    text = re.sub(r'\bid="', f'id="{prefix}-', text)
    text = re.sub(r'(xlink:href="|href="|url\()#', rf'\1#{prefix}-', text)
    if titles:
        known = {xml_escaped(f'{prefix}-{gid}'): xml_escaped(title) for gid, title in titles.items()}
        text = re.sub(
            r'<g id="([^"]*)">',
            lambda found: (
                found.group(0) + (f'<title>{known[found.group(1)]}</title>' if found.group(1) in known else '')
            ),
            text,
        )
    width, height = figure.get_size_inches()
    start = (
        f'<svg role="img" aria-label="{xml_escaped(label)}" style="max-width:{"none" if grow else f"{width:.2f}in"}" '
        f'viewBox="0 0 {width * 72:g} {height * 72:g}" xmlns="http://www.w3.org/2000/svg" '
        'xmlns:xlink="http://www.w3.org/1999/xlink">'
    )
    return start + text[text.index('>') + 1 :]


def _settle(figure: Figure) -> None:
    """Lay a figure out, and round where its axes are: the solver's last digits differ from time to time, and ids in SVG with them."""
    if figure.get_layout_engine() is None:
        return
    figure.canvas.draw()
    places = [[round(value, 5) for value in axes.get_position().bounds] for axes in figure.axes]
    figure.set_layout_engine('none')
    for axes, place in zip(figure.axes, places):
        axes.set_position((place[0], place[1], place[2], place[3]))


def _themed(found: 're.Match[str]') -> str:
    """Put the page's variable in the place of a colour; of a text only in that of ink, as what is on a box is to suit the box."""
    text = found.group(0)
    if text.startswith('<'):
        return text.replace(palette.INK, f'var(--{THEMED[palette.INK]}, {palette.INK})')
    return f'var(--{THEMED[text]}, {text})'


def letter_by_letter(figure: Figure) -> None:
    """Have texts show what they hold: names come from outside, and $ is no formula in them."""
    for artist in figure.findobj(Text):
        assert isinstance(artist, Text)
        literal(artist)


def literal(text: Text) -> None:
    """Have one text show what it holds."""
    if hasattr(text, 'set_parse_math'):
        text.set_parse_math(False)
    text.set_text(escaped(text.get_text(), keep='\n'))


def xml_escaped(text: str) -> str:
    """Return text as it stands in XML, within an element or a value in quotes."""
    text = escaped(text, keep='\n')
    return text.replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;').replace('"', '&quot;')
