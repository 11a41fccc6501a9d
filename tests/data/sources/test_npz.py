"""The data set of a .npz file: parts, test images as they were given, and single files prepared as these."""

import numpy as np
import pytest
from PIL import Image

from dsonas.base.errors import UserError
from dsonas.data import arrays
from dsonas.data.registry import load, read_image

from ..test_arrays import made


def written(folder, *given):
    path = str(folder / 'data.npz')
    arrays.write(path, arrays.checked(*given))
    return path


def pixels_of(data, part='test'):
    x = np.concatenate([x for x, _ in data.batches(part, 4, train=False)])
    mean, std = (np.array(values, np.float32).reshape(1, 3, 1, 1) for values in (data.mean, data.std))
    return np.rint((x * std + mean) * 255).astype(int)


def test_test_images_are_the_given_ones(tmp_path):
    x, y = made(shape=(12, 12))
    test, labels = made(9, seed=1, shape=(12, 12))
    data = load('npz', dir=written(tmp_path, x, y, test, labels), seed=3)
    assert data.sizes == {'train': 24, 'weights': 12, 'gates': 12, 'test': 9} and data.image_size == 12
    assert (pixels_of(data) == test.transpose(0, 3, 1, 2)).all() and (data.labels('test') == labels).all()


def test_without_test_images_a_share_of_each_class_is_held_out_whatever_the_seed(tmp_path):
    x, y = made(60)
    path = written(tmp_path, x, y)
    first, second = load('npz', dir=path), load('npz', dir=path, seed=5)
    assert first.sizes['test'] == 12 and np.bincount(first.labels('test')).tolist() == [4, 4, 4]
    assert (pixels_of(first) == pixels_of(second)).all() and first.fingerprint == second.fingerprint
    assert any('20 % of each class are held out' in note for note in first.notes)
    assert any('12 x 10 pixels the central square' in note for note in first.notes)
    together = {image.tobytes() for part in ('train', 'test') for image in pixels_of(first, part)}
    assert len(together) == 60
    with pytest.raises(UserError, match='data.held_out=0: the share of the images'):
        load('npz', dir=path, held_out=0.0)
    with pytest.raises(UserError, match='no image can be held out'):
        load('npz', dir=written(tmp_path, x[:3], y[:3]))


@pytest.mark.parametrize('size', [0, 8, 24])
@pytest.mark.parametrize('grey', [False, True])
def test_a_file_is_prepared_as_test_images_are(tmp_path, size, grey):
    x, y = made()
    images = x[..., 0] if grey else x
    data = load('npz', dir=written(tmp_path, images, y, images, y), image_size=size)
    expected = next(iter(data.batches('test', 1, train=False)))[0][0]
    path = str(tmp_path / 'one.png')
    Image.fromarray(images[0]).save(path)
    found = read_image('npz', path, data.image_size, data.mean, data.std)
    assert found.shape == expected.shape == (3, size or 10, size or 10)
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize('grey', [False, True])
def test_colour_images_are_mirrored_and_grey_ones_are_not(tmp_path, grey):
    images = np.zeros((60, 8, 8) if grey else (60, 8, 8, 3), np.uint8)
    images[:, :, :4] = 200
    data = load('npz', dir=written(tmp_path, images, np.arange(60) % 2))
    x = np.concatenate([x for x, _ in data.batches('train', 4, epoch=0)])
    darker_left = x[:, 0, :, :2].mean((1, 2)) < x[:, 0, :, -2:].mean((1, 2))
    assert darker_left.any() != grey
