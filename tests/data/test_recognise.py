"""Which data set lies in a folder, by what is in it."""

import os
import tarfile
import time
import zipfile

import numpy as np
import pytest
from PIL import Image

from dsonas.data import recognise, registry

from . import cifar_archive


def image(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(str(path), format='PNG')


def touch(path, content=b'x'):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def packed(path, names, mode):
    with tarfile.open(str(path), mode) as archive:
        for name in names:
            inner = path.parent / 'member'
            touch(inner)
            archive.add(str(inner), name)
    os.remove(str(path.parent / 'member'))


MADE = {
    'cifar10': [
        lambda at: cifar_archive.write(at, 'binary'),
        lambda at: cifar_archive.write(at, 'python'),
        lambda at: [touch(at / f'cifar-10-batches-py/{name}') for name in ('data_batch_1', 'test_batch')],
        lambda at: packed(at / 'cifar.download', ['any/test_batch.bin'], 'w:gz'),
    ],
    'cifar100': [
        lambda at: [touch(at / f'cifar-100-python/{name}') for name in ('train', 'test', 'meta')],
        lambda at: [touch(at / name) for name in ('train.bin', 'test.bin', 'fine_label_names.txt')],
        lambda at: packed(at / 'cifar100.tgz', ['c/train', 'c/test', 'c/meta'], 'w:xz'),
    ],
    'imagenet': [lambda at: touch(at / 'train.rec'), lambda at: touch(at / 'records/val.rec')],
    'csv': [lambda at: touch(at / 'train.csv'), lambda at: (touch(at / 'Train.TSV'), image(at / 'images/a/1.png'))],
    'csv2': [
        lambda at: (
            (touch(at / 'Train.csv'), touch(at / 'Test.csv'), image(at / 'Test/1.png')),
            [image(at / f'Train/{name}/1.png') for name in '012'],
        ),
        lambda at: (touch(at / 'labels.csv'), image(at / 'images/1.png')),
        lambda at: (touch(at / 'trainLabels.csv'), image(at / 'train/1.png'), image(at / 'test/1.png')),
        lambda at: (touch(at / 'labels.csv'), image(at / 'train/1.png'), image(at / 'test/1.png')),
        lambda at: (touch(at / 'labels.csv'), image(at / 'train_images/1.png'), image(at / 'test_images/1.png')),
        lambda at: (touch(at / 'skin_metadata.csv'), image(at / 'skin/1.png')),
        lambda at: (touch(at / '2019_Training_GroundTruth.csv'), image(at / '2019_Training_Input/1.png')),
        lambda at: (touch(at / 'train_labels.csv'), image(at / 'train/1.png'), image(at / 'test/1.png')),
    ],
    'folder': [
        lambda at: (touch(at / 'labels.csv'), image(at / 'cats/1.png'), image(at / 'dogs/1.png')),
        lambda at: (touch(at / 'labels.csv'), image(at / 'train/cats/1.png'), image(at / 'train/dogs/1.png')),
        lambda at: (
            touch(at / 'train.csv'),
            [image(at / f'{part}/{name}/1.png') for part in ('train', 'test') for name in ('cats', 'dogs')],
        ),
        lambda at: (touch(at / 'trainers.csv'), image(at / 'cats/1.png'), image(at / 'dogs/1.png')),
        lambda at: image(at / 'cats/1.png'),
        lambda at: image(at / 'wrapped/train/cats/1.JPG'),
        lambda at: image(at / 'dogs/without_suffix'),
        lambda at: [touch(at / f'{name}/1.jfif') for name in ('train', 'test', 'meta')],
    ],
    None: [lambda at: touch(at / 'notes.txt'), lambda at: image(at / 'flat.png'), lambda at: touch(at / 'a/b.bin')],
}
CASES = [(name, number) for name, makers in MADE.items() for number in range(len(makers))]


@pytest.mark.parametrize('name, number', CASES)
def test_by_content(name, number, tmp_path):
    MADE[name][number](tmp_path)
    first = next((kind for kind, test in recognise.KINDS.items() if test(str(tmp_path))), None)
    assert first == (name and name.rstrip('2'))
    registered = [kind for kind in registry.recognised(str(tmp_path))]
    assert all(kind in registry.DATASETS for kind in registered)


def test_files(tmp_path):
    touch(tmp_path / 'labels.csv')
    assert recognise.is_table(str(tmp_path / 'labels.csv')) and not recognise.is_table(str(tmp_path / 'no'))
    with zipfile.ZipFile(str(tmp_path / 'x'), 'w') as archive:
        archive.writestr('cifar-10-batches-bin/data_batch_3.bin', b'x')
    assert recognise.is_cifar10(str(tmp_path / 'x')) and not recognise.is_cifar100(str(tmp_path / 'x'))


def test_what_is_damaged_missing_or_odd_is_nothing(tmp_path):
    touch(tmp_path / 'cifar.tar.gz', b'\x1f\x8b' + b'x' * 100)
    touch(tmp_path / 'cifar.zip', b'PK\3\4' + b'x' * 100)
    touch(tmp_path / 'cifar.tar', b'\0' * 257 + b'ustar' + b'\0' * 300)
    os.mkfifo(str(tmp_path / 'cifar.pipe'))
    os.symlink(str(tmp_path), str(tmp_path / 'loop'))
    os.symlink('/no/such', str(tmp_path / 'dead'))
    for path in (tmp_path, tmp_path / 'no', tmp_path / 'dead', tmp_path / 'cifar.pipe', tmp_path / 'cifar.tar.gz'):
        assert registry.recognised(str(path)) == []


def test_it_is_cheap(tmp_path, monkeypatch):
    monkeypatch.setattr(recognise, 'MOST_ENTRIES', 50)
    for number in range(200):
        touch(tmp_path / f'class/{number}.txt')
    image(tmp_path / 'class/zz.png')
    assert not recognise.has_image_folders(str(tmp_path))
    monkeypatch.setattr(recognise, 'MOST_BYTES', 1 << 20)
    with tarfile.open(str(tmp_path / 'cifar.tgz'), 'w:gz', compresslevel=1) as archive:
        big = tarfile.TarInfo('big')
        big.size = 1 << 26
        with open('/dev/zero', 'rb') as zeros:
            archive.addfile(big, zeros)
    begin = time.perf_counter()
    assert registry.recognised(str(tmp_path / 'cifar.tgz')) == [] and time.perf_counter() - begin < 2


def test_a_plugin_brings_its_own(tmp_path):
    image(tmp_path / 'cats/1.png')
    touch(tmp_path / 'mine.bin')
    with registry.DATASETS.restored():
        registry.register(
            'mine', lambda options: None, recognise=lambda path: os.path.exists(os.path.join(path, 'mine.bin'))
        )
        assert registry.recognised(str(tmp_path))[0] == 'mine'
    assert registry.recognised(str(tmp_path)) == ['folder']


@pytest.mark.parametrize(
    'make, words',
    [
        (lambda at: None, 'no files'),
        (lambda at: [touch(at / f'a/{name}') for name in ('1.HEIC', '2.heic', 'x.txt')], 'files .heic, .txt'),
        (lambda at: touch(at / 'a/LICENSE'), 'files without a suffix'),
        (lambda at: image(at / 'cat.0.png'), 'images without class folders; classes are not taken from the names'),
        (lambda at: touch(at / 'archive.zip', b'PK\3\4'), 'archive.zip has to be unpacked'),
        (lambda at: touch(at / 'archive.zip', b'<html>'), 'archive.zip is a web page'),
        (lambda at: touch(at / 'mine.csv'), 'if mine.csv has the labels, it is the data set csv'),
        (lambda at: touch(at / 'file', b'PK\3\4'), None),
    ],
)
def test_what_is_said_of_what_is_not_recognised(tmp_path, make, words):
    make(tmp_path)
    if words is None:
        assert recognise.described(str(tmp_path / 'file')) == 'an archive, which has to be unpacked'
    else:
        assert not registry.recognised(str(tmp_path)) and words in recognise.described(str(tmp_path))


@pytest.mark.parametrize(
    'name, content, words',
    [
        ('labels.xlsx', b'PK\3\4', 'a file .xlsx'),
        ('a.zip', b'PK\3\4', 'an archive'),
        ('a.tar.gz', b'<!doctype html>', 'a web page'),
        ('cat.jpg', b'\xff\xd8\xff', 'a file .jpg'),
        ('cat', b'x', 'a file without a suffix'),
    ],
)
def test_what_is_said_of_a_file(tmp_path, name, content, words):
    touch(tmp_path / name, content)
    assert not registry.recognised(str(tmp_path / name))
    assert recognise.described(str(tmp_path / name)).startswith(words)
