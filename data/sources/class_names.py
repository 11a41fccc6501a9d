"""Lists of class names, a name a line, that lie beside data whose labels are numbers."""

import logging
import os
from typing import Optional, Tuple

from ...base.errors import UserError
from . import tables
from .labelled import whole

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


def class_list(path: str) -> Tuple[str, ...]:
    """Read a list of class names: a name a line, or a number and a name, in either order. Raises UserError, OSError."""
    rows = tables.read(path, lambda first, others: False).rows
    lines = [' '.join(row.cells) for row in rows]
    for cut in ([line.split(None, 1) for line in lines], [line.rsplit(None, 1)[::-1] for line in lines]):
        numbered = {whole(words[0]): words[1] for words in cut if len(words) == 2}
        if set(numbered) == set(range(len(lines))):
            return tuple(numbered[i] for i in range(len(lines)))
    if len(set(lines)) != len(lines):
        twice = next(line for line in lines if lines.count(line) > 1)
        raise UserError(f'{path} names {twice:.40} twice; expected a name for each class')
    return tuple(lines)


def beside(folder: str, count: int) -> Optional[Tuple[str, Tuple[str, ...]]]:
    """Find a list of the names of at least `count` classes in a folder: (file name, names), None if there is none.

    A list of other things under one of the names is passed over with a warning.
    """
    for name in LISTS:
        path = os.path.join(folder, name)
        if not os.path.isfile(path):
            continue
        try:
            names = class_list(path)
        except UserError as error:
            log.warning('not a list of class names: %s', error)
            continue
        if len(names) >= count:
            return name, names
        log.warning('%s has %d names, but there are %d classes: they keep their numbers', path, len(names), count)
    return None
