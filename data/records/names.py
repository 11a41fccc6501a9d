"""The names of the classes of records that others made: from a list beside them, since im2rec keeps none in the records."""

import logging
from typing import Sequence

from ..sources import class_names
from . import manifest

log = logging.getLogger(__name__)


def best(folder: str, count: int, before: Sequence[str] = ()) -> Sequence[str]:
    """Choose the names of `count` classes: those of a list in the folder, else those from before, else numbers."""
    if before and manifest.is_named(before):
        return before
    listed = class_names.beside(folder, count)
    if listed:
        log.info('%s: class names from %s', folder, listed[0])
        return listed[1]
    return before if len(before) >= count else manifest.placeholders(count)
