"""Class folders of one's own: layouts, kinds of image, statistics, damage, memory and files alike."""

import logging
import os

import numpy as np
import pytest

from dsonas.data.place import NotFound
from dsonas.data.registry import load
from dsonas.data.sources import index, layout

from .. import image_files as files

COUNTS = {'ant': 30, 'bee': 21, 'cow': 9}


@pytest.fixture
def root(tmp_path):
    return files.tree(tmp_path / 'images', COUNTS)


def test_one_tree(root, collect):
    ds = load('folder', dir=str(root))
    assert ds.classes == ('ant', 'bee', 'cow') and ds.image_size == 32
    assert ds.sizes['train'] + ds.sizes['test'] == 60 and ds.sizes['test'] == 12
    assert list(np.bincount(ds.labels('test'))) == [6, 4, 2]
    assert min(np.bincount(ds.labels(part), minlength=3).min() for part in ds.sizes) >= 2
    x, y = collect(ds.batches('train', 16, train=False))
    assert x.shape == (48, 3, 32, 32)
    np.testing.assert_allclose(x.mean((0, 2, 3)), 0, atol=1e-3)
    np.testing.assert_allclose(x.std((0, 2, 3)), 1, atol=1e-3)


def test_held_out_images_are_the_same_for_every_seed(root, collect):
    sets = [load('folder', dir=str(root), seed=seed) for seed in (0, 1)]
    first, second = (collect(ds.batches('test', 20, train=False))[0] for ds in sets)
    assert np.array_equal(first, second)
    assert not np.array_equal(sets[0].indices('weights'), sets[1].indices('weights'))
    assert load('folder', dir=str(root), held_out=0.5).sizes['test'] == 30


@pytest.mark.parametrize('name', ['test', 'val'])
def test_train_and_test(tmp_path, name):
    files.tree(tmp_path / 'train', COUNTS)
    files.tree(tmp_path / name, {'ant': 3, 'cow': 2})
    (tmp_path / 'notes').mkdir()
    ds = load('folder', dir=str(tmp_path))
    assert ds.sizes['train'] == 60 and list(ds.labels('test')) == [0, 0, 0, 2, 2]
    assert ds.notes[0] == f'training images from train, test images from {name}'
    assert [note for note in ds.notes if note.startswith('class bee: no test images')]


def test_nested_hidden_and_other_files(root):
    files.save(root / 'bee' / 'deep' / 'deeper' / 'x.PNG', files.picture(1, np.random))
    files.save(root / 'bee' / '.hidden' / 'x.png', files.picture(1, np.random))
    files.save(root / 'bee' / '.x.png', files.picture(1, np.random))
    files.save(root / '.cache' / 'x.png', files.picture(1, np.random))
    (root / 'bee' / 'Thumbs.db').write_bytes(b'\0')
    (root / 'README.txt').write_text('hello')
    found = layout.find(str(root))
    assert list(np.bincount([image.label for image in found.train])) == [30, 22, 9] and not found.test
    assert [image.path for image in found.train if 'deep' in image.path] == [
        os.path.join(str(root), 'bee', 'deep', 'deeper', 'x.PNG')
    ]


@pytest.mark.parametrize('size', [24, 64])
def test_memory_and_files_give_the_same(root, size):
    sets = [
        load('folder', dir=str(root), image_size=size, memory_gb=gigabytes, workers=workers, cutout=4)
        for gigabytes, workers in ((1, 1), (0, 1), (0, 3))
    ]
    for epoch, train in ((0, True), (1, True), (0, False)):
        batches = [list(ds.batches('train', 16, epoch=epoch, train=train)) for ds in sets]
        for others in zip(*batches):
            for x, y in others[1:]:
                assert np.array_equal(x, others[0][0]) and np.array_equal(y, others[0][1])
        assert batches[0][0][0].shape == (16, 3, size, size)


def test_skip_is_exact_from_files(root):
    ds = load('folder', dir=str(root), image_size=64, memory_gb=0)
    want = list(ds.batches('weights', 8, epoch=3))[2]
    got = next(ds.batches('weights', 8, epoch=3, skip=2))
    assert np.array_equal(got[0], want[0]) and np.array_equal(got[1], want[1])


def test_corrupt_images_are_skipped_counted_and_named(root, caplog):
    caplog.set_level(logging.INFO)
    (root / 'ant' / '005.png').write_bytes(b'not an image')
    content = (root / 'bee' / '007.png').read_bytes()
    (root / 'bee' / '007.png').write_bytes(content[: len(content) // 2])
    for _attempt in range(2):  # found by looking, then from the index
        caplog.clear()
        ds = load('folder', dir=str(root), max_bad=0.05)
        assert ds.sizes['train'] + ds.sizes['test'] == 58
        damaged = os.path.join('ant', '005.png') + ', ' + os.path.join('bee', '007.png')
        assert f'passed over: 2 files, damaged ({damaged})' in ds.notes
        assert '2 of 60 images are corrupt and skipped' in ds.notes
        assert all(sum(note in line for line in caplog.messages) == 1 for note in ds.notes)


def test_too_many_corrupt_images(root, one_line):
    for i in range(4):
        (root / 'ant' / ('%03d.png' % i)).write_bytes(b'x')
    with pytest.raises(ValueError) as info:
        load('folder', dir=str(root), max_bad=0.05)
    text = one_line(info)
    assert '4 of 60' in text and 'data.max_bad=0.05' in text and '000.png' in text


def test_the_index_is_kept_while_files_stay_and_made_again_when_they_change(root, monkeypatch):
    calls = []
    look = index.look_at_all
    monkeypatch.setattr(index, 'look_at_all', lambda *arguments: calls.append(1) or look(*arguments))
    first = load('folder', dir=str(root))
    assert load('folder', dir=str(root)).mean == first.mean and len(calls) == 1
    files.save(root / 'ant' / '000.png', np.zeros((50, 50, 3), np.uint8))
    assert load('folder', dir=str(root)).mean != first.mean and len(calls) == 2
    for name in os.listdir(os.environ['DSONAS_CACHE']):
        if name.startswith('folder-'):
            path = os.path.join(os.environ['DSONAS_CACHE'], name)
            with open(path, 'r+b') as kept:
                kept.truncate(os.path.getsize(path) // 2)
    load('folder', dir=str(root))
    assert len(calls) == 3


def test_kinds_of_image_in_one_tree(tmp_path):
    rng = np.random.RandomState(0)
    kinds = [('L', '.png'), ('P', '.gif'), ('RGBA', '.png'), ('CMYK', '.jpg'), ('RGB', '.bmp'), ('1', '.png')]
    for label, name in enumerate(('a', 'b')):
        for i, (mode, suffix) in enumerate(kinds):
            files.save(tmp_path / name / ('%d%s' % (i, suffix)), files.picture(label, rng), mode)
    ds = load('folder', dir=str(tmp_path))
    assert ds.sizes['train'] + ds.sizes['test'] == 12
    assert next(ds.batches('train', 4))[0].shape == (4, 3, 32, 32)


def unreadable_class(root):
    files.tree(root, COUNTS)
    for path in (root / 'cow').iterdir():
        path.write_bytes(b'')


def other_test_class(root):
    files.tree(root / 'train', COUNTS)
    files.tree(root / 'test', {'ant': 2, 'bees': 2})


@pytest.mark.parametrize(
    'build, words',
    [
        (lambda root: files.tree(root, {'ant': 5}), 'one class only (ant)'),
        (lambda root: root.mkdir(), 'no class folders'),
        (lambda root: (files.tree(root, COUNTS), (root / 'eel').mkdir()), 'class eel has no images'),
        (
            lambda root: (
                files.tree(root / 'train', COUNTS),
                files.tree(root / 'test', COUNTS),
                (root / 'test' / 'dog').mkdir(),
            ),
            'folder dog',
        ),
        (other_test_class, 'folder bees is none of the 3 classes'),
        (unreadable_class, 'class cow has no training image'),
    ],
)
def test_refusals(tmp_path, build, words, one_line):
    build(tmp_path / 'data')
    with pytest.raises(ValueError) as info:
        load('folder', dir=str(tmp_path / 'data'), max_bad=0.5)
    assert words in one_line(info)


def test_fewer_images_than_a_batch(root, one_line):
    ds = load('folder', dir=str(root))
    with pytest.raises(ValueError) as info:
        ds.batches('gates', 64)
    assert 'part gates has 24 images, fewer than a batch of 64' in one_line(info)


def test_no_folder(tmp_path, one_line):
    for where in ('', tmp_path / 'no'):
        with pytest.raises(NotFound) as info:
            load('folder', dir=str(where))
        assert 'class folders' in one_line(info)
