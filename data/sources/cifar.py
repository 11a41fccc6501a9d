"""Reading CIFAR-10 and CIFAR-100 (cifar_kinds.py) from their files (cifar_files.py); nothing is downloaded.

Errors are one line that names the file. Files with other numbers of whole records than the official ones are accepted
with a warning; a truncated file is refused.
"""

import hashlib
import logging
import os
from typing import Dict, List, NamedTuple, Sequence, Tuple

import numpy as np

from ...base.errors import UserError
from .. import augment
from ..dataset import DataSet, Images, Options
from ..place import NotFound
from . import cifar_files, pickles
from .cifar_files import Located
from .cifar_kinds import KINDS, Kind, LabelSet

PIXELS = 3 * 32 * 32

log = logging.getLogger(__name__)


class Half(NamedTuple):
    """images: uint8 (n, 3, 32, 32). labels: by LabelSet's name, int32 (n,)."""

    images: np.ndarray
    labels: Dict[str, np.ndarray]


class Cifar(NamedTuple):
    """What was read. classes: names by LabelSet's name."""

    located: Located
    classes: Dict[str, Tuple[str, ...]]
    train: Half
    test: Half
    notes: Tuple[str, ...]

    def fingerprint(self) -> str:
        """Compute the sha256 of images and all labels, which is the same for both versions."""
        total = hashlib.sha256(self.located.kind.name.encode())
        for half in (self.train, self.test):
            total.update(np.ascontiguousarray(half.images).data)
            for name in sorted(half.labels):
                total.update(np.ascontiguousarray(half.labels[name]).data)
        return total.hexdigest()


def _binary(content: bytes, name: str, kind: Kind) -> Half:
    """Parse a file of the binary version. Raises UserError if it is truncated."""
    columns = len(kind.labels)
    if not content or len(content) % (columns + PIXELS):
        raise UserError(
            f'{name} has {len(content)} bytes, not a whole number of records of {columns + PIXELS} bytes: '
            'truncated or damaged'
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, columns + PIXELS)
    labels = {labels.name: records[:, labels.column].astype(np.int32) for labels in kind.labels}
    return Half(records[:, columns:].reshape(-1, 3, 32, 32), labels)


def _python(content: bytes, name: str, kind: Kind) -> Half:
    """Parse a file of the python version. Raises UserError if data or labels are not what they should be."""
    batch = pickles.read_dict(content, name, kind.title)
    images = batch.get('data')
    if (
        not isinstance(images, np.ndarray)
        or images.dtype != np.uint8
        or images.ndim != 2
        or images.shape[1] != PIXELS
        or not len(images)
    ):
        actual = f'{images.dtype} {images.shape}' if isinstance(images, np.ndarray) else type(images).__name__
        raise UserError(f'{name}: data must be uint8 of shape (n, {PIXELS}), found {actual}')
    labels = {labels.name: _whole(batch.get(labels.key), len(images), name, labels) for labels in kind.labels}
    return Half(images.reshape(-1, 3, 32, 32), labels)


def _whole(values: object, count: int, name: str, labels: LabelSet) -> np.ndarray:
    """Bring pickled labels into int64 (count,). Raises UserError for anything but so many whole numbers."""
    if isinstance(values, np.ndarray):
        values = values.tolist()
    if (
        not isinstance(values, (list, tuple))
        or len(values) != count
        or not all(isinstance(value, (int, np.integer)) and -(2**31) <= value < 2**31 for value in values)
    ):
        raise UserError(f'{name}: {labels.key} must be a list of {count} whole numbers, one an image')
    return np.array(values, np.int64)


def _classes(located: Located, contents: Dict[str, bytes], labels: LabelSet) -> Tuple[str, ...]:
    """Read the class names of labels. Raises UserError if they are not as many as there are classes."""
    binary = located.version.name == 'binary'
    file = labels.names_file if binary else located.version.meta[0]
    if file not in contents:
        return labels.official or tuple(map(str, range(labels.count)))
    name = os.path.join(located.where, file)
    if binary:
        names = tuple(contents[file].decode('utf-8', 'replace').split())
    else:
        names = pickles.names(pickles.read_dict(contents[file], name, located.kind.title).get(labels.names_key))
    if len(names) != labels.count or len(set(names)) != labels.count:
        raise UserError(f'{name} names {len(set(names))} classes, expected {labels.count} different ones')
    return names


def _half(located: Located, contents: Dict[str, bytes], files: Sequence[str], official: int, small: List[str]) -> Half:
    """Parse the files of the training or the test set; those of an unusual number of records are added to `small`."""
    parse = _binary if located.version.name == 'binary' else _python
    parts: List[Half] = []
    for file in files:
        name = os.path.join(located.where, file)
        part = parse(contents.pop(file), name, located.kind)
        for labels in located.kind.labels:
            wrong = np.flatnonzero((part.labels[labels.name] < 0) | (part.labels[labels.name] >= labels.count))
            if len(wrong):
                label = part.labels[labels.name][wrong[0]]
                what = 'label' if len(located.kind.labels) == 1 else f'{labels.name} label'
                raise UserError(f'{name}: record {wrong[0]} has {what} {label}, expected 0 to {labels.count - 1}')
        if len(part.images) != official:
            small.append(f'{os.path.splitext(file)[0]} {len(part.images)}')
        parts.append(part)
    labels_of = {
        labels.name: np.concatenate([part.labels[labels.name] for part in parts]).astype(np.int32)
        for labels in located.kind.labels
    }
    return Half(np.concatenate([part.images for part in parts]), labels_of)


def read(path: str, kinds: Sequence[Kind]) -> Cifar:
    """Read the data set at or in `path`, of one of the `kinds`; the first of them is preferred.

    Raises NotFound, or UserError for damaged files.
    """
    located = cifar_files.locate(path, kinds)
    kind, version, where = located[:3]
    contents = cifar_files.contents(located)
    classes = {labels.name: _classes(located, contents, labels) for labels in kind.labels}
    small: List[str] = []
    train, test = (
        _half(located, contents, files, official, small)
        for files, official in zip((version.train, version.test), kind.records)
    )
    if small:
        counts = (
            f'{kind.records[0]} records a file' if len(set(kind.records)) == 1 else '%d and %d records' % kind.records
        )
        log.warning('%s is not the official %s, which has %s: %s', where, kind.title, counts, ', '.join(small))
    notes = [
        f'{where}: {kind.title}, {version.name} version, {len(train.images)} training and {len(test.images)} test images'
    ]
    if not all(name in contents for name in version.meta):
        notes.append(
            f'{where} has no class names; '
            + ('numbers' if not kind.labels[0].official else 'the official ones')
            + ' are taken'
        )
    return Cifar(located, classes, train, test, tuple(notes))


def read_kind(path: str, kind: Kind) -> Cifar:
    """Read the data set at or in `path`, which must be of that kind.

    Raises NotFound, which says so where it is of the other, or UserError for damaged files.
    """
    data = read(path, [kind] + [other for other in KINDS if other is not kind])
    if data.located.kind is not kind:
        other = data.located.kind
        raise NotFound(f'{path} holds {other.title}, which is the data set {other.name}; expected {kind.expected}')
    return data


def open_data(options: Options, kind: Kind, labels: str, mean: Sequence[float], std: Sequence[float]) -> DataSet:
    """Open a data set with its labels of that name; augmented by pad-crop (4 pixels) and mirror."""
    data = read_kind(options.dir, kind)
    train, test = (augment.resized(half.images, options.image_size) for half in (data.train, data.test))
    transform = augment.Transform(tuple(mean), tuple(std), pad=train.shape[-1] // 8, mirrored=True, cut=options.cutout)
    return DataSet(
        kind.name,
        data.classes[labels],
        Images(train, data.train.labels[labels], transform),
        Images(test, data.test.labels[labels], transform),
        mean,
        std,
        options,
        notes=data.notes,
        fingerprint=data.fingerprint(),
    )
