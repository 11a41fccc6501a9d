"""Augmentation against loops written from the definitions."""

import numpy as np

from dsonas.data import augment, streams

IMAGES = np.random.RandomState(0).randint(0, 256, (40, 3, 12, 10)).astype(np.uint8)
DRAWS = streams.sample_draws(7, streams.AUGMENT, (0,), 0, 40)


def test_pad_crop_against_a_loop():
    pad, fill = 3, (1, 2, 3)
    got = augment.pad_crop(IMAGES, DRAWS, pad, fill)
    corners = set()
    for image, draws, crop in zip(IMAGES, DRAWS, got):
        padded = np.stack([np.pad(image[c], pad, constant_values=fill[c]) for c in range(3)])
        y, x = int(draws[augment.CROP_Y] * 7), int(draws[augment.CROP_X] * 7)
        corners.add((y, x))
        assert np.array_equal(crop, padded[:, y : y + 12, x : x + 10])
    assert len(corners) > 15 and {y for y, _ in corners} == set(range(7))


def test_mirror():
    got = augment.mirror(IMAGES, DRAWS)
    flipped = [not np.array_equal(a, b) for a, b in zip(IMAGES, got)]
    assert 8 < sum(flipped) < 32
    for image, out, is_flipped in zip(IMAGES, got, flipped):
        assert np.array_equal(out, image[:, :, ::-1] if is_flipped else image)


def test_cutout_against_a_loop():
    size = 4
    got = augment.cutout(np.ones((40, 3, 12, 10), np.float32), DRAWS, size)
    holes = set()
    for draws, out in zip(DRAWS, got):
        want = np.ones((12, 10))
        top, left = int(draws[augment.CUT_Y] * 12) - 2, int(draws[augment.CUT_X] * 10) - 2
        want[max(top, 0) : max(top + size, 0), max(left, 0) : max(left + size, 0)] = 0
        holes.add(int((want == 0).sum()))
        assert (out == want).all()
    assert max(holes) == 16 and min(holes) < 16  # whole in the middle, clipped at a border


def test_normalise_and_statistics():
    mean, std = augment.statistics(IMAGES)
    scaled = IMAGES / 255.0
    np.testing.assert_allclose(mean, scaled.mean((0, 2, 3)), rtol=1e-9)
    np.testing.assert_allclose(std, scaled.std((0, 2, 3)), rtol=1e-9)
    out = augment.normalise(IMAGES, mean, std)
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, (scaled - np.reshape(mean, (3, 1, 1))) / np.reshape(std, (3, 1, 1)), atol=1e-5)


def test_padding_is_near_zero_once_normalised():
    transform = augment.Transform((0.5, 0.4, 0.3), (0.2, 0.2, 0.2), pad=3)
    out = transform(np.full((40, 3, 12, 10), 255, np.uint8), DRAWS)
    assert np.abs(out[out < 1]).max() < 0.02 and (out < 1).any()


def test_plain_without_draws():
    transform = augment.Transform((0.5,) * 3, (0.2,) * 3, pad=3, mirrored=True, cut=4)
    assert np.array_equal(transform(IMAGES), augment.normalise(IMAGES, (0.5,) * 3, (0.2,) * 3))


def test_draws_have_random_access():
    whole = streams.sample_draws(5, streams.AUGMENT, (2, 1), 0, 100)
    assert np.array_equal(whole[37:60], streams.sample_draws(5, streams.AUGMENT, (2, 1), 37, 60))
    for other in ((6, (2, 1)), (5, (3, 1)), (5, (2, 2))):
        assert not np.array_equal(whole, streams.sample_draws(other[0], streams.AUGMENT, other[1], 0, 100))
    assert abs(whole.mean() - 0.5) < 0.03 and whole.min() >= 0 and whole.max() < 1
