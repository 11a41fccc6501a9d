"""What decoding every image of a folder tells, kept in the cache: which cannot be used, statistics of pixels, digests of contents.

It is made anew when names, sizes or times of the files change, or how they are prepared.
"""

import hashlib
import logging
import os
import unicodedata
import zipfile
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np

from ...base import files
from .. import cache, decode
from .classes import Member

# By file: reasons (as of decode.BadImage, '' for none), errors, means and squares (n, 3), sha256 of the contents.
Index = Dict[str, np.ndarray]
FIELDS = ('reasons', 'errors', 'means', 'squares', 'digests')
Pixels = List[Optional[np.ndarray]]  # by file, None for one that cannot be used
Prepare = Callable[[IO[bytes], str], np.ndarray]  # (open file, its name) -> uint8 (H, W, 3)

BLOCK = 1 << 20  # bytes read at a time

log = logging.getLogger(__name__)


def _look(
    path: str, prepare: Prepare, keep: bool
) -> Tuple[str, str, np.ndarray, np.ndarray, str, Optional[np.ndarray]]:
    """Decode a file: (reason, error, mean of the pixels (3,), mean of their squares (3,), digest, the pixels if keep is set)."""
    try:
        with decode.opened(path) as source:
            pixels = prepare(source, path)
            digest = content_digest(source)
    except decode.BadImage as error:
        return error.reason, str(error), np.zeros(3), np.zeros(3), '', None
    except OSError as error:
        return decode.Unreadable.reason, f'{path}: {error.strerror or error}', np.zeros(3), np.zeros(3), '', None
    values = pixels.reshape(-1, 3) / 255.0
    return '', '', values.mean(0), (values**2).mean(0), digest, pixels if keep else None


def content_digest(source: IO[bytes]) -> str:
    """Compute the sha256 of an open file, from its beginning on."""
    total = hashlib.sha256()
    source.seek(0)
    for block in iter(lambda: source.read(BLOCK), b''):
        total.update(block)
    return total.hexdigest()


def look_at_all(paths: Sequence[str], prepare: Prepare, keep: bool, workers: int) -> Tuple[Index, Optional[Pixels]]:
    """Decode every file in `workers` threads: (index, pixels if keep is set)."""
    results = []
    with ThreadPoolExecutor(workers) as pool:
        for result in pool.map(lambda path: _look(path, prepare, keep), paths):
            results.append(result)
            if len(results) % 10000 == 0:
                log.info('%d of %d images looked at', len(results), len(paths))
    reasons, errors, means, squares, digests, pixels = zip(*results)
    index = {
        'reasons': np.array(reasons, dtype=str),
        'errors': np.array(errors, dtype=str),
        'means': np.array(means),
        'squares': np.array(squares),
        'digests': np.array(digests, dtype=str),
    }
    return index, list(pixels) if keep else None


def _key(members: Sequence[Member], how: str) -> str:
    """Compute a sha256 of the names, sizes and times of files, and of how they are prepared."""
    total = hashlib.sha256(f'folder-2 {how}'.encode())
    for member in members:
        line = f'{os.path.abspath(member.path)} {member.size} {member.time}\n'
        total.update(line.encode('utf-8', 'surrogateescape'))
    return total.hexdigest()


def indexed(
    members: Sequence[Member], prepare: Prepare, how: str, keep: bool, workers: int
) -> Tuple[Index, Optional[Pixels]]:
    """Return (index, pixels) as look_at_all, with the index from the cache if it holds one of the same files.

    how: what `prepare` depends on besides the file.
    """
    pixels: Optional[Pixels]
    paths = [member.path for member in members]
    kept = os.path.join(cache.folder(), f'folder-{_key(members, how)[:32]}.npz')
    try:
        with np.load(kept, allow_pickle=False) as arrays:
            index = {name: arrays[name] for name in FIELDS}
        if not all(len(array) == len(paths) for array in index.values()):
            raise ValueError('another number of files')
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        log.info('looking at %d images', len(paths))
        index, pixels = look_at_all(paths, prepare, keep, workers)
        with files.replacing(kept) as out:
            np.savez(out, **index)
        return index, pixels
    if not keep:
        return index, None

    def again(item: Tuple[str, str]) -> Optional[np.ndarray]:
        path, reason = item
        if reason:
            return None
        with decode.opened(path) as source:
            return prepare(source, path)

    with ThreadPoolExecutor(workers) as pool:
        return index, list(pool.map(again, zip(paths, index['reasons'])))


def fingerprint(classes: Sequence[str], members: Sequence[Member], tests: int, index: Index) -> str:
    """Compute a sha256 of class names, names and contents of the images that can be used, and which are of the test set.

    tests: how many, the last of `members`. It does not depend on where the folder lies, how images are
    prepared, or how a system writes letters with accents.
    """
    first = len(members) - tests
    lines = []
    for number, member in enumerate(members):
        if not index['reasons'][number]:
            half = 'test' if number >= first else 'train'
            lines.append(f'{half}\t{member.name}\t{index["digests"][number]}')
    text = '\n'.join([*classes, '', *sorted(lines)])
    return hashlib.sha256(unicodedata.normalize('NFC', text).encode('utf-8', 'surrogateescape')).hexdigest()
