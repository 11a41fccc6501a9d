"""`npz`: images and labels of a .npz file, as numpy.savez writes arrays; and of arrays that were given from Python.

    numpy.savez('data.npz', x_train=images, y_train=labels, x_test=…, y_test=…, classes=['cat', 'dog'])

x_train is uint8 (n, H, W, 3), (n, 3, H, W) or grey (n, H, W); y_train whole numbers or texts. Without x_test and y_test a share of each
class is held out for test; without classes they are the values of y_train, sorted. Of images that are not square the centre is taken.
"""

import os
from typing import Sequence

import numpy as np

from ...base.errors import UserError
from .. import arrays, augment, decode, split, streams
from ..dataset import DataSet, Images, Options

EXPECTED = f'{arrays.FILE} with {", ".join(arrays.NEEDED)}, and perhaps {", ".join(arrays.OPTIONAL)}'


def square(images: np.ndarray) -> np.ndarray:
    """Crop the central squares of images (n, channels, H, W)."""
    height, width = images.shape[2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return images[:, :, top : top + side, left : left + side]


def coloured(images: np.ndarray, size: int) -> np.ndarray:
    """Bring images (n, 1 or 3, H, W) to uint8 (n, 3, size, size); size 0: of their shorter side."""
    images = square(images)
    if images.shape[1] == 1:
        images = np.repeat(images, 3, axis=1)
    return augment.resized(np.ascontiguousarray(images), size)


def read_image(path: str, size: int, mean: Sequence[float], std: Sequence[float]) -> np.ndarray:
    """Prepare an image file as the test images are: float32 (3, size, size). Raises decode.BadImage."""
    pixels = decode.read_rgb(path).transpose(2, 0, 1)[None]
    return augment.normalise(coloured(pixels, size), mean, std)[0]


def open_data(options: Options) -> DataSet:
    """Open `npz`; augmented by pad-crop (an eighth of the side), colour images by mirroring too: grey ones are often of letters.

    Raises OSError, UserError for a file that is damaged or whose arrays do not fit each other.
    """
    held = arrays.read(options.dir)
    images, labels = held.images, held.labels
    test_images, test_labels = held.test_images, held.test_labels
    notes = []
    if test_images is None or test_labels is None:
        if not 0 < options.held_out < 1:
            raise UserError(
                f'data.held_out={options.held_out:g}: the share of the images that is held out for test, between 0 and 1'
            )
        # Seed 0, not the run's: runs with different seeds are compared on one test set.
        kept, out = split.two_parts(labels, 1 - options.held_out, 0, streams.HELD_OUT)
        if not len(out):
            raise UserError(f'{options.dir}: no image can be held out for test; expected two of a class at least')
        test_images, test_labels, images, labels = images[out], labels[out], images[kept], labels[kept]
        notes.append(f'{100 * options.held_out:g} % of each class are held out for test: there are no test images')
    grey, (height, width) = images.shape[1] == 1, images.shape[2:]
    if height != width:
        notes.append(f'of images of {height} x {width} pixels the central square is taken')
    train, test = coloured(images, options.image_size), coloured(test_images, options.image_size)
    mean, std = augment.statistics(train)
    pad = train.shape[-1] // 8
    transform = augment.Transform(mean, std, pad=pad, mirrored=not grey, cut=options.cutout)
    return DataSet(
        'npz',
        held.classes,
        Images(train, labels, transform),
        Images(test, test_labels, transform),
        mean,
        std,
        options,
        notes=[f'{os.path.basename(arrays.place(options.dir))}: {note}' for note in notes],
        fingerprint=held.fingerprint,
    )
