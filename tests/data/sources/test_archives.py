"""Archives are told by what they hold, unpack to no more than they may, and their pickles call nothing."""

import gzip
import io
import pickle
import struct
import tarfile
import tracemalloc

import numpy as np
import pytest

from dsonas.base.errors import UserError
from dsonas.data.registry import load
from dsonas.data.sources import archives, pickles

from .. import cifar_archive as archive


@pytest.mark.parametrize(
    'name, version, inner, how',
    [
        ('cifar-10-batches-py.tar.gz', 'python', 'cifar-10-batches-py/', 'w:gz'),  # as Keras calls it
        ('download', 'binary', 'cifar-10-batches-bin/', 'w:gz'),
        ('cifar-10-python.tar.gz', 'binary', '', 'w:gz'),  # called after the other version
        ('cifar.tar', 'python', 'a/b/c/', 'w'),
        ('cifar.tar.gz', 'binary', './', 'w'),  # not compressed in spite of its name
        ('cifar.tar.bz2', 'binary', 'x/', 'w:bz2'),
        ('cifar.txz', 'python', 'x/', 'w:xz'),
        ('cifar.zip', 'python', 'data/', 'zip'),
        ('archive (1).gz', 'binary', 'data/', 'zip'),
    ],
)
@pytest.mark.parametrize('inside', [False, True])
def test_archives_are_told_by_content(tmp_path, name, version, inner, how, inside):
    contents = archive.files(version)
    contents['__MACOSX/._test_batch'] = contents['readme.html'] = b'no batch'
    path = archive.pack(tmp_path / 'sub' / name, contents, inner, how)
    (tmp_path / 'sub' / 'notes.txt').write_text('hello')
    ds = load('cifar10', dir=str(path.parent if inside else path))
    assert ds.sizes['train'] == 100 and name in ds.notes[0] and f'{version} version' in ds.notes[0]


@pytest.mark.parametrize('version', ['binary', 'python'])
@pytest.mark.parametrize('nested', ['mine', 'a/b'])
def test_extracted_folders_have_any_name(tmp_path, version, nested):
    archive.unpack(tmp_path / nested, archive.files(version))
    assert load('cifar10', dir=str(tmp_path)).sizes['train'] == 100


def test_a_damaged_archive_beside_whole_data_does_not_matter(tmp_path, one_line):
    path = archive.write(tmp_path, 'python')
    (tmp_path / 'a.zip').write_bytes(b'PK\3\4' + bytes(100))
    assert load('cifar10', dir=str(tmp_path)).sizes['train'] == 100
    path.unlink()
    with pytest.raises(UserError, match='a.zip is damaged'):
        load('cifar10', dir=str(tmp_path))


def bomb(path, how):
    """An archive of a few kB that unpacks to 64 MB: in a file that is wanted, in another, or in a header."""
    zeros = bytes(1 << 26)
    if how == 'zip':
        return archive.pack(path, {'test_batch': zeros, 'data_batch_1': b''}, how='zip')
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w', format=tarfile.GNU_FORMAT) as tar:
        member = tarfile.TarInfo('test_batch' if how == 'wanted' else 'x')
        member.size = len(zeros)
        if how == 'header':
            member.type = tarfile.XHDTYPE
        tar.addfile(member, io.BytesIO(zeros))
    path.write_bytes(gzip.compress(out.getvalue(), 1))
    return path


@pytest.mark.parametrize('how', ['wanted', 'other', 'header', 'zip'])
def test_what_unpacks_to_too_much_is_refused_before_memory_is_taken(tmp_path, how, one_line):
    path = bomb(tmp_path / 'bomb', how)
    assert path.stat().st_size < 1 << 20
    tracemalloc.start()
    try:
        with pytest.raises(UserError) as info:
            archives.read(str(path), lambda name: name == 'test_batch', member=1 << 22, total=1 << 23)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 24 << 20, f'{peak >> 20} MB'
    text = one_line(info)
    assert ('a header of' in text) if how == 'header' else ('bomb' in text and 'unpacks to more than' in text)


def test_a_size_that_is_only_declared_takes_no_memory(tmp_path):
    """A member that claims a terabyte, a sparse one of as much, and links where files should be."""
    for change, words in (
        ({'size': 1 << 40}, 'unpacks to more than'),
        ({'size': 1 << 27}, 'truncated'),
        ({'size': 512, 'type': tarfile.GNUTYPE_SPARSE}, ''),
        ({'type': tarfile.SYMTYPE, 'linkname': '/dev/zero'}, ''),
        ({'type': tarfile.LNKTYPE, 'linkname': 'nowhere'}, ''),
        ({'type': tarfile.DIRTYPE}, ''),
    ):
        member = tarfile.TarInfo('test_batch')
        for field, value in change.items():
            setattr(member, field, value)
        path = tmp_path / 'x.tar'
        path.write_bytes(member.tobuf(tarfile.GNU_FORMAT) + bytes(2048))
        tracemalloc.start()
        try:
            if words:
                with pytest.raises(UserError, match=words):
                    archives.read(str(path), lambda name: True)
            else:
                assert archives.read(str(path), lambda name: True) == {}
            assert tracemalloc.get_traced_memory()[1] < 4 << 20
        finally:
            tracemalloc.stop()


def test_flipped_bytes_are_one_line(tmp_path, one_line):
    """Whatever byte of a small archive is changed: it is read as before, or refused in one line."""
    rng = np.random.RandomState(3)
    for how in ('w', 'w:gz', 'w:xz', 'zip'):
        content = archive.pack(
            tmp_path / 'good', {'a/test_batch': b'1' * 700, 'b/data': b'2' * 300}, how=how
        ).read_bytes()
        for _ in range(60):
            damaged = bytearray(content)
            damaged[rng.randint(len(damaged))] ^= 1 << rng.randint(8)
            (tmp_path / 'bad').write_bytes(bytes(damaged[: rng.randint(1, len(damaged)) if rng.rand() < 0.3 else None]))
            try:
                archives.read(str(tmp_path / 'bad'), lambda name: True)
            except UserError as error:
                assert '\n' not in str(error)


@pytest.mark.parametrize('content', [b'', b'x', b'hello world' * 100, bytes(10240)])
def test_what_is_no_archive(tmp_path, content, one_line):
    (tmp_path / 'x.tar.gz').write_bytes(content)
    assert archives.kind(str(tmp_path / 'x.tar.gz')) == ''
    with pytest.raises(UserError, match='is no archive'):
        archives.read(str(tmp_path / 'x.tar.gz'), lambda name: True)


@pytest.mark.parametrize('protocol', range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize('core', [b'numpy.core', b'numpy._core'])
@pytest.mark.parametrize('fortran', [False, True])
def test_pickles_of_every_protocol_and_numpy(protocol, core, fortran):
    data = np.arange(6144, dtype=np.uint16).astype(np.uint8).reshape(2, 3072)
    data = np.asfortranarray(data) if fortran else data
    for labels in ([1, 2], (1, 2), [np.int64(1), np.int64(2)], np.array([1, 2])):
        content = pickle.dumps({b'data': data, 'labels': labels}, protocol)
        for known in (b'numpy.core', b'numpy._core'):
            if protocol < 4:
                content = content.replace(known, core)
            else:  # a length stands before the name
                for module in (b'.multiarray', b'.numeric'):
                    old, new = known + module, core + module
                    content = content.replace(b'\x8c' + bytes([len(old)]) + old, b'\x8c' + bytes([len(new)]) + new)
        if protocol >= 4:  # the frame's length has changed with it
            content = content.replace(content[2:11], b'') if content[2:3] == b'\x95' else content
        batch = pickles.read_dict(content, 'x', 'CIFAR-10')
        assert np.array_equal(batch['data'], data) and list(batch['labels']) == [1, 2]


class Call:
    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


@pytest.mark.parametrize(
    'content',
    [
        pickle.dumps({'a': Call(exec, 'raise SystemExit(9)')}),
        pickle.dumps({'a': Call(np.ndarray, (1 << 40,))}),
        pickle.dumps({'a': Call(np.load, 'x')}),
        pickle.dumps({'a': Call(np.dtype, 'V1000000000000')}),
        pickle.dumps({'a': np.array([object()])}),
        b'\x80\x02r\xff\xff\xff\x7f.',  # a place in the memo beyond memory
        b'\x80\x04\x8e' + struct.pack('<Q', 1 << 40) + b'.',  # bytes that are only claimed
        b'\x80\x05\x96' + struct.pack('<Q', 1 << 33) + b'x.',  # a bytearray that is only claimed
        b'\x80\x04\x95' + struct.pack('<Q', 1 << 50) + b'.',
        b'cposix\nsystem\n(Vtrue\ntR.',
        b'(' * 100000,
        b'',
    ],
)
def test_pickles_call_nothing_and_take_no_memory(content, one_line):
    tracemalloc.start()
    try:
        with pytest.raises(UserError) as info:
            pickles.read_dict(content, 'test_batch', 'CIFAR-10')
        assert tracemalloc.get_traced_memory()[1] < 32 << 20
    finally:
        tracemalloc.stop()
    assert one_line(info).startswith('test_batch is damaged or not a CIFAR-10 file')


def test_files_of_a_folder_have_a_limit(tmp_path):
    (tmp_path / 'x').write_bytes(bytes(1000))
    assert archives.read_file(str(tmp_path / 'x'), 1000) == bytes(1000)
    with pytest.raises(UserError, match='x has 1000 bytes, expected at most 999'):
        archives.read_file(str(tmp_path / 'x'), 999)
    for path in (tmp_path, '/dev/zero'):
        with pytest.raises(UserError, match='no regular file'):
            archives.read_file(str(path))
