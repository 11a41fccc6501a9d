"""`folder`: the user's own images, in class folders.

    DIR/train/<class>/*  and  DIR/test/<class>/* (or val)      the two sets as they are
    DIR/<class>/*       a share of each class is held out for test, the same in every run

layout.py has what else such a tree may look like, and scan.py which files are images. The channels' means and deviations
and the corrupt images are found by decoding every image once (index.py). Images smaller than CROP_FROM pixels are augmented by
pad-crop and mirror, larger ones like ImageNet's (crops.py). What was found is said in the data set's notes, and in the log.
"""

import logging
import os
from functools import partial
from typing import IO, Any, Callable, Dict, List, Optional, Sequence, Tuple, Union

import numpy as np
from numpy.typing import ArrayLike

from ...base import machine
from ...base.errors import UserError
from .. import augment, decode, split, streams
from ..crops import RESIZE, CropTransform
from ..dataset import DataSet, Images, Options, Source
from . import scan
from .classes import Member, alike, counted
from .index import Index, fingerprint, indexed
from .layout import Layout, find

DEFAULT_SIZE = 32
CROP_FROM = 64  # pixels

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
        max_pixels: int = decode.MAX_PIXELS,
    ) -> None:
        self.paths, self.labels, self.image_size = paths, np.asarray(labels, np.int32), size
        self.transform, self.pixels, self.max_pixels = transform, pixels, max_pixels
        self.workers = 1 if pixels is not None else min(8, machine.cores())

    def fetch(self, indices: np.ndarray, draws: Optional[np.ndarray] = None) -> np.ndarray:
        """Return images `indices` (b,), normalised: float32 (b, 3, size, size). Raises decode.BadImage."""
        images: Any = [
            prepared(self.paths[i], self.image_size, max_pixels=self.max_pixels)
            if self.pixels is None
            else self.pixels[i]
            for i in indices
        ]
        if self.image_size < CROP_FROM:
            images = np.stack(images).transpose(0, 3, 1, 2)
        return self.transform(images, draws)


def prepared(
    source: Union[str, IO[bytes]], size: int, name: str = '', max_pixels: int = decode.MAX_PIXELS
) -> np.ndarray:
    """Decode an image for augmentation: size x size if size is below CROP_FROM, else resized by its short side.

    source: a path or an open file of that name. Returns uint8 (H, W, 3). Raises decode.BadImage.
    """
    if size < CROP_FROM:
        pixels = decode.resize_short(decode.read_rgb(source, name, size, max_pixels), size)
        return np.ascontiguousarray(decode.centre(pixels, size))
    side = int(round(size * RESIZE))
    return decode.resize_short(decode.read_rgb(source, name, side, max_pixels), side)


def read_image(path: str, size: int, mean: Sequence[float], std: Sequence[float]) -> np.ndarray:
    """Prepare an image file as the test images are: float32 (3, size, size). Raises decode.BadImage."""
    pixels = prepared(path, size)
    if size < CROP_FROM:
        return augment.normalise(pixels.transpose(2, 0, 1)[None], mean, std)[0]
    return CropTransform(size, tuple(mean), tuple(std))([pixels])[0]


def _divided(
    layout: Layout, labels: np.ndarray, reasons: np.ndarray, options: Options
) -> Tuple[np.ndarray, np.ndarray]:
    """Return the usable training and test images, as indices. Raises UserError where a set would be empty, or a class of it."""
    is_test = np.arange(len(labels)) >= len(layout.train)
    good = reasons == ''
    for label, name in enumerate(layout.classes):
        own = ~is_test & (labels == label)
        if not np.any(good & own):
            passed = scan.Passed()
            for reason in reasons[own]:
                passed.add(str(reason), '')
            words = f'class {scan.shown([name], 1)} has no training image that can be read{passed.short()}'
            raise UserError(f'{options.dir}: {words}')
    if layout.test:
        train, test = np.flatnonzero(good & ~is_test), np.flatnonzero(good & is_test)
        if not len(test):
            raise UserError(f'{os.path.join(options.dir, layout.test_from)}: no test image that can be read')
        return train, test
    if not 0 < options.held_out < 1:
        raise UserError(
            f'data.held_out={options.held_out:g}: the share of the images that is held out for test, between 0 and 1'
        )
    usable = np.flatnonzero(good)  # seed 0, not the run's: runs with different seeds are compared on one test set
    train, test = (usable[half] for half in split.two_parts(labels[usable], 1 - options.held_out, 0, streams.HELD_OUT))
    if not len(test):
        raise UserError(
            f'{options.dir}: no image can be held out for test, since each class has a single one that can be read; '
            'expected two of a class at least'
        )
    return train, test


def _sets(layout: Layout, labels: np.ndarray, train: np.ndarray, test: np.ndarray, held_out: float) -> List[str]:
    """Say what was taken for what, and which classes have too few images."""
    notes = [layout.origin(held_out), *layout.notes, *alike(layout.classes)]
    count = len(layout.classes)
    single = np.flatnonzero(np.bincount(labels[train], minlength=count) == 1)
    untested = np.flatnonzero(np.bincount(labels[test], minlength=count) == 0)
    if len(single):
        notes.append(f'{_named(layout, single)}: one training image only, so that it is in the W part alone')
    if len(untested):
        notes.append(f'{_named(layout, untested)}: no test images, so that the test error says nothing of it')
    return notes


def _named(layout: Layout, chosen: np.ndarray) -> str:
    names = [scan.printable(layout.classes[label]) for label in chosen]
    if len(names) == 1:
        return f'class {names[0]}'
    return f'{len(names)} of the {len(layout.classes)} classes ({scan.shown(names, len(names))})'


def _twice(members: Sequence[Member], index: Index, train: np.ndarray, test: np.ndarray) -> List[str]:
    """Say how many test images are training images too, and how many images lie in several classes."""
    first: Dict[str, int] = {}
    classes: List[Tuple[int, int]] = []
    for i in train:
        other = first.setdefault(index['digests'][i], i)
        if members[other].label != members[i].label:
            classes.append((i, other))
    both = [(i, first[index['digests'][i]]) for i in test if index['digests'][i] in first]

    def pair(numbers: Tuple[int, int]) -> str:
        return ' and '.join(scan.shown([members[i].name], 1) for i in numbers)

    notes = []
    if both:
        notes.append(f'{len(both)} of {len(test)} test images are also training images, as {pair(both[0])}')
    if classes:
        notes.append(f'{len(classes)} training images lie in another class too, as {pair(classes[0])}')
    return notes


def open_data(options: Options) -> DataSet:
    """Open `folder`. Raises place.NotFound, or UserError for a tree that is none of the layouts and too many corrupt images."""
    return data_set('folder', find(options.dir), options, options.dir)


def data_set(name: str, layout: Layout, options: Options, root: str, missing: Sequence[str] = ()) -> DataSet:
    """Make the DataSet of the images of a layout in the folder root.

    missing: errors, one for each image that should be there and is not. Raises UserError for too many corrupt images.
    """
    size = options.image_size or DEFAULT_SIZE
    members = layout.train + layout.test
    labels = np.array([member.label for member in members], np.int32)
    side = size if size < CROP_FROM else RESIZE * size * 1.2  # photographs are not square
    keep = len(members) * 3 * side**2 <= options.memory_gb * 2**30
    prepare = partial(_prepared_file, size=size, max_pixels=options.max_pixels)
    how, workers = f'{size} {options.max_pixels}', options.workers or min(8, machine.cores())
    index, pixels = indexed(members, prepare, how, keep, workers)
    passed = layout.passed
    for member, reason in zip(members, index['reasons']):
        if reason:
            passed.add(str(reason), os.path.relpath(member.path, root))
    corrupt = np.isin(index['reasons'], (decode.BadImage.reason, decode.Empty.reason))
    errors = [*missing, *map(str, index['errors'][corrupt])]
    decode.check_bad(errors, len(members) + len(missing), options.max_bad, options.dir)
    train, test = _divided(layout, labels, index['reasons'], options)
    means = index['means'][train].mean(0)
    deviations = np.maximum(np.sqrt(np.maximum(index['squares'][train].mean(0) - means**2, 0)), 1e-3)
    mean, std = tuple(map(float, means)), tuple(map(float, deviations))
    notes = _sets(layout, labels, train, test, options.held_out) + _twice(members, index, train, test)
    notes += passed.sentences()
    if errors[len(missing) :]:
        notes.append(f'{len(errors) - len(missing)} of {len(members)} images are corrupt and skipped')
    for part, chosen in (('training', train), ('test', test)):
        log.info('%s: %d %s images: %s', options.dir, len(chosen), part, counted(layout.classes, labels[chosen]))
    for note in notes:
        log.info('%s: %s', options.dir, note)
    transform: Union[augment.Transform, CropTransform]
    if size < CROP_FROM:
        transform = augment.Transform(mean, std, pad=size // 8, mirrored=True, cut=options.cutout)
    else:
        transform = CropTransform(size, mean, std, options.cutout)

    def source(chosen: np.ndarray) -> Source:
        held = None if pixels is None else [pixel for pixel in (pixels[i] for i in chosen) if pixel is not None]
        if held is not None and size < CROP_FROM:
            return Images(np.stack(held).transpose(0, 3, 1, 2).copy(), labels[chosen], transform)
        return Files([members[i].path for i in chosen], labels[chosen], size, transform, held, options.max_pixels)

    mark = fingerprint(layout.classes, members, len(layout.test), index)
    return DataSet(name, layout.classes, source(train), source(test), mean, std, options, notes=notes, fingerprint=mark)


def _prepared_file(source: IO[bytes], name: str, size: int, max_pixels: int) -> np.ndarray:
    return prepared(source, size, name, max_pixels)
