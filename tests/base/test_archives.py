"""Archives of arrays: what numpy wrote is read, and nothing is believed that is not there."""

import io
import struct
import time
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from dsonas.base import archives
from dsonas.base.errors import UserError

TYPES = st.one_of(
    st.just(np.dtype('?')),
    arrays.integer_dtypes(),
    arrays.unsigned_integer_dtypes(),
    arrays.floating_dtypes(),
    arrays.unicode_string_dtypes(max_len=4),
)
HEADER = "{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }"


def member(header, content=b'', version=1):
    text = header.encode('latin-1').ljust(117) + b'\n'
    return b'\x93NUMPY' + bytes([version, 0]) + struct.pack('<H' if version == 1 else '<I', len(text)) + text + content


def archive(method=zipfile.ZIP_DEFLATED, **members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, 'w', method) as out:
        for name, content in members.items():
            out.writestr(f'{name}.npy', content)
    return stream.getvalue()


def read(content, **options):
    return archives.read_archive(io.BytesIO(content), 'a.npz', **options)


@given(st.data(), st.booleans(), st.booleans())
def test_what_numpy_writes_is_read(data, fortran, compressed):
    array = data.draw(
        arrays.arrays(data.draw(TYPES), arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
    )
    array = np.asfortranarray(array) if fortran else array
    stream = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(stream, a=array, other=np.zeros(2))
    found = read(stream.getvalue(), names=('a', 'none'), compressed=compressed)
    assert list(found) == ['a'] and found['a'].dtype == array.dtype and found['a'].shape == array.shape
    np.testing.assert_array_equal(found['a'], array)


@pytest.mark.parametrize(
    'content, message',
    [
        (
            archive(a=member(HEADER % '1000000000,')),
            r'a.npz: array a: shape \(1000000000,\) of float32 does not fit its',
        ),
        (archive(a=member(HEADER % '0, 999999999999, 999999999999', b'')), r'array a: shape .* does not fit'),
        (archive(a=member(HEADER % '2,', b'1234')), 'does not fit'),
        (archive(a=member(HEADER % '-1,')), 'its header is damaged'),
        (archive(a=member(HEADER.replace('<f4', '|O') % '1,', b'12345678')), r"the type '\|O'"),
        (archive(a=member(HEADER.replace('<f4', '<c8') % '1,', b'12345678')), "the type '<c8'"),
        (archive(a=member(HEADER.replace('<f4', '<U0') % '999999999999,')), "the type '<U0'"),
        (archive(a=member(HEADER.replace('<f4', '<f7') % '1,')), "the type '<f7' is unknown"),
        (archive(a=member(HEADER.replace("'<f4'", "[('x', '<f4')]") % '1,', b'1234')), 'its header is damaged'),
        (archive(a=member('(' * 117)), 'its header is damaged'),
        (archive(a=member(HEADER.replace('<f4', '<U1') % '1,', b'\xff\xff\xff\xff')), 'text that is none'),
        (archive(a=b''), 'array a: not an array of numpy'),
        (archive(a=b'\x93NUMPY\x03\x00\xff\xff\xff\xff'), 'its header is damaged'),
        (archive(zipfile.ZIP_LZMA, a=member(HEADER % '0,')), "array 'a' claims"),
        (b'', 'not a readable .npz archive'),
    ],
    ids=range(15),
)
def test_what_is_not_believed(content, message):
    with pytest.raises(UserError, match=message) as info:
        read(content)
    assert str(info.value).startswith('a.npz: ') and len(str(info.value)) < 300


def test_little_memory_is_taken_for_what_claims_much():
    """A member that unpacks to more than it says, one that says more than it can hold, and one that is larger than accepted."""
    zeros = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = b''.join(zeros.compress(bytes(1 << 20)) for _ in range(600)) + zeros.flush()
    content = bytearray(archive(zipfile.ZIP_STORED, a=packed))
    for place, signature in ((8, b'PK\x03\x04'), (10, b'PK\x01\x02')):  # the method, in both headers
        struct.pack_into('<H', content, content.index(signature) + place, zipfile.ZIP_DEFLATED)
    started = time.process_time()
    tracemalloc.start()
    for claimed in (1000, 600 << 20, 2**32 - 2):
        struct.pack_into('<I', content, content.index(b'PK\x01\x02') + 24, claimed)
        with pytest.raises(UserError, match='a.npz: '):
            read(bytes(content))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30e6 and time.process_time() - started < 10


@pytest.mark.parametrize('seed', range(3))
def test_any_flipped_bit_is_noticed_or_harmless(seed):
    print('seed', seed)
    generator, stream = np.random.RandomState(seed), io.BytesIO()
    before = {'one': np.arange(30), 'two': np.array(['a', 'b'])}
    np.savez_compressed(stream, **before)
    for _ in range(300):
        content = bytearray(stream.getvalue())
        content[generator.randint(len(content))] ^= 1 << generator.randint(8)
        try:
            found = read(bytes(content))
        except (UserError, OSError) as error:
            assert isinstance(error, OSError) or str(error).startswith('a.npz: ')
        else:  # in what names or dates a member
            assert all(np.array_equal(found[name], before[name]) for name in found if name in before)
