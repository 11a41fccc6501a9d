"""CIFAR-10 in both official formats, from the archive, its folder and the extracted folder; every damage is one line."""

import logging
import pickle

import numpy as np
import pytest

from dsonas.data.place import NotFound
from dsonas.data.registry import load
from dsonas.data.sources import cifar10

from .. import cifar_archive as archive


@pytest.mark.parametrize('version', ['binary', 'python'])
@pytest.mark.parametrize('extracted', [False, True])
@pytest.mark.parametrize('inner', [False, True])
def test_both_versions_from_every_place(tmp_path, version, extracted, inner, collect):
    path = archive.write(tmp_path, version, extracted=extracted)
    ds = load('cifar10', dir=str(path if inner else tmp_path), seed=1)
    assert ds.classes == tuple(archive.CLASSES) and ds.image_size == 32
    assert ds.sizes == {'train': 100, 'weights': 50, 'gates': 50, 'test': 20}
    x, y = collect(ds.batches('train', 30, train=False))
    pixels, labels = zip(*[archive.images(20, seed) for seed in range(5)])
    assert np.array_equal(y, np.concatenate(labels))
    want = (np.concatenate(pixels).reshape(-1, 3, 32, 32) / 255.0 - np.reshape(cifar10.MEAN, (3, 1, 1))) / np.reshape(
        cifar10.STD, (3, 1, 1)
    )
    np.testing.assert_allclose(x, want, atol=1e-5)


def test_both_versions_agree(tmp_path, collect):
    sets = []
    for version in ('binary', 'python'):
        (tmp_path / version).mkdir()
        archive.write(tmp_path / version, version)
        sets.append(collect(load('cifar10', dir=str(tmp_path / version)).batches('gates', 10, epoch=2)))
    assert np.array_equal(sets[0][0], sets[1][0]) and np.array_equal(sets[0][1], sets[1][1])


def test_fewer_records_are_a_warning_in_one_line(tmp_path, caplog):
    archive.write(tmp_path, 'binary')
    with caplog.at_level(logging.WARNING):
        load('cifar10', dir=str(tmp_path))
    assert len(caplog.records) == 1 and 'not the official CIFAR-10' in caplog.text and 'data_batch_1 20' in caplog.text


def cut(name, count):
    return lambda contents: contents.update({name: contents[name][:count]})


def swap(name, content):
    return lambda contents: contents.update({name: content})


def batch(pixels, labels):
    return pickle.dumps({b'data': np.zeros((2, pixels), np.uint8), b'labels': labels}, 2)


class Call:
    """Runs code when unpickled by a plain Unpickler."""

    def __reduce__(self):
        return exec, ('raise SystemExit(9)',)


@pytest.mark.parametrize(
    'version, change, words',
    [
        ('binary', cut('data_batch_3.bin', 10000), ['data_batch_3.bin', '10000 bytes', '3073']),
        ('binary', cut('test_batch.bin', 0), ['test_batch.bin', '0 bytes']),
        (
            'binary',
            swap('data_batch_1.bin', b'\x0b' + bytes(3072)),
            ['data_batch_1.bin', 'record 0 has label 11', '0 to 9'],
        ),
        ('binary', lambda contents: contents.pop('data_batch_4.bin'), ['lacks data_batch_4.bin']),
        ('python', lambda contents: contents.pop('batches.meta'), ['lacks batches.meta']),
        ('binary', swap('batches.meta.txt', b'cat\ndog\n'), ['batches.meta.txt', '2 classes', '10']),
        ('python', cut('data_batch_3', 10000), ['data_batch_3', 'damaged']),
        ('python', swap('test_batch', b''), ['test_batch', 'damaged']),
        ('python', swap('data_batch_2', pickle.dumps(Call())), ['data_batch_2', 'exec']),
        ('python', swap('data_batch_2', pickle.dumps([1, 2])), ['data_batch_2', 'not a dict']),
        ('python', swap('data_batch_2', batch(99, [0, 1])), ['data_batch_2', '(2, 99)']),
        ('python', swap('data_batch_2', batch(3072, [0])), ['data_batch_2', 'labels']),
        ('python', swap('data_batch_2', batch(3072, [0, 10])), ['record 1 has label 10']),
        ('python', lambda contents: contents.pop('test_batch'), ['lacks test_batch']),
    ],
)
@pytest.mark.parametrize('extracted', [False, True])
def test_damage(tmp_path, version, change, words, extracted, one_line):
    archive.write(tmp_path, version, extracted=extracted, change=change)
    with pytest.raises(ValueError) as info:
        load('cifar10', dir=str(tmp_path))
    text = one_line(info)
    assert all(word in text for word in words), text


@pytest.mark.parametrize('version', ['binary', 'python'])
@pytest.mark.parametrize('share', [0.3, 0.9, 0.999])
def test_truncated_archive(tmp_path, version, share, one_line):
    path = archive.write(tmp_path, version)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ValueError) as info:
        load('cifar10', dir=str(tmp_path))
    assert path.name in one_line(info) and 'truncated' in str(info.value)


def test_flipped_bits_in_an_archive(tmp_path, one_line):
    path = archive.write(tmp_path, 'binary')
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(bytes(content))
    with pytest.raises(ValueError) as info:
        load('cifar10', dir=str(tmp_path))
    one_line(info)


@pytest.mark.parametrize('extracted', [False, True])
def test_without_names_the_binary_version_has_the_official_classes(tmp_path, extracted):
    archive.write(tmp_path, 'binary', extracted=extracted, change=lambda contents: contents.pop('batches.meta.txt'))
    assert load('cifar10', dir=str(tmp_path)).classes == tuple(archive.CLASSES)


def test_nothing_there(tmp_path, one_line):
    (tmp_path / 'notes.txt').write_text('hello')
    for where in (tmp_path, tmp_path / 'no', tmp_path / 'notes.txt'):
        with pytest.raises(NotFound) as info:
            load('cifar10', dir=str(where))
        assert 'cifar-10-binary.tar.gz' in one_line(info) and str(where) in str(info.value)
