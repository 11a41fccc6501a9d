"""The folder of files that are made once and kept between runs: $DSONAS_CACHE, else $XDG_CACHE_HOME/dsonas, else ~/.cache/dsonas."""

import os

from . import files
from .errors import UserError


def folder() -> str:
    """Return the path of the cache folder, which is made if need be. Raises UserError if it cannot be."""
    path = os.environ.get('DSONAS_CACHE') or os.path.join(
        os.environ.get('XDG_CACHE_HOME') or os.path.join(os.path.expanduser('~'), '.cache'), 'dsonas'
    )
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise UserError(
            f'cannot make the cache folder {path} ({error.strerror}); set DSONAS_CACHE to a folder that can be written'
        ) from error
    files.remove_leftovers(path, files.OLD)
    return path
