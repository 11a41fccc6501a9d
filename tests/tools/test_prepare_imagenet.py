"""prepare_imagenet from every official layout, with corrupt images, interrupted, continued, refused."""

import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from dsonas.base import cli
from dsonas.data import decode
from dsonas.data.records import check, plan, recordio
from dsonas.data.records import store as records
from dsonas.data.records import writer as record_writer
from dsonas.data.registry import load
from dsonas.tools import prepare_imagenet

from ..data import ilsvrc_files as files
from ..data import image_files

CLASSES, EACH = 5, 8
CORRUPT = {(0, 1), (2, 3), (4, 5)}


@pytest.fixture(autouse=True)
def private_cache(tmp_path, monkeypatch):
    monkeypatch.setenv('DSONAS_CACHE', str(tmp_path / 'cache'))


@pytest.fixture
def layouts(tmp_path):
    """Every official layout of the same images in tmp_path."""
    train, val = files.images(CLASSES, EACH, corrupt=CORRUPT), files.images(CLASSES, 3, seed=5)
    files.write_folders(tmp_path / 'train', train)
    files.write_train_tar(tmp_path, train)
    files.write_folders(tmp_path / 'val', val)
    flat, truth = files.flat(val)
    (tmp_path / 'ILSVRC2012_img_val.tar').write_bytes(files.tar_of(flat))
    files.write_folders(tmp_path, {'flat': flat})
    files.write_devkit(tmp_path, list(train), truth)
    (tmp_path / 'names.txt').write_text(''.join(f'{name} {label}\n' for (name, _), label in zip(flat, truth)))
    (tmp_path / 'numbers.txt').write_text(
        ''.join(f'{name} {sorted(train).index(label)}\n' for (name, _), label in zip(flat, truth))
    )
    (tmp_path / 'order.txt').write_text(''.join(label + '\n' for label in truth))
    (tmp_path / 'solution.csv').write_text(
        'ImageId,PredictionString\n'
        + ''.join(f'{name[:-5]},{label} 85 1 499 272\n' for (name, _), label in zip(reversed(flat), reversed(truth)))
    )
    return tmp_path


def run(root, *arguments):
    """The exit status; arguments that are names in root become paths, and so does what begins with @."""
    paths = [
        str(root / part.lstrip('@')) if part.startswith('@') or (root / part).exists() else part for part in arguments
    ]
    return cli.run(
        prepare_imagenet.main, [str(root / 'out'), '--workers', '1', '--short-side', '40', '--max-bad', '0.1'] + paths
    )


def content(root):
    """What was made: per file, the names and labels of its records, and the pixels' means."""
    made = {}
    for stem in ('weights', 'gates', 'val'):
        file = recordio.RecordFile(str(root / (stem + '.rec')), recordio.read_index(str(root / (stem + '.idx'))))
        labels = [recordio.unpack(file.read(i), '')[0] for i in range(len(file))]
        pixels = [decode.read_rgb(recordio.unpack(file.read(i), '')[1], 'x') for i in range(len(file))]
        listed = recordio.read_table(str(root / (stem + '.lst')), 3)
        assert [int(label) for label in labels] == [int(label) for label in listed[1]]
        made[stem] = [
            (os.path.basename(name), int(label), image) for name, label, image in zip(listed[2], labels, pixels)
        ]
    return made


@pytest.mark.parametrize(
    'arguments',
    [
        ('--train', 'train', '--val', 'val'),
        (
            '--train',
            'ILSVRC2012_img_train.tar',
            '--val',
            'ILSVRC2012_img_val.tar',
            '--devkit',
            'ILSVRC2012_devkit_t12.tar.gz',
        ),
        ('--train', 'train', '--val', 'ILSVRC2012_img_val.tar', '--val-list', 'names.txt'),
        ('--train', 'ILSVRC2012_img_train.tar', '--val', 'flat', '--val-list', 'numbers.txt'),
        ('--train', 'train', '--val', 'flat', '--val-list', 'order.txt'),
        ('--train', 'train', '--val', 'flat', '--val-list', 'solution.csv'),
    ],
)
def test_every_layout(layouts, arguments, capsys):
    assert run(layouts, *arguments) == 0
    assert '5 classes; weights.rec 30, gates.rec 7, val.rec 15; 3 images skipped' in capsys.readouterr().out
    made = content(layouts / 'out')
    train = {
        name: label
        for label, folder in enumerate(sorted(os.listdir(str(layouts / 'train'))))
        for name in os.listdir(str(layouts / 'train' / folder))
    }
    bad = {'%s_%d.JPEG' % (files.wnid(label), i + 1) for label, i in CORRUPT}
    assert {name: label for stem in ('weights', 'gates') for name, label, _ in made[stem]} == {
        name: label for name, label in train.items() if name not in bad
    }
    assert np.array_equal(np.bincount([label for _, label, _ in made['val']]), [3] * 5)
    assert {label for _, label, _ in made['gates']} == set(range(5))
    for stem in made:  # a colour for each class (image_files.picture): labels and pixels belong together
        for _, label, image in made[stem]:
            if np.abs(image.astype(int) - image[..., :1]).max() > 8:  # not grey
                colour = np.array([(label * 80) % 200, (label * 50 + 60) % 200, (label * 110 + 30) % 200]) + 25
                assert np.abs(image.mean((0, 1)) - colour).max() < 25 and min(image.shape[:2]) <= 40
    manifest = records.read_manifest(str(layouts / 'out'))
    assert len(manifest['skipped']) == 3 and all(any(name in reason for name in bad) for reason in manifest['skipped'])
    assert sorted(path.name for path in (layouts / 'out').iterdir()) == sorted(
        ['.lock', 'manifest.json', 'train.idx']
        + [stem + suffix for stem in made for suffix in ('.rec', '.idx', '.lst')]
    )
    assert load('imagenet', dir=str(layouts / 'out'), image_size=32).sizes == {
        'train': 37,
        'weights': 30,
        'gates': 7,
        'test': 15,
    }


def test_from_folder(tmp_path, capsys):
    image_files.tree(tmp_path / 'mine', {'ant': 20, 'bee': 10})
    assert run(tmp_path, '--from-folder', 'mine', '--split', '0.5') == 0
    assert 'weights.rec 12, gates.rec 12, val.rec 6' in capsys.readouterr().out
    image_files.tree(tmp_path / 'two' / 'train', {'ant': 20, 'bee': 10})
    image_files.tree(tmp_path / 'two' / 'test', {'ant': 2, 'bee': 3})
    assert run(tmp_path, '--from-folder', 'two', '--split', '0.5', '--restart') == 0
    assert 'weights.rec 15, gates.rec 15, val.rec 5' in capsys.readouterr().out


@pytest.mark.parametrize(
    'train, test, counts',
    [
        ('Training', 'validation', 'weights.rec 15, gates.rec 15, val.rec 5'),
        ('photos/seg_train/seg_train', 'photos/seg_test', 'weights.rec 15, gates.rec 15, val.rec 5'),
        ('archive/Images', None, 'weights.rec 12, gates.rec 12, val.rec 6'),
    ],
)
def test_from_folder_takes_the_layouts_that_the_trainer_takes(tmp_path, train, test, counts, capsys, caplog):
    caplog.set_level('INFO')
    image_files.tree(tmp_path / 'mine' / train, {'Red Ant': 20, 'bee': 10})
    if test:
        image_files.tree(tmp_path / 'mine' / test, {'red_ant': 2, 'bee': 3}, suffix='.jfif', seed=1)
    os.symlink('nowhere', tmp_path / 'mine' / train / 'bee' / 'dead.png')
    assert run(tmp_path, '--from-folder', 'mine', '--split', '0.5') == 0
    assert counts in capsys.readouterr().out
    assert records.read_manifest(str(tmp_path / 'out'))['classes'] == ['Red Ant', 'bee']
    for notes in (f'training images from {train}', 'validation images: Red Ant', '1 file, a dead link'):
        assert sum(notes in line for line in caplog.messages) == 1
    trained = load('folder', dir=str(tmp_path / 'mine'))
    made = load('imagenet', dir=str(tmp_path / 'out'), image_size=32)
    assert trained.classes == made.classes and trained.sizes['test'] == made.sizes['test']


def test_from_folder_refuses_what_the_trainer_refuses(tmp_path, capsys):
    for name in ('train', 'test'):
        image_files.tree(tmp_path / 'mine', {name: 3})
    assert run(tmp_path, '--from-folder', 'mine') == 2 and 'look like sets of images' in capsys.readouterr().err
    image_files.tree(tmp_path / 'single', {'ant': 1, 'bee': 1})
    assert run(tmp_path, '--from-folder', 'single') == 2 and 'one image only' in capsys.readouterr().err


@pytest.mark.parametrize('seed', range(4))
def test_every_class_is_in_both_parts_though_images_are_corrupt(tmp_path, seed):
    files.write_folders(tmp_path / 'train', files.images(12, 3, corrupt={(label, label % 3) for label in range(12)}))
    files.write_folders(tmp_path / 'val', files.images(12, 1))
    assert run(tmp_path, '--train', 'train', '--val', 'val', '--max-bad', '1', '--seed', str(seed)) == 0
    made = content(tmp_path / 'out')
    for stem in ('weights', 'gates'):
        assert sorted(label for _, label, _ in made[stem]) == list(range(12))
    assert len(records.read_manifest(str(tmp_path / 'out'))['skipped']) == 12


def whole(root):
    return {path.name: path.read_bytes() for path in root.iterdir()}


@pytest.mark.parametrize('stop', [1, 9, 31, 39])
def test_an_interrupted_run_goes_on(layouts, stop, monkeypatch, capsys):
    assert run(layouts, '--train', 'train', '--val', 'val') == 0
    want = whole(layouts / 'out')
    for path in (layouts / 'out').iterdir():
        path.unlink()
    monkeypatch.setattr(record_writer, 'FLUSH', 4)
    monkeypatch.setattr(record_writer, 'CHUNK', 2)
    encode, calls = record_writer.encode, []

    def interrupted(*arguments):
        calls.append(1)
        if len(calls) == stop:
            raise KeyboardInterrupt
        return encode(*arguments)

    monkeypatch.setattr(record_writer, 'encode', interrupted)
    assert run(layouts, '--train', 'train', '--val', 'val') == 130
    assert not (layouts / 'out' / 'manifest.json').exists()
    assert run(layouts, '--train', 'train', '--val', 'val') == 0
    assert len(calls) <= 55 + 1 + 5  # what was safe in the journal is not done again
    assert whole(layouts / 'out') == want
    calls.clear()
    assert run(layouts, '--train', 'train', '--val', 'val') == 0 and not calls


def test_a_torn_journal_and_a_torn_file(layouts, monkeypatch):
    assert run(layouts, '--train', 'train', '--val', 'val') == 0
    want = whole(layouts / 'out')

    for journal_cut, file_cut in ((10, 0), (0, 10), (200, 5000), (1, 1)):
        for path in (layouts / 'out').iterdir():
            path.unlink()
        finish = check.finish
        monkeypatch.setattr(check, 'finish', lambda *arguments, **keywords: (_ for _ in ()).throw(KeyboardInterrupt()))
        assert run(layouts, '--train', 'train', '--val', 'val') == 130
        monkeypatch.setattr(check, 'finish', finish)
        os.rename(str(layouts / 'out' / 'gates.rec'), str(layouts / 'out' / 'gates.rec.partial'))
        for name, cut in (('gates.journal', journal_cut), ('gates.rec.partial', file_cut)):
            path = layouts / 'out' / name
            path.write_bytes(path.read_bytes()[: len(path.read_bytes()) - cut])
        assert run(layouts, '--train', 'train', '--val', 'val') == 0
        assert whole(layouts / 'out') == want


def test_as_a_command_with_processes(layouts):
    """Two processes make what one does."""
    command = [
        sys.executable,
        prepare_imagenet.__file__,
        str(layouts / 'two'),
        '--train',
        str(layouts / 'train'),
        '--val',
        str(layouts / 'val'),
        '--short-side',
        '40',
        '--max-bad',
        '0.1',
        '--workers',
        '2',
    ]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
    assert done.returncode == 0, done.stderr
    assert 'corrupt image skipped' in done.stderr and 'check weights.rec' in done.stderr
    assert run(layouts, '--train', 'train', '--val', 'val') == 0
    assert whole(layouts / 'out') == whole(layouts / 'two')


def test_short_side_and_quality(layouts):
    assert run(layouts, '--train', 'train', '--val', 'val', '--short-side', '0', '--quality', '30') == 0
    name, _, image = content(layouts / 'out')['val'][0]
    source = layouts / 'val' / name.split('_')[0] / name
    assert image.shape == decode.read_rgb(str(source)).shape
    file = recordio.RecordFile(str(layouts / 'out' / 'val.rec'), recordio.read_index(str(layouts / 'out' / 'val.idx')))
    assert recordio.unpack(file.read(0), '')[1] == source.read_bytes()  # a plain JPEG is left as it is


def test_odd_images_become_records(tmp_path):
    """Broken EXIF, extreme shapes: each becomes a JPEG that OpenCV reads."""
    colour = Image.new('RGB', (50, 40), (200, 100, 40))
    broken = io.BytesIO()
    colour.save(broken, 'jpeg', exif=b'Exif\0\0II*\0\xff\xff\xff\xff')
    long = io.BytesIO()
    colour.resize((6000, 60)).save(long, 'png')
    for content, shape in ((broken, (40, 50, 3)), (long, (45, 45 * decode.LONGEST, 3))):
        record = record_writer.encode(content.getvalue(), 'x', 45, 95)
        assert decode.jpeg_to_rgb(record, 'x').shape == shape


def drop(name):
    return lambda root: (root / name).unlink()


def cut(name, share):
    return lambda root: (root / name).write_bytes(
        (root / name).read_bytes()[: int((root / name).stat().st_size * share)]
    )


def lines(name, change):
    return lambda root: (root / name).write_text(change((root / name).read_text()))


TARS = (
    '--train',
    'ILSVRC2012_img_train.tar',
    '--val',
    'ILSVRC2012_img_val.tar',
    '--devkit',
    'ILSVRC2012_devkit_t12.tar.gz',
)
LIST = ('--train', 'train', '--val', 'flat', '--val-list', 'names.txt')


@pytest.mark.parametrize(
    'damage, arguments, words',
    [
        (None, (), '--train and --val'),
        (None, ('--train', 'train'), '--train and --val'),
        (None, ('--train', '@nowhere', '--val', 'val'), 'nowhere: no such file'),
        (None, ('--train', 'train', '--val', 'val', '--from-folder', 'train'), 'not both'),
        (None, ('--train', 'train', '--val', 'ILSVRC2012_img_val.tar'), '--val-list'),
        (None, ('--train', 'train', '--val', 'val', '--quality', '0'), 'argument --quality'),
        (None, ('--train', 'train', '--val', 'val', '--split', '1'), 'argument --split'),
        (None, ('--train', 'train', '--val', 'val', '--max-bad', '0.01'), '3 of 55 images are corrupt'),
        (None, ('--train', 'ILSVRC2012_img_val.tar', '--val', 'val'), 'tars of 0 classes'),
        (None, ('--validate',), 'weights.rec'),
        (cut('ILSVRC2012_img_train.tar', 0.5), TARS, 'truncated'),
        (cut('ILSVRC2012_img_val.tar', 0.5), TARS, 'truncated'),
        (cut('ILSVRC2012_devkit_t12.tar.gz', 0.5), TARS, 'devkit_t12.tar.gz is damaged'),
        (lines('names.txt', lambda text: text.replace('\n', 'x\n', 1)), LIST, 'names.txt, line 1'),
        (lines('names.txt', lambda text: '\n'.join(text.split('\n')[1:])), LIST, 'has no class there'),
        (lines('order.txt', lambda text: text + files.wnid(0)), LIST[:-1] + ('order.txt',), '16 lines for 15 images'),
        (
            lambda root: (root / 'train' / 'empty').mkdir(),
            ('--train', 'train', '--val', 'val'),
            'class empty has no images',
        ),
        (
            lambda root: (root / 'val' / 'other').mkdir(),
            ('--train', 'train', '--val', 'val'),
            'folder other is none of the 5',
        ),
    ],
)
def test_refusals(layouts, damage, arguments, words, capsys):
    if damage:
        damage(layouts)
    assert run(layouts, *arguments) == 2
    error = capsys.readouterr().err.strip().split('\n')[-1]
    assert words in error and error.startswith('error: ')


def test_what_is_there_is_not_overwritten(layouts, capsys):
    arguments = ('--train', 'train', '--val', 'val')
    assert run(layouts, *arguments) == 0
    assert run(layouts, *arguments, '--quality', '50') == 2 and '--restart' in capsys.readouterr().err
    assert run(layouts, *arguments, '--quality', '50', '--restart') == 0
    assert records.read_manifest(str(layouts / 'out'))['quality'] == 50
    (layouts / 'out' / 'manifest.json').unlink()
    (layouts / 'out' / 'plan.json').write_text(json.dumps({'other': 1}))
    assert run(layouts, *arguments) == 2 and 'unfinished' in capsys.readouterr().err


def test_two_at_once(layouts, capsys):
    with plan.locked(str(layouts / 'out')):
        assert run(layouts, '--train', 'train', '--val', 'val') == 2
    assert 'another process' in capsys.readouterr().err
