"""Data sets without a folder are found where gluon keeps them; where nothing is, the message says where and what."""

import logging
import os

import mxnet as mx
import numpy as np
import pytest

from dsonas.data import place, registry
from dsonas.data.records import check, ilsvrc, prepare
from dsonas.data.registry import load

from . import cifar_archive as archive
from . import ilsvrc_files, image_files


@pytest.fixture
def home(tmp_path, monkeypatch):
    """tmp_path/home as MXNET_HOME: the folder of its data sets, not yet there."""
    monkeypatch.setenv('MXNET_HOME', str(tmp_path / 'home'))
    monkeypatch.setenv('HOME', str(tmp_path / 'user'))
    return tmp_path / 'home' / 'datasets'


def test_the_place_is_that_of_gluon(tmp_path, monkeypatch):
    """With MXNET_HOME, with a ~ in it, and without it: the root that gluon's own data sets get."""
    monkeypatch.setenv('HOME', str(tmp_path))
    for value, where in (
        (None, tmp_path / '.mxnet'),
        (str(tmp_path / 'other'), tmp_path / 'other'),
        ('~/mine', tmp_path / 'mine'),
    ):
        monkeypatch.delenv('MXNET_HOME', raising=False)
        if value:
            monkeypatch.setenv('MXNET_HOME', value)
        found = place.gluon_folder('cifar10')
        gluons = os.path.join(mx.base.data_dir(), 'datasets', 'cifar10')
        assert found == str(where / 'datasets' / 'cifar10') == os.path.expanduser(gluons)


def fill_as_gluon(folder, contents=None):
    """What gluon.data.vision.CIFAR10 leaves in its root: the archive, and its files beside it, not in a folder of their own."""
    folder.mkdir(parents=True, exist_ok=True)
    archive.write(folder, 'binary')
    for name, content in (archive.files('binary') if contents is None else contents).items():
        (folder / name).write_bytes(content)


def test_cifar10_reads_the_files_that_gluon_reads(home, collect, monkeypatch):
    """The same images and labels in the same order as gluon's own reader gives, checksums of the official files aside."""
    fill_as_gluon(home / 'cifar10')
    monkeypatch.setattr('mxnet.gluon.data.vision.datasets.check_sha1', lambda path, sha1: True)
    for part, train in (('train', True), ('test', False)):
        theirs = mx.gluon.data.vision.CIFAR10(root=str(home / 'cifar10'), train=train)
        dataset = load('cifar10')
        x, y = collect(dataset.batches(part, 16, train=False))
        assert dataset.options.dir == str(home / 'cifar10') and np.array_equal(y, theirs._label)
        pixels = (x * np.reshape(dataset.std, (3, 1, 1)) + np.reshape(dataset.mean, (3, 1, 1))) * 255
        np.testing.assert_allclose(pixels, theirs._data.asnumpy().transpose(0, 3, 1, 2), atol=1e-3)


def test_an_interrupted_extraction_is_passed_over_for_the_archive(home, collect):
    contents = archive.files('binary')
    fill_as_gluon(home / 'cifar10', {name: contents[name] for name in ('data_batch_1.bin', 'data_batch_2.bin')})
    assert load('cifar10').sizes['train'] == 100


def test_a_folder_that_is_given_wins(home, tmp_path):
    fill_as_gluon(home / 'cifar10')
    (tmp_path / 'mine').mkdir()
    with pytest.raises(place.NotFound, match=str(tmp_path / 'mine')):
        load('cifar10', dir=str(tmp_path / 'mine'))
    path = archive.write(tmp_path / 'mine', 'python', count=10)
    dataset = load('cifar10', dir=str(path))
    assert dataset.options.dir == str(path) and dataset.sizes['train'] == 50


@pytest.mark.parametrize(
    'name, words',
    [
        ('cifar10', ['cifar-10-binary.tar.gz', 'cifar-10-batches-bin']),
        ('imagenet', ['manifest.json', 'records/ or rec/', 'prepare_imagenet.py']),
    ],
)
@pytest.mark.parametrize('empty', [False, True])
def test_nothing_there_says_where_and_what(home, name, words, empty, one_line):
    if empty:
        (home / name).mkdir(parents=True)
    with pytest.raises(place.NotFound) as info:
        load(name)
    text = one_line(info)
    assert all(word in text for word in words + [str(home / name)]) and '--data-dir' not in text, text


def test_data_sets_that_have_no_place(home, one_line):
    assert load('digits', limit=100).options.dir == ''
    image_files.tree(home / 'folder', {'cat': 4, 'dog': 4})
    with pytest.raises(place.NotFound) as info:
        load('folder')
    assert 'no data folder given' in one_line(info)


def images(root):
    """Folders of images by synset, as gluoncv's script leaves them: train/ and val/."""
    ilsvrc_files.write_folders(root / 'train', ilsvrc_files.images(3, 6))
    ilsvrc_files.write_folders(root / 'val', ilsvrc_files.images(3, 2, seed=9))


def command(info):
    """The arguments of tools/prepare_imagenet.py that a message gives."""
    return str(info.value).split('python tools/prepare_imagenet.py ')[1].split()


def test_imagenet_as_images_is_named_and_its_records_are_then_found(home, one_line):
    root = home / 'imagenet'
    images(root)
    with pytest.raises(place.NotFound) as info:
        load('imagenet')
    assert 'images and no records' in one_line(info)
    out, train, val = command(info)[0], command(info)[2], command(info)[4]
    assert command(info) == [out, '--train', str(root / 'train'), '--val', str(root / 'val')]
    classes, items = ilsvrc.class_folder_items(train)
    prepare.prepare(out, classes, items, ilsvrc.validation(val, classes), short_side=40)
    dataset = load('imagenet', image_size=32)
    assert dataset.options.dir == str(root / 'records') and dataset.sizes['train'] == 18 and dataset.sizes['test'] == 6
    assert load('imagenet', image_size=32, dir=str(root)).options.dir == str(root / 'records')  # as when it is given


def test_records_of_gluoncvs_script_are_checked_once_and_then_found(home, one_line, caplog):
    """rec/train.rec and rec/val.rec with an index, one label packed as a list, no .lst, beside the folders of images."""
    root = home / 'imagenet'
    images(root)
    rec = root / 'rec'
    rec.mkdir()
    rng = np.random.RandomState(0)
    for stem, count in (('train', 12), ('val', 6)):
        writer = mx.recordio.MXIndexedRecordIO(str(rec / (stem + '.idx')), str(rec / (stem + '.rec')), 'w')
        for i in range(count):
            image = rng.randint(0, 255, (40, 50, 3)).astype(np.uint8)
            writer.write_idx(i, mx.recordio.pack_img(mx.recordio.IRHeader(0, [float(i % 3)], i, 0), image))
        writer.close()
    with pytest.raises(place.NotFound) as info:
        load('imagenet')
    assert 'have not been checked' in one_line(info) and command(info) == [str(rec), '--validate']
    with caplog.at_level(logging.WARNING):
        check.validate(command(info)[0])
    assert not caplog.records
    dataset = load('imagenet', image_size=32)
    assert dataset.options.dir == str(rec) and dataset.sizes == {'train': 12, 'weights': 6, 'gates': 6, 'test': 6}
    assert list(dataset.labels('test')) == [0, 1, 2, 0, 1, 2]


def test_a_tilde_that_no_shell_has_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.chdir(tmp_path)
    image_files.tree(tmp_path / 'mine', {'a': 4, 'b': 4})
    assert registry.recognised('~/mine') == ['folder']
    assert load('folder', dir='~/mine').fingerprint == load('folder', dir='mine').fingerprint
    image_files.tree(tmp_path / '~' / 'mine', {'c': 4, 'd': 4})  # a folder of that very name goes first
    assert load('folder', dir='~/mine').classes == ('c', 'd')
