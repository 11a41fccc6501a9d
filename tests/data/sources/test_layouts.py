"""Layouts of class folders as people have them: what is the training set, the test set, a class, and what is refused."""

import os
import random
import re

import pytest

from dsonas.base.errors import UserError
from dsonas.data.place import NotFound
from dsonas.data.sources import layout, roles

PNG = b'\x89PNG\r\n\x1a\n' + bytes(20)


def build(root, files):
    """Write `files`: 'folder/: 3' has three images of no content, 'folder/name' is a file of other content."""
    for entry in files.split(';'):
        path, _, count = (part.strip() for part in entry.partition(':'))
        if count:
            (root / path).mkdir(parents=True, exist_ok=True)
            for number in range(int(count)):
                (root / path / f'{number}.png').write_bytes(PNG)
        else:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text('words')
    return str(root)


def by_class(found, members):
    return [sum(member.label == label for member in members) for label in range(len(found.classes))]


ANT_BEE = 'ant: 3; bee: 2'


def in_folders(*places):
    """ant: 3 and bee: 2 in each of the folders."""
    return '; '.join(f'{place}/ant: 3; {place}/bee: 2' for place in places)


SPLITS = [
    ('train', 'test'),
    ('train', 'val'),
    ('train', 'valid'),
    ('train', 'validation'),
    ('train', 'dev'),
    ('train', 'eval'),
    ('Train', 'Test'),
    ('TRAIN', 'VALIDATION'),
    ('training', 'testing'),
    ('Training', 'Validation'),
    ('training_set', 'test_set'),
    ('train-set', 'test-set'),
    ('trainset', 'testset'),
    ('TrainSet', 'TestSet'),
    ('train_images', 'test_images'),
    ('TrainImages', 'TestImages'),
    ('train data', 'test data'),
    ('train_data', 'val_data'),
    ('dataset_train', 'dataset_test'),
    ('seg_train', 'seg_test'),
    ('seg_train/seg_train', 'seg_test/seg_test'),
    ('train2017', 'val2017'),
    ('01_train', '02_test'),
    ('trainval', 'test'),
    ('train_val', 'test'),
    ('cats_train', 'cats_val'),
    ('flowers-training', 'flowers-test'),
    ('train/images', 'test/images'),
    ('photos/train', 'photos/test'),
    ('archive/Photos/Train', 'archive/Photos/Test'),
    ('images/train', 'images/val'),
    ('tiny/tiny/tiny/train', 'tiny/tiny/tiny/test'),
    ('train', 'held_out'),
    ('asl_alphabet_train/asl_alphabet_train', 'asl_alphabet_test/asl_alphabet_test'),
    ('train', 'flowers_test'),
    ('flowers_train', 'val'),
    ('Plant Training Data', 'Plant Testing Data'),
]


@pytest.mark.parametrize('train, test', SPLITS, ids=' '.join)
def test_split_folders(tmp_path, train, test):
    found = layout.find(build(tmp_path, in_folders(train) + f'; {test}/ant: 1; {test}/bee: 2'))
    assert found.classes == ('ant', 'bee') and (found.train_from, found.test_from) == (train, test)
    assert by_class(found, found.train) == [3, 2] and by_class(found, found.test) == [1, 2]
    assert found.train[0].path == os.path.join(str(tmp_path), train, 'ant', '0.png')
    assert not found.notes and not found.passed.counts


# (files, images of each class in training and in test, the class folders, words of the notes or of what is passed over)
TAKEN = [
    (ANT_BEE, [3, 2], [], '', []),
    ('photos/ant: 3; photos/bee: 2', [3, 2], [], 'photos', []),
    ('archive/Images/ant: 3; archive/Images/bee: 2', [3, 2], [], 'archive/Images', []),
    ('a/b/c/ant: 3; a/b/c/bee: 2', [3, 2], [], 'a/b/c', []),
    ('photos/ant: 3; photos/bee: 2; labels.csv; README', [3, 2], [], 'photos', ['of another kind (labels.csv)']),
    ('photos/ant: 3; photos/bee: 2; notes/a.txt', [3, 2], [], 'photos', []),
    ('photos/ant: 3; photos/bee: 2; .: 1', [3, 2], [], 'photos', ['1 file, outside of the class folders (0.png)']),
    (ANT_BEE + '; __MACOSX/ant: 4; .git/ant: 1; Thumbs.db; ant/.DS_Store; ant/desktop.ini', [3, 2], [], '', []),
    (ANT_BEE + '; .: 2', [3, 2], [], '', ['2 files, outside of the class folders']),
    ('train/ant: 3; train/bee: 2', [3, 2], [], 'train', ['there is no labelled test folder']),
    (in_folders('train') + '; test: 4', [3, 2], [], 'train', ['test: 4 images without class folders, not used']),
    (in_folders('train') + '; test/images: 4', [3, 2], [], 'train', ['test: 4 images without class folders, not used']),
    (in_folders('train', 'val') + '; test/test: 4', [3, 2], [3, 2], 'train', ['test: 4 images without class folders']),
    (in_folders('train') + '; test/Unknown: 4', [3, 2], [], 'train', ['test: 4 images without class folders']),
    (in_folders('train', 'val') + '; test: 4', [3, 2], [3, 2], 'train', ['test: 4 images without class folders']),
    (in_folders('train', 'val', 'test'), [3, 2], [3, 2], 'train', ['val: 5 images, left out']),
    (in_folders('train', 'test') + '; pred: 4', [3, 2], [3, 2], 'train', ['pred: 4 images, not used']),
    (in_folders('train') + '; p: 4; q: 1; r/s: 1; t: 1', [3, 2], [], 'train', ['p, q, r, …: 7 images, not used']),
    (in_folders('train', 'test') + '; train: 2', [3, 2], [3, 2], 'train', ['2 files, outside of the class folders']),
    (
        'train/caf\u00e9: 1; train/bar: 2; test/cafe\u0301: 3',
        [2, 1],
        [0, 3],
        'train',
        ['taken for classes that differ in'],
    ),
    (in_folders('train') + '; test/ant: 1', [3, 2], [1, 0], 'train', []),
    (in_folders('train') + '; test/ant/deep: 1', [3, 2], [1, 0], 'train', []),
    (
        in_folders('train') + '; test/Ant: 1; test/BEE: 2',
        [3, 2],
        [1, 2],
        'train',
        ['alone: test/Ant for ant, test/BEE for bee'],
    ),
    ('train/red ant: 3; train/bee: 2; test/Red_Ant: 1', [2, 3], [0, 1], 'train', ['alone: test/Red_Ant for red ant']),
    ('ant/x/y: 3; bee: 1; bee/z: 1', [3, 2], [], '', []),
    ('bus: 3; train: 2', [3, 2], [], '', ['train is taken for a class']),
    ('bus: 3; car: 1; train/fast: 2; train: 1', [3, 1, 3], [], '', ['train is taken for a class']),
    ('test tube: 3; train station: 2', [3, 2], [], '', []),
    ('trainers: 3; trains: 2', [3, 2], [], '', []),
    (ANT_BEE + '; test/ant: 1; test/bee: 1', [3, 2], [1, 1], '', ['test images from test']),
    (
        in_folders('asl_train/asl_train') + '; asl_test/asl_test: 4',
        [3, 2],
        [],
        'asl_train/asl_train',
        ['asl_test: 4 images'],
    ),
    (
        in_folders('Training', 'Test') + '; test-multiple: 4',
        [3, 2],
        [3, 2],
        'Training',
        ['test-multiple: 4 images, not'],
    ),
    (in_folders('asl_train') + '; asl_test: 4', [3, 2], [], 'asl_train', ['asl_test: 4 images without class']),
    (in_folders('images/dogs') + '; annotations/dogs/ant/x', [3, 2], [], 'images/dogs', []),
    (in_folders('cells', 'cells/cells'), [3, 2], [], 'cells', ['cells/cells: 5 images in folders of the same classes']),
    (
        in_folders('xray/train', 'xray/xray/train', 'xray/test'),
        [3, 2],
        [3, 2],
        'xray/train',
        ['xray/xray: 5 images, not'],
    ),
    (in_folders('colour', 'grey'), [5, 5], [], '', ['each class has the same folders (ant, bee)']),
    (
        in_folders('old/old', 'new/new'),
        [5, 5],
        [],
        '',
        ['each class has the same folders (ant, bee): if these'],
    ),
    (
        'ant/images: 3; ant/masks: 3; bee/images: 2; bee/masks: 2',
        [6, 4],
        [],
        '',
        ['(images, masks), and the images of all of them are used'],
    ),
    ('photos: 3; drawings: 2', [2, 3], [], '', []),
    ('cat images: 3; dog images: 2', [3, 2], [], '', []),
    ('part_1: 3; part_2: 2', [3, 2], [], '', []),
    ('ant/train: 3; ant/test: 1; bee/train: 2; bee/test: 2', [3, 2], [1, 2], '<class>/train', []),
    ('ant/Train: 3; bee/Train: 2; bee/val: 2; bee/test: 1', [3, 2], [0, 1], '<class>/train', ['left out']),
    (in_folders('train', 'test') + '; train_masks: 9', [3, 2], [3, 2], 'train', ['train_masks: 9 images, not used']),
]


@pytest.mark.parametrize(
    'files, train, test, place, words', TAKEN, ids=lambda value: value if isinstance(value, str) else ''
)
def test_what_is_taken_for_what(tmp_path, files, train, test, place, words):
    found = layout.find(build(tmp_path, files))
    said = ' | '.join([found.origin(0.2), *found.notes, *found.passed.sentences()])
    assert all(word in said for word in words), said
    assert by_class(found, found.train) == train and found.train_from == place.replace('/', os.sep)
    assert by_class(found, found.test) == test if test else not found.test


REFUSED = [
    ('train: 3; test: 2', ['test, train look like sets of images', 'without class folders']),
    ('Training: 3; validation: 2; TEST: 1', ['look like sets', 'without class folders']),
    ('train: 3', ['train', 'class folders']),
    ('images/train: 3; images/val: 2; labels/train/a.txt', ['look like sets', 'without class folders']),
    (in_folders('val', 'test'), ['look like sets', 'none of them for training']),
    ('cats_train: 3; cats_test: 2', ['look like sets', 'without class folders']),
    ('cat_train: 1; dog_train: 1; cat_test: 1; dog_test: 1', ['look like sets']),
    ('cat: 3; dog: 2; test: 4', ['test beside cat, dog could be a class or a set', 'rename']),
    ('cat: 3; dog: 2; val/x: 4; val/y: 1', ['val beside cat, dog could be a class or a set']),
    ('cat: 3; train: 2; test: 4', ['test beside cat, train could be']),
    (in_folders('train', 'training'), ['train and training could both be the training set']),
    (in_folders('train', 'test', 'testing'), ['test and testing could both be the test set']),
    (in_folders('a/train', 'a/test', 'b/train', 'b/test'), ['several data sets', 'a, b', 'give one']),
    (in_folders('train', 'test') + '; test/cow: 1', ['folder cow is none of the 2 classes']),
    ('train/ant: 1; train/Ant: 1; test/ANT: 1', ['folder ANT is none of the 2 classes']),
    (in_folders('train') + '; test/bees: 1', ['folder bees is none of the 2 classes: ant, bee']),
    ('train/ant: 3; test/ant: 1', ['one class only (ant)']),
    ('ant: 3', ['one class only (ant)']),
    ('photos/ant: 3', ['one class only (ant)']),
    ('.: 3', ['no class folders']),
    ('a.txt; b/c.csv', ['no images (2 files: of another kind)', 'no class folders']),
    ('images: 3; annotations/trimaps: 3', ['annotations, images are the names of files', 'not taken from the names']),
    (
        'voc/JPEGImages: 3; voc/SegmentationClass: 2; voc/Annotations/1.xml',
        ['voc', 'JPEGImages, SegmentationClass are'],
    ),
    ('images_001/images: 3; images_002/images: 3', ['images_001, images_002 are the names of files']),
    (
        'skin_images_part_1: 3; skin_images_part_2: 3; skin.csv',
        ['are the names of files', 'if skin.csv has the labels'],
    ),
    ('train/images: 3; train/labels/1.txt; valid/images: 3', ['images is the name of files and not of a class']),
    ('train/images: 3; train/masks: 3; test/images: 3', ['images, masks are the names of files']),
    ('train: 3; test1: 4; sampleSubmission.csv', ['look like sets', 'not taken from the names of files']),
    ('train: 3; test: 4; labels.csv', ['look like sets', 'if labels.csv has the labels, it is the data set csv']),
    ('train: 3; train/metadata.csv; test: 4', ['if metadata.csv has the labels']),
    ('imgs: 3; train.txt; val.txt', ['imgs is the name of files', 'if train.txt has the labels']),
    ('images: 3; annotations/a: 3; annotations/trainval.txt', ['if trainval.txt has the labels']),
    ('flowers.zip; README', ['no images', 'flowers.zip has to be unpacked']),
    (ANT_BEE + '; cow/a.txt', ['class cow has no images (1 file: of another kind)']),
    (ANT_BEE + '; cow/a.heic; cow/b.HEIC', ['class cow has no images (2 files: of a kind of image that is not read)']),
]


@pytest.mark.parametrize('files, words', REFUSED, ids=lambda value: value if isinstance(value, str) else '')
def test_what_is_refused(tmp_path, files, words):
    with pytest.raises(UserError) as info:
        layout.find(build(tmp_path, files))
    text = str(info.value)
    assert all(word in text for word in words) and '\n' not in text and len(text) < 300 and str(tmp_path) in text, text


def test_long_names_are_still_one_short_line(tmp_path):
    root = build(tmp_path, '; '.join(f'train/{letter * 200}: 1' for letter in 'abcdefghijklmn') + '; test/other: 1')
    with pytest.raises(UserError) as info:
        layout.find(root)
    assert len(str(info.value)) - len(root) < 200


def test_links_to_other_places_are_named(tmp_path):
    build(tmp_path / 'pool', 'x: 3')
    build(tmp_path / 'data', 'bee: 2; real/y: 1')
    os.symlink(tmp_path / 'pool' / 'x', tmp_path / 'data' / 'ant')
    os.symlink('..', tmp_path / 'pool' / 'x' / 'up')
    found = layout.find(str(tmp_path / 'data'))
    assert by_class(found, found.train) == [3, 2, 1]
    assert found.notes == ('links to other places are followed: ant, ' + os.path.join('ant', 'up'),)


@pytest.mark.parametrize(
    'name, content', [('a.zip', b''), ('flowers', b'PK\3\4'), ('a.tgz', b'\x1f\x8b'), ('a.7z', b'7z')]
)
def test_an_archive_in_place_of_the_folder(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(NotFound, match='an archive, which has to be unpacked'):
        layout.find(str(tmp_path / name))


def test_nowhere(tmp_path):
    for where in ('', str(tmp_path / 'no')):
        with pytest.raises(NotFound, match='class folders'):
            layout.find(where)


@pytest.mark.parametrize(
    'name, part',
    [
        *(
            (name, 'train')
            for name in ('train', 'Train_Set', 'MY-TRAINING-DATA', 'imgs.train', 'trn', 'train 1', 'trainval')
        ),
        *((name, 'val') for name in ('val', 'Valid', 'validation_split', 'dev', 'DevSet', 'evaluation', 'val_256')),
        *((name, 'test') for name in ('test', 'Tests', 'test1', 'testing_images', 'tst', 'holdout', 'Held Out')),
        *((name, None) for name in ('', 'cat', 'trains', 'trainer', 'valley', 'device', 'contest', 'testosterone')),
        *((name, None) for name in ('train_test', 'train station', 'data', '2017', 'тест', 'data' * 60 + 'x')),
    ],
)
def test_names_of_sets(name, part):
    assert roles.role(name) == part


NAMES = ('train', 'Test', 'val', 'ant', 'bee', 'images', 'seg_train', 'seg_test', 'cow', 'a_train', 'a_test')


@pytest.mark.parametrize('seed', range(60))
def test_any_tree_is_taken_whole_or_refused_in_one_line(tmp_path, seed):
    """No image is in two sets or twice in one, each class is trained on, and what is neither used nor named does not exist."""
    rng = random.Random(seed)
    folders = {
        '/'.join(rng.choice(NAMES) for _ in range(rng.choice((1, 2, 2, 2, 3, 3)))) for _ in range(rng.randint(1, 9))
    }
    build(tmp_path, '; '.join(f'{name}: {rng.randint(1, 3)}' for name in sorted(folders)))
    try:
        found = layout.find(str(tmp_path))
    except UserError as error:
        assert '\n' not in str(error) and len(str(error)) < 300
        return
    used = [member.path for member in found.train + found.test]
    assert len(used) == len(set(used)) and all(os.path.isfile(path) for path in used)
    assert min(by_class(found, found.train)) > 0 and len(found.classes) > 1
    unused = sum(int(number) for note in found.notes for number in re.findall(r': (\d+) images?', note))
    unused += sum(found.passed.counts.values())
    left_out = [note for note in found.notes if note.startswith('left out')]
    assert len(used) + unused == len(list(tmp_path.rglob('*.png'))) or left_out, found.notes
