"""Write and read log.csv: a row for each epoch of training.

To add a column: add a `Column` to TABLE below, and put its value under that name into the row that is given to `Log.append`.
There is nothing else to change. A callback's own columns are declared by `Log.declare`. Logs that were written without the
column are read, and go on with the field left empty.

A reader takes the columns that a file has. A last line without its end is a row being written and is left out; of several rows
for one epoch the last counts. Anything else that is wrong with a file is a UserError naming file, line and column.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import math
import os
from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple, Union

from ..base import files
from ..base.errors import UserError
from ..base.text import escaped, shown
from . import checksums
from .stages import STAGES

LARGEST = 200 * 10**6  # bytes
MOST_EPOCHS, MOST_DIGITS = 10**6, 18

Row = Dict[str, Any]  # by column name; None where the field is empty


def _stage(text: str) -> str:
    if text not in STAGES:
        raise ValueError(f'one of {", ".join(STAGES)}')
    return text


def _epoch(text: str) -> int:
    if not _is_whole(text) or not 1 <= int(text) <= MOST_EPOCHS:
        raise ValueError(f'a whole number from 1 to {MOST_EPOCHS}')
    return int(text)


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError('a number') from None


def _count(text: str) -> Union[int, float]:
    value = int(text) if _is_whole(text) else _number(text)
    if not 0 <= value < math.inf:
        raise ValueError('a number of at least 0')
    return value


def _duration(text: str) -> float:
    value = _number(text)
    if not 0 <= value < math.inf:
        raise ValueError('a number of seconds')
    return value


def _amount(text: str) -> float:
    value = _number(text)
    if not 0 <= value < math.inf:
        raise ValueError('a number of at least 0')
    return value


def _percent(text: str) -> float:
    value = _number(text)
    if not 0 <= value <= 100:
        raise ValueError('a percentage from 0 to 100')
    return value


def _share(text: str) -> float:
    value = _number(text)
    if not 0 <= value <= 1:
        raise ValueError('a share from 0 to 1')
    return value


@dataclasses.dataclass(frozen=True)
class Column:
    """A column: its name, what it means, and how a field that is not empty is read. read raises ValueError: what is accepted."""

    name: str
    meaning: str
    read: Callable[[str], Any] = _number


_OF_GROUPS = (
    ('variation', 'standard deviation of |λ| over its mean, mean over'),
    ('entropy', 'entropy of |λ| / Σ|λ|, 1 where all are alike, 0 where one is left, mean over'),
    ('drift', '‖Δλ‖ / ‖λ‖ from one epoch to the next, mean over'),
)
_GROUPS = (
    ('operations', 'the groups of λ into one operation'),
    ('outputs', "the groups into a block's output"),
    ('reductions', 'reduction blocks'),
)
# What a search adds of how it decides, behind the others.
_SPREAD = (
    *(Column(f'{name}_{kind}', f'{text} {of}', _amount) for name, text in _OF_GROUPS for kind, of in _GROUPS),
    Column(
        'gate_step',
        '‖Δλ‖ / ‖λ‖ of a group in one λ step, median over some steps and all groups of two λ at least',
        _amount,
    ),
    Column(
        'groups_decided',
        'share of groups in which λ went, and none went or came back for a tenth of the search',
        _share,
    ),
    Column('jumps', 'λ that changed by more than their own size in this epoch', _count),
)
SPREAD = tuple(column.name for column in _SPREAD)

TABLE = (
    Column('stage', 'pretrain, search or retrain', _stage),
    Column('epoch', 'epochs of the stage done; the first row has 1', _epoch),
    Column('step', 'steps of the stage done', _count),
    Column('lr', 'learning rate of W at the last step'),
    Column('loss', 'mean training loss over the steps that updated W'),
    Column('error', 'top-1 error over those steps, percent', _percent),
    Column('gate_loss', 'mean training loss over the steps that updated λ alone'),
    Column('gate_error', 'top-1 error over those steps, percent', _percent),
    Column('test_loss', 'mean loss on the test set, in epochs that end with a test'),
    Column('test_error', 'top-1 error on the test set, percent', _percent),
    Column('zero_fraction', 'share of λ that are zero or pruned, 0 to 1', _share),
    Column('edges', 'edges left', _count),
    Column('operations', 'operations left, over all sets of λ', _count),
    Column('flops', 'FLOPs of what is left, at the width of the search, for one image', _count),
    Column('params', 'parameters of what is left', _count),
    Column('changed', 'λ that went to zero or came back from it in this epoch', _count),
    Column('images_per_second', 'training images over the time of the epoch, tests left out'),
    Column('seconds', 'time of the epoch, tests left out', _duration),
)
COLUMNS = tuple(column.name for column in TABLE)
_BY_NAME = {column.name: column for column in TABLE + _SPREAD}


def read_log(path: str) -> List[Row]:
    """Read the rows of a log.csv, [] if there is none: {column: value} each, None for an empty field.

    stage is text, epoch and other counts are int, the rest float. Raises OSError, UserError naming the file.
    """
    return _read(path)[1] if os.path.exists(path) else []


def _read(path: str) -> Tuple[Sequence[str], List[Row]]:
    """(names of the columns, rows) of a log.csv."""
    content = files.read_bytes(path, LARGEST)
    try:
        text = content.decode('utf-8')
        lines = text.splitlines()
        if text and not text.endswith(('\n', '\r')):
            lines = lines[:-1]
        table = list(csv.reader(lines))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f'{path}: damaged: {error}') from None
    if not table:
        raise UserError(f'{path}: damaged: it is empty, without the line that names the columns')
    names = table[0]
    if 'stage' not in names or 'epoch' not in names:
        raise UserError(f'{path}: line 1 is no header with the columns stage and epoch')
    if len(set(names)) < len(names):
        raise UserError(f'{path}: line 1 names a column twice')
    rows: Dict[Tuple[str, int], Row] = {}
    for number, fields in enumerate(table[1:], 2):
        if len(fields) != len(names):
            raise UserError(f'{path}: line {number} has {len(fields)} fields, not {len(names)}')
        row = {name: _field(path, number, name, text) for name, text in zip(names, fields)}
        rows[row['stage'], row['epoch']] = row
    return names, list(rows.values())


def _field(path: str, number: int, name: str, text: str) -> Any:
    if not text and name not in ('stage', 'epoch'):
        return None
    column = _BY_NAME.get(name)
    try:
        return column.read(text) if column else _number(text)
    except ValueError as error:
        raise UserError(f'{path}: line {number}, column {escaped(name)}: {shown(text)} is not {error}') from None


class Log:
    """log.csv as it grows. rows: what the file holds, as `read_log` gives it; epochs count from 1, steps over the whole stage.

    columns: names of its columns, those of TABLE first; others, which hold numbers, stay. The file is rewritten whole for each
    row. Raises UserError for a damaged file.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.rows: List[Row] = []
        self.columns: Tuple[str, ...] = COLUMNS
        if os.path.exists(path):
            names, self.rows = _read(path)
            self.declare(names)

    def declare(self, columns: Sequence[str]) -> None:
        """Add columns of numbers behind those that there are."""
        self.columns = tuple(dict.fromkeys((*self.columns, *columns)))

    def cut(self, stage: str, epochs: int) -> None:
        """Drop what was written after `epochs` epochs of `stage`. The file follows with the next row."""
        last = (STAGES.index(stage), epochs)
        self.rows = [row for row in self.rows if (STAGES.index(row['stage']), row['epoch']) <= last]

    def append(self, row: Mapping[str, Any]) -> None:
        """Add a row, {column: value}; what is left out or None stays empty. Raises OSError."""
        fields = {name: _text(row.get(name)) for name in self.columns}
        self.rows.append({name: _field(self.path, len(self.rows) + 2, name, text) for name, text in fields.items()})
        text = io.StringIO()
        writer = csv.writer(text, lineterminator='\n')
        writer.writerow(self.columns)
        writer.writerows([_text(row.get(name)) for name in self.columns] for row in self.rows)
        checksums.write_text(self.path, text.getvalue())

    def seconds(self, *stages: str) -> float:
        """Return what the epochs of some stages took together."""
        return float(sum(row.get('seconds') or 0 for row in self.rows if row['stage'] in stages))


def _text(value: Any) -> str:
    if value is None:
        return ''
    return f'{value:.9g}' if isinstance(value, float) else str(value)
