"""Files that are made once and kept between runs: $DSONAS_CACHE, else $XDG_CACHE_HOME/dsonas, else ~/.cache/dsonas."""
import hashlib
import os
import tempfile
from contextlib import contextmanager

import numpy as np

from ..base.errors import UserError


def folder():
    """The cache folder, made if need be; UserError where that cannot be."""
    path = os.environ.get('DSONAS_CACHE') or os.path.join(
        os.environ.get('XDG_CACHE_HOME') or os.path.join(os.path.expanduser('~'), '.cache'), 'dsonas')
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise UserError('cannot make the cache folder %s (%s); set DSONAS_CACHE to a folder that can be written' % (
            path, error.strerror)) from error
    return path


@contextmanager
def replacing(path):
    """A binary file that takes path's place, complete and synced, when the block ends well; else path stays as it was.

    Two processes may do so at once: each writes beside, the last rename wins.
    """
    handle, beside = tempfile.mkstemp(prefix='.' + os.path.basename(path) + '.', dir=os.path.dirname(path) or '.')
    try:
        with os.fdopen(handle, 'wb') as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(beside, 0o666 & ~umask)            # mkstemp's files are for their owner only
        os.replace(beside, path)
    except BaseException:
        if os.path.exists(beside):
            os.unlink(beside)
        raise


def digest(arrays):
    """sha256 of a dict of arrays: names, types, shapes and contents."""
    total = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        total.update(('%s %s %s;' % (name, array.dtype.str, array.shape)).encode())
        total.update(array)
    return total.hexdigest()
