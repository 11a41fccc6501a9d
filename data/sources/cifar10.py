"""`cifar10`: CIFAR-10 from the standard archive that is already on disk; nothing is downloaded.

`dir` names the archive, the folder that it lies in, or the extracted folder, in either of the two versions:

    binary   cifar-10-binary.tar.gz, cifar-10-batches-bin/   data_batch_1.bin ... 5, test_batch.bin, batches.meta.txt;
             a record is one label byte and 3072 pixels, red plane first
             (gluon's place holds the archive and these files side by side)
    python   cifar-10-python.tar.gz, cifar-10-batches-py/    data_batch_1 ... 5, test_batch, batches.meta; pickled dicts

Without batches.meta.txt, which gluon does not need either, the binary version's class names are the
official ones. If an extracted binary folder has a manifest.json with the files' checksums, they are
checked. Errors are one line that names the file. Files with fewer whole records than the official
10,000 are accepted with a warning; a truncated file is refused.
"""

import gzip
import hashlib
import io
import json
import logging
import os
import pickle
import tarfile
import zlib
from typing import Any, Collection, Dict, List, Sequence, Tuple

import numpy as np

from ...base.errors import UserError
from .. import augment
from ..dataset import DataSet, Images, Options
from ..place import NotFound
from .digits import read_image  # noqa: F401 (these are 32x32 too)

RECORDS, PIXELS = 10000, 3 * 32 * 32
MEAN, STD = (0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761)
VERSIONS = {  # version: archive, folder, suffix of a batch file, file of class names
    'binary': ('cifar-10-binary.tar.gz', 'cifar-10-batches-bin', '.bin', 'batches.meta.txt'),
    'python': ('cifar-10-python.tar.gz', 'cifar-10-batches-py', '', 'batches.meta'),
}
EXPECTED = (
    ' or '.join(f'{archive} (or {folder})' for archive, folder, _, _ in VERSIONS.values())
    + ', or the batch files themselves'
)
CLASSES = ('airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck')
MANIFEST, FORMAT = 'manifest.json', 'dsonas.cifar10'
TRAIN = tuple(f'data_batch_{i}' for i in range(1, 6))
TEST = ('test_batch',)

Labelled = Tuple[np.ndarray, np.ndarray]  # images uint8 (n, 3, 32, 32), labels int (n,)

log = logging.getLogger(__name__)


def find(path: str) -> Tuple[str, str]:
    """Find the archive or the extracted folder at or in `path`: (version, its path).

    One with all batch files is preferred to one that lacks some. Raises NotFound if there is neither.
    """
    if os.path.isfile(path):
        for version, (archive, _, _, _) in VERSIONS.items():
            if os.path.basename(path) == archive or (
                version in os.path.basename(path) and path.endswith(('.tar.gz', '.tgz'))
            ):
                return version, path
        raise NotFound(f'{path} is not a CIFAR-10 archive; expected {EXPECTED}')
    if not os.path.isdir(path):
        raise NotFound(f'{path}: no such file or folder; expected {EXPECTED}')
    for enough in (all, any):
        for version, (archive, folder, suffix, _) in VERSIONS.items():
            for where in (path, os.path.join(path, folder), os.path.join(path, archive)):
                if os.path.isfile(where) or enough(
                    os.path.isfile(os.path.join(where, name + suffix)) for name in TRAIN + TEST
                ):
                    return version, where
    raise NotFound(f'no CIFAR-10 in {path}; expected {EXPECTED}')


def read_files(where: str, names: Sequence[str], optional: Collection[str] = ()) -> Dict[str, bytes]:
    """Read the named files of the folder or archive `where`, without extracting to disk: {name: bytes}.

    Raises UserError if one is missing that is not optional, and for a damaged archive.
    """
    contents: Dict[str, bytes] = {}
    if os.path.isdir(where):
        for name in names:
            path = os.path.join(where, name)
            if os.path.isfile(path):
                with open(path, 'rb') as source:
                    contents[name] = source.read()
    else:
        try:
            with gzip.open(where) as unpacked:
                with tarfile.open(fileobj=unpacked, mode='r|') as archive:
                    for member in archive:
                        name = os.path.basename(member.name)
                        stream = archive.extractfile(member) if member.isfile() and name in names else None
                        if stream is not None:
                            contents[name] = stream.read()
                while unpacked.read(1 << 20):  # to the end, where gzip's checksum stands
                    pass
        except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
            raise UserError(f'{where} is damaged or truncated ({error}); fetch it again') from error
    needed = [name for name in names if name not in optional]
    missing = [name for name in needed if name not in contents]
    if missing:
        raise UserError(f'{where} lacks {", ".join(missing)}; all of these are needed: {", ".join(needed)}')
    return contents


def check_manifest(where: str, contents: Dict[str, bytes]) -> None:
    """Check files against the manifest of the folder `where`, if it has one. Raises UserError for another checksum."""
    path = os.path.join(where, MANIFEST)
    if not os.path.isfile(path):
        return
    try:
        with open(path, encoding='utf-8') as source:
            manifest = json.load(source)
        sums = manifest['files'] if manifest['format'] == FORMAT else None
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f'{path} is damaged ({error})') from error
    for name, content in contents.items():
        if sums is None or sums.get(name) != hashlib.sha256(content).hexdigest():
            raise UserError(f'{os.path.join(where, name)} is not what {path} says: damaged, or of another archive')


class _PlainUnpickler(pickle.Unpickler):
    """Read dicts, lists, strings and numpy arrays, which CIFAR-10's files hold, and call nothing else."""

    ALLOWED = {
        ('numpy.core.multiarray', '_reconstruct'),
        ('numpy', 'ndarray'),
        ('numpy', 'dtype'),
        ('_codecs', 'encode'),
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in self.ALLOWED:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f'it holds {module}.{name}, which no CIFAR-10 file does')


def unpickle(content: bytes, name: str) -> Dict[str, Any]:
    """Read the dict in a file of the python version, keys as str. Raises UserError for anything else."""
    try:
        batch = _PlainUnpickler(io.BytesIO(content), encoding='bytes').load()
    except Exception as error:  # a damaged pickle can raise nearly anything
        reason = ' '.join(str(error).split()) or type(error).__name__
        raise UserError(f'{name} is damaged or not a CIFAR-10 file ({reason})') from error
    if not isinstance(batch, dict):
        raise UserError(f'{name} holds a {type(batch).__name__}, not a dict')
    return {key.decode('latin1') if isinstance(key, bytes) else key: value for key, value in batch.items()}


def binary_batch(content: bytes, name: str) -> Labelled:
    """Parse a file of the binary version. Raises UserError if it is truncated."""
    if not content or len(content) % (1 + PIXELS):
        raise UserError(
            f'{name} has {len(content)} bytes, not a whole number of records of {1 + PIXELS} bytes: '
            'truncated or damaged'
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, 1 + PIXELS)
    return records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0].astype(np.int32)


def python_batch(content: bytes, name: str) -> Labelled:
    """Parse a file of the python version. Raises UserError if data or labels are not what they should be."""
    batch = unpickle(content, name)
    images, labels = batch.get('data'), batch.get('labels')
    if (
        not isinstance(images, np.ndarray)
        or images.dtype != np.uint8
        or images.ndim != 2
        or images.shape[1] != PIXELS
        or not len(images)
    ):
        actual = f'{images.dtype} {images.shape}' if isinstance(images, np.ndarray) else type(images).__name__
        raise UserError(f'{name}: data must be uint8 of shape (n, {PIXELS}), found {actual}')
    if (
        not isinstance(labels, list)
        or len(labels) != len(images)
        or not all(isinstance(label, int) for label in labels)
    ):
        raise UserError(f'{name}: labels must be a list of {len(images)} whole numbers, one an image')
    return images.reshape(-1, 3, 32, 32), np.array(labels, np.int64)


def class_names(version: str, content: bytes, name: str) -> Tuple[str, ...]:
    """Parse the ten class names in batches.meta or batches.meta.txt. Raises UserError if they are not ten."""
    if version == 'binary':
        names = content.decode('utf-8', 'replace').split()
    else:
        names = [
            label.decode('latin1') if isinstance(label, bytes) else label
            for label in unpickle(content, name).get('label_names', [])
        ]
    if len(names) != 10 or len(set(names)) != 10:
        raise UserError(f'{name} names {len(set(names))} classes, expected 10 different ones')
    return tuple(names)


def read(path: str) -> Tuple[Tuple[str, ...], Labelled, Labelled]:
    """Read the data set at or in `path`: (classes, (images, labels) of the training set, the same of the test set).

    Raises NotFound, or UserError for damaged files.
    """
    version, where = find(path)
    _, _, suffix, meta = VERSIONS[version]
    batches = [name + suffix for name in TRAIN + TEST]
    contents = read_files(where, batches + [meta], optional=[meta] if version == 'binary' else [])
    check_manifest(where, contents)
    classes = class_names(version, contents[meta], os.path.join(where, meta)) if meta in contents else CLASSES
    parse = binary_batch if version == 'binary' else python_batch
    halves: List[Labelled] = []
    small: List[str] = []
    for half in (TRAIN, TEST):
        images, labels = [], []
        for name in half:
            full = os.path.join(where, name + suffix)
            batch_images, batch_labels = parse(contents.pop(name + suffix), full)
            if batch_labels.min() < 0 or batch_labels.max() > 9:
                i, wrong = next((i, label) for i, label in enumerate(batch_labels) if not 0 <= label <= 9)
                raise UserError(f'{full}: record {i} has label {wrong}, expected 0 to 9')
            if len(batch_labels) != RECORDS:
                small.append(f'{name} {len(batch_labels)}')
            images.append(batch_images)
            labels.append(batch_labels.astype(np.int32))
        halves.append((np.concatenate(images), np.concatenate(labels)))
    if small:
        log.warning(
            '%s is not the official CIFAR-10, which has %d records a file: %s', where, RECORDS, ', '.join(small)
        )
    train, test = halves
    return classes, train, test


def open_data(options: Options) -> DataSet:
    """Open `cifar10`: 50,000 and 10,000 images; augmented by pad-crop (4 pixels) and mirror."""
    classes, (train, train_labels), (test, test_labels) = read(options.dir)
    train, test = augment.resized(train, options.image_size), augment.resized(test, options.image_size)
    transform = augment.Transform(MEAN, STD, pad=train.shape[-1] // 8, mirrored=True, cut=options.cutout)
    return DataSet(
        'cifar10',
        classes,
        Images(train, train_labels, transform),
        Images(test, test_labels, transform),
        MEAN,
        STD,
        options,
    )
