"""Images and labels as arrays: checked, brought to one form, written to a .npz file and read back.

Every mistake is a UserError of one line that names the array: its type, its shape, its length, values that are not numbers, a single
class, labels of the test set that the training set does not have.
"""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from ..base import files, limits
from ..base.archives import read_archive
from ..base.errors import UserError
from ..base.text import shown
from . import cache

FILE = 'arrays.npz'
NEEDED, OPTIONAL = ('x_train', 'y_train'), ('x_test', 'y_test', 'classes')
SHAPES = '(n, height, width, 3), (n, 3, height, width), or (n, height, width) for grey images'


@dataclass(frozen=True)
class Arrays:
    """Checked images and labels.

    images: uint8 (n, 3, H, W), or (n, 1, H, W) for grey ones. labels: int32 (n,), places among `classes`. test_images, test_labels:
    the same of the test set, None where a part of the images is to be held out.
    """

    images: np.ndarray
    labels: np.ndarray
    classes: Tuple[str, ...]
    test_images: Optional[np.ndarray] = None
    test_labels: Optional[np.ndarray] = None

    def content(self) -> Dict[str, np.ndarray]:
        """Return the arrays of a file, by name."""
        found = {'x_train': self.images, 'y_train': self.labels, 'classes': np.array(self.classes, dtype=str)}
        if self.test_images is not None and self.test_labels is not None:
            found.update(x_test=self.test_images, y_test=self.test_labels)
        return found

    @property
    def fingerprint(self) -> str:
        """Sha256 of all images, labels and names of classes."""
        return cache.digest(self.content())


def checked(
    x: Any,
    y: Any,
    x_test: Any = None,
    y_test: Any = None,
    classes: Optional[Sequence[str]] = None,
    names: Sequence[str] = ('x', 'y', 'x_test', 'y_test'),
) -> Arrays:
    """Check images and labels, and bring them to one form.

    x, x_test: uint8 arrays of NumPy or MXNet, of one of SHAPES, RGB, pixels from 0 to 255. y, y_test: for each image a whole number or a
    text. classes: names of the classes, of which numbers in y are the places; without them the classes are the values of y, sorted.
    names: of the four arrays, for messages. Raises UserError.
    """
    if (x_test is None) != (y_test is None):
        given, lacking = names[2:] if y_test is None else names[:1:-1]
        raise UserError(f'{given} is given without {lacking}; expected both, or neither')
    images = _images(x, names[0])
    values = _labels(y, names[1], len(images), names[0])
    known = [str(name) for name in classes] if classes is not None else _sorted(values)
    if len(known) < 2:
        raise UserError(f'{names[1]}: one class only ({shown(known[0]) if known else "none"}); at least two are needed')
    if len(set(known)) < len(known):
        raise UserError('classes: a name stands there twice')
    labels = _places(values, known, names[1], classes is not None)
    if x_test is None:
        return Arrays(images, labels, tuple(known))
    test_images = _images(x_test, names[2])
    if test_images.shape[1:] != images.shape[1:]:
        one, other = (f'{shown(part.shape[1:])}' for part in (images, test_images))
        raise UserError(
            f'{names[2]}: images of (channels, height, width) {other}; expected {one}, as those of {names[0]}'
        )
    test_values = _labels(y_test, names[3], len(test_images), names[2])
    return Arrays(images, labels, tuple(known), test_images, _places(test_values, known, names[3], classes is not None))


def write(path: str, arrays: Arrays) -> None:
    """Write arrays to a .npz file, whole or not at all. Raises OSError."""
    with files.replacing(path) as stream:
        np.savez(stream, **arrays.content())


def place(path: str) -> str:
    """Return the file that a path means: itself, or FILE in a folder."""
    return os.path.join(path, FILE) if os.path.isdir(path) else path


def read(path: str) -> Arrays:
    """Read a .npz file with the arrays NEEDED and perhaps OPTIONAL, and check it. Raises OSError, UserError naming the file."""
    path = place(path)
    with files.opened(path) as stream:
        found = read_archive(stream, path, (*NEEDED, *OPTIONAL), compressed=_is_compressed(path))
    for name in NEEDED:
        if name not in found:
            raise UserError(
                f'{path}: without the array {name}; expected {", ".join(NEEDED)}, and perhaps {", ".join(OPTIONAL)}'
            )
    names = [f'{path}: {name}' for name in ('x_train', 'y_train', 'x_test', 'y_test')]
    classes = found.get('classes')
    if classes is not None and (classes.ndim != 1 or classes.dtype.kind not in 'US'):
        raise UserError(f'{path}: classes: expected one text for each class')
    own = None if classes is None else _texts(classes)
    return checked(found['x_train'], found['y_train'], found.get('x_test'), found.get('y_test'), own, names)


def is_arrays(path: str) -> bool:
    """Tell whether a path is a .npz file with the arrays NEEDED, or a folder with such a FILE."""
    path = place(path)
    if not path.lower().endswith('.npz') or not os.path.isfile(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return {f'{name}.npy' for name in NEEDED} <= set(archive.namelist())
    except (OSError, zipfile.BadZipFile, ValueError, RuntimeError):
        return False


def as_numpy(value: Any, name: str) -> np.ndarray:
    """Return an array of NumPy, MXNet or whatever gives itself as one. Raises UserError for anything else."""
    if hasattr(value, 'asnumpy'):
        return np.asarray(value.asnumpy())
    if isinstance(value, np.ndarray) or hasattr(value, '__array__'):
        return np.asarray(value)
    raise UserError(f'{name}: {type(value).__name__}; expected an array')


def _is_compressed(path: str) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist())
    except (OSError, zipfile.BadZipFile, ValueError, RuntimeError):
        return True  # reading says what is wrong with it


def _images(value: Any, name: str) -> np.ndarray:
    """Return images as uint8 (n, 3 or 1, H, W)."""
    array = as_numpy(value, name)
    expected = 'expected uint8, pixels from 0 to 255'
    if array.dtype.kind == 'f':
        if array.size and np.isnan(array).any():
            raise UserError(f'{name}: has values that are not numbers (NaN); {expected}')
        largest = f', values up to {array.max():g}' if array.size else ''
        hint = f'; ({name.rpartition(": ")[2]} * 255).astype("uint8") makes them of shares from 0 to 1'
        raise UserError(f'{name}: {array.dtype}{largest}; {expected}{hint}')
    if array.dtype != np.uint8:
        raise UserError(f'{name}: {array.dtype}; {expected}')
    if array.ndim == 3:
        array = array[:, None]
    elif array.ndim == 4 and array.shape[3] in (1, 3):
        array = array.transpose(0, 3, 1, 2)
    elif array.ndim != 4 or array.shape[1] not in (1, 3):
        raise UserError(f'{name}: shape {shown(array.shape)}; expected {SHAPES}')
    if not len(array):
        raise UserError(f'{name}: no images')
    if not limits.SMALLEST_IMAGE <= min(array.shape[2:]) <= max(array.shape[2:]) <= limits.IMAGE_SIZE:
        raise UserError(
            f'{name}: images of {array.shape[2]} x {array.shape[3]} pixels; accepted are sides of '
            f'{limits.SMALLEST_IMAGE} to {limits.IMAGE_SIZE}'
        )
    return np.ascontiguousarray(array)


def _labels(value: Any, name: str, count: int, images: str) -> List[Any]:
    """Return one int or str for each image."""
    array = np.asarray(value) if isinstance(value, (list, tuple)) else as_numpy(value, name)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        one_hot = ' (of shares by class, y.argmax(axis=1) makes them)' if array.ndim == 2 else ''
        raise UserError(f'{name}: shape {shown(array.shape)}; expected one label an image, (n,){one_hot}')
    if len(array) != count:
        raise UserError(f'{name}: {len(array)} labels for the {count} images of {images.rpartition(": ")[2]}')
    if array.dtype.kind == 'f' and np.isnan(array).any():
        raise UserError(f'{name}: has values that are not numbers (NaN); expected whole numbers or texts')
    if array.dtype.kind in 'biu':
        return list(map(int, array.tolist()))
    if array.dtype.kind in 'US':
        return _texts(array)
    values = array.tolist()
    if array.dtype.kind == 'O' and all(isinstance(entry, str) for entry in values):
        return list(values)
    raise UserError(f'{name}: {array.dtype}; expected whole numbers or texts')


def _texts(array: np.ndarray) -> List[str]:
    return [
        entry.decode('utf-8', 'backslashreplace') if isinstance(entry, bytes) else str(entry)
        for entry in array.tolist()
    ]


def _sorted(values: Sequence[Any]) -> List[str]:
    return [str(value) for value in sorted(set(values))]


def _places(values: Sequence[Any], classes: Sequence[str], name: str, numbered: bool) -> np.ndarray:
    """Return for each label its place among the classes. numbered: whether whole numbers are places already."""
    places: Dict[Any, int]
    if numbered and values and isinstance(values[0], int):
        places = {place: place for place in range(len(classes))}
    else:
        places = {label: place for place, label in enumerate(classes)}
        values = list(map(str, values))
    wrong = next((value for value in values if value not in places), None)
    if wrong is not None:
        few = ', '.join(list(map(str, places))[:4]) + (f', … {list(places)[-1]}' if len(places) > 4 else '')
        raise UserError(f'{name}: label {shown(wrong)} is none of the {len(classes)} classes ({few})')
    return np.array([places[value] for value in values], np.int32)
