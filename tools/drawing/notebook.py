"""Pictures as notebooks show them: SVG elements, several of which can stand in one page."""

import hashlib
import json

from ...symbols.architecture import Architecture
from . import figures
from .architectures import draw, edges_left


def architecture_svg(architecture: Architecture) -> str:
    """Draw the blocks of an Architecture as an <svg> element. The same architecture gives the same text."""
    content = json.dumps(architecture.to_dict(), sort_keys=True).encode()
    prefix = f'a{hashlib.sha256(content).hexdigest()[:10]}'
    title = edges_left(architecture)
    with figures.styled():
        return figures.svg(draw(architecture, title=title), prefix, f'the blocks of an architecture, {title}')
