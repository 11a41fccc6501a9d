"""Tables of images and labels: columns, places of the images, sets, and everything that is refused or passed over."""

import csv
import logging
import os

import numpy as np
import pytest

from dsonas.base.errors import UserError
from dsonas.data.place import NotFound
from dsonas.data.registry import load
from dsonas.data.sources import csv as csv_source

from .. import image_files as files

COUNTS = {'ant': 10, 'bee': 8, 'cow': 6}


def images(folder, counts=COUNTS, nested=False, seed=0):
    """Images of each class in one folder, or in class folders: [(path from folder's parent, class)]."""
    rng = np.random.RandomState(seed)
    listed = []
    for label, (name, count) in enumerate(counts.items()):
        for i in range(count):
            path = folder / name / f'{i:03d}.png' if nested else folder / f'{name}{i:03d}.png'
            files.save(path, files.picture(label, rng, 20, 20))
            listed.append((path.relative_to(folder.parent).as_posix(), name))
    return listed


def table(path, rows, header=('path', 'label'), **how):
    with open(str(path), 'w', newline='') as out:
        csv.writer(out, **how).writerows(([header] if header else []) + list(rows))
    return path


def counts(ds, part='train'):
    return dict(zip(ds.classes, np.bincount(ds.labels(part), minlength=len(ds.classes))))


def open_set(path, **options):
    return load('csv', dir=str(path), image_size=16, **options)


@pytest.fixture
def root(tmp_path):
    return tmp_path / 'data'


def test_a_table_is_read_as_the_same_folder(root, collect):
    rows = images(root, nested=True)
    np.random.RandomState(1).shuffle(rows)
    first = load('folder', dir=str(root), image_size=16)
    second = open_set(table(root.parent / 'mine.csv', rows))
    assert first.classes == second.classes and first.sizes == second.sizes and first.mean == second.mean
    for part in ('weights', 'gates', 'test'):
        ours, theirs = (collect(ds.batches(part, 2, train=False)) for ds in (second, first))
        assert np.array_equal(ours[0], theirs[0]) and np.array_equal(ours[1], theirs[1])
    notes = ' '.join(second.notes)
    assert 'images from column path, labels from column label' in notes and 'mine.csv, of which 20 %' in notes
    assert second.name == 'csv' and len(second.fingerprint) == 64


@pytest.mark.parametrize(
    'header, columns',
    [
        (('path', 'label'), 'pl'),
        (('label', 'path'), 'lp'),
        (('id', 'file_name', 'category'), 'npl'),
        (('', 'Image ID', 'width', 'Class Name'), 'npwl'),
        (('image', 'species'), 'pl'),
        (('filename', 'target', 'height'), 'plw'),
        (('index', 'picture_file', 'what_it_is'), 'npl'),  # words that no list has
        (('x', 'y'), 'pl'),
        (('file', 'has_cactus'), 'pl'),
        (None, 'pl'),
        (None, 'lp'),
        (None, 'npl'),
    ],
)
@pytest.mark.parametrize('delimiter', [',', ';', '\t'])
def test_columns(root, header, columns, delimiter):
    rows = images(root)
    cells = [{'p': path, 'l': label, 'n': i + 3, 'w': 20 + i % 2} for i, (path, label) in enumerate(rows)]
    listed = [[cell[column] for column in columns] for cell in cells]
    ds = open_set(table(root.parent / 'x.csv', listed, header, delimiter=delimiter), held_out=0.5)
    assert ds.classes == ('ant', 'bee', 'cow') and counts(ds) == {'ant': 5, 'bee': 4, 'cow': 3}


@pytest.mark.parametrize(
    'change',
    [
        lambda path, label, root: path,
        lambda path, label, root: str(root.parent / path),
        lambda path, label, root: '/elsewhere/on/another/machine/' + path,
        lambda path, label, root: 'C:\\Users\\me\\' + path.replace('/', '\\'),
        lambda path, label, root: './' + path,
        lambda path, label, root: os.path.basename(path),
        lambda path, label, root: os.path.splitext(os.path.basename(path))[0],
        lambda path, label, root: os.path.splitext(path)[0] + '.PNG',
    ],
)
@pytest.mark.parametrize('folder', ['train', 'images', 'anything', 'deep/er'])
def test_places(tmp_path, change, folder):
    """Beside the table in a folder of any name, by whole path, by another machine's, by name, by id."""
    root = tmp_path / folder
    rows = [(change(path, label, root), label) for path, label in images(root)]
    ds = open_set(table(tmp_path / 'labels.csv', rows, ('id', 'label')), held_out=0.5)
    assert counts(ds) == {'ant': 5, 'bee': 4, 'cow': 3}
    assert folder in ' '.join(ds.notes)


@pytest.mark.parametrize('folder', ['d', 'd/pictures'])
def test_names_within_folders_of_the_labels(tmp_path, folder):
    """Each class has the same names."""
    rows = [(os.path.basename(path), label) for path, label in images(tmp_path / folder, nested=True)]
    tmp_path = tmp_path / 'd'
    assert counts(open_set(table(tmp_path / 'x.csv', rows), held_out=0.5)) == {'ant': 5, 'bee': 4, 'cow': 3}


@pytest.mark.parametrize(
    'train, test',
    [
        ('train.csv', 'test.csv'),
        ('train.csv', 'val.csv'),
        ('train_labels.csv', 'test_labels.csv'),
        ('trainLabels.csv', 'validation.csv'),
        ('Training.tsv', 'Testing.tsv'),
        ('train.txt', 'valid.txt'),
        ('wrapped/train.csv', 'wrapped/test.csv'),
    ],
)
def test_two_tables(tmp_path, train, test):
    base = (tmp_path / train).parent
    base.mkdir(exist_ok=True)
    delimiter = '\t' if train.endswith('tsv') else ','
    table(tmp_path / train, images(base / 'a'), delimiter=delimiter)
    table(tmp_path / test, images(base / 'b', {'ant': 2, 'cow': 3}, seed=5), delimiter=delimiter)
    table(base / 'sample_submission.csv', [('1', '0')])
    ds = open_set(tmp_path)
    assert counts(ds) == COUNTS and counts(ds, 'test') == {'ant': 2, 'bee': 0, 'cow': 3}
    assert any(f'test images from {os.path.basename(test)}' in note for note in ds.notes)


def test_equal_names_in_the_folders_of_both_sets(tmp_path):
    """As on Kaggle: train.csv and test.csv have the ids of images in train/ and test/."""
    for part, seed in (('train', 0), ('test', 1)):
        rows = [(os.path.basename(path)[:-4], label) for path, label in images(tmp_path / part, seed=seed)]
        table(tmp_path / (part + '.csv'), rows, ('id', 'label'))
    ds = open_set(tmp_path)
    assert ds.sizes['train'] == ds.sizes['test'] == 24
    assert not any('also training images' in note for note in ds.notes)


@pytest.mark.parametrize('test', ['test', 'val'])
def test_each_set_finds_its_own_images(tmp_path, test):
    """train/ and val/ have equal names, and so have the tables in them, as Hugging Face lays them out."""
    for part, seed in (('train', 0), (test, 1)):
        rows = [(os.path.basename(path), label) for path, label in images(tmp_path / 'd' / part, seed=seed)]
        table(tmp_path / 'd' / part / 'metadata.csv', rows, ('file_name', 'label'))
        table(tmp_path / (part + '.csv'), rows, ('file_name', 'label'))
    for root in (tmp_path, tmp_path / 'd'):
        ds = open_set(root)
        assert counts(ds) == counts(ds, 'test') == COUNTS
        assert not any('also training images' in note for note in ds.notes), ds.notes


@pytest.mark.parametrize('given', ['', 'labels', 'labels/train.csv'])
@pytest.mark.parametrize('prefix', ['images/', ''])
def test_tables_in_a_folder_of_their_own(tmp_path, given, prefix):
    """Paths are from the folder above; by name alone, images are found where that folder is given."""
    rows = [(prefix + os.path.basename(path), label) for path, label in images(tmp_path / 'images')]
    (tmp_path / 'labels').mkdir()
    (tmp_path / 'more').mkdir()
    table(tmp_path / 'labels' / 'train.csv', rows)
    if given and not prefix:
        with pytest.raises(UserError, match='none of its images'):
            open_set(tmp_path / given)
    else:
        assert open_set(tmp_path / given, held_out=0.5).sizes['train'] == 12


def test_paths_that_say_the_set(tmp_path):
    rows = images(tmp_path / 'train') + images(tmp_path / 'valid', {'ant': 2, 'bee': 1}, seed=2)
    ds = open_set(table(tmp_path / 'labels.csv', rows))
    assert counts(ds) == COUNTS and counts(ds, 'test') == {'ant': 2, 'bee': 1, 'cow': 0}
    assert any('first folder of each path divides the rows' in note for note in ds.notes)


def test_a_test_table_without_labels_is_not_used(tmp_path):
    table(tmp_path / 'train.csv', images(tmp_path / 'train'))
    for rows, header in (
        ([(path, 'x') for path, _ in images(tmp_path / 'test')], ('path', 'camera')),
        ([(path,) for path, _ in images(tmp_path / 'test')], ('path',)),
        ([(path, '') for path, _ in images(tmp_path / 'test')], ('path', 'label')),
    ):
        table(tmp_path / 'test.csv', rows, header)
        ds = open_set(tmp_path, held_out=0.5)
        assert ds.sizes['train'] == ds.sizes['test'] == 12, header
        assert any('test.csv' in note and ('no labels' in note) for note in ds.notes), ds.notes


def test_val_beside_an_unlabelled_test_is_the_test_set_and_beside_a_labelled_one_left_out(tmp_path):
    table(tmp_path / 'train.csv', images(tmp_path / 'a'))
    table(tmp_path / 'val.csv', images(tmp_path / 'b', {'ant': 2, 'bee': 1}, seed=3))
    table(tmp_path / 'test.csv', [(path,) for path, _ in images(tmp_path / 'c', seed=4)], ('path',))
    assert open_set(tmp_path).sizes['test'] == 3
    table(tmp_path / 'test.csv', images(tmp_path / 'c', seed=4))
    ds = open_set(tmp_path)
    assert ds.sizes['test'] == 24 and any('left out: val.csv, beside test.csv' in note for note in ds.notes)


@pytest.mark.parametrize(
    'header, words, sizes',
    [
        ('split', ('train', 'test', 'test'), (15, 9)),
        ('Set', ('Training', 'Validation', 'validation'), (15, 9)),
        ('subset', ('trn', 'dev', 'test'), (15, 4)),
        ('is_valid', ('False', 'True', 'True'), (15, 9)),
        ('is_train', ('1', '0', '0'), (15, 9)),
        ('fold', ('0', '1', '2'), (12, 12)),  # says nothing of sets
        ('usage', ('Public', 'Private', 'Public'), (12, 12)),
        ('split', ('train', 'train', 'train'), (12, 12)),
    ],
)
def test_a_column_that_divides(tmp_path, header, words, sizes):
    rows = images(tmp_path / 'images')
    listed = [(path, label, words[max(0, i % 5 - 2)]) for i, (path, label) in enumerate(rows)]
    ds = open_set(table(tmp_path / 'x.csv', listed, ('path', 'label', header)), held_out=0.5)
    assert (ds.sizes['train'], ds.sizes['test']) == sizes


@pytest.mark.parametrize(
    'labels, classes',
    [
        (('0', '1', '2'), ('0', '1', '2')),
        (('10', '9', '2'), ('2', '9', '10')),
        (('1.0', '2.0', '3.0'), ('1', '2', '3')),
        (('-1', '1', '0'), ('-1', '0', '1')),
        (('b', '1', 'a'), ('1', 'a', 'b')),
        (('golden  retriever', ' cat ', 'dog'), ('cat', 'dog', 'golden retriever')),
        (('None', 'nan', 'NA'), ('NA', 'None', 'nan')),  # names like any others
    ],
)
def test_labels(tmp_path, labels, classes):
    rows = images(tmp_path / 'images')
    names = dict(zip(COUNTS, labels))
    ds = open_set(table(tmp_path / 'x.csv', [(path, names[label]) for path, label in rows]), held_out=0.5)
    assert ds.classes == classes
    order = {' '.join(text.split()).replace('.0', ''): COUNTS[name] // 2 for name, text in names.items()}
    assert counts(ds) == {name: order[name] for name in classes}


def test_classes_of_several_words_are_not_merged(tmp_path):
    """Where blanks alone separate: `id Boeing 747` and `id Boeing 707` are two classes."""
    names = dict(zip(COUNTS, ('Boeing 747', 'Boeing 707', 'ATR')))
    rows = [f'{os.path.basename(path)[:-4]} {names[label]}' for path, label in images(tmp_path / 'images')]
    for order in (rows, rows[:18]):
        (tmp_path / 'train.txt').write_text('\n'.join(order) + '\n')
        assert open_set(tmp_path / 'train.txt').classes == tuple(sorted({row.split(None, 1)[1] for row in order}))


def test_numbers_get_names_from_a_list_beside_the_table(tmp_path):
    rows = [(path, str(list(COUNTS).index(label) * 2)) for path, label in images(tmp_path / 'images')]
    (tmp_path / 'classes.txt').write_text('a\nb\nc\nd\ne\n')
    ds = open_set(table(tmp_path / 'x.csv', rows))
    assert ds.classes == ('a', 'c', 'e') and any('classes.txt' in note for note in ds.notes)


@pytest.mark.parametrize(
    'write', [lambda yes: f'{float(yes)}', str, lambda yes: str(yes).upper(), lambda yes: str(int(yes))]
)
def test_a_column_for_each_class(tmp_path, write):
    rows = [(path[:-4], *(write(label == name) for name in COUNTS)) for path, label in images(tmp_path / 'img')]
    ds = open_set(table(tmp_path / 'x.csv', rows, ('image', *COUNTS)), held_out=0.5)
    assert counts(ds) == {'ant': 5, 'bee': 4, 'cow': 3}


@pytest.mark.parametrize(
    'file, listed',
    [
        ('IMG_{}.JPG', 'img_{}.jpg'),
        ('cafe\u0301{}.png', 'caf\u00e9{}.png'),
        ('caf\u00e9{}.png', 'CAFE\u0301{}'),
        ('0000{}.png', '{}'),
        ('x/0{}.png', '{}.png'),
    ],
)
def test_names_that_differ_in_case_accents_or_zeros_in_front(tmp_path, file, listed):
    """As Windows, macOS and spreadsheets write them."""
    for i in range(1, 9):
        files.save(tmp_path / 'pool' / file.format(i), files.picture(i % 2, np.random.RandomState(i), 20, 20))
    rows = [(listed.format(i), 'ab'[i % 2]) for i in range(1, 9)]
    assert counts(open_set(table(tmp_path / 'x.csv', rows), held_out=0.5)) == {'a': 2, 'b': 2}


@pytest.mark.parametrize('other', ['annotations/trimaps', 'masks', 'annotations/deeper/masks'])
def test_masks_of_the_same_names_are_not_the_images(tmp_path, other):
    rows = images(tmp_path / 'images')
    images(tmp_path / other, seed=1)
    (tmp_path / 'annotations').mkdir(exist_ok=True)
    path = tmp_path / 'annotations' / 'trainval.txt'
    path.write_text(''.join(f'{os.path.basename(path)[:-4]} {list(COUNTS).index(name)} 1\n' for path, name in rows))
    found = csv_source.listing(str(tmp_path)).layout.train
    assert len(found) == 24 and {os.path.basename(os.path.dirname(member.path)) for member in found} == {'images'}
    with pytest.raises(UserError, match='no column names images'):
        open_set(path)
    table(path, [(name[7:], label) for name, label in rows], ('id', 'label'))
    with pytest.raises(UserError, match='none of its images is there.*; give the folder above'):
        open_set(path)


def test_the_very_name_goes_before_one_like_it(tmp_path):
    for name, label in (('a1.png', 0), ('A1.png', 1), ('a2.png', 0), ('A2.png', 1), ('01.png', 0), ('2.png', 1)):
        files.save(tmp_path / 'pool' / name, files.picture(label, np.random.RandomState(label), 20, 20))
    rows = [('a1', 'low'), ('A1', 'up'), ('a2.png', 'low'), ('A2.png', 'up'), ('1', 'low'), ('2', 'up')]
    layout = csv_source.listing(str(table(tmp_path / 'x.csv', rows))).layout
    found = {os.path.basename(member.path): layout.classes[member.label] for member in layout.train}
    low, up = ('01.png', 'a1.png', 'a2.png'), ('2.png', 'A1.png', 'A2.png')
    assert found == {**dict.fromkeys(low, 'low'), **dict.fromkeys(up, 'up')}


def test_classes_that_may_have_been_meant_for_one_are_named(tmp_path):
    rows = [(path, label.title() if i % 2 else label) for i, (path, label) in enumerate(images(tmp_path / 'images'))]
    ds = open_set(table(tmp_path / 'x.csv', rows))
    assert len(ds.classes) == 6 and any('alone are kept apart: Ant and ant, Bee and bee' in note for note in ds.notes)
    assert not any(
        'kept apart' in note for note in open_set(table(tmp_path / 'y.csv', images(tmp_path / 'other'))).notes
    )


def test_missing_images_count_as_corrupt_ones(tmp_path, caplog, one_line):
    rows = images(tmp_path / 'images')
    (tmp_path / rows[3][0]).unlink()
    (tmp_path / rows[12][0]).write_bytes(b'no image')
    (tmp_path / rows[20][0]).unlink()
    (tmp_path / rows[20][0]).symlink_to('nowhere')
    path = table(tmp_path / 'x.csv', rows)
    with caplog.at_level(logging.INFO):
        ds = open_set(path, max_bad=0.2)
    assert ds.sizes['train'] + ds.sizes['test'] == 21
    assert 'x.csv, line 5: no such image as images/ant003.png' in caplog.text
    with pytest.raises(UserError) as info:
        open_set(path, max_bad=0.05)
    assert '2 of 24' in one_line(info) and 'x.csv, line 5' in str(info.value)


def test_an_image_that_is_listed_twice_is_used_once(tmp_path):
    rows = images(tmp_path / 'images')
    ds = open_set(table(tmp_path / 'x.csv', rows + rows[:3]))
    assert ds.sizes['train'] + ds.sizes['test'] == 24 and any(
        '3 train images are listed more' in note for note in ds.notes
    )


def test_other_labels_are_other_data(tmp_path):
    rows = images(tmp_path / 'images')
    first = open_set(table(tmp_path / 'x.csv', rows)).fingerprint
    assert open_set(table(tmp_path / 'y.csv', rows[::-1])).fingerprint == first
    assert open_set(table(tmp_path / 'z.csv', [(rows[0][0], 'bee')] + rows[1:])).fingerprint != first


def test_the_fingerprint_does_not_say_where_the_images_lie(tmp_path):
    marks = set()
    for place in ('one', 'another'):
        (tmp_path / place).mkdir()
        rows = [(os.path.basename(path), label) for path, label in images(tmp_path / place / ('images' + place))]
        marks.add(open_set(table(tmp_path / place / 'x.csv', rows)).fingerprint)
    assert len(marks) == 1


def refused(tmp_path, build):
    root = tmp_path / 'd'
    root.mkdir()
    return build(root, images(root / 'images')) or root


@pytest.mark.parametrize(
    'build, words',
    [
        (lambda d, rows: table(d / 'x.csv', rows + [(rows[0][0], 'bee')]), ['line 26', 'is bee, but ant in', 'line 2']),
        (lambda d, rows: table(d / 'x.csv', rows + [('images/ant001.png', '')]), ['line 26', 'has no label']),
        (
            lambda d, rows: table(d / 'x.csv', [(p, 0.5 + i) for i, (p, _) in enumerate(rows)]),
            ['line 2: label 0.5', 'whole numbers'],
        ),
        (
            lambda d, rows: table(d / 'x.csv', [(p, 'c%d' % i) for i, (p, _) in enumerate(rows)]),
            ['24 different labels for 24 images'],
        ),
        (
            lambda d, rows: table(d / 'x.csv', [('nothing%d.png' % i, c) for i, (_, c) in enumerate(rows)]),
            ['line 2', 'none of its images', 'nothing0.png'],
        ),
        (
            lambda d, rows: table(d / 'x.csv', [(p, c, 'a', 'b') for p, c in rows], ('path', 'u', 'v', 'w')),
            ['which column is the label?', 'u, v, w'],
        ),
        (lambda d, rows: table(d / 'x.csv', [(p,) for p, c in rows], ('path',)), ['no column of labels']),
        (
            lambda d, rows: table(
                d / 'x.csv',
                [(p, c, 'x' if i else 'train') for i, (p, c) in enumerate(rows)],
                ('path', 'label', 'split'),
            ),
            ['line 3', "'x' is no set"],
        ),
        (
            lambda d, rows: table(d / 'x.csv', [(p, c, 'test') for p, c in rows], ('path', 'label', 'split')),
            ['column split leaves no rows for training'],
        ),
        (lambda d, rows: (d / 'x.csv').write_bytes(b'\x89PNG\0\0\0'), ['x.csv is not text']),
        (lambda d, rows: (d / 'x.csv').write_text(''), ['x.csv holds no rows']),
        (lambda d, rows: (table(d / 'a.csv', rows), table(d / 'b.csv', rows))[2:] or None, ['a.csv or b.csv']),
        (
            lambda d, rows: (table(d / 'train.csv', rows), table(d / 'test.csv', [(rows[0][0], 'eel')]))[2:] or None,
            ["class 'eel'", '3 training classes'],
        ),
        (lambda d, rows: table(d / 'x.csv', [(p, 'ant') for p, _ in rows]), ['x.csv: one class only (ant)']),
        (
            lambda d, rows: (
                files.save(d / 'images' / 'ant000.jpg', np.zeros((9, 9, 3), np.uint8)),
                table(d / 'x.csv', [(p[7:-4], c) for p, c in rows]),
            )[1],
            ['line 2', 'ant000.jpg or ant000.png'],
        ),
    ],
)
def test_refusals(tmp_path, build, words, one_line):
    path = refused(tmp_path, build)
    with pytest.raises(UserError) as info:
        open_set(path if hasattr(path, 'name') else tmp_path / 'd')
    text = one_line(info)
    assert all(word in text for word in words) and len(text.replace(str(tmp_path), '')) < 300, text


@pytest.mark.parametrize('what', ['', 'nowhere', 'empty', 'folders'])
def test_nothing_there(tmp_path, what, one_line):
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'folders' / 'a').mkdir(parents=True)
    (tmp_path / 'folders' / 'b').mkdir()
    with pytest.raises(NotFound) as info:
        open_set(tmp_path / what if what else '')
    assert 'train.csv' in one_line(info)


def test_paths_that_nothing_can_hold(tmp_path):
    """Names with NUL, without anything, or up and away are images that are not there."""
    rows = images(tmp_path / 'images')
    strange = [
        ('..', 'ant'),
        ('/', 'ant'),
        ('x' * 5000 + '.png', 'ant'),
        ('images', 'bee'),
        ('http://host/a.png', 'bee'),
        ('a/../b\n.png', 'cow'),
    ]
    ds = open_set(table(tmp_path / 'x.csv', rows + strange), max_bad=0.5)
    assert ds.sizes['train'] + ds.sizes['test'] == 24 and any(
        '6 listed images are not there' in note for note in ds.notes
    )
    assert all('\n' not in note for note in ds.notes)
