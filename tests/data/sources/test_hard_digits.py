"""Harder digits: what stays as it is, the look-up against a plain reference, fragments, refusals, the cache."""

import math
import os

import numpy as np
import pytest

from dsonas.base.errors import UserError
from dsonas.data.registry import load
from dsonas.data.sources import digits
from dsonas.data.sources.digit_canvas import Hardness, drawn, fragments, harder, placed
from dsonas.train.config import settings

ALL = Hardness(30.0, (0.6, 1.2), 3)


@pytest.fixture(scope='module')
def pool():
    return digits.handwritten()[0][::100]


@pytest.fixture
def few(monkeypatch, tmp_path):
    """50 digits of each class, 40 of them for training."""
    pixels, labels = digits.handwritten()
    monkeypatch.setattr(digits, 'handwritten', lambda: (pixels[::10], labels[::10]))
    monkeypatch.setattr(digits, 'TRAIN_PER_CLASS', 40)
    monkeypatch.setattr(digits, 'TEST_CROPS', 2)
    monkeypatch.setenv('DSONAS_CACHE', str(tmp_path))


def uniforms(count, **fixed):
    rng = np.random.RandomState(5)
    names = ('turn', 'scale', 'y', 'x', 'other', 'point', 'top', 'left')
    return {name: np.full(count, fixed[name]) if name in fixed else rng.random_sample(count) for name in names}


def blur(picture):
    """The mean over 2 × 2 points a quarter of a pixel off the middle, each between four pixels."""
    weights = {-1: 0.125, 0: 0.75, 1: 0.125}
    return sum(
        weights[y] * weights[x] * np.roll(np.roll(picture.astype(float), y, 0), x, 1) for y in weights for x in weights
    )


def test_off_by_default():
    assert not Hardness() and not Hardness(scale=(1.0, 1.0)) and ALL
    assert load('digits', limit=20).fingerprint == digits.DIGEST and load('digits', limit=20).notes == ()


def test_a_digit_that_is_neither_turned_nor_scaled_is_as_written(pool):
    shifts = np.arange(len(pool)) % 5
    draws = uniforms(len(pool), turn=0.5)
    draws.update(y=shifts / 4, x=shifts[::-1] / 4)
    made = drawn(pool, draws, Hardness(30.0))
    wanted = placed(pool, np.stack([shifts, shifts[::-1]], 1))
    blurred = np.stack([blur(canvas) for canvas in wanted])
    assert np.abs(made - blurred)[:, 1:-1, 1:-1].max() <= 1


def test_look_up_against_a_loop(pool):
    draws = uniforms(4)
    made = drawn(pool[:4], draws, Hardness(60.0, (0.5, 1.4)))
    for number, digit in enumerate(pool[:4]):
        scale = 0.5 + 0.9 * draws['scale'][number]
        angle = math.radians(60 * (2 * draws['turn'][number] - 1))
        low, high = sorted((0.0, 32 - 28 * scale))
        low, high = max(low, -4 * scale), min(high, 32 - 24 * scale)
        top, left = (low + (high - low) * draws[name][number] for name in 'yx')

        def at(row, column, digit=digit):
            return float(digit[row, column]) if 0 <= row < 28 and 0 <= column < 28 else 0.0

        for y, x in np.random.RandomState(number).randint(0, 32, (60, 2)):
            total = 0.0
            for dy in (0.25, 0.75):
                for dx in (0.25, 0.75):
                    v, u = (y + dy - top) / scale - 14, (x + dx - left) / scale - 14
                    row = math.cos(angle) * v - math.sin(angle) * u + 13.5
                    column = math.sin(angle) * v + math.cos(angle) * u + 13.5
                    r, c = math.floor(row), math.floor(column)
                    f, g = row - r, column - c
                    total += (1 - f) * ((1 - g) * at(r, c) + g * at(r, c + 1))
                    total += f * ((1 - g) * at(r + 1, c) + g * at(r + 1, c + 1))
            assert abs(made[number, y, x] - total / 4) < 3


@pytest.mark.parametrize('scale', [0.3, 0.6, 1.0, 1.2, 1.6])
def test_scaled_digits_stay_within_the_image(pool, scale):
    ink = drawn(pool, uniforms(len(pool)), Hardness(scale=(scale, scale))).sum((1, 2)) / pool.sum((1, 2))
    assert (np.abs(ink / scale**2 - 1) < 0.12).all()  # nothing but a stroke's edge is cut off


def test_fragments_are_squares_around_ink(pool):
    draws = uniforms(len(pool), turn=0.5)
    squares = fragments(pool, draws, Hardness(30.0))
    assert squares.shape == (len(pool), 9, 9)
    for digit, square in zip(pool, squares):
        framed = blur(np.pad(digit, 5))
        near = [np.abs(framed[y : y + 9, x : x + 9] - square).max() for y, x in np.argwhere(digit > 127) + 1]
        assert min(near) <= 1
    assert not fragments(np.zeros((1, 28, 28), np.uint8), uniforms(1), ALL).any()


def test_clutter_adds_ink_of_the_own_half_and_takes_none_away(pool):
    chosen = np.arange(len(pool))
    plain = harder(pool, chosen, 'test', Hardness(30.0))
    cluttered = harder(pool, chosen, 'test', Hardness(30.0, (), 2))
    assert (cluttered >= plain).all() and ((cluttered > plain).any((1, 2))).mean() > 0.9
    one_digit = np.zeros_like(pool)
    one_digit[0] = pool[0]  # of a half with one digit that has ink, fragments are of it
    assert (harder(one_digit, np.zeros(5, int), 'test', Hardness(clutter=2)) > 0).any((1, 2)).all()


def test_one_option_does_not_move_what_another_draws(pool):
    chosen = np.arange(len(pool))
    turned = harder(pool, chosen, 'train', Hardness(30.0))
    assert np.array_equal(harder(pool, chosen, 'train', Hardness(30.0)), turned)
    assert not np.array_equal(harder(pool, chosen, 'test', Hardness(30.0)), turned)
    assert np.array_equal(harder(pool, chosen, 'train', Hardness(30.0, (1.0, 1.0))), turned)


def test_the_same_digits_and_crops_as_without(few):
    plain, hard = digits.make(), digits.make(ALL)
    assert set(plain) == set(hard)
    for name in plain:
        assert np.array_equal(plain[name], hard[name]) != name.endswith('_images')
        assert plain[name].shape == hard[name].shape and plain[name].dtype == hard[name].dtype


def test_another_name_in_the_cache_another_fingerprint_and_a_note(few, tmp_path, monkeypatch):
    first = load('digits', rotate=30, clutter=1)
    assert os.listdir(tmp_path) == ['digits-1-rotate30.0-clutter1.npz']
    assert first.fingerprint not in ('', digits.DIGEST)
    assert 'turned by up to 30 degrees, with 1 fragment' in first.notes[0]
    assert load('digits', rotate=20, clutter=1).fingerprint != first.fingerprint
    path, make, calls = tmp_path / 'digits-1-rotate30.0-clutter1.npz', digits.make, []
    monkeypatch.setattr(digits, 'make', lambda hardness: calls.append(hardness) or make(hardness))
    assert load('digits', rotate=30, clutter=1).fingerprint == first.fingerprint and not calls
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    for damage in (whole[: len(whole) // 3], b'', bytes(flipped)):
        path.write_bytes(damage)
        calls.clear()
        assert load('digits', rotate=30, clutter=1).fingerprint == first.fingerprint and len(calls) == 1
        assert path.read_bytes() == whole


def test_names_of_near_values_differ():
    slugs = {Hardness(30.0).slug, Hardness(30.0000001).slug, Hardness(scale=(0.6, 1.2)).slug}
    assert len(slugs) == 3 and Hardness(0.0, (0.6, 1.2), 3).slug == 'scale0.6-1.2-clutter3'


@pytest.mark.parametrize(
    'options, words',
    [
        ({'scale': (0.6,)}, ['data.scale=[0.6]', 'least and the most', '0.3 to 1.6']),
        ({'scale': (1.2, 0.6)}, ['data.scale=[1.2,0.6]', 'least and the most']),
        ({'scale': (0.1, 1.0)}, ['data.scale=[0.1,1.0]', '0.3 to 1.6']),
        ({'rotate': 91.0}, ['data.rotate=91', '0 to 90']),
        ({'clutter': 17}, ['data.clutter=17', '0 to 16']),
    ],
)
def test_wrong_values(options, words, one_line):
    with pytest.raises(UserError) as info:
        load('digits', **options)
    assert all(word in one_line(info) for word in words)


@pytest.mark.parametrize('name', ['cifar10', 'folder', 'csv', 'imagenet', 'cifar100'])
@pytest.mark.parametrize('options', [{'rotate': 30.0}, {'scale': (0.5, 1.0)}, {'clutter': 2}])
def test_other_data_sets_do_not_have_them(name, options, tmp_path, one_line):
    with pytest.raises(UserError) as info:
        load(name, dir=str(tmp_path), **options)
    assert f'data set {name} has no such option' in one_line(info) and f'data.{next(iter(options))}=' in one_line(info)


def test_as_keys_of_the_configuration():
    config = settings.resolve(
        assignments=['data.name=digits', 'data.rotate=30', 'data.scale=[0.6,1.2]', 'data.clutter=3']
    )
    assert (config.data.rotate, config.data.scale, config.data.clutter) == (30.0, (0.6, 1.2), 3)
    assert settings.resolve(assignments=[]).data.scale == ()
