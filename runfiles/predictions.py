"""Write and read predictions.npz: what a test of a run's trained network saw.

labels, predicted     (n,) integers: the test set in its order
probabilities         (n, classes) float, optional
classes               (classes,) text, optional
worst_index           (k,) integers into the test set, the most wrong first, optional
worst_images          (k, height, width, 3) uint8: those images as they were before normalisation, optional
"""

from __future__ import annotations

import os
from typing import Any, Dict, Optional

import numpy as np

from ..base.errors import UserError
from . import checksums
from .arrays import archive, read_arrays

FILE = 'predictions.npz'
NEEDED, OPTIONAL = ('labels', 'predicted'), ('probabilities', 'classes', 'worst_index', 'worst_images')
MOST_CLASSES = 20_000  # where they are not named
ROUNDING = 1e-3

Predictions = Dict[str, Any]  # arrays by the names above


def write_predictions(
    folder: str, labels: Any, probabilities: Any, classes: Any, worst_index: Any, worst_images: Any
) -> None:
    """Write predictions.npz of a run directory; what is predicted is the most probable class. Raises OSError."""
    content = archive(
        labels=np.asarray(labels, np.int64),
        predicted=np.argmax(probabilities, axis=1),
        probabilities=probabilities,
        classes=np.array(classes, dtype=str),
        worst_index=np.asarray(worst_index, np.int64),
        worst_images=np.asarray(worst_images, np.uint8),
    )
    checksums.write_bytes(os.path.join(folder, FILE), content)


def read_predictions(folder: str) -> Optional[Predictions]:
    """Read predictions.npz of a run directory, None where there is none. Raises OSError, UserError naming the file."""
    path = os.path.join(folder, FILE)
    if not os.path.exists(path):
        return None
    arrays = read_arrays(path, NEEDED, OPTIONAL)
    count, classes = arrays['labels'].size, _count_classes(path, arrays)
    for name in NEEDED:
        values = arrays[name]
        if values.shape != (count,):
            raise UserError(f'{path}: labels and predicted are not of one length')
        if values.dtype.kind not in 'iu':
            raise UserError(f'{path}: {name} are {values.dtype}, not whole numbers')
        if count and not (0 <= values.min() and values.max() < classes):
            outside = values.min() if values.min() < 0 else values.max()
            raise UserError(f'{path}: {name}: {outside} is not the number of one of {classes} classes, from 0')
    _check_probabilities(path, arrays.get('probabilities'), count)
    _check_worst(path, arrays.get('worst_index', np.zeros(0, int)), arrays.get('worst_images'), count)
    return arrays


def _count_classes(path: str, arrays: Predictions) -> int:
    """How many classes there are; MOST_CLASSES where neither names nor probabilities tell."""
    names, probabilities = arrays.get('classes'), arrays.get('probabilities')
    columns = None if probabilities is None or probabilities.ndim != 2 else probabilities.shape[1]
    if names is None:
        return MOST_CLASSES if columns is None else columns
    if names.ndim != 1 or names.dtype.kind != 'U' or columns not in (None, len(names)):
        raise UserError(f'{path}: classes is {names.dtype} of shape {names.shape}, not one name for each class')
    return len(names)


def _check_probabilities(path: str, probabilities: Any, count: int) -> None:
    if probabilities is None:
        return
    if probabilities.ndim != 2 or len(probabilities) != count:
        raise UserError(f'{path}: probabilities has shape {probabilities.shape}, not ({count}, classes)')
    if probabilities.dtype.kind != 'f' or not np.isfinite(probabilities).all():
        raise UserError(f'{path}: probabilities that are not finite numbers')
    if probabilities.size and not (probabilities.min() >= 0 and probabilities.max() <= 1 + ROUNDING):
        raise UserError(f'{path}: probabilities reach outside of 0 to 1')


def _check_worst(path: str, index: Any, images: Any, count: int) -> None:
    if index.ndim != 1 or index.dtype.kind not in 'iu':
        raise UserError(f'{path}: worst_index is {index.dtype} of shape {index.shape}, not a list of whole numbers')
    if images is not None and (
        images.ndim != 4 or images.shape[-1] != 3 or images.dtype != np.uint8 or len(images) != len(index)
    ):
        raise UserError(
            f'{path}: worst_images is {images.dtype} of shape {images.shape}, not uint8 of shape '
            f'({len(index)}, height, width, 3)'
        )
    if len(index) and (index.min() < 0 or index.max() >= count):
        raise UserError(f'{path}: worst_index reaches outside of the {count} test images')
    if len(index) and images is None:
        raise UserError(f'{path}: worst_index is there without worst_images')
    if len(index) and not images.size:
        raise UserError(f'{path}: worst_images is of shape {images.shape}, without a pixel')
