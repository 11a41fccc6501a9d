"""The names of the classes of records that others made: a list in their folder, which im2rec does not keep in the records."""

import logging
import os
from typing import Optional, Sequence, Tuple

from ...base.errors import UserError
from ..sources import labelled
from . import manifest

LISTS = tuple(
    f'{name}{suffix}'
    for name in (
        'classes',
        'class_names',
        'classnames',
        'names',
        'labels',
        'label_names',
        'synset',
        'synsets',
        'synset_words',
    )
    for suffix in ('.txt', '.csv', '.tsv', '.names')
)

log = logging.getLogger(__name__)


def beside(folder: str, count: int) -> Optional[Tuple[str, Tuple[str, ...]]]:
    """Find a list of the names of at least `count` classes in a folder: (file name, names), None if there is none.

    A list of other things under one of the names is passed over with a warning.
    """
    for name in LISTS:
        path = os.path.join(folder, name)
        if not os.path.isfile(path):
            continue
        try:
            names = labelled.class_list(path)
        except UserError as error:
            log.warning('not a list of class names: %s', error)
            continue
        if len(names) >= count:
            return name, names
        log.warning('%s has %d names, but there are %d classes: they keep their numbers', path, len(names), count)
    return None


def best(folder: str, count: int, before: Sequence[str] = ()) -> Sequence[str]:
    """Choose the names of `count` classes: those of a list in the folder, else those from before, else numbers."""
    if before and manifest.is_named(before):
        return before
    listed = beside(folder, count)
    if listed:
        log.info('%s: class names from %s', folder, listed[0])
        return listed[1]
    return before if len(before) >= count else manifest.placeholders(count)
