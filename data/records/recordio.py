"""The RecordIO format of MXNet: records of bytes in one file, found by an index of their offsets.

    record    magic, uint32: part << 29 | length, payload, zeros up to a multiple of 4 bytes; a payload that holds the magic
              number at a multiple of 4 is written in parts, the number left out between them (1 first, 2 middle, 3 last, 0 whole)
    payload   uint32 flag, float32 label, uint64 id, uint64 0, then the image file; flag n above 0: n float32 labels stand before
              the image and count instead (im2rec's --pack-label, which gluoncv's ImageNet script gives, writes flag 1)
    .idx      a line a record: key, tab, offset           .lst      a line a record: key, tab, label, tab, name

Written here, and not by mxnet.recordio, so that a file can be continued after an interruption and read by many threads.
"""

import os
import struct
import threading

import numpy as np

from ...base.errors import UserError

MAGIC = 0xCED7230A
_MAGIC = struct.pack('<I', MAGIC)
_HEADER = struct.Struct('<IfQQ')
_LABEL = struct.Struct('<f')


def pack(label, key, image):
    """A payload: header and the bytes of an image file."""
    return _HEADER.pack(0, label, key, 0) + image


def unpack(payload, name):
    """(label, image bytes) of a payload; UserError where it is too short or holds several labels."""
    if len(payload) < _HEADER.size:
        raise UserError('%s: %d bytes are no image record' % (name, len(payload)))
    flag, label, _, _ = _HEADER.unpack_from(payload)
    if flag > 1:
        raise UserError('%s: the record has %d labels, expected one' % (name, flag))
    if flag == 0:
        return label, payload[_HEADER.size :]
    if len(payload) < _HEADER.size + _LABEL.size:
        raise UserError('%s: %d bytes are no image record with a label' % (name, len(payload)))
    return _LABEL.unpack_from(payload, _HEADER.size)[0], payload[_HEADER.size + _LABEL.size :]


def frame(payload):
    """A record: the payload with its framing."""
    cuts, at = [], payload.find(_MAGIC)
    while at >= 0:
        if at % 4 == 0:
            cuts.append(at)
        at = payload.find(_MAGIC, at + (4 if at % 4 == 0 else 1))
    starts, ends = [0] + [cut + 4 for cut in cuts], cuts + [len(payload)]
    pieces = []
    for i, (start, end) in enumerate(zip(starts, ends)):
        part = 0 if not cuts else 1 if i == 0 else 3 if i == len(cuts) else 2
        pieces += [_MAGIC, struct.pack('<I', part << 29 | (end - start)), payload[start:end], bytes(-(end - start) % 4)]
    return b''.join(pieces)


def unframe(content, name):
    """(payload, length of the record) at the start of content; UserError where there is no whole record."""
    parts, at = [], 0
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


def scan_offsets(path):
    """Offsets of the records of a file, found by going from header to header; UserError where it is damaged or truncated."""
    offsets, at, size = [], 0, os.path.getsize(path)
    with open(path, 'rb') as source:
        within = False
        while at < size:
            source.seek(at)
            head = source.read(8)
            magic, word = struct.unpack('<II', head) if len(head) == 8 else (0, 0)
            part, length = word >> 29, word & ((1 << 29) - 1)
            if magic != MAGIC or (part in (2, 3)) != within:
                raise UserError('%s is damaged: no record starts at byte %d' % (path, at))
            if not within:
                offsets.append(at)
            within = part in (1, 2)
            at += 8 + length + -length % 4
    if at != size or within:
        raise UserError('%s is truncated: its last record should end at byte %d, the file has %d' % (path, at, size))
    return offsets


class RecordFile:
    """A .rec file with the offsets of its records; read(i) may be called by many threads at once."""

    def __init__(self, path, offsets):
        self.path, self.offsets = path, np.asarray(offsets, np.int64)
        self.size = os.path.getsize(path)
        self._lock, self._handle = threading.Lock(), None

    def __len__(self):
        return len(self.offsets)

    def read(self, i):
        """The payload of record i; UserError that names file and record where it is damaged."""
        start = int(self.offsets[i])
        end = int(self.offsets[i + 1]) if i + 1 < len(self.offsets) else self.size
        with self._lock:  # opened late: an object that was never read can go to another process
            if self._handle is None:
                self._handle = open(self.path, 'rb')
        content = os.pread(self._handle.fileno(), max(end - start, 0), start)
        return unframe(content, self.where(i))[0]

    def where(self, i):
        return '%s: record %d (byte %d)' % (self.path, i, self.offsets[i])

    def __getstate__(self):
        return {'path': self.path, 'offsets': self.offsets, 'size': self.size}

    def __setstate__(self, state):
        self.__dict__.update(state, _lock=threading.Lock(), _handle=None)

    def close(self):
        if self._handle is not None:
            self._handle.close()
            self._handle = None

    def __del__(self):
        self.close()


def read_table(path, columns):
    """The columns of a tab-separated .idx or .lst file, as lists of str; UserError for a line of another shape."""
    rows = []
    with open(path, encoding='utf-8', errors='surrogateescape') as lines:
        for number, line in enumerate(lines, 1):
            row = line.rstrip('\n').split('\t', columns - 1)
            if len(row) != columns:
                raise UserError('%s, line %d: expected %d columns with tabs between' % (path, number, columns))
            rows.append(row)
    return [list(column) for column in zip(*rows)] if rows else [[] for _ in range(columns)]


def read_index(path):
    """Offsets in an .idx file, ascending: int64 (n,)."""
    try:
        offsets = np.array([int(offset) for offset in read_table(path, 2)[1]], np.int64)
    except ValueError as error:
        raise UserError(f'{path} is not an index of records: {error}') from error
    if len(offsets) and (offsets[0] != 0 or np.any(np.diff(offsets) <= 0)):
        raise UserError(f'{path} is not an index of a whole record file: offsets must rise from 0')
    return offsets
