"""The interface of every data set: parts, order, shards, skip, refusals; on arrays whose images name themselves."""

import numpy as np
import pytest

from dsonas.data import augment
from dsonas.data.dataset import PARTS, DataSet, Images, Options
from dsonas.data.registry import DATASETS, Entry, kept_open, load


def numbered(count, first=0, classes=5):
    """Images that carry their own number in every pixel (two bytes), and labels that go round."""
    numbers = np.arange(first, first + count)
    images = np.zeros((count, 3, 8, 8), np.uint8)
    images[:, 0], images[:, 1] = (numbers % 256)[:, None, None], (numbers // 256)[:, None, None]
    return Images(images, numbers % classes, augment.Transform((0.0,) * 3, (1 / 255.0,) * 3))


def dataset(train=1003, test=57, **options):
    return DataSet(
        'numbered',
        list('abcde'),
        numbered(train),
        numbered(test, 5000),
        (0.0,) * 3,
        (1 / 255.0,) * 3,
        Options(**options),
    )


def numbers(batches):
    return [int(round(float(image[0, 0, 0] + 256 * image[1, 0, 0]))) for x, _ in batches for image in x]


def test_parts():
    ds = dataset(split=0.8, seed=4)
    seen = {part: numbers(ds.batches(part, 10, train=False)) for part in PARTS}
    assert {part: len(seen[part]) for part in PARTS} == ds.sizes
    assert not set(seen['weights']) & set(seen['gates'])
    assert sorted(seen['weights'] + seen['gates']) == seen['train'] == list(range(1003))
    assert seen['test'] == list(range(5000, 5057))
    assert abs(ds.sizes['weights'] - 0.8 * 1003) <= 3


def test_shapes_and_types():
    ds = dataset()
    for train in (True, False):
        x, y = next(ds.batches('train', 16, train=train))
        assert x.shape == (16, 3, 8, 8) and x.dtype == np.float32 and y.shape == (16,) and y.dtype == np.int32
        assert all(label == number % 5 for label, number in zip(y, numbers([(x, y)])))


def test_training_drops_the_last_batch_and_evaluation_keeps_it():
    ds = dataset()
    assert len(ds.batches('train', 100)) == 10 == ds.num_batches('train', 100)
    batches = ds.batches('test', 50, train=False)
    assert len(batches) == 2 and [len(y) for _, y in batches] == [50, 7]


def test_an_epoch_visits_each_image_at_most_once_in_another_order_each_time():
    ds = dataset(seed=2)
    first, again, second = (numbers(ds.batches('weights', 50, epoch=epoch)) for epoch in (1, 1, 2))
    assert first == again and first != second
    assert len(set(first)) == len(first) == 500
    assert first != sorted(first) and set(first) <= set(ds.indices('weights'))
    assert numbers(dataset(seed=3).batches('train', 50)) != numbers(ds.batches('train', 50))


def test_order_does_not_depend_on_batch_size():
    ds = dataset()
    assert numbers(ds.batches('train', 10)) == numbers(ds.batches('train', 250))


@pytest.mark.parametrize('train', [True, False])
@pytest.mark.parametrize('count', [1, 2, 3, 7])
def test_shards_are_disjoint_and_complete(count, train):
    ds = dataset(train=600)
    seen = [numbers(ds.batches('train', 5, train=train, shard=(index, count))) for index in range(count)]
    together = sum(seen, [])
    assert len(together) == len(set(together))
    assert len({len(part) for part in seen}) == 1 or not train
    assert len(together) > 600 - 5 * count if train else len(together) == 600


def test_shards_together_make_the_batches_of_one_reader():
    ds = dataset()
    whole = [set(numbers([batch])) for batch in ds.batches('train', 12, epoch=3)]
    shards = [
        [set(numbers([batch])) for batch in ds.batches('train', 4, epoch=3, shard=(index, 3))] for index in range(3)
    ]
    assert whole == [set.union(*batches) for batches in zip(*shards)]


@pytest.mark.parametrize('train', [True, False])
def test_skip_is_exact(train):
    ds = load('digits', limit=300, cutout=8)
    want = list(ds.batches('weights', 32, epoch=5, train=train))[2:]
    got = list(ds.batches('weights', 32, epoch=5, train=train, skip=2))
    assert len(want) == len(got) > 1
    for (x, y), (want_x, want_y) in zip(got, want):
        assert np.array_equal(x, want_x) and np.array_equal(y, want_y)


def test_augmentation_differs_between_epochs_and_not_between_worker_counts():
    ds = load('digits', limit=100, seed=1)
    more = load('digits', limit=100, seed=1, workers=3)
    for epoch in (0, 1):
        x, y = next(ds.batches('train', 100, epoch=epoch))
        again, _ = next(more.batches('train', 100, epoch=epoch))
        assert np.array_equal(x, again)
    order = [ds.order('train', epoch).argsort() for epoch in (0, 1)]
    first, second = (next(ds.batches('train', 100, epoch=epoch))[0][order[epoch]] for epoch in (0, 1))
    assert 0.5 < np.mean([not np.array_equal(a, b) for a, b in zip(first, second)]) <= 1


def test_a_shard_augments_a_sample_as_one_reader_would():
    ds = load('digits', limit=100)
    whole, _ = next(ds.batches('train', 20))
    for index in (0, 1):
        assert np.array_equal(next(ds.batches('train', 10, shard=(index, 2)))[0], whole[index::2])


def test_augment_off():
    ds = load('digits', limit=50, augment=False)
    x, _ = next(ds.batches('train', 50))
    plain = np.concatenate([x for x, _ in ds.batches('train', 50, train=False)])
    assert np.array_equal(x, plain[ds.order('train', 0)])


def test_refusals(one_line):
    ds = dataset(train=40)
    for call, words in [
        (lambda: ds.batches('weights', 64), 'part weights has 20 images, fewer than a batch of 64'),
        (lambda: ds.batches('train', 16, shard=(0, 3)), 'fewer than a batch of 16 for each of 3 workers'),
        (lambda: ds.batches('lambda', 4), "'lambda': one of train, weights, gates, test"),
        (lambda: ds.batches('train', 4, shard=(2, 2)), 'shard 2 of 2'),
        (lambda: DataSet('d', ['a'], numbered(9), numbered(9), (0,), (1,), Options()), 'one class only'),
        (
            lambda: DataSet('d', list('abc'), numbered(9), numbered(9), (0,), (1,), Options()),
            'label 3, but there are 3 classes',
        ),
        (lambda: DataSet('d', list('abcde'), numbered(9), numbered(0), (0,), (1,), Options()), 'no test images'),
        (lambda: load('nope'), "unknown data set 'nope'; known: " + ', '.join(DATASETS)),
        (lambda: load('digits', cutuot=3), 'did you mean cutout'),
        (lambda: load('digits', split=1.0), 'data.split=1'),
        (lambda: load('digits', image_size=4), 'data.image_size=4'),
        (lambda: load('digits', limit=-3), 'data.limit=-3'),
    ]:
        with pytest.raises(ValueError) as info:
            call()
        assert words in one_line(info)


def test_equal_data_are_opened_once_while_they_are_kept_open():
    opened = []

    def open_data(options):
        opened.append(options)
        return dataset(seed=options.seed)

    with DATASETS.restored() as registry:
        registry.register('numbered', Entry(open_data))
        with kept_open():
            first, other = load('numbered'), load('numbered', seed=1)
            assert load('numbered') is first and load('numbered', seed=1) is other and len(opened) == 2
            with kept_open():
                assert load('numbered') is first
            for seed in range(2, 6):
                load('numbered', seed=seed)
            assert load('numbered') is not first  # only the last ones are kept
        assert load('numbered') is not load('numbered')


def test_options_may_be_lists_as_files_hold_them():
    seen = []
    with DATASETS.restored() as registry:
        registry.register('numbered', Entry(lambda options: seen.append(options) or dataset()))
        load('numbered', scale=[])
    assert seen[0].scale == ()
