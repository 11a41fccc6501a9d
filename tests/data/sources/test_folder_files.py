"""Files of a folder that are odd: passed over with their reason, and what is left too small; its fingerprint; its notes."""

import logging
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from dsonas.base.errors import UserError
from dsonas.data.registry import load

from .. import image_files as files

COUNTS = {'ant': 30, 'bee': 21, 'cow': 9}


@pytest.fixture
def root(tmp_path):
    return files.tree(tmp_path / 'images', COUNTS)


def total(ds):
    return ds.sizes['train'] + ds.sizes['test']


def test_odd_files_stop_nothing_and_are_named(root):
    picture = files.picture(0, np.random)
    (root / 'ant' / 'notes.txt').write_text('words')
    (root / 'ant' / 'README').write_text('words')
    (root / 'ant' / 'photo.heic').write_bytes(b'....ftypheic')
    os.mkfifo(root / 'bee' / 'pipe.png')
    os.symlink('nowhere.png', root / 'bee' / 'dead.png')
    os.symlink('..', root / 'bee' / 'loop')
    files.save(root / 'cow' / 'large.png', np.zeros((300, 400, 3), np.uint8))
    (root / 'cow' / 'broken.jpg').write_bytes(b'words')
    (root / 'cow' / 'empty.jpg').write_bytes(b'')
    os.symlink(root / 'ant', root / 'cow' / 'twice')
    files.save(root / 'cow' / 'fine.jfif', picture, format='JPEG')
    files.save(root / 'cow' / 'fine.JPG_large', picture, format='JPEG')
    files.save(root / 'cow' / 'fine', picture, format='PNG')
    ds = load('folder', dir=str(root), max_pixels=100_000, max_bad=0.05)
    assert total(ds) == 63
    place = {name: os.path.join(*name.split('/')) for name in ('ant/notes.txt', 'cow/large.png')}
    for sentence in (
        f'passed over: 1 file, of another kind ({place["ant/notes.txt"]})',
        f'passed over: 1 file, too large ({place["cow/large.png"]})',
        '2 of 66 images are corrupt and skipped',
    ):
        assert sentence in ds.notes
    for reason in (
        *(
            'not an image',
            'of a kind of image that is not read',
            'not a regular file',
            'a dead link',
            'damaged',
            'empty',
        ),
        'a link to a folder that is read already',
    ):
        assert sum(f', {reason} (' in note for note in ds.notes) == 1, reason


def test_only_corrupt_images_count_as_bad(root):
    for number in range(40):
        (root / 'ant' / f'{number}.txt').write_text('words')
        os.symlink('nowhere', root / 'ant' / f'x{number}.png')
    assert total(load('folder', dir=str(root), max_bad=0)) == 60
    (root / 'ant' / 'x.png').write_bytes(b'words')
    with pytest.raises(UserError, match='1 of 61 images are corrupt, more than data.max_bad=0 allows'):
        load('folder', dir=str(root), max_bad=0)


def test_broken_exif_is_no_damage(root):
    picture = Image.fromarray(files.picture(0, np.random))
    for number in range(10):
        picture.save(root / 'ant' / f'exif{number}.jpg', exif=b'Exif\0\0II*\0\xff\xff\xff\xff')
    ds = load('folder', dir=str(root), max_bad=0)
    assert total(ds) == 70 and not any('passed over' in note for note in ds.notes)


def test_an_image_may_be_larger_if_the_limit_is(root):
    files.save(root / 'cow' / 'large.png', np.zeros((300, 400, 3), np.uint8))
    for limit, count in ((10_000, 60), (119_999, 60), (120_000, 61), (0, None)):
        if count is None:
            with pytest.raises(UserError, match='data.max_pixels=0'):
                load('folder', dir=str(root), max_pixels=limit)
        else:
            ds = load('folder', dir=str(root), max_pixels=limit, memory_gb=0)
            assert total(ds) == count
            assert sum(len(y) for _, y in ds.batches('train', 16, train=False)) == ds.sizes['train']


def test_linked_classes_are_used(root, tmp_path):
    pool = tmp_path / 'pool'
    shutil.move(str(root / 'bee'), str(pool))
    os.symlink(pool, root / 'bee')
    assert total(load('folder', dir=str(root))) == 60


# What cannot be trained on or tested with: (how the tree is changed, words of the one line).
def damage(folder, count=None):
    for path in sorted(folder.iterdir())[:count]:
        path.write_bytes(b'words')


def few(root, counts, part=''):
    shutil.rmtree(root)
    return files.tree(root / part, counts)


@pytest.mark.parametrize(
    'change, words',
    [
        (lambda root: damage(root / 'cow'), 'class cow has no training image that can be read (9 files: damaged)'),
        (lambda root: few(root, {'ant': 1, 'bee': 1}), 'no image can be held out for test'),
        (lambda root: (few(root, {'ant': 2, 'bee': 2}), damage(root / 'bee', 1), damage(root / 'ant', 1)), 'held out'),
        (
            lambda root: (
                few(root, COUNTS, 'train'),
                files.tree(root / 'test', {'ant': 2}),
                damage(root / 'test' / 'ant'),
            ),
            'test: no test image that can be read',
        ),
    ],
)
def test_too_few_images_are_refused(root, change, words, one_line):
    change(root)
    with pytest.raises(UserError) as info:
        load('folder', dir=str(root), max_bad=1)
    assert words in one_line(info)


def test_classes_with_few_images_are_named(root):
    few(root, {'ant': 9, 'bee': 1, 'cow': 2})
    ds = load('folder', dir=str(root))
    assert list(np.bincount(ds.labels('test'), minlength=3)) == [2, 0, 1]
    assert '2 of the 3 classes (bee, cow): one training image only, so that it is in the W part alone' in ds.notes
    assert 'class bee: no test images, so that the test error says nothing of it' in ds.notes


def test_damaged_test_images_leave_a_class_untested(root):
    few(root, COUNTS, 'train')
    damage(files.tree(root / 'test', {'ant': 20, 'bee': 1, 'cow': 1}) / 'cow')
    ds = load('folder', dir=str(root), max_bad=0.1)
    assert 'class cow: no test images, so that the test error says nothing of it' in ds.notes


def test_test_images_that_are_training_images_too(root):
    few(root, COUNTS, 'train')
    files.tree(root / 'test', {'ant': 2, 'bee': 2, 'cow': 2}, seed=9)
    shutil.copy(root / 'train' / 'ant' / '003.png', root / 'test' / 'ant' / 'again.png')
    ds = load('folder', dir=str(root))
    assert '1 of 7 test images are also training images, as ant/again.png and ant/003.png' in ds.notes


def test_images_in_several_classes(root):
    shutil.copy(root / 'ant' / '003.png', root / 'bee' / 'again.png')
    notes = load('folder', dir=str(root), held_out=0.01).notes
    assert [note for note in notes if note.startswith(('1 training images lie in another class', '1 of 3 test images'))]


@pytest.mark.parametrize('count, words', [(10, 'c8 2, c9 2'), (11, 'c8 2, …')])
def test_what_was_taken_for_what_is_logged_once(tmp_path, count, words, caplog):
    caplog.set_level(logging.INFO)
    files.tree(tmp_path / 'photos' / 'Train', {f'c{number}': 2 for number in range(count)}, sizes=((9, 9),))
    files.tree(tmp_path / 'photos' / 'valid', {f'c{number}': 1 for number in range(count)}, sizes=((9, 8),))
    ds = load('folder', dir=str(tmp_path))
    train, valid = (os.path.join('photos', name) for name in ('Train', 'valid'))
    assert ds.notes == (f'training images from {train}, test images from {valid}',)
    assert len([line for line in caplog.messages if ds.notes[0] in line]) == 1
    lines = [line for line in caplog.messages if ' training images: c0 2, c1 2' in line]
    assert len(lines) == 1 and f'{2 * count} training images' in lines[0] and lines[0].endswith(words)
    assert all(record.levelno == logging.INFO for record in caplog.records)  # commands print the notes themselves


def test_the_fingerprint_is_of_the_images(root, tmp_path):
    first = load('folder', dir=str(root)).fingerprint
    assert len(first) == 64 and set(first) <= set('0123456789abcdef')
    (root / 'notes.txt').write_text('words')
    (root / 'ant' / 'broken.png').write_bytes(b'words')
    os.utime(root / 'ant' / '000.png', (1, 1))
    moved = tmp_path / 'elsewhere' / 'photos'
    shutil.copytree(root, moved)
    for where, options in (
        (root, {}),
        (root, {'image_size': 64, 'memory_gb': 0, 'seed': 3, 'limit': 20, 'held_out': 0.5}),
        (moved, {}),
        (moved.parent, {}),  # wrapped
    ):
        assert load('folder', dir=str(where), max_bad=0.1, **options).fingerprint == first


def test_the_fingerprint_is_the_same_however_accents_are_written(tmp_path):
    found = set()
    for where, name in (('linux', 'caf\u00e9'), ('macos', 'cafe\u0301')):
        files.tree(tmp_path / where, {'ant': 5, name: 5})
        os.rename(tmp_path / where / 'ant' / '001.png', tmp_path / where / 'ant' / f'{name}.png')
        found.add(load('folder', dir=str(tmp_path / where)).fingerprint)
    assert len(found) == 1


def other_pixel(root):
    pixels = np.array(Image.open(root / 'ant' / '000.png'))
    pixels[0, 0] ^= 1
    Image.fromarray(pixels).save(root / 'ant' / '000.png')


@pytest.mark.parametrize(
    'change',
    [
        other_pixel,
        lambda root: (root / 'ant' / '000.png').unlink(),
        lambda root: os.rename(root / 'ant' / '000.png', root / 'ant' / 'first.png'),
        lambda root: os.rename(root / 'ant', root / 'emu'),
        lambda root: os.rename(root / 'ant' / '000.png', root / 'bee' / '999.png'),
        lambda root: (root / 'ant' / '000.png').write_bytes(b'words'),
    ],
)
def test_the_fingerprint_changes_with_the_images(root, change):
    first = load('folder', dir=str(root)).fingerprint
    change(root)
    assert load('folder', dir=str(root), max_bad=0.1).fingerprint != first


def test_the_fingerprint_tells_training_from_test(tmp_path):
    found = []
    for train, test in (('a', 'b'), ('b', 'a')):
        where = tmp_path / train
        files.tree(where / 'train', COUNTS, seed=ord(train))
        files.tree(where / 'test', COUNTS, seed=ord(test))
        found.append(load('folder', dir=str(where)).fingerprint)
    assert len(set(found)) == 2


def test_names_that_are_no_utf_8(root):
    name = os.fsdecode(b'caf\xe9.png')
    try:
        shutil.copy(root / 'ant' / '000.png', root / 'ant' / name)
    except OSError:
        pytest.skip('this file system takes UTF-8 alone')
    (root / 'ant' / os.fsdecode(b'\xe9.png')).write_bytes(b'words')
    for _attempt in range(2):
        ds = load('folder', dir=str(root), max_bad=0.1)
        assert total(ds) == 61 and all(note.encode('utf-8') for note in ds.notes)
