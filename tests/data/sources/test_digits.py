"""The embedded digits: what is disjoint, the blend against a loop, the cache in every state."""

import multiprocessing
import os

import numpy as np
import pytest

from dsonas.base.errors import UserError
from dsonas.data import cache
from dsonas.data.registry import load
from dsonas.data.sources import digits


@pytest.fixture(scope='module')
def made():
    return digits.make()


def test_counts(made):
    ds = load('digits')
    assert ds.sizes == {'train': 4000, 'weights': 2000, 'gates': 2000, 'test': 5000}
    assert ds.image_size == 32 and ds.classes == tuple('0123456789')
    for part, each in (('train', 400), ('weights', 200), ('gates', 200), ('test', 500)):
        assert (np.bincount(ds.labels(part)) == each).all()
    assert np.bincount(made['test_digit']).max() == digits.TEST_CROPS


def test_digits_and_photograph_regions_are_disjoint(made):
    assert not set(made['train_digit']) & set(made['test_digit'])
    covered = {}
    for half in ('train', 'test'):
        covered[half] = np.zeros((2, 427, 640), bool)
        for photo, top, left in made[half + '_crop']:
            covered[half][photo, top : top + 32, left : left + 32] = True
    assert not (covered['train'] & covered['test']).any()
    assert covered['train'].mean() > 0.6 and covered['test'].mean() > 0.1


def test_blend_against_a_loop(made):
    pixels, labels = digits.handwritten()
    photos = digits.photographs()
    for half in ('train', 'test'):
        for i in range(0, 4000, 199):
            digit, (photo, top, left) = made[half + '_digit'][i], made[half + '_crop'][i]
            assert made[half + '_labels'][i] == labels[digit]
            patch = photos[photo, top : top + 32, left : left + 32].astype(int)
            candidates = [
                np.abs(patch - np.pad(pixels[digit], ((y, 4 - y), (x, 4 - x)))[..., None].astype(int))
                for y in range(5)
                for x in range(5)
            ]
            assert any(np.array_equal(made[half + '_images'][i].transpose(1, 2, 0), want) for want in candidates)


def test_made_twice_is_the_same(made):
    assert cache.digest(made) == digits.DIGEST == cache.digest(digits.make())


def test_cache_is_used_and_mended(made, tmp_path, monkeypatch):
    monkeypatch.setenv('DSONAS_CACHE', str(tmp_path / 'new'))
    calls = []
    monkeypatch.setattr(digits, 'make', lambda: calls.append(1) or made)
    path = tmp_path / 'new' / digits.FILE
    digits.arrays()
    digits.arrays()
    assert len(calls) == 1 and os.listdir(tmp_path / 'new') == [digits.FILE]
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    for damage in (whole[: len(whole) // 3], b'', bytes(flipped), b'not an archive'):
        path.write_bytes(damage)
        calls.clear()
        assert cache.digest(digits.arrays()) == digits.DIGEST and len(calls) == 1
        assert path.read_bytes() == whole


def test_another_result_is_an_error(made, tmp_path, monkeypatch, one_line):
    monkeypatch.setenv('DSONAS_CACHE', str(tmp_path))
    monkeypatch.setattr(digits, 'make', lambda: dict(made, test_labels=made['test_labels'] + 1))
    with pytest.raises(ValueError) as info:
        digits.arrays()
    assert 'sha256' in one_line(info) and not os.listdir(tmp_path)


def test_a_cache_folder_that_cannot_be(tmp_path, monkeypatch, one_line):
    (tmp_path / 'file').write_text('')
    monkeypatch.setenv('DSONAS_CACHE', str(tmp_path / 'file' / 'x'))
    with pytest.raises(UserError) as info:
        load('digits')
    assert 'DSONAS_CACHE' in one_line(info)


def _open(path, queue):
    os.environ['DSONAS_CACHE'] = path
    queue.put(cache.digest(digits.arrays()))


def test_two_processes_at_once(tmp_path):
    context = multiprocessing.get_context('fork')
    queue = context.Queue()
    workers = [context.Process(target=_open, args=(str(tmp_path), queue)) for _ in range(2)]
    for worker in workers:
        worker.start()
    assert [queue.get(timeout=120) for _ in workers] == [digits.DIGEST] * 2
    for worker in workers:
        worker.join()
    assert os.listdir(tmp_path) == [digits.FILE]


@pytest.mark.parametrize('size', [16, 48])
def test_image_size(size):
    ds = load('digits', image_size=size, limit=20)
    assert ds.image_size == size and next(ds.batches('test', 3, train=False))[0].shape == (3, 3, size, size)


def test_pixels_are_normalised():
    ds = load('digits', augment=False)
    x = np.concatenate([x for x, _ in ds.batches('train', 500, train=False)])
    np.testing.assert_allclose(x.mean((0, 2, 3)), 0, atol=1e-3)
    np.testing.assert_allclose(x.std((0, 2, 3)), 1, atol=1e-3)


def test_the_fingerprint_is_of_what_is_generated():
    assert load('digits').fingerprint == load('digits', limit=50, seed=3).fingerprint == digits.DIGEST
