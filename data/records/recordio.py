"""The RecordIO format of MXNet: records of bytes in one file, found by an index of their offsets.

    record    magic, uint32: part << 29 | length, payload, zeros up to a multiple of 4 bytes; a payload
              that holds the magic number at a multiple of 4 is written in parts, the number left out
              between them (1 first, 2 middle, 3 last, 0 whole)
    payload   uint32 flag, float32 label, uint64 id, uint64 0, then the image file; flag n above 0: n
              float32 labels precede the image and count instead (im2rec's --pack-label, which gluoncv's
              ImageNet script gives, writes flag 1)
    .idx      a line per record: key, tab, offset
    .lst      a line per record: key, tab, label, tab, name

Implemented here instead of with mxnet.recordio, so that writing a file can be resumed and many threads
can read it.
"""

import math
import os
import struct
import threading
from typing import Any, BinaryIO, Dict, List, Optional, Tuple

import numpy as np
from numpy.typing import ArrayLike

from ...base.errors import UserError

MAGIC = 0xCED7230A
LABELS = 1 << 17  # more classes than these are a mistake
_MAGIC = struct.pack('<I', MAGIC)
_HEADER = struct.Struct('<IfQQ')
_LABEL = struct.Struct('<f')


class Unsuitable(UserError):
    """A record or a list that is whole, but not of images with one class each."""


def pack(label: float, key: int, image: bytes) -> bytes:
    """Pack a payload: header and the bytes of an image file."""
    return _HEADER.pack(0, label, key, 0) + image


def unpack(payload: bytes, name: str) -> Tuple[float, bytes]:
    """Unpack a payload: (label, image bytes). Raises UserError if it is too short, Unsuitable if it holds several labels."""
    if len(payload) < _HEADER.size:
        raise UserError(f'{name}: {len(payload)} bytes are no image record')
    flag, label, _, _ = _HEADER.unpack_from(payload)
    if flag > 1 and len(payload) >= _HEADER.size + flag * _LABEL.size:
        raise Unsuitable(f'{name}: the record has {flag} labels, expected one: the class of the image')
    if flag == 0:
        return label, payload[_HEADER.size :]
    if len(payload) < _HEADER.size + flag * _LABEL.size:
        raise UserError(f'{name}: {len(payload)} bytes are no image record with a label')
    return _LABEL.unpack_from(payload, _HEADER.size)[0], payload[_HEADER.size + _LABEL.size :]


def frame(payload: bytes) -> bytes:
    """Frame a payload as a record."""
    cuts: List[int] = []
    at = payload.find(_MAGIC)
    while at >= 0:
        if at % 4 == 0:
            cuts.append(at)
        at = payload.find(_MAGIC, at + (4 if at % 4 == 0 else 1))
    starts, ends = [0] + [cut + 4 for cut in cuts], cuts + [len(payload)]
    pieces: List[bytes] = []
    for i, (start, end) in enumerate(zip(starts, ends)):
        part = 0 if not cuts else 1 if i == 0 else 3 if i == len(cuts) else 2
        pieces += [_MAGIC, struct.pack('<I', part << 29 | (end - start)), payload[start:end], bytes(-(end - start) % 4)]
    return b''.join(pieces)


def unframe(content: bytes, name: str) -> Tuple[bytes, int]:
    """Read the record at the start of content: (payload, length of the record). Raises UserError if it is not whole."""
    parts: List[bytes] = []
    at = 0
    while True:
        if len(content) < at + 8:
            raise UserError(f'{name}: truncated')
        magic, word = struct.unpack_from('<II', content, at)
        if magic != MAGIC:
            raise UserError(f'{name}: no record starts there')
        part, length = word >> 29, word & ((1 << 29) - 1)
        if (part in (2, 3)) != bool(parts) or part > 3:
            raise UserError(f'{name}: damaged framing')
        if len(content) < at + 8 + length:
            raise UserError(f'{name}: truncated')
        parts.append(content[at + 8 : at + 8 + length])
        at += 8 + length + -length % 4
        if part in (0, 3):
            return _MAGIC.join(parts), at


def scan_offsets(path: str) -> List[int]:
    """List the offsets of a file's records by going from header to header.

    Raises UserError if it is damaged or truncated.
    """
    offsets: List[int] = []
    at, size = 0, os.path.getsize(path)
    with open(path, 'rb') as source:
        within = False
        while at < size:
            source.seek(at)
            head = source.read(8)
            magic, word = struct.unpack('<II', head) if len(head) == 8 else (0, 0)
            part, length = word >> 29, word & ((1 << 29) - 1)
            if magic != MAGIC or (part in (2, 3)) != within:
                raise UserError(f'{path} is damaged: no record starts at byte {at}')
            if not within:
                offsets.append(at)
            within = part in (1, 2)
            at += 8 + length + -length % 4
    if at != size or within:
        raise UserError(f'{path} is truncated: its last record should end at byte {at}, the file has {size}')
    return offsets


class RecordFile:
    """A .rec file with the offsets of its records, bytes (n,); read(i) may be called by many threads at once."""

    def __init__(self, path: str, offsets: ArrayLike) -> None:
        self.path, self.offsets = path, np.asarray(offsets, np.int64)
        self.size = os.path.getsize(path)
        self._lock = threading.Lock()
        self._handle: Optional[BinaryIO] = None

    def __len__(self) -> int:
        return len(self.offsets)

    def read(self, i: int) -> bytes:
        """Read the payload of record i. Raises UserError with file and record if it is damaged."""
        start = int(self.offsets[i])
        end = int(self.offsets[i + 1]) if i + 1 < len(self.offsets) else self.size
        with self._lock:  # opened late: an object that was never read can go to another process
            if self._handle is None:
                self._handle = open(self.path, 'rb')
        content = os.pread(self._handle.fileno(), max(min(end, self.size) - start, 0), start)
        return unframe(content, self.where(i))[0]

    def where(self, i: int) -> str:
        """Name record i in messages: file, record and byte."""
        return f'{self.path}: record {i} (byte {self.offsets[i]})'

    def __getstate__(self) -> Dict[str, Any]:
        return {'path': self.path, 'offsets': self.offsets, 'size': self.size}

    def __setstate__(self, state: Dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock(), _handle=None)

    def close(self) -> None:
        """Close the file; a later read opens it again."""
        if self._handle is not None:
            self._handle.close()
            self._handle = None

    def __del__(self) -> None:
        self.close()


def read_table(path: str, columns: int) -> List[List[str]]:
    """Read the columns of a tab-separated .idx or .lst file. Raises UserError for a line with fewer columns."""
    rows: List[List[str]] = []
    with open(path, encoding='utf-8', errors='surrogateescape') as lines:
        for number, line in enumerate(lines, 1):
            row = line.rstrip('\n').split('\t', columns - 1)
            if len(row) != columns:
                raise UserError(f'{path}, line {number}: expected {columns} columns with tabs between')
            rows.append(row)
    return [list(column) for column in zip(*rows)] if rows else [[] for _ in range(columns)]


def whole_label(label: float, where: str) -> int:
    """Bring a label into a whole number. Raises Unsuitable if it is none, or below 0 or beyond any number of classes."""
    if not 0 <= label < LABELS or label != int(label):
        raise Unsuitable(f'{where}: label {label:g}, expected the number of a class, whole and from 0')
    return int(label)


def read_labels(path: str) -> np.ndarray:
    """Read the labels of an .lst file: int32 (n,).

    Raises UserError for what is no label, Unsuitable for one that is not whole, and for several of an image.
    """
    labels = []
    for number, (label, name) in enumerate(zip(*read_table(path, 3)[1:]), 1):
        try:
            labels.append(whole_label(float(label), f'{path}, line {number}'))
            several = '\t' in name and math.isfinite(float(name.split('\t')[0]))
        except Unsuitable:
            raise
        except ValueError as error:
            if len(labels) < number:
                raise UserError(f'{path}, line {number}: {label!r:.40} is no label') from error
            several = False  # a name with tabs
        if several:
            raise Unsuitable(f'{path}, line {number}: several labels, expected one: the class of the image')
    return np.array(labels, np.int32)


def read_index(path: str) -> np.ndarray:
    """Read the offsets in an .idx file: int64 (n,), ascending from 0. Raises UserError if they are not."""
    try:
        offsets = np.array([int(offset) for offset in read_table(path, 2)[1]], np.int64)
    except UserError:
        raise
    except (ValueError, OverflowError) as error:
        raise UserError(f'{path} is not an index of records: {str(error):.100}') from error
    if len(offsets) and (offsets[0] != 0 or np.any(np.diff(offsets) <= 0)):
        raise UserError(f'{path} is not an index of a whole record file: offsets must rise from 0')
    return offsets
