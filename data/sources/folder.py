"""`folder`: the user's own images, in class folders.

    DIR/train/<class>/*  and  DIR/test/<class>/* (or val)      the two sets as they are
    DIR/<class>/*       a share of each class is held out for test, the same in every run

The channels' means and deviations and the corrupt images are found by decoding every image once; the
result, an index, is kept in the cache until names, sizes or times of the files change. Images smaller
than CROP_FROM pixels are augmented by pad-crop and mirror, larger ones like ImageNet's (crops.py).
"""

import hashlib
import logging
import os
import zipfile
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

import numpy as np
from numpy.typing import ArrayLike

from ...base import files, machine
from ...base.errors import UserError
from .. import augment, cache, decode, place, split, streams
from ..crops import RESIZE, CropTransform
from ..dataset import DataSet, Images, Options, Source
from . import scan

DEFAULT_SIZE = 32
CROP_FROM = 64  # pixels

Index = Dict[str, np.ndarray]  # by file: errors ('' for none), means and squares (n, 3)
Pixels = List[Optional[np.ndarray]]  # by file, None for a corrupt one

log = logging.getLogger(__name__)


class Files:
    """A Source of images in files, decoded on demand by the threads that make the batches, or held in memory.

    size: pixels, of the images that fetch returns. pixels: the images as `prepared` makes them, if they are held.
    """

    def __init__(
        self,
        paths: Sequence[str],
        labels: ArrayLike,
        size: int,
        transform: Callable[[Any, Optional[np.ndarray]], np.ndarray],
        pixels: Optional[Sequence[np.ndarray]] = None,
    ) -> None:
        self.paths, self.labels, self.image_size = paths, np.asarray(labels, np.int32), size
        self.transform, self.pixels = transform, pixels
        self.workers = 1 if pixels is not None else min(8, machine.cores())

    def fetch(self, indices: np.ndarray, draws: Optional[np.ndarray] = None) -> np.ndarray:
        """Return images `indices` (b,), normalised: float32 (b, 3, size, size). Raises decode.BadImage."""
        images: Any = [
            prepared(self.paths[i], self.image_size) if self.pixels is None else self.pixels[i] for i in indices
        ]
        if self.image_size < CROP_FROM:
            images = np.stack(images).transpose(0, 3, 1, 2)
        return self.transform(images, draws)


def prepared(path: str, size: int) -> np.ndarray:
    """Decode an image for augmentation: size x size if size is below CROP_FROM, else resized by its short side.

    Returns uint8 (H, W, 3). Raises decode.BadImage.
    """
    if size < CROP_FROM:
        pixels = decode.resize_short(decode.read_rgb(path, short_side=size), size)
        return np.ascontiguousarray(decode.centre(pixels, size))
    side = int(round(size * RESIZE))
    return decode.resize_short(decode.read_rgb(path, short_side=side), side)


def _look(path: str, size: int, keep: bool) -> Tuple[str, np.ndarray, np.ndarray, Optional[np.ndarray]]:
    """Decode a file: (error or '', mean of the pixels (3,), mean of their squares (3,), the pixels if keep is set)."""
    try:
        pixels = prepared(path, size)
    except decode.BadImage as error:
        return str(error), np.zeros(3), np.zeros(3), None
    values = pixels.reshape(-1, 3) / 255.0
    return '', values.mean(0), (values**2).mean(0), pixels if keep else None


def look_at_all(paths: Sequence[str], size: int, keep: bool, workers: int) -> Tuple[Index, Optional[Pixels]]:
    """Decode every file in `workers` threads: (index, pixels if keep is set)."""
    results = []
    with ThreadPoolExecutor(workers) as pool:
        for result in pool.map(lambda path: _look(path, size, keep), paths):
            results.append(result)
            if len(results) % 10000 == 0:
                log.info('%d of %d images looked at', len(results), len(paths))
    errors, means, squares, pixels = zip(*results)
    index = {'errors': np.array(errors, dtype=str), 'means': np.array(means), 'squares': np.array(squares)}
    return index, list(pixels) if keep else None


def _key(paths: Sequence[str], size: int) -> str:
    """Compute a sha256 of the names, sizes and times of files, and of the image size."""
    total = hashlib.sha256(f'folder-1 {size}'.encode())
    for path in paths:
        status = os.stat(path)
        line = f'{os.path.abspath(path)} {status.st_size} {status.st_mtime_ns}\n'
        total.update(line.encode('utf-8', 'surrogateescape'))
    return total.hexdigest()


def indexed(paths: Sequence[str], size: int, keep: bool, workers: int) -> Tuple[Index, Optional[Pixels]]:
    """Return (index, pixels) as look_at_all, with the index from the cache if it holds one of the same files."""
    pixels: Optional[Pixels]
    kept = os.path.join(cache.folder(), f'folder-{_key(paths, size)[:32]}.npz')
    try:
        with np.load(kept, allow_pickle=False) as arrays:
            index = {name: arrays[name] for name in ('errors', 'means', 'squares')}
        if not all(len(array) == len(paths) for array in index.values()):
            raise ValueError('another number of files')
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        log.info('looking at %d images', len(paths))
        index, pixels = look_at_all(paths, size, keep, workers)
        with files.replacing(kept) as out:
            np.savez(out, **index)
        return index, pixels
    if not keep:
        return index, None
    with ThreadPoolExecutor(workers) as pool:
        return index, list(
            pool.map(lambda item: None if item[1] else prepared(item[0], size), zip(paths, index['errors']))
        )


def tree(root: str) -> Tuple[Tuple[str, ...], List[str], List[int], int]:
    """List the images of either layout: (classes, paths, labels, number of test images, which come last).

    The number is 0 for a tree without a test folder. Raises place.NotFound if there is no folder, and the errors of
    scan.class_folders.
    """
    if not root:
        raise place.NotFound('folder: no data folder given; expected class folders, or train/ and test/ with them')
    if not os.path.isdir(root):
        raise place.NotFound(f'{root}: no such folder; expected class folders, or train/ and test/ with class folders')
    below = scan.folders(root)
    if 'train' not in below:
        classes, paths, labels = scan.class_folders(root)
        return classes, [os.path.join(root, path) for path in paths], labels, 0
    train = os.path.join(root, 'train')
    classes, paths, labels = scan.class_folders(train)
    paths = [os.path.join(train, path) for path in paths]
    for name in ('test', 'val'):
        if name in below:
            test = os.path.join(root, name)
            _, test_paths, test_labels = scan.class_folders(test, classes)
            missing = len(classes) - len(set(test_labels))
            if missing:
                log.warning('%s: %d of the %d classes have no images there', test, missing, len(classes))
            paths += [os.path.join(test, path) for path in test_paths]
            return classes, paths, labels + test_labels, len(test_paths)
    return classes, paths, labels, 0


def read_image(path: str, size: int, mean: Sequence[float], std: Sequence[float]) -> np.ndarray:
    """Prepare an image file as the test images are: float32 (3, size, size). Raises decode.BadImage."""
    pixels = prepared(path, size)
    if size < CROP_FROM:
        return augment.normalise(pixels.transpose(2, 0, 1)[None], mean, std)[0]
    return CropTransform(size, tuple(mean), tuple(std))([pixels])[0]


def open_data(options: Options) -> DataSet:
    """Open `folder`. Raises place.NotFound, or UserError for an empty class or too many corrupt images."""
    size = options.image_size or DEFAULT_SIZE
    classes, paths, numbers, tests = tree(options.dir)
    labels = np.array(numbers, np.int32)
    side = size if size < CROP_FROM else RESIZE * size * 1.2  # photographs are not square
    keep = len(paths) * 3 * side**2 <= options.memory_gb * 2**30
    index, pixels = indexed(paths, size, keep, options.workers or min(8, machine.cores()))
    decode.report_bad([str(error) for error in index['errors'] if error], len(paths), options.max_bad, options.dir)
    good = index['errors'] == ''
    is_test = np.arange(len(paths)) >= len(paths) - tests
    for label, name in enumerate(classes):
        if not np.any(good & ~is_test & (labels == label)):
            raise UserError(f'{options.dir}: class {name} has no training image that can be read')
    if tests:
        train, test = np.flatnonzero(good & ~is_test), np.flatnonzero(good & is_test)
    else:  # seed 0, not the run's: runs with different seeds are compared on one test set
        if not 0 < options.held_out < 1:
            raise UserError(
                f'data.held_out={options.held_out:g}: '
                'the share of the images that is held out for test, between 0 and 1'
            )
        usable = np.flatnonzero(good)
        train, test = (
            usable[half] for half in split.two_parts(labels[usable], 1 - options.held_out, 0, streams.HELD_OUT)
        )
    means = index['means'][train].mean(0)
    deviations = np.maximum(np.sqrt(np.maximum(index['squares'][train].mean(0) - means**2, 0)), 1e-3)
    mean, std = tuple(map(float, means)), tuple(map(float, deviations))
    transform: Union[augment.Transform, CropTransform]
    if size < CROP_FROM:
        transform = augment.Transform(mean, std, pad=size // 8, mirrored=True, cut=options.cutout)
    else:
        transform = CropTransform(size, mean, std, options.cutout)

    def source(members: np.ndarray) -> Source:
        held = None if pixels is None else [pixel for pixel in (pixels[i] for i in members) if pixel is not None]
        if held is not None and size < CROP_FROM:
            return Images(np.stack(held).transpose(0, 3, 1, 2).copy(), labels[members], transform)
        return Files([paths[i] for i in members], labels[members], size, transform, held)

    return DataSet('folder', classes, source(train), source(test), mean, std, options)
