"""Input pipelines to be timed: data sets made for the purpose, and how many images a second they deliver."""

import os
import time
from typing import Callable, NamedTuple

import numpy as np

from ...data import augment
from ...data.dataset import DataSet, Images, Options
from ...data.records import ilsvrc, prepare
from ...data.registry import load
from ...data.sources.cifar10 import MEAN, STD

CLASSES = 4
PHOTO = (375, 500)
LARGE = 224


def cifar10(_: str, workers: int) -> DataSet:
    """Make a data set like CIFAR-10, of noise."""
    rng = np.random.RandomState(0)
    halves = [
        Images(
            rng.randint(0, 256, (count, 3, 32, 32)).astype(np.uint8),
            np.arange(count) % 10,
            augment.Transform(MEAN, STD, pad=4, mirrored=True, cut=16),
        )
        for count in (20000, 2000)
    ]
    return DataSet('cifar10', [str(i) for i in range(10)], halves[0], halves[1], MEAN, STD, Options(workers=workers))


def folder(size: int, memory: float) -> Callable[[str, int], DataSet]:
    """Return how to open the photographs as a folder of classes. memory: GB that may be kept decoded."""
    return lambda root, workers: load(
        'folder', dir=os.path.join(root, 'photos'), image_size=size, memory_gb=memory, workers=workers
    )


def record_files(reader: str) -> Callable[[str, int], DataSet]:
    """Return how to open the record files with a reader: 'indexed' or 'recorditer'."""
    return lambda root, workers: load('imagenet', dir=os.path.join(root, 'records'), reader=reader, workers=workers)


class Pipeline(NamedTuple):
    """open(root, threads): the data set, with its photographs and records below `root`. image_size: pixels, square."""

    open: Callable[[str, int], DataSet]
    image_size: int
    of_photographs: bool = False


PIPELINES = {
    'digits': Pipeline(lambda root, workers: load('digits', workers=workers), 32),
    'cifar10': Pipeline(cifar10, 32),
    'folder, in memory': Pipeline(folder(32, 4.0), 32, True),
    'folder, from files': Pipeline(folder(32, 0.0), 32, True),
    'folder, from files, large': Pipeline(folder(LARGE, 0.0), LARGE, True),
    'records, indexed': Pipeline(record_files('indexed'), LARGE, True),
    'records, recorditer': Pipeline(record_files('recorditer'), LARGE, True),
}


def make_photographs(root: str, count: int, records: bool) -> None:
    """Write `count` JPEGs in CLASSES class folders in root/photos, and records of them in root/records."""
    import cv2
    from sklearn.datasets import load_sample_images

    photos, rng = load_sample_images().images, np.random.RandomState(0)
    for i in range(count):
        photo = photos[rng.randint(len(photos))]
        y, x = (rng.randint(0, photo.shape[axis] - PHOTO[axis] + 1) for axis in (0, 1))
        path = os.path.join(root, 'photos', f'class {i % CLASSES}', f'{i}.jpg')
        os.makedirs(os.path.dirname(path), exist_ok=True)
        crop = np.ascontiguousarray(photo[y : y + PHOTO[0], x : x + PHOTO[1], ::-1])
        cv2.imwrite(path, crop, [cv2.IMWRITE_JPEG_QUALITY, 90])
    if records:
        classes, items = ilsvrc.class_folder_items(os.path.join(root, 'photos'))
        prepare.prepare(os.path.join(root, 'records'), classes, items, items[:: max(1, count // (4 * CLASSES))])


def delivered(dataset: DataSet, batch_size: int, seconds: float) -> float:
    """Measure images a second of training batches, after a first one, over whole epochs and at least `seconds`."""
    with dataset.batches('train', batch_size) as batches:
        next(batches)
    count, epoch, start = 0, 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        for _, y in dataset.batches('train', batch_size, epoch=epoch):
            count += len(y)
        epoch += 1
    return count / (time.perf_counter() - start)
