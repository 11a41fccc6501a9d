"""Reading structs of a MATLAB file of level 5, as meta.mat of ILSVRC's development kit is.

Only texts and single numbers in chosen fields of struct arrays are read. Every length that the file gives is checked against the bytes
that there are, so that a damaged file is an error in one line, whatever it claims.
"""

import struct
import zlib
from typing import Any, Dict, Iterator, List, Sequence, Tuple

from ...base.errors import UserError

HEADER = 128  # bytes before the first element
LARGEST = 1 << 23  # bytes that a compressed element may have
MATRIX, COMPRESSED = 14, 15
STRUCT, CHARACTERS = 2, 4  # classes of arrays; 6 to 15 are numbers
NUMBERS = {1: 'b', 2: 'B', 3: 'h', 4: 'H', 5: 'i', 6: 'I', 7: 'f', 9: 'd', 12: 'q', 13: 'Q'}
ENCODINGS = {2: 'latin-1', 4: 'utf-16', 16: 'utf-8', 17: 'utf-16'}

Element = Tuple[int, bytes]  # type, data


class _Damaged(Exception):
    """What is wrong with a file."""


def _elements(data: bytes, order: str) -> Iterator[Element]:
    """Divide data into elements."""
    at = 0
    while at + 8 <= len(data):
        kind, size = struct.unpack_from(order + 'II', data, at)
        if kind >> 16:  # a small element: type, size and data in eight bytes
            kind, size = kind & 0xFFFF, kind >> 16
            start, end = at + 4, at + 8
            if size > 4:
                raise _Damaged('a small element of more than 4 bytes')
        else:
            start = at + 8
            end = start + size + (-size % 8 if kind != COMPRESSED else 0)
        if start + size > len(data):
            raise _Damaged(f'an element of {size} bytes where {len(data) - start} are left')
        yield kind, data[start : start + size]
        at = end


def _unpacked(kind: int, data: bytes, order: str) -> Element:
    """Decompress an element if it is compressed."""
    if kind != COMPRESSED:
        return kind, data
    inflate = zlib.decompressobj()
    content = inflate.decompress(data, LARGEST)
    if inflate.unconsumed_tail:
        raise _Damaged(f'an element that unpacks to more than {LARGEST} bytes')
    return next(_elements(content, order), (0, b''))


def _value(kind: int, data: bytes, order: str) -> Any:
    """Read a matrix of characters as str, one of a single number as a number; None for anything else."""
    parts = list(_elements(data, order)) if kind == MATRIX else []
    if len(parts) < 4 or len(parts[0][1]) < 4:
        return None
    array = struct.unpack_from(order + 'I', parts[0][1])[0] & 0xFF
    kind, content = parts[3]
    if array == CHARACTERS and kind in ENCODINGS:
        encoding = ENCODINGS[kind]
        return content.decode(
            f'{encoding}-{"le" if order == "<" else "be"}' if encoding == 'utf-16' else encoding, 'replace'
        )
    if array > 5 and kind in NUMBERS and len(content) == struct.calcsize(NUMBERS[kind]):
        return struct.unpack(order + NUMBERS[kind], content)[0]
    return None


def _read(content: bytes, wanted: Sequence[str]) -> List[Dict[str, Any]]:
    """Read the first struct array with the wanted fields."""
    if len(content) < HEADER or content[126:128] not in (b'IM', b'MI'):
        raise _Damaged('not a MATLAB file of level 5')
    order = '<' if content[126:128] == b'IM' else '>'
    for element in _elements(content[HEADER:], order):
        kind, data = _unpacked(*element, order)
        parts = list(_elements(data, order)) if kind == MATRIX else []
        if len(parts) < 5 or len(parts[0][1]) < 4 or struct.unpack_from(order + 'I', parts[0][1])[0] & 0xFF != STRUCT:
            continue
        if len(parts[3][1]) != 4:
            raise _Damaged('a struct without a length of its names')
        length = struct.unpack(order + 'i', parts[3][1])[0]
        if length < 1 or len(parts[4][1]) % length:
            raise _Damaged(f'names of fields of {length} bytes each')
        names = [
            parts[4][1][i : i + length].split(b'\0')[0].decode('latin-1') for i in range(0, len(parts[4][1]), length)
        ]
        if not set(wanted) <= set(names):
            continue
        fields = parts[5:]
        if len(fields) % len(names):
            raise _Damaged(f'{len(fields)} values of {len(names)} fields')
        rows = [fields[i : i + len(names)] for i in range(0, len(fields), len(names))]
        return [{name: _value(*row[names.index(name)], order) for name in wanted} for row in rows]
    raise _Damaged(f'no struct with the fields {", ".join(wanted)}')


def structs(content: bytes, name: str, wanted: Sequence[str]) -> List[Dict[str, Any]]:
    """Read a struct array from the bytes of a file: for each struct its `wanted` fields, str, number, or None.

    Raises UserError with the name and what is wrong.
    """
    try:
        return _read(content, wanted)
    except (_Damaged, zlib.error) as error:
        raise UserError(f'{name} is damaged or another file ({error})') from error
