"""data.json: read as written, refused when damaged, compared by class name and fingerprint."""

import dataclasses
import json
import pathlib

import pytest

from dsonas.base.errors import UserError
from dsonas.runfiles import data
from dsonas.runfiles.data import DataDescription

OLD = pathlib.Path(__file__).resolve().parent.parent / 'old_runs' / '0.1.0'
PARTS = {'train': [4, 6], 'weights': [2, 3], 'gates': [2, 3], 'test': [1, 2]}
MADE = DataDescription(
    'folder', ['cat', 'dog'], 16, '/images', PARTS, 0.5, 0.2, 10, 3, ['a note, with "quotes"'], 'ab12' * 16
)


def changed(**fields):
    return dataclasses.replace(MADE, **fields)


def test_round_trip(tmp_path):
    data.write_data(str(tmp_path), MADE)
    assert data.read_data(str(tmp_path / 'data.json')) == MADE == data.known_data(str(tmp_path))
    assert MADE.total('train') == 10 and changed(counts={}).total('train') is None


def test_a_later_version_may_add_keys_and_an_earlier_one_may_lack_optional_ones(tmp_path):
    content = {'format': data.FORMAT, 'version': data.VERSION, 'name': 'x', 'classes': ['a', 'b'], 'image_size': 8}
    (tmp_path / 'data.json').write_text(json.dumps(dict(content, of_the_future=[1])))
    found = data.read_data(str(tmp_path / 'data.json'))
    assert found == DataDescription('x', ['a', 'b'], 8) and found.fingerprint == '' and found.counts == {}


@pytest.mark.parametrize(
    'value', [None, 3, -1, 1e400, float('nan'), True, 'text', '', [], [1], ['a'], {}, {'train': [1, 2]}]
)
@pytest.mark.parametrize('key', [field.name for field in dataclasses.fields(DataDescription)])
def test_every_type_in_every_place_is_read_or_refused_in_one_line(tmp_path, key, value):
    content = {'format': data.FORMAT, 'version': data.VERSION, **dataclasses.asdict(MADE), key: value}
    path = tmp_path / 'data.json'
    path.write_text(json.dumps(content))
    try:
        found = data.read_data(str(path))
    except UserError as error:
        assert str(path) in str(error) and '\n' not in str(error) and key in str(error)
    else:
        assert getattr(found, key) == value and found.total('test') in (3, None)


@pytest.mark.parametrize('content', ['', '[]', '{', '3', '{"format": "dsonas.data", "version": 2}', '\x00\xff'])
def test_other_content_is_refused_with_the_name_of_the_file(tmp_path, content):
    (tmp_path / 'data.json').write_bytes(content.encode('latin-1'))
    with pytest.raises(UserError, match='data.json'):
        data.read_data(str(tmp_path / 'data.json'))


def test_an_old_run_is_known_by_its_network_and_by_nothing_else():
    found = data.known_data(str(OLD / 'finished'))
    assert found.name == 'digits' and len(found.classes) == 10 and found.image_size == 16
    assert found.counts == {} and found.fingerprint == ''
    assert data.known_data(str(OLD / 'stopped')) is None
    now = dataclasses.replace(found, counts={part: [1] * 10 for part in PARTS}, fingerprint='12', dir='/x')
    assert data.identity_differences(found, now) == [] and data.count_differences(found, now) == []


@pytest.mark.parametrize(
    'now, expected',
    [
        ({}, []),
        ({'dir': '/elsewhere', 'notes': [], 'seed': 9}, []),
        ({'fingerprint': ''}, []),
        ({'fingerprint': 'cd' * 32}, ['other images (fingerprint ab12ab12 -> cdcdcdcd)']),
        ({'name': 'digits'}, ['data set folder -> digits']),
        ({'classes': ['dog', 'cat']}, ['classes in another order (cat, dog -> dog, cat)']),
        ({'classes': ['cat', 'eel']}, ['classes without dog and with eel']),
        ({'classes': ['cat', 'dog', 'eel']}, ['classes with eel']),
    ],
)
def test_what_makes_data_other_data(now, expected):
    assert data.identity_differences(MADE, changed(**now)) == expected


def test_numbers_of_images_are_compared_by_class_name():
    assert data.count_differences(MADE, changed(counts=dict(PARTS, test=[2, 2]))) == ['3 -> 4 test images']
    assert data.count_differences(MADE, changed(counts=dict(PARTS, train=[5, 5]))) == [
        '4 -> 5 training images of class cat'
    ]
    swapped = changed(classes=['dog', 'cat'], counts={part: numbers[::-1] for part, numbers in PARTS.items()})
    assert data.count_differences(MADE, swapped) == []
    assert data.count_differences(MADE, changed(counts={})) == []
    assert data.count_differences(MADE, changed(counts=dict(PARTS, train=[9, 9])), ('test',)) == []


def test_classes_find_their_places_by_name():
    assert data.class_places(['a', 'b', 'c'], ['c', 'a']) == [2, 0]
    assert data.class_places(['crane', 'crane', 'x'], ['crane', 'crane', 'x']) == [0, 1, 2], 'equal lists need no names'
    with pytest.raises(UserError, match='does not have: d, e; it has a, b, c'):
        data.class_places(['a', 'b', 'c'], ['d', 'a', 'e'])
    with pytest.raises(UserError, match='two of them are called crane'):
        data.class_places(['crane', 'crane', 'x'], ['x', 'crane'])


def test_lines_stay_short():
    many = [
        f'class number {number}, whose name is rather long, as names of classes are at times' for number in range(1000)
    ]
    texts = [data.names_of(many), data.class_difference(many, many[::-1]), data.class_difference(many, ['a', 'b'])]
    assert all(len(text) < 300 for text in texts) and texts[0].endswith('and 999 more')
