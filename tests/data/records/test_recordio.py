"""RecordIO against MXNet's own reader and writer, payloads with the magic number in them included."""

import pickle
import struct

import mxnet as mx
import numpy as np
import pytest

from dsonas.data.records import recordio

MAGIC = struct.pack('<I', recordio.MAGIC)
RNG = np.random.RandomState(0)
PAYLOADS = [
    b'',
    b'x',
    b'four',
    MAGIC,
    MAGIC * 3,
    b'ab' + MAGIC,
    b'abcd' + MAGIC,
    b'abcd' + MAGIC + b'yz',
    b'a' + MAGIC + MAGIC + b'bcd' + MAGIC,
    MAGIC[:3],
    b'abcd' + MAGIC + MAGIC,
] + [RNG.bytes(n) for n in (1, 7, 1000, 4096)]


def write(path, payloads):
    offsets, at = [], 0
    with open(str(path), 'wb') as out:
        for payload in payloads:
            record = recordio.frame(payload)
            offsets.append(at)
            at += len(record)
            out.write(record)
    return offsets


def test_mxnet_reads_what_is_written(tmp_path):
    write(tmp_path / 'a.rec', PAYLOADS)
    reader = mx.recordio.MXRecordIO(str(tmp_path / 'a.rec'), 'r')
    assert [reader.read() for _ in PAYLOADS] == PAYLOADS and reader.read() is None


def test_what_mxnet_writes_is_read(tmp_path):
    writer = mx.recordio.MXIndexedRecordIO(str(tmp_path / 'a.idx'), str(tmp_path / 'a.rec'), 'w')
    for i, payload in enumerate(PAYLOADS):
        writer.write_idx(i, payload)
    writer.close()
    offsets = recordio.read_index(str(tmp_path / 'a.idx'))
    assert recordio.scan_offsets(str(tmp_path / 'a.rec')) == list(offsets)
    file = recordio.RecordFile(str(tmp_path / 'a.rec'), offsets)
    assert [file.read(i) for i in range(len(file))] == PAYLOADS
    assert pickle.loads(pickle.dumps(file)).read(2) == PAYLOADS[2]
    assert b''.join(recordio.frame(payload) for payload in PAYLOADS) == (tmp_path / 'a.rec').read_bytes()


def test_header_is_mxnets():
    header, image = mx.recordio.unpack(recordio.pack(7, 123, b'image'))
    assert (header.label, header.id, header.flag, image) == (7, 123, 0, b'image')
    for label in (9.0, [9.0]):  # a list of one: as im2rec.py --pack-label writes it
        assert recordio.unpack(mx.recordio.pack(mx.recordio.IRHeader(0, label, 5, 0), b'image'), 'x') == (9, b'image')
    cut = mx.recordio.pack(mx.recordio.IRHeader(0, [9.0], 5, 0), b'')[:-1]
    for payload, words in (
        (b'short', '5 bytes'),
        (cut, '27 bytes'),
        (mx.recordio.pack(mx.recordio.IRHeader(0, [1.0, 2.0], 5, 0), b''), '2 labels'),
    ):
        with pytest.raises(ValueError, match=words):
            recordio.unpack(payload, 'x')


@pytest.mark.parametrize(
    'damage, words',
    [
        (lambda content: content[:-1], 'truncated'),
        (lambda content: content[:-3], 'truncated'),
        (lambda content: content[:40] + b'\0' + content[41:], 'damaged'),
        (lambda content: content + b'more', 'damaged'),
    ],
)
def test_damage_is_found(tmp_path, damage, words, one_line):
    path = tmp_path / 'a.rec'
    offsets = write(path, [b'x' * 32, b'y' * 33])
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError) as info:
        recordio.scan_offsets(str(path))
    assert words in one_line(info) and 'a.rec' in str(info.value)
    assert len(offsets) == 2


def test_reading_where_no_record_is(tmp_path, one_line):
    path = tmp_path / 'a.rec'
    write(path, [b'x' * 32, b'y' * 32])
    for offsets, words in (
        ([0, 44], 'record 1 (byte 44): no record starts there'),
        ([0, 200], 'record 1 (byte 200): truncated'),
    ):
        with pytest.raises(ValueError) as info:
            recordio.RecordFile(str(path), offsets).read(1)
        assert words in one_line(info)


@pytest.mark.parametrize('content', ['0 0\n', '0\tx\n', '0\t8\n', '0\t0\n1\t0\n'])
def test_bad_index(tmp_path, content, one_line):
    (tmp_path / 'a.idx').write_text(content)
    with pytest.raises(ValueError) as info:
        recordio.read_index(str(tmp_path / 'a.idx'))
    assert 'a.idx' in one_line(info)
