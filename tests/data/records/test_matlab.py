"""MATLAB files against SciPy's writer; every damage is one line and takes no memory."""

import io
import struct
import tracemalloc

import numpy as np
import pytest
from scipy.io import savemat

from dsonas.base.errors import UserError
from dsonas.data.records import matlab

FIELDS = ('ILSVRC2012_ID', 'WNID')


def saved(count=12, dtype=np.uint16, compressed=True, **more):
    rows = np.zeros((count, 1), dtype=[(name, object) for name in FIELDS + ('words', 'children')])
    for number, row in enumerate(rows[:, 0], 1):
        row['ILSVRC2012_ID'], row['WNID'] = np.array([[number]], dtype), 'n%08d' % (number * 17)
        row['words'], row['children'] = 'some words, ä', np.arange(number, dtype=np.float64)
    out = io.BytesIO()
    savemat(out, dict({'other': np.arange(5), 'synsets': rows}, **more), do_compression=compressed)
    return out.getvalue()


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16, np.int32, np.float64, np.int64])
@pytest.mark.parametrize('compressed', [False, True])
def test_structs_are_read(dtype, compressed):
    found = matlab.structs(saved(dtype=dtype, compressed=compressed), 'meta.mat', FIELDS)
    assert found == [{'ILSVRC2012_ID': i, 'WNID': 'n%08d' % (i * 17)} for i in range(1, 13)]
    texts = matlab.structs(saved(compressed=compressed), 'meta.mat', ('words', 'children'))
    assert texts[4]['words'] == 'some words, ä' and texts[4]['children'] is None and texts[0]['children'] == 0


def other(**content):
    out = io.BytesIO()
    savemat(out, content)
    return out.getvalue()


def claiming(size):
    return saved()[:128] + struct.pack('<II', 15, size) + b'x' * 40


@pytest.mark.parametrize(
    'content',
    [
        b'',
        b'garbage' * 100,
        saved()[:127],
        saved()[:128],
        saved()[:400],
        other(synsets=np.arange(5)),
        other(synsets=np.zeros(3, dtype=[('WNID', object)])),
        claiming(1 << 31),
        claiming(30),
        b'\x89HDF\r\n\x1a\n' + bytes(600),
    ],
)
def test_damage_is_one_line(content, one_line):
    tracemalloc.start()
    try:
        with pytest.raises(UserError) as info:
            matlab.structs(content, 'meta.mat', FIELDS)
        assert tracemalloc.get_traced_memory()[1] < 1 << 22
    finally:
        tracemalloc.stop()
    assert one_line(info).startswith('meta.mat is damaged or another file')


def test_what_unpacks_to_too_much_is_refused():
    import zlib

    inner = zlib.compress(struct.pack('<II', 14, 1 << 30) + bytes(1 << 27), 1)
    with pytest.raises(UserError, match='unpacks to more than'):
        matlab.structs(saved()[:128] + struct.pack('<II', 15, len(inner)) + inner, 'meta.mat', FIELDS)


@pytest.mark.parametrize('compressed', [False, True])
def test_flipped_bytes(compressed):
    content, rng = saved(compressed=compressed), np.random.RandomState(7)
    refused = 0
    for _ in range(400):
        damaged = bytearray(content)
        damaged[rng.randint(128, len(damaged))] ^= 1 << rng.randint(8)
        try:
            for row in matlab.structs(bytes(damaged), 'x', FIELDS):
                assert set(row) == set(FIELDS)
        except UserError as error:
            refused += 1
            assert '\n' not in str(error)
    assert refused > 20
