"""Test images without class folders, whose classes a list beside them tells."""

import os

import pytest

from dsonas.data.sources import layout

from .test_layouts import build, by_class, in_folders

CLASSES = ('ant', 'bee')


def lines(separator, *more, header=''):
    rows = [separator.join((f'{number}.png', CLASSES[number % 2], *more)) for number in range(5)]
    return '\n'.join(([header] if header else []) + rows) + '\n'


@pytest.mark.parametrize('place', ['val', 'val/images'])
@pytest.mark.parametrize('wrapper', ['', 'tiny-imagenet-200/'])
@pytest.mark.parametrize(
    'name, text',
    [
        ('val_annotations.txt', lines('\t', '0', '0', '62', '62')),
        ('labels.csv', lines(',', header='file,class')),
        ('truth.tsv', lines('\t')),
        ('any.txt', lines(' ')),
        ('ids.csv', lines(';', header='id;class').replace('.png', '')),
    ],
)
def test_a_list_beside_the_images(tmp_path, place, wrapper, name, text):
    root = build(
        tmp_path, '; '.join((in_folders(wrapper + 'train/'), f'{wrapper}{place}: 5', f'{wrapper}test/images: 4'))
    )
    (tmp_path / wrapper / 'val' / name).write_text(text)
    found = layout.find(root)
    assert by_class(found, found.train) == [3, 2] and by_class(found, found.test) == [3, 2]
    assert found.test_from == wrapper + 'val' and len({member.path for member in found.test}) == 5
    assert any(f'classes of its images from {wrapper}val/{name}' in note for note in found.notes)
    assert any('test: 4 images without class folders, not used' in note for note in found.notes)


@pytest.mark.parametrize(
    'text',
    [
        '',
        'words\n',
        lines('\t').replace('bee', 'cow'),  # none of the classes
        lines('\t').replace('png', 'x', 4).replace('0', '7'),  # few of the images
        lines('\t') + '0.png\tbee\n',  # two classes
        lines('\t', 'ant'),  # two columns that may be meant
        '\x00\x01',
    ],
)
def test_what_is_no_such_list(tmp_path, text):
    root = build(tmp_path, in_folders('train') + '; val: 5')
    (tmp_path / 'val' / 'list.txt').write_text(text)
    found = layout.find(root)
    assert not found.test and any('val: 5 images without class folders, not used' in note for note in found.notes)


@pytest.mark.parametrize(
    'folder, name, taken',
    [
        ('test', 'test_labels.csv', True),
        ('Test', 'test.csv', True),
        ('wrapped/val', 'wrapped/val.txt', True),
        ('data/val', 'val_list.txt', True),
        ('test', 'train_labels.csv', False),
        ('test', 'labels.csv', False),  # may be of others
        ('test', 'test_submission.csv', False),  # to be filled in
        ('test', 'test/sampleSubmission.csv', False),
    ],
)
def test_a_list_above_that_is_called_after_the_set(tmp_path, folder, name, taken):
    root = build(tmp_path, in_folders(os.path.join(os.path.dirname(folder), 'train')) + f'; {folder}: 5')
    (tmp_path / name).write_text(lines(','))
    found = layout.find(root)
    assert by_class(found, found.test) == ([3, 2] if taken else [0, 0])


def test_images_that_are_not_in_the_list_are_counted(tmp_path):
    root = build(tmp_path, in_folders('train') + '; test: 7')
    (tmp_path / 'test' / 'list.txt').write_text(lines('\t'))
    found = layout.find(root)
    assert by_class(found, found.test) == [3, 2] and any(
        '2 images are not in it and not used' in n for n in found.notes
    )
