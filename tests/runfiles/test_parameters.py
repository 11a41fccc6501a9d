"""Files of parameters: what MXNet writes is read, in all versions, and nothing is believed that is not there."""

import struct

import mxnet as mx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from dsonas.base.errors import UserError
from dsonas.runfiles.parameters import V1, V2, V3, parse_parameters

TYPES = ('float32', 'float64', 'float16', 'uint8', 'int32', 'int8', 'int64', 'bool')
VALUES = np.arange(6, dtype=np.float32).reshape(2, 3)


def head(version, *shape, device=1, kind=0):
    if version in (V2, V3):
        return struct.pack(f'<Iii{len(shape)}qiii', version, 0, len(shape), *shape, device, 0, kind)
    if version == V1:
        return struct.pack(f'<Ii{len(shape)}qiii', version, len(shape), *shape, device, 0, kind)
    return struct.pack(f'<I{len(shape)}Iiii', len(shape), *shape, device, 0, kind)


def file(*contents, names=None, count=None, magic=0x112):
    names = [f'p.{number}'.encode() for number in range(len(contents))] if names is None else names
    listed = b''.join(struct.pack('<Q', len(name)) + name for name in names)
    count = len(contents) if count is None else count
    return struct.pack('<QQQ', magic, 0, count) + b''.join(contents) + struct.pack('<Q', len(names)) + listed


@given(st.lists(st.tuples(st.sampled_from(TYPES), arrays.array_shapes(max_dims=4, max_side=3)), min_size=1, max_size=3))
def test_what_mxnet_writes_is_read(tmp_path_factory, described):
    path = str(tmp_path_factory.mktemp('x') / 'x.params')
    generator = np.random.RandomState(0)
    before = {
        f'λ{number}.w': generator.randint(0, 2, shape).astype(kind) for number, (kind, shape) in enumerate(described)
    }
    mx.nd.save(path, {name: mx.nd.array(array, dtype=array.dtype) for name, array in before.items()})
    with open(path, 'rb') as stream:
        found = parse_parameters(stream.read(), path)
    assert list(found) == sorted(before) or set(found) == set(before)
    for name, array in before.items():
        assert found[name].dtype == array.dtype and np.array_equal(found[name], array)


@pytest.mark.parametrize('version', [0, V1, V2, V3])
def test_every_version_is_read_as_mxnet_reads_it(version, tmp_path):
    content = file(head(version, 2, 3) + VALUES.tobytes(), head(version, 1, device=2) + b'\0\0\x80\x3f')
    found = parse_parameters(content, 'x.params')
    assert np.array_equal(found['p.0'], VALUES) and found['p.1'].tolist() == [1]
    if version != V3:  # which needs NumPy's shapes
        (tmp_path / 'x.params').write_bytes(content)
        loaded = mx.nd.load(str(tmp_path / 'x.params'))
        assert all(np.array_equal(loaded[name].asnumpy(), array) for name, array in found.items())


WHOLE = head(V2, 2, 3) + VALUES.tobytes()


@pytest.mark.parametrize(
    'content, message',
    [
        (b'', 'it ends after 0 bytes'),
        (file(WHOLE, magic=0x113), 'it does not begin'),
        (file(WHOLE, count=2**60), 'it claims 1152921504606846976 arrays, which are not there'),
        (file(WHOLE)[:-1], 'it ends after'),
        (file(WHOLE) + b'\0', '1 bytes are left over'),
        (file(WHOLE, names=[]), '1 arrays and 0 names'),
        (file(WHOLE, names=[b'\xff']), 'a name that is not UTF-8'),
        (file(WHOLE, WHOLE, names=[b'a', b'a']), 'a name stands twice'),
        (file(head(V2, 2**40, 2**40)), 'it ends after'),
        (file(head(V2, -1, 3)), r'array 0 has the shape \(-1, 3\)'),
        (file(head(V2, 2**60)), 'array 0 has the shape'),
        (file(head(V2)), 'array 0 is without values'),
        (file(struct.pack('<Iii', V2, 0, -1) + bytes(40)), 'array 0 is without values'),
        (file(struct.pack('<Iii', V2, 1, 2) + bytes(40)), 'array 0 is not dense'),
        (file(struct.pack('<I', 10**6) + bytes(100)), 'array 0 has 1000000 dimensions'),
        (file(head(V2, 1, device=9) + bytes(4)), 'array 0 is on a device 9'),
        (file(head(V2, 1, kind=99) + bytes(4)), 'array 0 is of an unknown type 99'),
        (struct.pack('<QQQ', 0x112, 0, 0) + struct.pack('<QQ', 1, 2**63), '0 arrays and 1 names'),
    ],
    ids=range(18),
)
def test_what_is_not_believed(content, message):
    with pytest.raises(UserError, match=f'^some/network.params: damaged: {message}') as info:
        parse_parameters(content, 'some/network.params')
    assert len(str(info.value)) < 300


@given(st.data())
def test_any_damage_is_one_line(data):
    content = bytearray(file(WHOLE, WHOLE, head(V1, 0, 3)))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        if data.draw(st.booleans()):
            content[place] = data.draw(st.integers(0, 255))
        else:
            del content[place : place + data.draw(st.integers(1, 50))]
        if not content:
            break
    try:
        parse_parameters(bytes(content), 'x')
    except UserError as error:
        assert str(error).startswith('x: damaged: ')
