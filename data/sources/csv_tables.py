"""Finding the tables of a data set, and which of their rows are for training and which for test."""

import os
import re
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from ...base.errors import UserError
from .. import place
from . import labelled, roles, scan, tables
from .csv_images import Finder
from .labelled import Columns, plain
from .roles import TEST, TRAIN, VAL
from .tables import Table

SUFFIXES = ('.csv', '.tsv', '.txt')  # those before are preferred
EXPECTED = 'expected train.csv, or one table of images and labels'
FOLDERS = 64  # that are looked into for tables
DEEP = 3  # folders that hold nothing but one another
NO_TABLE = re.compile(r'.*submission|readme|licen[sc]e|requirements|classes|(class_?|label_?)?names|synset', re.I)


class Entry(NamedTuple):
    """A row: the image and its label as they are written, and where, for messages."""

    image: str
    label: str
    where: str


class Sets(NamedTuple):
    """The rows of roles.TRAIN and roles.TEST, and what finds the images of each.

    root: the folder of the data. train_from, test_from: as sentences name them.
    """

    entries: Dict[str, List[Entry]]
    finders: Dict[str, Finder]
    root: str
    train_from: str
    test_from: str
    notes: List[str]


def _part(name: str) -> Optional[str]:
    """Return the set that a table's name, or that of its folder, means."""
    folder, base = os.path.split(os.path.splitext(name)[0])
    divided = roles.parted(base)
    return roles.role(base) or (divided[0] if divided else roles.role(folder))


def _tables_in(path: str) -> List[str]:
    names = sorted(entry.name for entry in os.scandir(path) if entry.is_file() and not entry.name.startswith('.'))
    return [name for name in names if name.lower().endswith(SUFFIXES) and not NO_TABLE.match(name)]


def _tables(path: str) -> Tuple[str, List[str]]:
    """Return the folder of the data, `path` or the only one in it, and the tables in it or in a folder of their own."""
    for _ in range(DEEP):
        names, folders = _tables_in(path), scan_folders(path)
        if names:
            return path, names
        if len(folders) != 1:
            break
        path = folders[0]
    held = {os.path.basename(folder): _tables_in(folder) for folder in folders[:FOLDERS] if os.access(folder, os.R_OK)}
    held = {folder: names for folder, names in held.items() if names}
    if len(held) == 1 or any(roles.role(folder) == TRAIN for folder in held):
        return path, [os.path.join(folder, name) for folder, names in held.items() for name in names]
    return path, []


def scan_folders(path: str) -> List[str]:
    """List the folders in a folder that are not hidden."""
    return sorted(entry.path for entry in os.scandir(path) if entry.is_dir() and not entry.name.startswith(('.', '__')))


def _chosen(path: str) -> Tuple[str, Dict[str, str]]:
    """Choose the tables in a folder: (folder, names by the set that they are of).

    Raises place.NotFound if there is none, UserError if several may be meant.
    """
    root, names = _tables(path)
    by_part: Dict[str, List[str]] = {}
    for name in names:
        by_part.setdefault(_part(name) or '', []).append(name)

    def order(name: str) -> Tuple[bool, int]:
        stem, suffix = os.path.splitext(os.path.basename(name))
        return roles.role(stem) is None, SUFFIXES.index(suffix.lower())

    chosen: Dict[str, str] = {}
    for part, found in by_part.items():
        if part in (TEST, VAL) and TRAIN not in by_part:
            continue
        if not part and (TRAIN in by_part or not any(name.lower().endswith(SUFFIXES[:2]) for name in found)):
            continue
        best = sorted(found, key=order)
        if len(best) > 1 and order(best[0]) == order(best[1]):
            raise UserError(f'{root}: which table is to be read, {best[0]} or {best[1]}? Give the file itself')
        chosen[part or TRAIN] = best[0]
    if TRAIN not in chosen:
        held = f' (there are {", ".join(names)[:80]})' if names else ''
        raise place.NotFound(f'{root}: no table for training{held}; {EXPECTED}')
    return root, chosen


def _opened(root: str, name: str, part: str) -> Tuple[Table, Columns]:
    """Read a table and tell its columns."""
    known = Finder(root, name, part).knows
    path = os.path.join(root, name)
    table = labelled.joined(tables.read(path, labelled.is_header(lambda cell: bool(cell) and known(cell))), known)
    return table, labelled.columns(table, known)


def _rows(table: Table, columns: Columns, label: int) -> List[Entry]:
    """Return the rows as entries. Raises UserError for a row without an image."""
    entries = []
    for row in table.rows:
        if max(columns.path, label) >= len(row.cells) or not row.cells[columns.path]:
            raise UserError(f'{table.where(row)}: {len(row.cells)} columns without the name of an image')
        entries.append(Entry(row.cells[columns.path], ' '.join(row.cells[label].split()), table.where(row)))
    return entries


def _empty(label: str) -> bool:
    return label.lower() in ('', 'nan', 'na', 'n/a', 'null', 'none', '?')


def _labelled(entries: Sequence[Entry]) -> List[Entry]:
    """Return the entries. Raises UserError for one without a label."""
    for entry in entries:
        if not entry.label:
            raise UserError(f'{entry.where}: {scan.printable(entry.image):.60} has no label')
    return list(entries)


def _parts(table: Table, column: int) -> Optional[List[str]]:
    """Return the set of each row by the column that says it; None if that column says something else."""
    header = plain(table.title(column))
    values = [row.cells[column].casefold() for row in table.rows]
    if header.startswith('is'):
        part = roles.role(header[2:])
        yes = [value in ('1', '1.0', 'true', 'yes', 't', 'y') for value in values]
        if part is None:
            return None
        return [part if one else (TEST if part == TRAIN else TRAIN) for one in yes]
    known = {value: roles.role(value) for value in set(values)}
    if not any(known.values()):
        return None
    for row, value in zip(table.rows, values):
        if known[value] is None:
            raise UserError(f'{table.where(row)}: {value[:40]!r} is no set; accepted are train, val, test')
    return [known[value] or '' for value in values]


def _parts_of_paths(entries: Sequence[Entry]) -> Optional[List[str]]:
    """Return the set of each row by the first folder of its path; None unless all say one, and training is among them."""
    words = {entry.image: labelled.parts_of(entry.image) for entry in entries}
    parts = [roles.role(words[entry.image][0]) if len(words[entry.image]) > 1 else None for entry in entries]
    known = [part for part in parts if part]
    return known if len(known) == len(entries) and len(set(known)) > 1 and TRAIN in known else None


def _divided(table: Table, columns: Columns, name: str, notes: List[str]) -> Dict[str, List[Entry]]:
    """Return the rows of a table by set; all for training if no column says it."""
    entries = _rows(table, columns, columns.label)
    parts = _parts(table, columns.split) if columns.split >= 0 else None
    by = f'column {table.title(columns.split)}'
    if parts is None:
        parts, by = _parts_of_paths(entries), 'the first folder of each path'
    if parts is None:
        return {TRAIN: _labelled(entries)}
    found: Dict[str, List[Entry]] = {TRAIN: [], TEST: [], VAL: []}
    for entry, part in zip(entries, parts):
        found[part].append(entry)
    counts = ', '.join(f'{part} {len(found[part])}' for part in found if found[part])
    notes.append(f'{by} divides the rows of {name}: {counts}')
    if not found[TRAIN]:
        raise UserError(f'{table.path}: {by} leaves no rows for training')
    return {part: _labelled(rows) if part == TRAIN else rows for part, rows in found.items()}


def _held(root: str, name: str, part: str, train: Table, columns: Columns, notes: List[str]) -> List[Entry]:
    """Return the rows of a table of test images; none, with a note, if it has no labels."""
    table, own = _opened(root, name, part)
    label = own.label
    if train.header and table.header:
        wanted = plain(train.title(columns.label))
        same = [i for i, cell in enumerate(table.header.cells[: table.width]) if plain(cell) == wanted]
        label = same[0] if same else -1
    if label < 0:
        notes.append(f'{name} has no labels and is not used')
        return []
    return _some_labelled(_rows(table, own, label), name, notes)


def _some_labelled(entries: Sequence[Entry], name: str, notes: List[str]) -> List[Entry]:
    """Return the entries that have labels, with a note on the others."""
    kept = [entry for entry in entries if not _empty(entry.label)]
    if len(kept) < len(entries):
        notes.append(f'{len(entries) - len(kept)} of {len(entries)} rows of {name} have no labels and are not used')
    return kept


def read(path: str) -> Sets:
    """Read the table, or the tables of the folder, at `path`. Errors: as of csv.listing."""
    root, chosen = (
        _chosen(path) if os.path.isdir(path) else (os.path.dirname(path) or '.', {TRAIN: os.path.basename(path)})
    )
    notes: List[str] = []
    train, columns = _opened(root, chosen[TRAIN], TRAIN)
    if columns.label < 0:
        raise UserError(f'{train.path}: no column of labels; accepted: one called label, class, category, …')
    said = [train.title(i) for i in (columns.path, columns.label)]
    notes.append(f'{chosen[TRAIN]}: images from column {said[0]}, labels from column {said[1]}')
    found = _divided(train, columns, chosen[TRAIN], notes)
    held: Dict[str, Tuple[List[Entry], str, Finder]] = {}
    for part in (TEST, VAL):
        table, name = chosen[TRAIN], f'the {part} rows of {chosen[TRAIN]}'
        entries = _some_labelled(found.get(part, []), name, notes)
        if not entries and part in chosen:
            table = name = chosen[part]
            entries = _held(root, name, part, train, columns, notes)
        if entries:
            held[part] = entries, name, Finder(root, table, part)
    finders = {TRAIN: Finder(root, chosen[TRAIN], TRAIN)}
    test, origin, finders[TEST] = held.get(TEST) or held.get(VAL) or ([], '', finders[TRAIN])
    if len(held) == 2:
        notes.append(f'left out: {held[VAL][1]}, beside {origin}')
    return Sets({TRAIN: found[TRAIN], TEST: test}, finders, root, chosen[TRAIN], origin, notes)
