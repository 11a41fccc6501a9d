"""One image file is prepared as the test images of its data set are, to the last bit."""

import numpy as np
import pytest
from PIL import Image

from dsonas.data import decode, registry
from dsonas.data.crops import CropTransform
from dsonas.data.records import writer
from dsonas.data.sources.imagenet import MEAN, STD

from . import cifar_archive, ilsvrc_files, image_files


def first_batch(dataset, count):
    return next(iter(dataset.batches('test', count, train=False)))[0]


@pytest.mark.parametrize('size', [0, 16, 40])
def test_digits(size, tmp_path):
    from dsonas.data.sources.digits import arrays

    dataset = registry.load('digits', image_size=size)
    expected = first_batch(dataset, 5)
    for number, image in enumerate(arrays()['test_images'][:5]):
        path = str(tmp_path / ('%d.png' % number))
        Image.fromarray(image.transpose(1, 2, 0)).save(path)
        found = registry.read_image('digits', path, dataset.image_size, dataset.mean, dataset.std)
        assert found.dtype == np.float32 and np.array_equal(found, expected[number])


def test_cifar10(tmp_path):
    dataset = registry.load('cifar10', dir=str(cifar_archive.write(tmp_path, 'binary')), image_size=24)
    pixels, _ = cifar_archive.images(20, len(cifar_archive.BATCHES) - 1)
    expected = first_batch(dataset, 4)
    for number in range(4):
        path = str(tmp_path / ('%d.png' % number))
        Image.fromarray(pixels[number].reshape(3, 32, 32).transpose(1, 2, 0)).save(path)
        assert np.array_equal(registry.read_image('cifar10', path, 24, dataset.mean, dataset.std), expected[number])


@pytest.mark.parametrize('size', [0, 20, 70])
def test_folder(size, tmp_path):
    image_files.tree(tmp_path / 'train', {'a': 4, 'b': 4})
    image_files.tree(tmp_path / 'test', {'a': 3, 'b': 3}, suffix='.jpg', seed=1)
    dataset = registry.load('folder', dir=str(tmp_path), image_size=size)
    expected = first_batch(dataset, 6)
    paths = sorted((tmp_path / 'test').glob('*/*.jpg'))
    assert len(paths) == 6
    for path, image in zip(paths, expected):
        assert np.array_equal(
            registry.read_image('folder', str(path), dataset.image_size, dataset.mean, dataset.std), image
        )


def test_imagenet_by_way_of_the_record(tmp_path):
    rng = np.random.RandomState(0)
    for mode, kind in (('RGB', 'JPEG'), ('L', 'JPEG'), ('CMYK', 'JPEG'), ('RGB', 'PNG')):
        content = ilsvrc_files.jpeg(1, rng, 50, 70, mode, kind)
        path = tmp_path / 'image.JPEG'
        path.write_bytes(content)
        record = writer.encode(content, 'image', 0, 95)
        expected = CropTransform(32, MEAN, STD)([decode.jpeg_to_rgb(record, 'image')])[0]
        assert np.array_equal(registry.read_image('imagenet', str(path), 32, MEAN, STD), expected)


@pytest.mark.parametrize('name', registry.DATASETS.names())
def test_any_shape_and_mode_becomes_the_networks_input(name, tmp_path):
    path = str(tmp_path / 'image.png')
    for pixels, mode in ((np.full((90, 20, 3), 128, np.uint8), 'RGB'), (np.full((7, 300, 3), 128, np.uint8), 'L')):
        Image.fromarray(pixels).convert(mode).save(path)
        found = registry.read_image(name, path, 24, (0.5,) * 3, (0.25,) * 3)
        assert (
            found.shape == (3, 24, 24)
            and found.dtype == np.float32
            and np.allclose(found, (128 / 255 - 0.5) / 0.25, atol=0.02)
        )


@pytest.mark.parametrize('name', registry.DATASETS.names())
@pytest.mark.parametrize('content', [b'', b'\xff\xd8\xff\xe0 no picture', b'<html>', None])
def test_what_is_no_image_is_told_in_one_line(name, content, tmp_path):
    path = tmp_path / 'broken.jpg'
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(decode.BadImage) as error:
        registry.read_image(name, str(path), 24, (0.5,) * 3, (0.25,) * 3)
    assert str(path) in str(error.value) and '\n' not in str(error.value)


def test_a_data_set_without_its_own_way_takes_the_folders(tmp_path):
    image_files.tree(tmp_path, {'a': 1})
    path = str(tmp_path / 'a' / '000.png')
    with registry.DATASETS.restored():
        assert registry.register('plain', list) is list
        registry.register('own', read_image=lambda *arguments: arguments)(list)
        found, wanted = (registry.read_image(name, path, 24, (0.5,) * 3, (0.25,) * 3) for name in ('plain', 'folder'))
        assert registry.read_image('own', path, 24, 0, 1) == (path, 24, 0, 1)
    assert np.array_equal(found, wanted) and 'own' not in registry.DATASETS


def test_unknown_data_set(tmp_path):
    with pytest.raises(ValueError, match='unknown data set .*; known: digits'):
        registry.read_image('mnist', 'x', 24, (0.5,) * 3, (0.25,) * 3)
