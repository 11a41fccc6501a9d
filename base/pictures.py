"""Pictures of objects for notebooks, drawn by whoever can.

What an object is lies below what draws it, and does not know it. An object asks for its picture by its kind; the package's root says
for each kind which function draws it, by name, so that nothing is imported before a picture is asked for:

    RENDERERS.register('architecture', Later('dsonas.tools.drawing.notebook', 'architecture_svg'))
"""

from __future__ import annotations

import importlib
from typing import Any, Callable, Optional

from .registry import Registry

Render = Callable[[Any], str]  # of an object: SVG, an element that can stand in a page

RENDERERS: Registry[Render] = Registry('picture')


class Later:
    """A function of a module that is imported when it is first called."""

    def __init__(self, module: str, name: str) -> None:
        self._module, self._name = module, name

    def __call__(self, content: Any) -> str:
        return str(getattr(importlib.import_module(self._module), self._name)(content))


def picture(kind: str, content: Any) -> Optional[str]:
    """Return the picture of an object of a kind as SVG; None where nothing draws this kind."""
    return RENDERERS.get(kind)(content) if kind in RENDERERS else None
