"""The report as one HTML page that holds its style, its pictures and its script, and asks the network for nothing.

The HTML is in templates/; what is put into it is escaped, except Markup.
"""

import os
import re
from typing import Any, Collection, Iterable, Sequence

import jinja2
from markupsafe import Markup, escape

from ...base.text import escaped

TEMPLATES = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'templates')


def _plain(value: object) -> object:
    """Show control characters of a text; what is HTML already stays."""
    return escaped(value, keep='\n\t') if isinstance(value, str) and not isinstance(value, Markup) else value


_environment = jinja2.Environment(
    loader=jinja2.FileSystemLoader(TEMPLATES),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
    finalize=_plain,
)


def unbroken(words: str) -> Markup:
    """Return a sentence in which no unit begins a line, and an interval, '(95 %: 93.4–94.7),', stands in one."""
    words = re.sub(r'(?<=\d) (?=(?:%|k|M|G|T|µs|ms|s|min|h)(?!\w))', '\u00a0', words)
    pieces = re.split(r'(\(95\s%: [^)]*\),?|multiply-adds)', words)
    return Markup().join(
        Markup('<span class="whole">{}</span>').format(piece) if place % 2 else escape(_plain(piece))
        for place, piece in enumerate(pieces)
    )


_environment.filters['unbroken'] = unbroken


def render(template: str, **values: Any) -> Markup:
    """Fill in a template of templates/; values are escaped, except Markup."""
    return Markup(_environment.get_template(template).render(values))


def page(title: str, parts: Iterable[Markup], data: str = '') -> str:
    """Return a whole HTML document. parts: its sections; data: JSON for script.js, '' for a page without heat maps."""
    safe = Markup(data.replace('<', '\\u003c'))  # no tag can end the script element
    return str(render('page.html.j2', title=title, parts=[part for part in parts if part], data=safe))


def _macro(name: str, *values: Any) -> Markup:
    return Markup(getattr(_environment.get_template('macros.html.j2').module, name)(*values))


def section(title: str, *parts: Markup) -> Markup:
    """Return a heading and what stands under it; nothing where there is nothing."""
    filled = [part for part in parts if part]
    return _macro('section', title, filled) if filled else Markup()


def paragraph(words: str, kind: str = '') -> Markup:
    """Return a paragraph of plain text. kind: its class."""
    return _macro('paragraph', words, kind)


def figure(content: str, caption: str = '', kind: str = '') -> Markup:
    """Return a picture, an <svg> element as text, with its caption; nothing for no picture."""
    return _macro('figure', Markup(content), caption, kind) if content else Markup()


def piece(content: str, width: float) -> Markup:
    """Return a picture, an <svg> element as text, that stands among others in a group; as wide as it was drawn, in inches."""
    return _macro('piece', Markup(content), f'{width:.2f}')


def table(
    heads: Sequence[object], rows: Iterable[Sequence[object]], numbers: Collection[int] = (), kind: str = ''
) -> Markup:
    """Return a table of texts. numbers: columns that are set to the right; kind: its class."""
    return _macro('table', heads, list(rows), numbers, kind)


def group(parts: Iterable[Markup], kind: str) -> Markup:
    """Return parts in one element of class `kind`."""
    return _macro('group', list(parts), kind)


def folded(title: str, content: Markup) -> Markup:
    """Return content that shows once its title is clicked; nothing where there is none."""
    return _macro('folded', title, content) if content else Markup()
