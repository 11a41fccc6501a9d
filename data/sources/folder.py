"""`folder`: images of one's own, in class folders.

    DIR/train/<class>/*  and  DIR/test/<class>/* (or val)      the two sets as they are
    DIR/<class>/*                                              a share of each class is held out for test, the same in every run

Class names and counts, the channels' means and deviations, and which images are corrupt are found by decoding every image
once; an index of that is kept in the cache, for as long as names, sizes and times of the files stay.  Images smaller than
CROP_FROM pixels are augmented by pad-crop and mirror, larger ones as ImageNet's are (crops.py).
"""

import hashlib
import logging
import os
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ...base import files, machine
from ...base.errors import UserError
from .. import augment, cache, decode, place, split, streams
from ..crops import RESIZE, CropTransform
from ..dataset import DataSet, Images
from . import scan

DEFAULT_SIZE = 32
CROP_FROM = 64  # pixels

log = logging.getLogger(__name__)


class Files:
    """Images in files: decoded when they are asked for, by the threads that make the batches, or held in memory."""

    def __init__(self, paths, labels, size, transform, pixels=None):
        self.paths, self.labels, self.image_size = paths, np.asarray(labels, np.int32), size
        self.transform, self.pixels = transform, pixels
        self.workers = 1 if pixels is not None else min(8, machine.cores())

    def fetch(self, indices, draws=None):
        images = [prepared(self.paths[i], self.image_size) if self.pixels is None else self.pixels[i] for i in indices]
        if self.image_size < CROP_FROM:
            images = np.stack(images).transpose(0, 3, 1, 2)
        return self.transform(images, draws)


def prepared(path, size):
    """An image as augmentation starts from it: size x size where that is small, else its short side resized for crops."""
    if size < CROP_FROM:
        return np.ascontiguousarray(
            decode.centre(decode.resize_short(decode.read_rgb(path, short_side=size), size), size)
        )
    return decode.resize_short(decode.read_rgb(path, short_side=int(round(size * RESIZE))), int(round(size * RESIZE)))


def _look(path, size, keep):
    """(error or '', mean of the pixels (3,), mean of their squares (3,), the pixels if they are to be kept) of one file."""
    try:
        pixels = prepared(path, size)
    except decode.BadImage as error:
        return str(error), np.zeros(3), np.zeros(3), None
    values = pixels.reshape(-1, 3) / 255.0
    return '', values.mean(0), (values**2).mean(0), pixels if keep else None


def look_at_all(paths, size, keep, workers):
    """Decode every file: (index, pixels), index a dict of arrays by file, pixels a list (None where they are not kept)."""
    results = []
    with ThreadPoolExecutor(workers) as pool:
        for result in pool.map(lambda path: _look(path, size, keep), paths):
            results.append(result)
            if len(results) % 10000 == 0:
                log.info('%d of %d images looked at', len(results), len(paths))
    errors, means, squares, pixels = zip(*results)
    index = {'errors': np.array(errors, dtype=str), 'means': np.array(means), 'squares': np.array(squares)}
    return index, list(pixels) if keep else None


def _key(paths, size):
    total = hashlib.sha256(('folder-1 %d' % size).encode())
    for path in paths:
        status = os.stat(path)
        total.update(
            ('%s %d %d\n' % (os.path.abspath(path), status.st_size, status.st_mtime_ns)).encode(
                'utf-8', 'surrogateescape'
            )
        )
    return total.hexdigest()


def indexed(paths, size, keep, workers):
    """(index, pixels) as look_at_all; the index from the cache where these very files have been looked at before."""
    kept = os.path.join(cache.folder(), f'folder-{_key(paths, size)[:32]}.npz')
    try:
        with np.load(kept, allow_pickle=False) as held:
            index = {name: held[name] for name in ('errors', 'means', 'squares')}
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


def tree(root):
    """(classes, paths, labels, number of test images at the end) of the layouts above; none for one tree."""
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
            _, more, their = scan.class_folders(test, classes)
            missing = len(classes) - len(set(their))
            if missing:
                log.warning('%s: %d of the %d classes have no images there', test, missing, len(classes))
            return classes, paths + [os.path.join(test, path) for path in more], labels + their, len(more)
    return classes, paths, labels, 0


def read_image(path, size, mean, std):
    """An image file as the network is given test images: float32 (3, size, size). Raises decode.BadImage."""
    pixels = prepared(path, size)
    if size < CROP_FROM:
        return augment.normalise(pixels.transpose(2, 0, 1)[None], mean, std)[0]
    return CropTransform(size, mean, std)([pixels])[0]


def open_data(options):
    """DataSet `folder`."""
    size = options.image_size or DEFAULT_SIZE
    classes, paths, labels, tests = tree(options.dir)
    labels = np.array(labels, np.int32)
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
                f'data.held_out={options.held_out:g}: the share of the images that is held out for test, between 0 and 1'
            )
        usable = np.flatnonzero(good)
        train, test = (
            usable[half] for half in split.two_parts(labels[usable], 1 - options.held_out, 0, streams.HELD_OUT)
        )
    mean = index['means'][train].mean(0)
    std = np.maximum(np.sqrt(np.maximum(index['squares'][train].mean(0) - mean**2, 0)), 1e-3)
    mean, std = tuple(map(float, mean)), tuple(map(float, std))
    if size < CROP_FROM:
        transform = augment.Transform(mean, std, pad=size // 8, mirrored=True, cut=options.cutout)
    else:
        transform = CropTransform(size, mean, std, options.cutout)

    def source(members):
        if keep and size < CROP_FROM:
            return Images(
                np.stack([pixels[i] for i in members]).transpose(0, 3, 1, 2).copy(), labels[members], transform
            )
        return Files(
            [paths[i] for i in members],
            labels[members],
            size,
            transform,
            [pixels[i] for i in members] if keep else None,
        )

    return DataSet('folder', classes, source(train), source(test), mean, std, options)
