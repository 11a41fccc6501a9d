"""fb.resnet's augmentation: crop statistics, the colour matrix against the steps one after the other, normalisation."""

import cv2
import numpy as np

from dsonas.data import augment, crops, streams

DRAWS = streams.sample_draws(11, streams.AUGMENT, (0,), 0, 2000)
IMAGE = np.random.RandomState(0).randint(0, 256, (90, 120, 3)).astype(np.uint8)


def test_random_area():
    rectangles = np.array([crops.random_area(300, 400, draws) for draws in DRAWS])
    top, left, tall, wide = rectangles.T
    assert (top >= 0).all() and (left >= 0).all() and (top + tall <= 300).all() and (left + wide <= 400).all()
    area, aspect = tall * wide / 120000.0, wide / tall
    assert 0.07 < area.min() < 0.1 and area.max() > 0.9 and 0.4 < area.mean() < 0.56
    assert ((aspect > 0.74) & (aspect < 1.35)).mean() > 0.99
    square = np.array([crops.random_area(400, 400, draws) for draws in DRAWS])
    assert 0.45 < (square[:, 3] < square[:, 2]).mean() < 0.55
    assert (crops.random_area(1, 1, DRAWS[0]) == np.array([0, 0, 1, 1])).all()
    assert all(w >= 1 and h >= 1 for _, _, h, w in (crops.random_area(3, 400, draws) for draws in DRAWS))


def test_colour_matrix_against_steps():
    orders = set()
    for draws in DRAWS[:60]:
        want = IMAGE / 255.0
        order = crops.ORDERS[int(draws[crops.ORDER] * 6)]
        orders.add(order)
        for kind in order:
            alpha = 0.6 + 0.8 * draws[kind]
            grey = (want @ [0.299, 0.587, 0.114])[..., None]
            other = {crops.BRIGHTNESS: 0 * grey, crops.SATURATION: grey, crops.CONTRAST: grey.mean()}[kind]
            want = alpha * want + (1 - alpha) * other
        matrix, offset = crops.colour_matrix(draws, IMAGE.mean((0, 1)) / 255)
        np.testing.assert_allclose((IMAGE / 255.0) @ matrix.T + offset, want, atol=1e-6)
    assert len(orders) == 6


def test_transform_plain_is_the_normalised_centre():
    mean, std = (0.4, 0.5, 0.6), (0.2, 0.3, 0.25)
    transform = crops.CropTransform(70, mean, std)  # 70 * 256 / 224 = 80
    image = np.random.RandomState(1).randint(0, 256, (80, 100, 3)).astype(np.uint8)
    got = transform([image])
    want = (image[5:75, 15:85] / 255.0 - mean) / std
    np.testing.assert_allclose(got[0], want.transpose(2, 0, 1), atol=1e-5)


def test_transform_train(monkeypatch):
    monkeypatch.setattr(crops, 'JITTER', 0)
    transform = crops.CropTransform(64, (0, 0, 0), (1, 1, 1), cut=16)
    out = transform([IMAGE] * 50, DRAWS[:50])
    assert out.shape == (50, 3, 64, 64) and out.dtype == np.float32
    for draws, got in zip(DRAWS[:50], out):
        top, left, tall, wide = crops.random_area(90, 120, draws)
        crop = cv2.resize(IMAGE[top : top + tall, left : left + wide], (64, 64), interpolation=cv2.INTER_LINEAR) / 255.0
        if draws[augment.MIRROR] < 0.5:
            crop = crop[:, ::-1]
        hole = got.sum(0) == 0
        assert 64 <= hole.sum() <= 16 * 16 + 2
        assert np.abs(got.transpose(1, 2, 0) - crop)[~hole].max() < 0.02


def test_images_of_all_sizes():
    transform = crops.CropTransform(64, (0.5,) * 3, (0.2,) * 3)
    images = [np.full((h, w, 3), 9, np.uint8) for h, w in ((1, 1), (2000, 10), (64, 64), (300, 200))]
    assert transform(images).shape == transform(images, DRAWS[:4]).shape == (4, 3, 64, 64)
