"""Manifests with anything in them: what readers rely on is right, or one line says what is not; also indexes, lists and record files."""

import json
import os
import tracemalloc

import numpy as np
import pytest

from dsonas.base.errors import UserError
from dsonas.data.records import check, ilsvrc, prepare, recordio, store
from dsonas.data.registry import load

from .. import ilsvrc_files as files


@pytest.fixture(scope='module')
def prepared(tmp_path_factory):
    root = tmp_path_factory.mktemp('small')
    train = files.write_folders(root / 'train', files.images(3, 6, size=(20, 30)))
    classes, items = ilsvrc.class_folder_items(str(train))
    prepare.prepare(str(root / 'records'), classes, items, items[:5], short_side=16, fraction=0.5)
    return root / 'records'


@pytest.fixture
def copied(prepared, tmp_path):
    for path in prepared.iterdir():
        if not path.name.startswith('.'):
            (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


WRONG = [
    None,
    True,
    -1,
    0.5,
    1e400,
    10**30,
    'x',
    '',
    [],
    [[]],
    [None],
    ['x'],
    [-1],
    [10**9],
    {},
    {'x': 1},
    {'weights.rec': 'x'},
]


def paths(value, at=()):
    """Every place in a manifest: of its keys and of the keys and entries within."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield at + (key,)
            yield from paths(inner, at + (key,))
    elif isinstance(value, list) and value:
        yield at + (0,)


def outcome(folder, reader='indexed'):
    """How opening ends: the sizes, or the message."""
    try:
        return load('imagenet', dir=str(folder), image_size=16, max_bad=1, reader=reader).sizes
    except UserError as error:
        return str(error)


def test_every_entry_with_every_wrong_value(copied):
    """For whatever stands there the records open as before, or a line names the manifest or the folder."""
    path = copied / 'manifest.json'
    manifest = json.loads(path.read_text())
    before, refused = outcome(copied), 0
    assert before == {'train': 18, 'weights': 9, 'gates': 9, 'test': 5}
    places = [place for place in paths(manifest) if place[0] not in ('plan', 'skipped')]
    assert len(places) > 30
    tracemalloc.start()
    try:
        for place in places:
            for wrong in WRONG:
                changed = json.loads(json.dumps(manifest))
                inner = changed
                for key in place[:-1]:
                    inner = inner[key]
                inner[place[-1]] = wrong
                path.write_text(json.dumps(changed))
                found = outcome(copied)
                if isinstance(found, str):
                    refused += 1
                    assert (
                        '\n' not in found
                        and (str(copied) in found or 'one class only' in found)
                        and len(found) < 300 + len(str(copied))
                    ), found
                elif place[0] not in ('bad', 'split'):
                    assert found == before, (place, wrong)
            changed = json.loads(json.dumps(manifest))
            inner = changed
            for key in place[:-1]:
                inner = inner[key]
            del inner[place[-1]]
            path.write_text(json.dumps(changed))
            assert '\n' not in str(outcome(copied)) and '\n' not in str(outcome(copied, 'recorditer'))
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()
    assert refused > 10 * len(places)


@pytest.mark.parametrize(
    'change, words',
    [
        (lambda m: m.update(train=['../x/weights.rec', 'gates.rec']), 'train is not a list of 1 or 2 names'),
        (lambda m: m.update(train=['weights.rec', 'weights.rec']), 'lists of different files'),
        (lambda m: m.update(bad={'weights.rec': [9]}), 'a list of numbers below 9'),
        (lambda m: m['files']['weights.rec'].update(records=True), 'records is not a whole number'),
        (lambda m: m['split'].update(fraction=1.5), 'a number between 0 and 1'),
        (lambda m: m.update(classes=list('ab') + [3]), 'classes is not a list of names'),
    ],
)
def test_messages(copied, change, words):
    manifest = json.loads((copied / 'manifest.json').read_text())
    change(manifest)
    (copied / 'manifest.json').write_text(json.dumps(manifest))
    assert words in outcome(copied) and 'manifest.json is damaged' in outcome(copied)


@pytest.mark.parametrize(
    'content', [b'', b'[]', b'null', b'\xff\xfe', b'[' * 100000, b'{"format": 1e999}', b'9' * 10000]
)
def test_no_manifest_at_all(copied, content):
    (copied / 'manifest.json').write_bytes(content)
    assert 'manifest.json' in outcome(copied) and '\n' not in outcome(copied)


def validated(folder):
    """How checking the files themselves ends."""
    for path in folder.iterdir():
        if path.name in ('manifest.json', 'train.idx'):
            path.unlink()
    try:
        return check.validate(str(folder), max_bad=0.3)['bad']
    except UserError as error:
        assert '\n' not in str(error) and str(folder) in str(error)
        return str(error)


def lines(path, change):
    path.write_text(''.join(change(i, line) for i, line in enumerate(path.read_text().splitlines(True))))


@pytest.mark.parametrize(
    'name, change, words',
    [
        ('gates.idx', lambda i, line: line if i != 3 else '3\t999999999999999999999999\n', 'gates.idx is not an index'),
        ('gates.idx', lambda i, line: line if i != 3 else '3\tx\n', 'gates.idx is not an index'),
        ('gates.idx', lambda i, line: line if i != 8 else '8\t%d\n' % (1 << 50), 'does not belong to'),
        ('gates.idx', lambda i, line: line if i < 8 else '', 'does not belong to'),
        ('gates.lst', lambda i, line: line if i < 8 else '', 'remove it to have it made from the records'),
        ('gates.lst', lambda i, line: line.replace('\t', '\t0.5', 1) if i == 2 else line, 'line 3: label 0.5'),
        ('gates.lst', lambda i, line: '2\tnan\tx\n' if i == 2 else line, 'line 3: label nan'),
        ('gates.lst', lambda i, line: '2\t1e12\tx\n' if i == 2 else line, 'line 3: label 1e+12'),
        ('gates.lst', lambda i, line: '2\t-1\tx\n' if i == 2 else line, 'line 3: label -1'),
        ('gates.lst', lambda i, line: '2\tcat\tx\n' if i == 2 else line, "line 3: 'cat' is no label"),
        ('gates.lst', lambda i, line: '2\t1\t0\tx.jpg\n' if i == 2 else line, 'line 3: several labels'),
        ('gates.lst', lambda i, line: '2 1 x\n' if i == 2 else line, 'line 3: expected 3 columns'),
    ],
)
def test_indexes_and_lists_that_disagree(copied, name, change, words):
    lines(copied / name, change)
    assert words in validated(copied) and words.split()[0] in validated(copied)


def test_whole_numbers_may_be_written_as_floats(copied):
    for stem in ('weights', 'gates', 'val'):
        lines(copied / (stem + '.lst'), lambda i, line: '%s\t%s.000000\t%s' % tuple(line.split('\t')))
    assert validated(copied) == {'weights.rec': [], 'gates.rec': [], 'val.rec': []}
    assert outcome(copied)['train'] == 18


@pytest.mark.parametrize('cut', [1, 4, 100, 5000])
def test_truncated_records(copied, cut):
    path = copied / 'gates.rec'
    path.write_bytes(path.read_bytes()[:-cut])
    assert 'gates.rec' in outcome(copied) and 'truncated' in outcome(copied)
    assert 'gates.rec is truncated' in validated(copied)


def test_an_offset_beyond_the_file_takes_no_memory(copied):
    file = recordio.RecordFile(str(copied / 'gates.rec'), [0, 1 << 45])
    tracemalloc.start()
    try:
        for i in (0, 1):
            try:
                file.read(i)
            except UserError as error:
                assert 'truncated' in str(error)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_a_damaged_record_without_a_list_is_skipped_like_any_other(copied):
    """Its label cannot be read, and that is no reason to refuse the others."""
    offsets = recordio.read_index(str(copied / 'gates.idx'))
    with open(str(copied / 'gates.rec'), 'r+b') as out:
        out.seek(int(offsets[2]) + 8)
        out.write(b'\xff' * 40)  # a flag that is a number of labels beyond the record, and no image
    (copied / 'gates.lst').unlink()
    assert validated(copied) == {'weights.rec': [], 'gates.rec': [2], 'val.rec': []}
    assert outcome(copied)['train'] == 17


def test_fingerprint_and_notes(copied):
    first = load('imagenet', dir=str(copied), image_size=16)
    assert len(first.fingerprint) == 64 and 'weights.rec (9), gates.rec (9), val.rec (5)' in first.notes[0]
    assert load('imagenet', dir=str(copied), image_size=24, seed=5).fingerprint == first.fingerprint
    assert load('imagenet', dir=str(copied), image_size=16, reader='recorditer').fingerprint == first.fingerprint
    validated(copied)
    assert load('imagenet', dir=str(copied), image_size=16).fingerprint == first.fingerprint
    rows = recordio.read_table(str(copied / 'val.lst'), 3)
    with open(str(copied / 'val.rec'), 'wb') as out:
        for i, label in enumerate(rows[1]):
            out.write(recordio.frame(recordio.pack(float(label), i, np.random.RandomState(i).bytes(10))))
    for name in ('val.idx', 'manifest.json'):
        os.unlink(str(copied / name))
    check.validate(str(copied), max_bad=1)
    manifest = store.read_manifest(str(copied))
    assert store.fingerprint(manifest) != first.fingerprint and manifest['bad']['val.rec'] == [0, 1, 2, 3, 4]


def test_a_split_of_two_files_does_not_matter_for_one(copied):
    """Where one training file takes the place of two, what was said of two is left out."""
    (copied / 'train.rec').write_bytes((copied / 'weights.rec').read_bytes())
    for name in ('weights.rec', 'train.idx'):
        (copied / name).unlink()
    manifest = check.validate(str(copied))
    assert manifest['train'] == ['train.rec'] and 'split' not in manifest
    assert outcome(copied) == {'train': 9, 'weights': 5, 'gates': 4, 'test': 5}
    assert 'data.reader=indexed' in outcome(copied, 'recorditer')
