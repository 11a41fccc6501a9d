"""Files of data sets that are made once and kept between runs, in the folder of base/cache.py, and how they are told from damaged ones."""

import hashlib
from typing import Mapping

import numpy as np

from ..base.cache import folder

__all__ = ['digest', 'folder']


def digest(arrays: Mapping[str, np.ndarray]) -> str:
    """Compute the sha256 of a dict of arrays: names, types, shapes and contents."""
    total = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        total.update(f'{name} {array.dtype.str} {array.shape};'.encode())
        total.update(array.data)
    return total.hexdigest()
