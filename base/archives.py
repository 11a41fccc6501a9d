"""Read .npz archives that nobody has checked: plain arrays, their headers compared with what is there before memory is taken.

An archive is a zip file of .npy members. Accepted are arrays of booleans, whole numbers, floats and text; objects and structured types
are refused without being looked into. What is wrong is a UserError that names the file.
"""

from __future__ import annotations

import math
import os
import re
import struct
import zipfile
import zlib
from typing import IO, Any, Collection, Dict, Optional, Tuple

import numpy as np

from .errors import UserError
from .text import clipped, shown

LARGEST = 5 * 10**8  # bytes of all arrays together, where they are compressed
INFLATION = 1100  # times; zlib writes no byte as less than a thousandth of one

_KINDS = 'biufUS'
_MEMBERS = 100_000
_CHUNK = 1 << 20
_LONGEST_HEADER = 10_000
_HEADER = re.compile(
    r"\{'descr': '([<>|=][A-Za-z]\d{0,6})', 'fortran_order': (True|False), 'shape': \(((?:\d{1,12}, ?)*(?:\d{1,12})?)\), \}\s*",
    re.ASCII,
)
# What zipfile and zlib raise for a damaged archive; the last ones for encryption, unknown methods, and offsets outside of it.
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, struct.error, RuntimeError, ValueError, OverflowError, KeyError)


def read_archive(
    stream: IO[bytes], path: str, names: Optional[Collection[str]] = None, compressed: bool = True
) -> Dict[str, Any]:
    """Read arrays from an open .npz archive by name: those of `names` that there are, or all.

    path: what errors begin with. compressed: whether members may be compressed; where they may not be, arrays are no larger than the
    file. Raises OSError, UserError.
    """
    try:
        with zipfile.ZipFile(stream) as archive:
            members = {member.filename[: -len('.npy')]: member for member in archive.infolist() if _is_array(member)}
            if len(members) > _MEMBERS:
                raise UserError(f'{path}: more than {_MEMBERS} arrays')
            wanted = {name: members[name] for name in members if names is None or name in names}
            _check_sizes(path, wanted, compressed, stream.seek(0, os.SEEK_END))
            return {name: _array(archive, member, f'{path}: array {name}') for name, member in wanted.items()}
    except UserError:
        raise
    except _DAMAGE as error:
        reason = clipped(' '.join(str(error).split()), 100)
        raise UserError(f'{path}: not a readable .npz archive ({reason or type(error).__name__})') from None


def _is_array(member: zipfile.ZipInfo) -> bool:
    return member.filename.endswith('.npy')


def _check_sizes(path: str, members: Dict[str, zipfile.ZipInfo], compressed: bool, size: int) -> None:
    """Refuse members that claim more than they can hold."""
    accepted = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) if compressed else (zipfile.ZIP_STORED,)
    for name, member in members.items():
        most = member.compress_size * (INFLATION if member.compress_type == zipfile.ZIP_DEFLATED else 1)
        if member.compress_type not in accepted or member.compress_size > size or member.file_size > most:
            raise UserError(f'{path}: array {shown(name)} claims {member.file_size} bytes, which are not there')
    if compressed and sum(member.file_size for member in members.values()) > LARGEST:
        raise UserError(f'{path}: arrays of more than {LARGEST} bytes')


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, where: str) -> Any:
    with archive.open(member) as stream:
        dtype, shape, fortran, header = _header(stream, where)
        content = bytearray()
        size = math.prod(shape) * dtype.itemsize
        if header + size != member.file_size or math.prod(map(_at_least_one, shape)) * dtype.itemsize > 2**62:
            raise UserError(f'{where}: shape {shown(shape)} of {dtype} does not fit its {member.file_size} bytes')
        while True:  # to its end, where the checksum is compared
            chunk = stream.read(_CHUNK)
            if not chunk:
                break
            content += chunk
    if len(content) != size:
        raise UserError(f'{where}: {len(content)} of {size} bytes are there')
    values = np.frombuffer(content, dtype).reshape(shape, order='F' if fortran else 'C')
    if (
        dtype.kind == 'U'
        and size
        and np.frombuffer(content, np.dtype('u4').newbyteorder(dtype.byteorder)).max() > 0x10FFFF
    ):
        raise UserError(f'{where}: text that is none')
    return values


def _header(stream: IO[bytes], where: str) -> Tuple[Any, Tuple[int, ...], bool, int]:
    """(dtype, shape, whether in Fortran's order, bytes of the header) of a .npy member."""
    start = stream.read(8)
    width = {1: 2, 2: 4, 3: 4}.get(start[6] if len(start) == 8 else 0)
    if start[:6] != b'\x93NUMPY' or width is None:
        raise UserError(f'{where}: not an array of numpy')
    length = int.from_bytes(stream.read(width), 'little')
    text = stream.read(length).decode('latin-1') if length <= _LONGEST_HEADER else ''
    match = _HEADER.fullmatch(text)
    if not match:
        raise UserError(f'{where}: its header is damaged, or of another type than numbers and text')
    descr, fortran, shape = match.groups()
    try:
        dtype = np.dtype(descr)
    except TypeError:
        raise UserError(f'{where}: the type {shown(descr)} is unknown') from None
    sizes = tuple(int(size) for size in re.findall(r'\d+', shape))
    if dtype.kind not in _KINDS or not dtype.itemsize or len(sizes) > 32:
        raise UserError(f'{where}: the type {shown(descr)}; accepted are numbers and text')
    return dtype, sizes, fortran == 'True', 8 + width + length


def _at_least_one(size: int) -> int:
    return max(size, 1)
