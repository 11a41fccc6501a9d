"""Read and write files of parameters as mx.nd.save does, in plain Python: MXNet's reader trusts what it reads, and takes no path in bytes.

All numbers are little-endian. A file is a list of arrays, then a list of their names:

    uint64 0x112, uint64 0, uint64 count of arrays, the arrays, uint64 count of names, for each a uint64 length and its bytes

An array of version 2 or 3 begins with uint32 0xF993FAC9 or …CA and int32 storage (0, dense); one of version 1 with uint32 0xF993FAC8;
then shape, context and type, and its values:

    int32 dimensions, int64 each; int32 kind of device, int32 its number; int32 type; the values in C order

The arrays of before version 1 begin with uint32 dimensions and uint32 each. An array without values, of no dimension (before version 3),
ends behind its shape. Sparse arrays are refused.
"""

from __future__ import annotations

import math
import struct
from typing import Any, Dict, Iterator, List, Mapping, Tuple

import numpy as np

from ..base.errors import UserError
from ..base.text import clipped, shown

MAGIC = 0x112
V1, V2, V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA
TYPES = {0: '<f4', 1: '<f8', 2: '<f2', 3: 'u1', 4: '<i4', 5: 'i1', 6: '<i8', 7: '?'}  # mshadow's numbers
DEVICES = (1, 2, 3, 5)  # CPU, GPU, pinned, shared
MOST_DIMENSIONS = 32
_SMALLEST = 16  # bytes of an array and its name

Arrays = Dict[str, Any]


def parse_parameters(content: bytes, path: str) -> Arrays:
    """Return {name: array} of a file's content, the arrays as views of it. path: what errors begin with. Raises UserError."""
    try:
        return _parse(_Reader(content))
    except _Damage as damage:
        raise UserError(f'{path}: damaged: {clipped(damage, 150)}') from None


def format_parameters(arrays: Mapping[str, Any]) -> Iterator[bytes]:
    """Yield the content of a file of parameters, version 2, piece by piece. arrays: {name: array of at least one dimension}."""
    yield struct.pack('<QQQ', MAGIC, 0, len(arrays))
    kinds = {np.dtype(name): kind for kind, name in TYPES.items()}
    for array in arrays.values():
        head = struct.pack(f'<Iii{array.ndim}q', V2, 0, array.ndim, *array.shape)
        yield head + struct.pack('<iii', DEVICES[0], 0, kinds[array.dtype])
        yield np.ascontiguousarray(array).tobytes()
    yield struct.pack('<Q', len(arrays))
    for name in arrays:
        encoded = name.encode('utf-8')
        yield struct.pack('<Q', len(encoded)) + encoded


class _Damage(Exception):
    """What is wrong with a file."""


class _Reader:
    """Takes numbers and bytes from content, never more than there are."""

    def __init__(self, content: bytes) -> None:
        self.content, self.place = content, 0

    @property
    def left(self) -> int:
        return len(self.content) - self.place

    def numbers(self, form: str) -> Tuple[Any, ...]:
        form = '<' + form
        return struct.unpack_from(form, self.content, self._step(struct.calcsize(form)))

    def bytes(self, count: int) -> bytes:
        start = self._step(count)
        return self.content[start : start + count]

    def values(self, dtype: Any, shape: Tuple[int, ...]) -> Any:
        count = math.prod(shape)
        start = self._step(count * dtype.itemsize)
        return np.frombuffer(self.content, dtype, count, start).reshape(shape)

    def _step(self, count: int) -> int:
        if count > self.left:
            raise _Damage(f'it ends after {len(self.content)} bytes, {count} more are expected at byte {self.place}')
        start, self.place = self.place, self.place + count
        return start


def _parse(reader: _Reader) -> Arrays:
    magic, reserved, count = reader.numbers('QQQ')
    if (magic, reserved) != (MAGIC, 0):
        raise _Damage('it does not begin as files of parameters do')
    if count * _SMALLEST > reader.left:
        raise _Damage(f'it claims {count} arrays, which are not there')
    arrays = [_array(reader, number) for number in range(count)]
    names = _names(reader, count)
    if reader.left:
        raise _Damage(f'{reader.left} bytes are left over behind its names')
    return dict(zip(names, arrays))


def _names(reader: _Reader, count: int) -> List[str]:
    (named,) = reader.numbers('Q')
    if named != count:
        raise _Damage(f'{count} arrays and {named} names')
    names = []
    for _ in range(count):
        (length,) = reader.numbers('Q')
        try:
            names.append(reader.bytes(length).decode('utf-8'))
        except UnicodeDecodeError:
            raise _Damage('a name that is not UTF-8') from None
    if len(set(names)) < count:
        raise _Damage('a name stands twice')
    return names


def _array(reader: _Reader, number: int) -> Any:
    (version,) = reader.numbers('I')
    if version in (V2, V3):
        (storage,) = reader.numbers('i')
        if storage != 0:
            raise _Damage(f'array {number} is not dense')
    if version in (V1, V2, V3):
        (dimensions,) = reader.numbers('i')
        shape = _sizes(reader, number, dimensions, 'q')
    else:
        dimensions = version
        shape = _sizes(reader, number, dimensions, 'I')
    if dimensions < 0 or (dimensions == 0 and version != V3):
        raise _Damage(f'array {number} is without values')
    device, place, kind = reader.numbers('iii')
    if device not in DEVICES or not 0 <= place < 1000:
        raise _Damage(f'array {number} is on a device {device} that there is not')
    if kind not in TYPES:
        raise _Damage(f'array {number} is of an unknown type {kind}')
    return reader.values(np.dtype(TYPES[kind]), shape)


def _sizes(reader: _Reader, number: int, dimensions: int, form: str) -> Tuple[int, ...]:
    if dimensions > MOST_DIMENSIONS:
        raise _Damage(f'array {number} has {dimensions} dimensions')
    sizes: Tuple[int, ...] = reader.numbers(form * max(dimensions, 0))
    if any(not 0 <= size < 2**48 for size in sizes):
        raise _Damage(f'array {number} has the shape {shown(sizes)}')
    return sizes
