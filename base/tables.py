"""Rows of numbers that a person reads as a table, in a terminal or a notebook, and a program as plain data."""

from __future__ import annotations

import html
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Sequence

from .text import aligned, escaped

CELL = 'padding:0.15em 0.8em;text-align:'


class Column(NamedTuple):
    """A column: the key of its values in the rows, its heading, and how a value is written. left: whether it is set to the left."""

    key: str
    head: str
    write: Callable[[Any], str] = str
    left: bool = False


class Table(Sequence[Dict[str, Any]]):
    """Rows, each a dict of plain values, that show themselves as a table. notes: sentences below it."""

    def __init__(self, rows: Sequence[Mapping[str, Any]], columns: Sequence[Column], notes: Sequence[str] = ()) -> None:
        self.rows: List[Dict[str, Any]] = [dict(row) for row in rows]
        self.columns, self.notes = tuple(columns), tuple(notes)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: Any) -> Any:
        return self.rows[place]

    def __iter__(self) -> Iterator[Dict[str, Any]]:
        return iter(self.rows)

    def cells(self) -> List[List[str]]:
        """Return what is written in each row; '' for a value that is not there."""
        return [
            ['' if row.get(column.key) is None else escaped(column.write(row[column.key])) for column in self.columns]
            for row in self.rows
        ]

    def __str__(self) -> str:
        left = [place for place, column in enumerate(self.columns) if column.left]
        lines = aligned([[column.head for column in self.columns], *self.cells()], left=left)
        return '\n'.join([*lines, *map(escaped, self.notes)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Return the table as HTML, for a notebook."""
        sides = ['left' if column.left else 'right' for column in self.columns]

        def line(tag: str, texts: Sequence[str]) -> str:
            cells = zip(sides, texts)
            return ''.join(f'<{tag} style="{CELL}{side}">{html.escape(text)}</{tag}>' for side, text in cells)

        head = f'<thead><tr>{line("th", [column.head for column in self.columns])}</tr></thead>'
        body = ''.join(f'<tr>{line("td", texts)}</tr>' for texts in self.cells())
        notes = ''.join(f'<p>{html.escape(escaped(note))}</p>' for note in self.notes)
        return f'<table>{head}<tbody>{body}</tbody></table>{notes}'
