"""Check the fields of a document that was read from a file: their types, ranges and sizes.

    FIELDS = {'seed': WHOLE, 'error': PERCENT, 'search': mapping({'epochs': COUNT})}
    check_fields(content, FIELDS, 'summary.json', needed=('seed',))

A field that is not in the table is accepted, as a later version may write it; so is null, which stands for what is not known, but
for those that are needed.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Callable, Collection, Mapping

from .errors import UserError
from .text import clipped, shown

LARGEST = 2**63  # of whole numbers
LONGEST = 100_000  # characters of a text, entries of a list


@dataclasses.dataclass(frozen=True)
class Field:
    """What a field takes. is_accepted: of a value; accepted: in words. fields: of a mapping, those within it."""

    is_accepted: Callable[[Any], bool]
    accepted: str
    fields: Mapping[str, Field] = dataclasses.field(default_factory=dict)


Fields = Mapping[str, Field]


def check_fields(content: Any, fields: Fields, path: str, needed: Collection[str] = (), prefix: str = '') -> None:
    """Raise UserError, which names the file and the field, where `content` is no mapping or has a field that is not accepted."""
    if not isinstance(content, dict):
        raise UserError(f'{path}: {prefix[:-1] and prefix[:-1] + " "}holds no mapping of names to values')
    for name, field in fields.items():
        value = content.get(name)
        if value is None and name not in needed:
            continue
        if not field.is_accepted(value):
            raise UserError(f'{path}: {prefix}{name} is {shown(value)}; accepted is {clipped(field.accepted, 100)}')
        if field.fields:
            check_fields(value, field.fields, path, prefix=f'{prefix}{name}.')


def is_whole(value: Any) -> bool:
    """Tell whether a value is a whole number, and of 64 bits."""
    return type(value) is int and -LARGEST <= value < LARGEST


def is_count(value: Any) -> bool:
    """Tell whether a value is a whole number of at least 0."""
    return is_whole(value) and value >= 0


def is_number(value: Any) -> bool:
    """Tell whether a value is a finite number."""
    return type(value) in (int, float) and math.isfinite(value)


def is_text(value: Any) -> bool:
    """Tell whether a value is text."""
    return isinstance(value, str) and len(value) <= LONGEST


def between(low: float, high: float, accepted: str) -> Field:
    """Return a field of numbers from `low` to `high`."""
    return Field(lambda value: is_number(value) and low <= value <= high, accepted)


def whole(low: int, high: int = LARGEST) -> Field:
    """Return a field of whole numbers from `low` to `high`."""
    accepted = f'a whole number of at least {low}' if high == LARGEST else f'a whole number from {low} to {high}'
    return Field(lambda value: is_whole(value) and low <= value <= high, accepted)


def one_of(*names: str) -> Field:
    """Return a field of texts out of a few."""
    return Field(lambda value: isinstance(value, str) and value in names, f'one of {", ".join(names)}')


def list_of(entry: Field, least: int = 0, most: int = LONGEST) -> Field:
    """Return a field of lists whose entries are all accepted by `entry`."""
    return Field(
        lambda value: isinstance(value, list) and least <= len(value) <= most and all(map(entry.is_accepted, value)),
        f'a list, each {entry.accepted}',
    )


def mapping(fields: Fields) -> Field:
    """Return a field of mappings with these fields."""
    return Field(lambda value: isinstance(value, dict), 'a mapping of names to values', fields)


WHOLE = Field(is_whole, 'a whole number')
COUNT = whole(0)
NUMBER = Field(is_number, 'a finite number')
AMOUNT = between(0, math.inf, 'a finite number of at least 0')
PERCENT = between(0, 100, 'a percentage from 0 to 100')
SHARE = between(0, 1, 'a share from 0 to 1')
TEXT = Field(is_text, 'text')
FLAG = Field(lambda value: isinstance(value, bool), 'true or false')
MAPPING = mapping({})
