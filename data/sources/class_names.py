"""Lists of class names, a name a line, that lie beside data whose labels are numbers."""

import json
import logging
import os
from typing import Optional, Sequence, Tuple

from ...base.errors import UserError
from . import archives, tables
from .labelled import LABELS, plain, whole

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

TABLES = ('.csv', '.tsv')
HEADERS = ('name', 'names', *LABELS)
LARGEST = 1 << 22  # bytes of a JSON file of names

log = logging.getLogger(__name__)


def _numbered(lines: Sequence[str]) -> Optional[Tuple[str, ...]]:
    """Return the names of lines that have the numbers from 0 on before them, or all behind them; None for others."""
    for cut in ([line.split(None, 1) for line in lines], [line.rsplit(None, 1)[::-1] for line in lines]):
        numbered = {whole(words[0]): words[1] for words in cut if len(words) == 2}
        if lines and set(numbered) == set(range(len(lines))):
            return tuple(numbered[i] for i in range(len(lines)))
    return None


def class_list(path: str) -> Tuple[str, ...]:
    """Read a list of class names: a name a line, or a number and a name, in either order. Raises UserError, OSError."""
    rows = tables.read(path, lambda first, others: False).rows
    lines = [' '.join(row.cells) for row in rows]
    numbered = _numbered(lines) or _numbered(lines[1:])  # behind a header
    if numbered:
        return numbered
    if path.endswith(TABLES) and plain(rows[0].cells[-1]) in HEADERS:
        lines = lines[1:]
    if len(set(lines)) != len(lines):
        twice = next(line for line in lines if lines.count(line) > 1)
        raise UserError(f'{path} names {twice:.40} twice; expected a name for each class')
    return tuple(lines)


def mapping(path: str) -> Optional[Tuple[str, ...]]:
    """Read the class names of a JSON file that maps each number from 0 on to a name, or each name to its number.

    None for any other JSON file. Raises UserError for a file that is none, OSError.
    """
    try:
        content = json.loads(archives.read_file(path, LARGEST).decode('utf-8-sig'))
    except (ValueError, RecursionError) as error:
        raise UserError(f'{path} is not JSON ({str(error):.100})') from error
    if not isinstance(content, dict) or not all(isinstance(value, (str, int)) for value in content.values()):
        return None
    return _numbered([f'{key} {value}' for key, value in content.items()])


def beside(folder: str, count: int) -> Optional[Tuple[str, Tuple[str, ...]]]:
    """Find a list of the names of at least `count` classes in a folder: (file name, names), None if there is none.

    It has one of the names in LISTS, or is a JSON file that maps numbers and names. A list of other things under one
    of the names is passed over with a warning.
    """
    maps = sorted(name for name in os.listdir(folder) if name.lower().endswith('.json') and name != 'manifest.json')
    for name in (*LISTS, *maps):
        path = os.path.join(folder, name)
        if not os.path.isfile(path) or (name in maps and os.path.getsize(path) > LARGEST):
            continue
        try:
            names = mapping(path) if name in maps else class_list(path)
        except UserError as error:
            log.warning('not a list of class names: %s', error)
            continue
        if names is None:
            continue
        if len(names) >= count:
            return name, names
        log.warning('%s has %d names, but there are %d classes: they keep their numbers', path, len(names), count)
    return None
