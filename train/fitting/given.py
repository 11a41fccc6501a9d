"""Data as a caller from Python gives them: arrays, Gluon's data sets, a folder; arrays become a file of the run."""

import contextlib
import os
from typing import Any, Iterator, List, Optional, Tuple

import mxnet as mx
import numpy as np

from ...base.errors import UserError
from ...data import arrays
from ...data.arrays import Arrays
from ...runfiles.directory import RunDirectory, is_run
from ...runfiles.fit import FILE, LOCK, read_fit
from .engine import missing, remove_empty

ACCEPTED = "a folder's path, the name of a data set, arrays (x, y) or ((x, y), (x_test, y_test)), a Gluon Dataset or a pair of them"
NAME = 'npz'  # the data set that opens the file


def arrays_of(data: Any) -> Optional[Arrays]:
    """Return the Arrays of what is given; None for a path, a name, or an object of the registry of data sets.

    Raises UserError, in one line, for what is neither, and for arrays that do not fit each other.
    """
    if isinstance(data, (str, os.PathLike)) or hasattr(data, 'open_data'):
        return None
    if isinstance(data, mx.gluon.data.Dataset):
        return arrays.checked(*_stacked(data, 'data'))
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        what = f'{type(data).__name__} of {len(data)}' if isinstance(data, (tuple, list)) else type(data).__name__
        raise UserError(f'data: {what}; expected {ACCEPTED}')
    first, second = data
    if _is_pair(first) or _is_pair(second):
        return arrays.checked(*_both(first, 'the first of data'), *_both(second, 'the second of data'))
    return arrays.checked(first, second)


def _is_pair(part: Any) -> bool:
    """Tell whether a part of data is images with their labels."""
    return isinstance(part, mx.gluon.data.Dataset) or (
        isinstance(part, (tuple, list)) and len(part) == 2 and getattr(part[0], 'ndim', 0) > 2
    )


def _both(part: Any, name: str) -> Tuple[Any, Any]:
    if isinstance(part, mx.gluon.data.Dataset):
        return _stacked(part, name)
    if not isinstance(part, (tuple, list)) or len(part) != 2:
        raise UserError(f'{name}: {type(part).__name__}; expected images and labels (x, y), as the other part of data')
    return part[0], part[1]


def _stacked(dataset: Any, name: str) -> Tuple[np.ndarray, np.ndarray]:
    """Return the images and labels of a Gluon Dataset whose samples are (image, label)."""
    images: List[np.ndarray] = []
    labels: List[Any] = []
    for number in range(len(dataset)):
        sample = dataset[number]
        if not isinstance(sample, (tuple, list)) or len(sample) != 2:
            raise UserError(f'{name}: sample {number} is a {type(sample).__name__}; expected (image, label)')
        image = arrays.as_numpy(sample[0], f'{name}: image {number}')
        if images and (image.shape, image.dtype) != (images[0].shape, images[0].dtype):
            raise UserError(
                f'{name}: image {number} is {image.dtype} of shape {image.shape}, image 0 {images[0].dtype} of '
                f'{images[0].shape}; expected images of one size'
            )
        images.append(image)
        labels.append(_label(sample[1]))
    if not images:
        raise UserError(f'{name}: no images')
    return np.stack(images), np.array(labels)


def _label(label: Any) -> Any:
    value = label.asnumpy() if hasattr(label, 'asnumpy') else label
    value = value.item() if isinstance(value, (np.ndarray, np.generic)) and np.size(value) == 1 else value
    return int(value) if isinstance(value, float) and value.is_integer() else value


@contextlib.contextmanager
def kept(given: Arrays, run: str) -> Iterator[str]:
    """Write arrays into a run directory, and give the path of the file there; where no run is begun then, nothing stays.

    Raises UserError where the run was begun with other data, OSError.
    """
    path, new = os.path.join(run, arrays.FILE), missing(run)
    directory, written = RunDirectory(run), False
    try:
        record = read_fit(run)
        if record is not None and record.asked.get('data', {}).get('fingerprint') != given.fingerprint:
            raise UserError(f'run directory {run}: it was begun with other data than these; take another directory')
        if record is not None and not os.path.exists(path) or record is None and not is_run(run):
            directory.lock(LOCK)
            arrays.write(path, given)
            written = record is None
            directory.unlock()
        yield path
    finally:
        directory.unlock()
        if written and not os.path.exists(os.path.join(run, FILE)):
            with contextlib.suppress(OSError):
                os.remove(path)
            remove_empty(run, new)
