"""CIFAR-100 in both official formats, fine and coarse labels, and its names; beside CIFAR-10 in one folder."""

import logging
import pickle

import mxnet as mx
import numpy as np
import pytest

from dsonas.base.errors import UserError
from dsonas.data.place import NotFound
from dsonas.data.registry import load

from .. import cifar_archive as archive

FOLDER = {'binary': 'cifar-100-binary', 'python': 'cifar-100-python'}
VERSIONS = pytest.mark.parametrize('version', ['binary', 'python'])


@VERSIONS
@pytest.mark.parametrize('place', ['archive', 'folder of it', 'extracted', 'folder of extracted', 'files'])
def test_every_version_from_every_place(tmp_path, version, place, collect):
    contents = archive.files100(version)
    where = tmp_path
    if place in ('archive', 'folder of it'):
        path = archive.pack(tmp_path / (FOLDER[version] + '.tar.gz'), contents, FOLDER[version] + '/')
        where = path if place == 'archive' else tmp_path
    else:
        path = archive.unpack(tmp_path if place == 'files' else tmp_path / FOLDER[version], contents)
        where = path if place == 'extracted' else tmp_path
    fine, coarse = (load('cifar100', dir=str(where), labels=labels) for labels in ('fine', 'coarse'))
    assert fine.name == coarse.name == 'cifar100' and fine.sizes['train'] == 200 and fine.sizes['test'] == 100
    assert fine.classes == tuple(archive.FINE) and coarse.classes == tuple(archive.COARSE)
    assert list(fine.labels('train')) == [i * 3 % 100 for i in range(200)]
    assert list(coarse.labels('train')) == list(archive.coarse(fine.labels('train')))
    x, _ = collect(fine.batches('test', 30, train=False))
    pixels = (x * np.reshape(fine.std, (3, 1, 1)) + np.reshape(fine.mean, (3, 1, 1))) * 255
    np.testing.assert_allclose(pixels.reshape(100, -1), archive.images(100, 1)[0], atol=1e-3)
    assert fine.fingerprint == coarse.fingerprint and len(fine.fingerprint) == 64
    assert any(str(tmp_path) in note and version in note and '200 training' in note for note in fine.notes)


def test_versions_agree_and_other_labels_are_other_data(tmp_path):
    def prints(version, change=lambda contents: None):
        contents = archive.files100(version)
        change(contents)
        return load(
            'cifar100', dir=str(archive.unpack(tmp_path / str(len(list(tmp_path.iterdir()))), contents))
        ).fingerprint

    def relabel(contents):
        contents['train.bin'] = b'\x05' + contents['train.bin'][1:]

    assert prints('binary') == prints('python') != prints('binary', relabel)


def test_gluons_place_is_read_as_gluon_reads_it(tmp_path, monkeypatch, collect):
    monkeypatch.setenv('MXNET_HOME', str(tmp_path))
    root = archive.unpack(tmp_path / 'datasets' / 'cifar100', archive.files100('binary'))
    archive.pack(root / 'cifar-100-binary.tar.gz', archive.files100('binary'))
    monkeypatch.setattr('mxnet.gluon.data.vision.datasets.check_sha1', lambda path, sha1: True)
    for labels in ('fine', 'coarse'):
        theirs = mx.gluon.data.vision.CIFAR100(root=str(root), fine_label=labels == 'fine', train=False)
        x, y = collect(load('cifar100', labels=labels).batches('test', 50, train=False))
        assert list(y) == list(theirs._label) and len(set(y)) == {'fine': 100, 'coarse': 20}[labels]


def test_without_names_classes_are_numbers_and_a_note_says_so(tmp_path):
    contents = archive.files100('binary')
    contents.pop('fine_label_names.txt')
    ds = load('cifar100', dir=str(archive.unpack(tmp_path / 'a', contents)))
    assert ds.classes == tuple(map(str, range(100))) and any('no class names' in note for note in ds.notes)


def test_an_unofficial_number_of_records_is_a_warning(tmp_path, caplog):
    archive.unpack(tmp_path, archive.files100('python'))
    with caplog.at_level(logging.WARNING):
        load('cifar100', dir=str(tmp_path))
    assert len(caplog.records) == 1 and '50000 and 10000' in caplog.text and 'train 200, test 100' in caplog.text


def test_both_data_sets_in_one_folder(tmp_path):
    archive.write(tmp_path, 'python')
    archive.pack(tmp_path / 'a.tar.gz', archive.files100('python'), 'cifar-100-python/')
    assert len(load('cifar10', dir=str(tmp_path)).classes) == 10
    assert len(load('cifar100', dir=str(tmp_path)).classes) == 100


@pytest.mark.parametrize('asked, other', [('cifar10', 'cifar100'), ('cifar100', 'cifar10')])
@pytest.mark.parametrize('packed', [False, True])
def test_the_other_data_set_is_named(tmp_path, asked, other, packed, one_line):
    contents = archive.files('binary') if other == 'cifar10' else archive.files100('binary')
    where = archive.pack(tmp_path / 'x.tgz', contents) if packed else archive.unpack(tmp_path, contents)
    with pytest.raises(NotFound) as info:
        load(asked, dir=str(where))
    assert f'is the data set {other}' in one_line(info) and len(str(info.value)) < 300 + len(str(tmp_path))


def labels(**changed):
    batch = dict({b'data': np.zeros((2, 3072), np.uint8), b'fine_labels': [0, 99], b'coarse_labels': [0, 19]})
    batch.update({key.encode(): value for key, value in changed.items()})
    return lambda contents: contents.update(train=pickle.dumps(batch, 2))


@pytest.mark.parametrize(
    'version, change, words',
    [
        ('binary', lambda c: c.update({'train.bin': c['train.bin'][:-1]}), ['train.bin', 'bytes', '3074']),
        (
            'binary',
            lambda c: c.update({'test.bin': b'\x14' + c['test.bin'][1:]}),
            ['record 0', 'coarse label 20', '19'],
        ),
        ('binary', lambda c: c.update({'test.bin': b'\x13\x64' + c['test.bin'][2:]}), ['fine label 100', '0 to 99']),
        ('binary', lambda c: c.pop('test.bin'), ['lacks test.bin']),
        (
            'binary',
            lambda c: c.update({'fine_label_names.txt': b'a\nb\n'}),
            ['fine_label_names.txt', '2 classes', '100'],
        ),
        ('python', lambda c: c.pop('meta'), ['lacks meta']),
        ('python', labels(fine_labels=[0, 100]), ['train', 'record 1 has fine label 100']),
        ('python', labels(coarse_labels=[0, -1]), ['coarse label -1']),
        ('python', labels(fine_labels=[0, 0.5]), ['fine_labels', '2 whole numbers']),
        ('python', labels(fine_labels=[0, 10**30]), ['fine_labels', '2 whole numbers']),
        ('python', labels(fine_labels=None), ['fine_labels', '2 whole numbers']),
        ('python', lambda c: c.update(meta=pickle.dumps({'fine_label_names': 5})), ['meta', '0 classes', '100']),
        ('python', lambda c: c.update(test=b'garbage'), ['test', 'not a CIFAR-100 file']),
    ],
)
@pytest.mark.parametrize('packed', [False, True])
def test_damage(tmp_path, version, change, words, packed, one_line):
    contents = archive.files100(version)
    change(contents)
    where = archive.pack(tmp_path / 'x.tgz', contents, 'in/') if packed else archive.unpack(tmp_path, contents)
    with pytest.raises(UserError) as info:
        load('cifar100', dir=str(where))
    text = one_line(info)
    assert all(word in text for word in words), text
