"""Recognise by its content which data set lies in a folder or file; cheap, no image is decoded.

| data set   | what it is known by                                                                                   |
| ---------- | ----------------------------------------------------------------------------------------------------- |
| `cifar10`  | its batch files, binary or python, in the folder or one below; an archive, whatever its name, of them |
| `cifar100` | the same of CIFAR-100                                                                                 |
| `imagenet` | record files: .rec, in the folder, records/ or rec/                                                   |
| `npz`      | a .npz file with the arrays x_train and y_train, or arrays.npz in the folder                           |
| `csv`      | a .csv or .tsv file; a folder with train.csv or another table of training images or labels            |
| `folder`   | images in folders below it                                                                            |

Where two fit, the first of the table is taken: records may lie beside the images that they were made of. A data set of a plugin
may bring its own (registry.register(…, recognise=…)), which is asked before these.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import re
import tarfile
import zipfile
import zlib
from typing import IO, Any, Callable, Dict, Iterator, List, Sequence, Tuple

from . import arrays, heads
from .sources import kinds

Recognise = Callable[[str], bool]  # of the path of a folder or a file

CIFAR10 = re.compile(r'(data_batch_[1-5]|test_batch)(\.bin)?')
CIFAR100 = re.compile(r'(fine|coarse)_label_names\.txt')
CIFAR100_PYTHON = {'train', 'test', 'meta'}
TABLES = ('.csv', '.tsv')
TRAINING = re.compile(
    r'train(ing)?([ _-].*|(?-i:[A-Z]).*)?|.*[ _-]train(ing)?', re.I
)  # name of a table of training images
LABELS = re.compile(r'(.*[ _-])?(labels?|annotations?|images|(meta)?data|ground[ _-]?truth)', re.I)
SPLIT = re.compile(
    r'(train|test|val)(ing|id|idation)?\d?([ _-]?(set|images|data))?', re.I
)  # name of a folder of such a set
OPENERS: Dict[bytes, Callable[[Any], Any]] = {b'\x1f\x8b': gzip.open, b'BZh': bz2.open, b'\xfd7zXZ': lzma.open}
DAMAGE = (OSError, EOFError, tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, ValueError, RuntimeError)

MOST_MEMBERS = 50  # of an archive, whose names are looked at
MOST_BYTES = 1 << 28  # unpacked for that
MOST_ENTRIES = 5000  # of all folders together
MOST_HEADS = 100  # files whose first bytes are looked at
DEEPEST = 4


def is_cifar10(path: str) -> bool:
    """Tell whether CIFAR-10 lies at `path`: its extracted folder, its archive, or the folder of either."""
    return any(any(map(CIFAR10.fullmatch, names)) for names in _listings(path))


def is_cifar100(path: str) -> bool:
    """Tell whether CIFAR-100 lies at `path`: its extracted folder, its archive, or the folder of either."""
    return any(any(map(CIFAR100.fullmatch, names)) or CIFAR100_PYTHON <= set(names) for names in _listings(path))


def has_records(path: str) -> bool:
    """Tell whether a folder holds record files, itself or in records/ or rec/."""
    return any(name.endswith('.rec') for inner in ('', 'records', 'rec') for name in _names(os.path.join(path, inner)))


def is_table(path: str) -> bool:
    """Tell whether `path` is a .csv or .tsv file, or a folder with such a table of training images.

    A table of labels counts where there are no class folders beside it, whose names it may explain, and none counts beside class
    folders of both a training and a test set, of which it may list the one.
    """
    if os.path.isfile(path):
        return path.lower().endswith(TABLES)
    names = _names(path)
    stems = [os.path.splitext(name)[0] for name in names if name.lower().endswith(TABLES)]
    if any(map(TRAINING.fullmatch, stems)):
        return sum(len(_class_folders(path, [name])) > 1 for name in names) < 2  # else class folders of two sets
    return any(map(LABELS.fullmatch, stems)) and len(_class_folders(path, names)) < 2


def has_image_folders(path: str) -> bool:
    """Tell whether images lie in folders below `path`, among the first MOST_ENTRIES entries."""
    odd = 0
    for depth, file in _walk(path):
        suffix = os.path.splitext(file)[1].lower()
        if depth and suffix in kinds.SUFFIXES:
            return True
        if depth and suffix not in TABLES and odd < MOST_HEADS:
            odd += 1
            if kinds.is_image(_head(file)):
                return True
    return False


KINDS: Dict[str, Recognise] = {
    'cifar10': is_cifar10,
    'cifar100': is_cifar100,
    'imagenet': has_records,
    'npz': arrays.is_arrays,
    'csv': is_table,
    'folder': has_image_folders,
}


def described(path: str) -> str:
    """Say what lies at a path where nothing is recognised, for a message: 'an archive, which has to be unpacked', …; '' for nothing."""
    from .sources import listed  # imports what reads tables

    if os.path.isfile(path):
        kind = heads.really(_head(path)) or ('an archive, which has to be unpacked' if listed.is_packed(path) else '')
        return kind or f'a file {os.path.splitext(path)[1] or "without a suffix"}'
    hint = listed.instead(path)
    if hint:
        return hint.lstrip('; ')
    counts: Dict[str, int] = {}
    flat = 0
    for depth, file in _walk(path):
        suffix = os.path.splitext(file)[1].lower()
        flat += depth == 0 and suffix in kinds.SUFFIXES
        counts[suffix] = counts.get(suffix, 0) + 1
    if flat:
        return 'images without class folders' + listed.NAMES
    most = sorted(counts, key=lambda suffix: (-counts[suffix], suffix))[:3]
    return 'files ' + ', '.join(suffix[:12] or 'without a suffix' for suffix in most) if most else 'no files'


def _class_folders(path: str, names: Sequence[str]) -> List[str]:
    """Those of the names in a folder that may be of classes: folders, and within folders of sets the folders in them."""
    found = []
    for name in names:
        if not name.startswith('.') and os.path.isdir(os.path.join(path, name)):
            split = os.path.join(path, name) if SPLIT.fullmatch(name) else ''
            inner = [one for one in _names(split) if os.path.isdir(os.path.join(split, one))] if split else [name]
            found += inner
    return found


def _names(folder: str) -> List[str]:
    """Names in a folder, sorted; none where it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for _, entry in zip(range(MOST_ENTRIES), entries))
    except OSError:
        return []


def _walk(path: str) -> Iterator[Tuple[int, str]]:
    """Yield (depth, path) of files below a folder, level by level."""
    level, left = [path], MOST_ENTRIES
    for depth in range(DEEPEST + 1):
        deeper = []
        for folder in level:
            for name in _names(folder):
                left -= 1
                if left < 0:
                    return
                full = os.path.join(folder, name)
                if os.path.isdir(full):
                    deeper.append(full)
                elif os.path.isfile(full):
                    yield depth, full
        level = deeper


def _listings(path: str) -> Iterator[List[str]]:
    """Yield the file names of a folder, of each folder and archive in it; or of an archive."""
    if not os.path.isdir(path):
        yield _members(path)
        return
    names = _names(path)
    yield [name for name in names if os.path.isfile(os.path.join(path, name))]
    for name in names[:MOST_MEMBERS]:
        full = os.path.join(path, name)
        if os.path.isdir(full):
            yield [inner for inner in _names(full) if os.path.isfile(os.path.join(full, inner))]
        elif 'cifar' in name.lower():
            yield _members(full)


def _head(path: str) -> bytes:
    """The first bytes of a regular file; none of what cannot be read."""
    try:
        if os.path.isfile(path):
            with open(path, 'rb') as stream:
                return stream.read(262)
    except OSError:
        pass
    return b''


def _members(path: str) -> List[str]:
    """Names of the first files of an archive, without their folders; none where it is no archive."""
    head, names = _head(path), []
    opener = next((opener for magic, opener in OPENERS.items() if head.startswith(magic)), None)
    try:
        if head.startswith(b'PK\3\4'):
            with zipfile.ZipFile(path) as archive:
                return [os.path.basename(name) for name in archive.namelist()[:MOST_MEMBERS]]
        if not opener and head[257:262] != b'ustar':
            return []
        with open(path, 'rb') if opener is None else opener(path) as stream:
            with tarfile.open(fileobj=_Bounded(stream), mode='r|') as members:  # type: ignore[call-overload]
                for member in members:
                    names.append(os.path.basename(member.name))
                    if len(names) == MOST_MEMBERS or CIFAR10.fullmatch(names[-1]) or CIFAR100.fullmatch(names[-1]):
                        break
    except DAMAGE:  # what was seen before it tells enough, or nothing
        pass
    return names


class _Bounded:
    """A stream that ends after MOST_BYTES."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._left = stream, MOST_BYTES

    def read(self, size: int) -> bytes:
        chunk = self._stream.read(min(size, self._left))
        self._left -= len(chunk)
        return chunk
