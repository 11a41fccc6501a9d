"""Records: what is prepared, both readers, exactness of the indexed one, shards, and every damage in one line."""

import json

import cv2
import mxnet as mx
import numpy as np
import pytest

from dsonas.base.errors import UserError
from dsonas.data.records import check, ilsvrc, prepare, recordio, store
from dsonas.data.registry import load

from .. import ilsvrc_files as files

CLASSES, EACH = 6, 10
BOTH = pytest.mark.parametrize('reader', ['indexed', 'recorditer'])


def make(root, out, found, val, **options):
    train = files.write_folders(root / 'train', found)
    files.write_folders(root / 'val', val)
    classes, items = ilsvrc.class_folder_items(str(train))
    return prepare.prepare(
        str(out), classes, items, ilsvrc.validation(str(root / 'val'), classes), short_side=40, **options
    )


@pytest.fixture(scope='module')
def prepared(tmp_path_factory):
    root = tmp_path_factory.mktemp('ilsvrc')
    make(root, root / 'records', files.images(CLASSES, EACH), files.images(CLASSES, 3, seed=9))
    return root / 'records'


@pytest.fixture
def copied(prepared, tmp_path):
    for path in prepared.iterdir():
        if not path.name.startswith('.'):
            (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def open_set(folder, **options):
    return load('imagenet', dir=str(folder), image_size=options.pop('image_size', 32), **options)


def names(folder, stem):
    return recordio.read_table(str(folder / (stem + '.lst')), 3)[2]


def test_parts_are_disjoint_complete_and_stratified(prepared):
    weights, gates = names(prepared, 'weights'), names(prepared, 'gates')
    assert not set(weights) & set(gates) and len(set(weights + gates)) == CLASSES * EACH
    for stem, each in (('weights', 8), ('gates', 2), ('val', 3)):
        labels = [name.split('/')[0] for name in names(prepared, stem)]
        assert {labels.count(files.wnid(label)) for label in range(CLASSES)} == {each}
    manifest = store.read_manifest(str(prepared))
    assert manifest['split'] == {'fraction': 0.8, 'seed': 0} and manifest['classes'] == [
        files.wnid(i) for i in range(CLASSES)
    ]


@BOTH
def test_sizes_and_shapes(prepared, reader, collect):
    ds = open_set(prepared, reader=reader)
    assert ds.sizes == {'train': 60, 'weights': 48, 'gates': 12, 'test': 18} and len(ds.classes) == CLASSES
    x, y = next(ds.batches('weights', 8))
    assert x.shape == (8, 3, 32, 32) and x.dtype == np.float32 and y.dtype == np.int32
    x, y = collect(ds.batches('test', 7, train=False))
    assert len(x) == 18 and list(y) == list(ds.labels('test'))
    assert len(open_set(prepared, reader=reader, image_size=0, limit=0).batches('test', 5, train=False)) == 4


def test_both_readers_see_the_same_test_images(prepared, collect):
    first, second = (
        collect(open_set(prepared, reader=reader).batches('test', 5, train=False))[0]
        for reader in ('indexed', 'recorditer')
    )
    assert np.abs(first - second).mean() < 0.15 and np.abs(first - second)[:, :, 8:24, 8:24].mean() < 0.15


@BOTH
def test_parts_hold_what_they_should(prepared, reader, collect):
    ds = open_set(prepared, reader=reader)
    for part in ('train', 'weights', 'gates'):
        _, y = collect(ds.batches(part, 5, train=False))
        assert list(y) == list(ds.labels(part))
        _, y = collect(ds.batches(part, 4, epoch=1))
        assert sorted(y) == sorted(ds.labels(part))


@BOTH
def test_same_seed_same_batches_and_another_epoch_differs(prepared, reader):
    options = {'workers': 1} if reader == 'recorditer' else {}
    passes = [
        list(open_set(prepared, reader=reader, seed=3, cutout=8, **options).batches('weights', 8, epoch=epoch))
        for epoch in (1, 1, 2)
    ]
    for (x, y), (again_x, again_y) in zip(*passes[:2]):
        assert np.array_equal(x, again_x) and np.array_equal(y, again_y)
    assert any(not np.array_equal(first[1], second[1]) for first, second in zip(passes[0], passes[2]))


@BOTH
@pytest.mark.parametrize('train', [True, False])
def test_skip(prepared, reader, train):
    ds = open_set(prepared, reader=reader, workers=1, cutout=8)
    want = list(ds.batches('weights', 8, epoch=4, train=train))
    got = list(ds.batches('weights', 8, epoch=4, train=train, skip=4))
    assert len(want) == 6 and len(got) == 2
    for (x, y), (want_x, want_y) in zip(got, want[4:]):
        assert np.array_equal(x, want_x) and np.array_equal(y, want_y)


def test_the_number_of_threads_changes_nothing(prepared):
    first, second = (list(open_set(prepared, workers=workers).batches('gates', 4)) for workers in (1, 3))
    assert all(np.array_equal(a[0], b[0]) for a, b in zip(first, second))


@BOTH
@pytest.mark.parametrize('count', [1, 2, 3])
def test_shards_are_disjoint_and_complete(prepared, tmp_path, reader, count):
    # labels name the images: a class for each
    numbered = tmp_path / 'numbered'
    numbered.mkdir()
    rng = np.random.RandomState(0)
    for stem, total, first in (('weights', 23, 0), ('gates', 19, 23), ('val', 13, 0)):
        writer = mx.recordio.MXIndexedRecordIO(str(numbered / (stem + '.idx')), str(numbered / (stem + '.rec')), 'w')
        for i in range(total):
            image = rng.randint(0, 255, (40, 40, 3)).astype(np.uint8)
            writer.write_idx(i, mx.recordio.pack_img(mx.recordio.IRHeader(0, first + i, i, 0), image))
        writer.close()
    check.validate(str(numbered))
    ds = open_set(numbered, reader=reader)
    for part, total in (('train', 42), ('gates', 19), ('test', 13)):
        for train in (True, False):
            shards = [
                [int(label) for _, y in ds.batches(part, 2, train=train, shard=(index, count)) for label in y]
                for index in range(count)
            ]
            together = sum(shards, [])
            assert len(together) == len(set(together)) and set(together) <= set(ds.labels(part))
            if train:
                assert len({len(shard) for shard in shards}) == 1 and len(together) > total - 3 * count - 2
            else:
                assert len(together) == total


def test_augmentation_is_alike_in_both_readers(prepared):
    """Means and deviations of augmented pixels, over several epochs, agree between the two readers, but for MXNet's clipping."""
    moments = []
    for reader in ('indexed', 'recorditer'):
        ds = open_set(prepared, reader=reader)
        x = np.concatenate([x for epoch in range(12) for x, _ in ds.batches('train', 20, epoch=epoch)])
        moments.append((x.mean((0, 2, 3)), x.std((0, 2, 3))))
    np.testing.assert_allclose(moments[0][0], moments[1][0], atol=0.2)
    np.testing.assert_allclose(moments[0][1], moments[1][1], rtol=0.15)


def test_another_split_and_a_limit(prepared, one_line):
    ds = open_set(prepared, split=0.5)
    assert ds.sizes['weights'] == ds.sizes['gates'] == 30 and not set(ds.indices('weights')) & set(ds.indices('gates'))
    limited = open_set(prepared, limit=24)
    assert limited.sizes['train'] == 24 and (np.bincount(limited.labels('train')) == 4).all()
    for options in ({'split': 0.5}, {'limit': 24}):
        with pytest.raises(ValueError) as info:
            open_set(prepared, reader='recorditer', **options)
        assert 'data.reader=indexed' in one_line(info)
    assert open_set(prepared, reader='recorditer', split=0.8).sizes['weights'] == 48


@BOTH
def test_fewer_images_than_a_batch(prepared, reader, one_line):
    ds = open_set(prepared, reader=reader)
    for batch, shard in ((13, (0, 1)), (7, (0, 2))):
        with pytest.raises(ValueError) as info:
            ds.batches('gates', batch, shard=shard)
        assert 'fewer than a batch' in one_line(info)
    assert [len(y) for _, y in ds.batches('gates', 50, train=False)] == [12]


def truncate(name):
    def damage(folder):
        path = folder / name
        path.write_bytes(path.read_bytes()[:-100])

    return damage


def copy(source, target):
    return lambda folder: (folder / target).write_bytes((folder / source).read_bytes())


def edit(change):
    def damage(folder):
        manifest = json.loads((folder / 'manifest.json').read_text())
        change(manifest)
        (folder / 'manifest.json').write_text(json.dumps(manifest))

    return damage


def flip_magic(folder):
    content = bytearray((folder / 'gates.rec').read_bytes())
    content[0] ^= 1
    (folder / 'gates.rec').write_bytes(bytes(content))


@BOTH
@pytest.mark.parametrize(
    'damage, words',
    [
        (truncate('weights.rec'), ['weights.rec', 'truncated', 'manifest says']),
        (truncate('val.rec'), ['val.rec', 'truncated']),
        (copy('gates.rec', 'weights.rec'), ['weights.rec', 'bytes']),
        (copy('gates.idx', 'weights.idx'), ['weights.idx', 'does not belong']),
        (copy('weights.lst', 'gates.lst'), ['gates.lst', 'does not belong']),
        (lambda folder: (folder / 'val.idx').unlink(), ['val.idx', 'missing']),
        (lambda folder: (folder / 'manifest.json').unlink(), ['manifest.json', 'prepare_imagenet.py']),
        (lambda folder: (folder / 'manifest.json').write_text('{'), ['manifest.json', 'damaged']),
        (edit(lambda manifest: manifest.update(version=9)), ['version 9', 'version 1']),
        (edit(lambda manifest: manifest.pop('classes')), ['lacks classes']),
        (edit(lambda manifest: manifest.update(classes=manifest['classes'][:3])), ['label', '3 classes']),
        (edit(lambda manifest: manifest.update(classes=['one'])), ['one class only']),
        (
            edit(lambda manifest: manifest.update(bad={'weights.rec': [3, 5]})),
            ['2 of 78 images are corrupt', 'data.max_bad'],
        ),
        (flip_magic, ['gates.rec', 'record 0', 'no record starts there']),
    ],
)
def test_damage(copied, damage, words, reader, one_line):
    damage(copied)
    with pytest.raises(UserError) as info:
        open_set(copied, reader=reader)
    text = one_line(info)
    assert all(word in text for word in words), text


def test_bad_records_are_passed_over_by_the_indexed_reader(copied, one_line, caplog):
    edit(lambda manifest: manifest.update(bad={'weights.rec': [3, 5], 'val.rec': [0]}))(copied)
    ds = open_set(copied, max_bad=0.1)
    assert ds.sizes == {'train': 58, 'weights': 46, 'gates': 12, 'test': 17}
    assert '3 of 78 images' in caplog.text and 'weights.rec, record 5' in caplog.text
    with pytest.raises(ValueError) as info:
        open_set(copied, max_bad=0.1, reader='recorditer')
    assert 'damaged records' in one_line(info)


def spoil(folder, stem, number):
    """Overwrite the image of a record, its framing left whole."""
    offsets = recordio.read_index(str(folder / (stem + '.idx')))
    with open(str(folder / (stem + '.rec')), 'r+b') as file:
        file.seek(int(offsets[number]) + 8 + 24)
        file.write(b'\0' * 200)


def test_a_record_damaged_later_is_named_and_validation_lists_it(copied, one_line):
    spoil(copied, 'weights', 5)
    ds = open_set(copied)
    with pytest.raises(ValueError) as info:
        list(ds.batches('weights', 8, train=False))
    assert 'weights.rec: record 5' in one_line(info) and '--validate' in str(info.value)
    manifest = check.validate(str(copied), max_bad=0.05)
    assert manifest['bad']['weights.rec'] == [5] and manifest['split'] == {'fraction': 0.8, 'seed': 0}
    ds = open_set(copied, max_bad=0.05)
    assert ds.sizes['weights'] == 47 and len(list(ds.batches('weights', 8, train=False))) == 6


@pytest.mark.parametrize('with_index', [True, False])
def test_records_made_by_others(tmp_path, with_index, one_line):
    rng = np.random.RandomState(0)
    for stem, count in (('train', 30), ('val', 9)):
        writer = mx.recordio.MXIndexedRecordIO(str(tmp_path / (stem + '.idx')), str(tmp_path / (stem + '.rec')), 'w')
        for i in range(count):
            image = rng.randint(0, 255, (40, 50, 3)).astype(np.uint8)
            writer.write_idx(i + 100, mx.recordio.pack_img(mx.recordio.IRHeader(0, i % 3, i + 100, 0), image))
        writer.close()
        if not with_index:
            (tmp_path / (stem + '.idx')).unlink()
    with pytest.raises(UserError) as info:
        open_set(tmp_path)
    assert '--validate' in one_line(info)
    check.validate(str(tmp_path))
    ds = open_set(tmp_path, split=0.5)
    assert ds.sizes == {'train': 30, 'weights': 15, 'gates': 15, 'test': 9} and len(ds.classes) == 3
    assert next(ds.batches('train', 4))[0].shape == (4, 3, 32, 32)
    with pytest.raises(ValueError) as info:
        open_set(tmp_path, reader='recorditer')
    assert 'data.reader=indexed' in one_line(info)


@pytest.mark.parametrize(
    'damage, words',
    [
        (truncate('val.rec'), ['val.rec', 'truncated']),
        (copy('val.idx', 'gates.idx'), ['gates.idx', 'does not belong']),
        (copy('weights.lst', 'gates.lst'), ['12 records', '48 in gates.lst']),
        (lambda folder: (folder / 'val.rec').unlink(), ['no val.rec']),
    ],
)
def test_validation_refuses(copied, damage, words, one_line):
    damage(copied)
    with pytest.raises(UserError) as info:
        check.validate(str(copied))
    text = one_line(info)
    assert all(word in text for word in words), text


@pytest.mark.parametrize(
    'options, words',
    [({'reader': 'other'}, 'one of indexed, recorditer'), ({'dir': '/no/such'}, '/no/such: no such folder')],
)
def test_refused_options(prepared, options, words, one_line):
    with pytest.raises((ValueError, OSError)) as info:
        load('imagenet', **dict({'dir': str(prepared)}, **options))
    assert words in one_line(info)


def test_colours_are_not_exchanged(tmp_path):
    """A red image stays red on its way through both readers."""
    red = cv2.imencode('.jpg', np.full((40, 40, 3), (0, 0, 250), np.uint8))[1].tobytes()
    for part in ('train', 'val'):
        for name in ('a', 'b'):
            for i in range(6):
                path = tmp_path / part / name / ('%d.jpg' % i)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(red)
    classes, items = ilsvrc.class_folder_items(str(tmp_path / 'train'))
    prepare.prepare(str(tmp_path / 'records'), classes, items, ilsvrc.validation(str(tmp_path / 'val'), classes))
    for reader in ('indexed', 'recorditer'):
        x, _ = next(open_set(tmp_path / 'records', reader=reader).batches('test', 2, train=False))
        assert (x[:, 0] > 1.9).all() and (x[:, 1:] < -1.5).all()
