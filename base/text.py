"""Numbers with units, read and written; tables whose columns stand under each other; text from outside, shown in one line.

Prefixes are powers of 1000 everywhere: 3.0M is three million, a kB 1000 bytes.
"""

from __future__ import annotations

import math
import re
import reprlib
import unicodedata
from typing import Collection, List, Mapping, Optional, Sequence, Tuple

from .errors import UserError

PREFIXES = (('G', 1e9), ('M', 1e6), ('k', 1e3))
COUNTS = {'': 1.0, 'k': 1e3, 'm': 1e6, 'g': 1e9}  # units in lower case, as `parse_quantity` takes them
SECONDS = {'s': 1.0, 'ms': 1e-3, 'us': 1e-6, 'min': 60.0, 'h': 3600.0}
BYTES = {'': 1.0, 'b': 1.0, 'kb': 1e3, 'mb': 1e6, 'gb': 1e9}
UNKNOWN = 'not known'

_NUMBER = re.compile(r'\s*([0-9]+\.?[0-9]*|\.[0-9]+)((?:[eE][+-]?[0-9]+)?)\s*([a-zA-Z]*)\s*', re.ASCII)


def parse_quantity(text: object, units: Mapping[str, float]) -> float:
    """Read a number with its unit: '3.0M' in COUNTS is 3e6, '5ms' in SECONDS 0.005. Case does not matter.

    Raises UserError for anything but a finite number of at least 0 with one of the units.
    """
    match = _NUMBER.fullmatch(str(text))
    unit = match.group(3).lower() if match else ''
    value = float(match.group(1) + match.group(2)) * units.get(unit, math.nan) if match else math.nan
    if not math.isfinite(value):
        known = ', '.join(repr(unit) if unit else 'none' for unit in units)
        raise UserError(str(text), accepted=f'a number with one of the units {known}')
    return value


def format_count(value: Optional[float], digits: int = 3, gap: str = ' ') -> str:
    """Write a number of parameters or operations: 1234567 -> '1.23 M'; at least the digits before the point. 'not known' for None."""
    if value is None:
        return UNKNOWN
    for unit, scale in PREFIXES:
        if abs(value) >= scale:
            return f'{value / scale:.{max(digits, len(str(int(abs(value) / scale))))}g}{gap}{unit}'
    return f'{value:g}'


def format_bytes(number: Optional[float]) -> str:
    """Write a number of bytes: 1234567 -> '1.23 MB'. 'not known' for None."""
    if number is None:
        return UNKNOWN
    written = format_count(number)
    return f'{written}B' if written[-1].isalpha() else f'{written} bytes'


def format_duration(seconds: Optional[float]) -> str:
    """Write seconds as people say them: '5 ms', '45 s', '12 min', '3.4 h', '2.1 days'. 'not known' for None."""
    if seconds is None:
        return UNKNOWN
    if 0 < seconds < 0.1:
        return f'{1e3 * seconds:.3g} ms'
    for limit, scale, unit in ((90.0, 1.0, 's'), (5400.0, 60.0, 'min'), (172800.0, 3600.0, 'h')):
        if seconds < limit:
            return f'{seconds / scale:.3g} {unit}'
    return f'{seconds / 86400:.3g} days'


def unit_scale(values: Sequence[Optional[float]]) -> Tuple[float, str]:
    """Return the (divisor, unit prefix) that suits the largest of `values` on an axis: (1e6, 'M')."""
    top = max([abs(value) for value in values if value is not None] or [0.0])
    return next(((scale, unit) for unit, scale in PREFIXES if top >= scale), (1.0, ''))


def aligned(rows: Sequence[Sequence[object]], left: Collection[int] = (0,)) -> List[str]:
    """Write rows as lines whose columns stand under each other, two blanks apart. left: columns set to the left; others to the right."""
    cells = [[str(cell) for cell in row] for row in rows]
    spans = [max(map(len, column)) for column in zip(*cells)]
    return [
        '  '.join(
            cell.ljust(span) if column in left else cell.rjust(span)
            for column, (cell, span) in enumerate(zip(row, spans))
        ).rstrip()
        for row in cells
    ]


def escaped(text: object, keep: str = '') -> str:
    """Return text from outside as one line without control characters.

    Newlines, tabs, ESC, what turns the direction of writing and what is no character are written as \\n, \\x1b, \\u202e; bytes of a
    file's name that are no text as \\xff. keep: characters that stay as they are.
    """
    written = str(text)
    if written.isprintable():
        return written
    return ''.join(character if character in keep else _escaped(character) for character in written)


def markdown(text: object) -> str:
    """Return text from outside as a table's cell, or a part of a line, of Markdown shows it: letter by letter."""
    shielded = re.sub(r'[|`*]|\](?=\()', r'\\\g<0>', escaped(text))
    return shielded.replace('&', '&amp;').replace('<', '&lt;')


def spreadsheet(text: object) -> str:
    """Return text from outside as a cell of CSV, which no spreadsheet takes for a formula: behind ' where it begins like one."""
    written = escaped(text)
    if written[:1] not in ('=', '+', '-', '@') or written == '-':
        return written
    try:
        float(written)
    except ValueError:
        return "'" + written
    return written


def json_safe(text: str) -> str:
    """Return JSON text with every character that is not printable as its escape; newlines stay."""
    if text.replace('\n', '').isprintable():
        return text
    return ''.join(_json_escaped(character) for character in text)


def _json_escaped(character: str) -> str:
    if character.isprintable() or character == '\n':
        return character
    units = character.encode('utf-16-be', 'surrogatepass').hex()
    return ''.join(f'\\u{units[start : start + 4]}' for start in range(0, len(units), 4))


def _escaped(character: str) -> str:
    if character.isprintable() or unicodedata.category(character) == 'Zs':
        return character
    if '\udc80' <= character <= '\udcff':  # a byte, as os.fsdecode gives it
        return f'\\x{ord(character) - 0xDC00:02x}'
    return character.encode('unicode_escape', 'surrogatepass').decode('ascii')


def clipped(text: object, longest: int) -> str:
    """Return text of at most `longest` characters: what is longer loses its middle."""
    written = str(text)
    if len(written) <= longest:
        return written
    behind = (longest - 1) // 3
    return f'{written[: longest - 1 - behind]}…{written[len(written) - behind :]}'


def shown(value: object, longest: int = 60) -> str:
    """Return a value from outside as a message names it: its repr, which is one line, of at most `longest` characters."""
    brief = reprlib.Repr()
    brief.maxstring = brief.maxother = brief.maxlong = longest
    return clipped(brief.repr(value), longest)


def few(texts: Sequence[str], room: int, gap: str = '; ') -> str:
    """Return texts as one of about `room` characters, at least the first; those without place are counted: 'one; two and 3 more'."""
    kept = [texts[0] if len(texts[0]) <= room else f'{texts[0][: room - 3]}...'] if texts else []
    for text in texts[1:]:
        if len(gap.join([*kept, text])) > room:
            break
        kept.append(text)
    rest = len(texts) - len(kept)
    return gap.join(kept) + (f' and {rest} more' if rest else '')
