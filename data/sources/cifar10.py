"""`cifar10`: CIFAR-10 from the standard archive that is already on disk; nothing is downloaded.

`dir` names the archive, the folder that it lies in, or the extracted folder, in either of the two versions:

    binary   cifar-10-binary.tar.gz, cifar-10-batches-bin/   data_batch_1.bin ... 5, test_batch.bin, batches.meta.txt;
             a record is one label byte and 3072 pixels, red plane first
             (gluon's place holds the archive and these files side by side)
    python   cifar-10-python.tar.gz, cifar-10-batches-py/    data_batch_1 ... 5, test_batch, batches.meta; pickled dicts

The binary version's class names are the official ones where it has no batches.meta.txt, which gluon does not need either.
An extracted binary folder may have a manifest.json with the files' checksums (tools/prepare_cifar10.py), which then hold.
Whatever is wrong with a file is one line that names it.  Files with fewer whole records than the official 10,000 are
accepted with a warning; a truncated file is refused.
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

import numpy as np

from ...base.errors import UserError
from .. import augment
from ..dataset import DataSet, Images
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
TRAIN = tuple('data_batch_%d' % i for i in range(1, 6))
TEST = ('test_batch',)

log = logging.getLogger(__name__)


def find(path):
    """(version, where): the archive's or the extracted folder's path, one with all batch files before one that lacks some.

    Raises NotFound where there is neither.
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


def read_files(where, names, optional=()):
    """{name: bytes} of the named files of the folder or of the archive `where`, read without extracting to disk.

    ValueError where one of them is missing that is not among the optional ones.
    """
    if os.path.isdir(where):
        found = {name: os.path.join(where, name) for name in names if os.path.isfile(os.path.join(where, name))}
        contents = {}
        for name, path in found.items():
            with open(path, 'rb') as source:
                contents[name] = source.read()
    else:
        contents = {}
        try:
            with gzip.open(where) as unpacked:
                with tarfile.open(fileobj=unpacked, mode='r|') as archive:
                    for member in archive:
                        name = os.path.basename(member.name)
                        if member.isfile() and name in names:
                            contents[name] = archive.extractfile(member).read()
                while unpacked.read(1 << 20):  # to the end, where gzip's checksum stands
                    pass
        except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
            raise UserError(f'{where} is damaged or truncated ({error}); fetch it again') from error
    needed = [name for name in names if name not in optional]
    missing = [name for name in needed if name not in contents]
    if missing:
        raise UserError('{} lacks {}; all of these are needed: {}'.format(where, ', '.join(missing), ', '.join(needed)))
    return contents


def check_manifest(where, contents):
    """UserError where the folder `where` has a manifest and a file's checksum is another."""
    path = os.path.join(where, MANIFEST)
    if not os.path.isfile(path):
        return
    try:
        with open(path, encoding='utf-8') as source:
            held = json.load(source)
        sums = held['files'] if held['format'] == FORMAT else None
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f'{path} is damaged ({error})') from error
    for name, content in contents.items():
        if sums is None or sums.get(name) != hashlib.sha256(content).hexdigest():
            raise UserError(f'{os.path.join(where, name)} is not what {path} says: damaged, or of another archive')


class _PlainUnpickler(pickle.Unpickler):
    """Reads what CIFAR-10's files hold, dicts, lists, strings and numpy arrays, and calls nothing else."""

    ALLOWED = {
        ('numpy.core.multiarray', '_reconstruct'),
        ('numpy', 'ndarray'),
        ('numpy', 'dtype'),
        ('_codecs', 'encode'),
    }

    def find_class(self, module, name):
        if (module, name) in self.ALLOWED:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f'it holds {module}.{name}, which no CIFAR-10 file does')


def unpickle(content, name):
    """The dict in a file of the python version, keys as str; UserError for anything else."""
    try:
        held = _PlainUnpickler(io.BytesIO(content), encoding='bytes').load()
    except Exception as error:  # a damaged pickle can raise nearly anything
        reason = ' '.join(str(error).split()) or type(error).__name__
        raise UserError(f'{name} is damaged or not a CIFAR-10 file ({reason})') from error
    if not isinstance(held, dict):
        raise UserError(f'{name} holds a {type(held).__name__}, not a dict')
    return {key.decode('latin1') if isinstance(key, bytes) else key: value for key, value in held.items()}


def binary_batch(content, name):
    """Images uint8 (n, 3, 32, 32) and labels of a file of the binary version."""
    if not content or len(content) % (1 + PIXELS):
        raise UserError(
            '%s has %d bytes, not a whole number of records of %d bytes: truncated or damaged'
            % (name, len(content), 1 + PIXELS)
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, 1 + PIXELS)
    return records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0].astype(np.int32)


def python_batch(content, name):
    """Images uint8 (n, 3, 32, 32) and labels of a file of the python version."""
    held = unpickle(content, name)
    images, labels = held.get('data'), held.get('labels')
    if (
        not isinstance(images, np.ndarray)
        or images.dtype != np.uint8
        or images.ndim != 2
        or images.shape[1] != PIXELS
        or not len(images)
    ):
        raise UserError(
            '%s: data must be uint8 of shape (n, %d), found %s'
            % (
                name,
                PIXELS,
                f'{images.dtype} {images.shape}' if isinstance(images, np.ndarray) else type(images).__name__,
            )
        )
    if (
        not isinstance(labels, list)
        or len(labels) != len(images)
        or not all(isinstance(label, int) for label in labels)
    ):
        raise UserError('%s: labels must be a list of %d whole numbers, one an image' % (name, len(images)))
    return images.reshape(-1, 3, 32, 32), np.array(labels, np.int64)


def class_names(version, content, name):
    """The ten class names from batches.meta or batches.meta.txt."""
    if version == 'binary':
        names = content.decode('utf-8', 'replace').split()
    else:
        names = [
            label.decode('latin1') if isinstance(label, bytes) else label
            for label in unpickle(content, name).get('label_names', [])
        ]
    if len(names) != 10 or len(set(names)) != 10:
        raise UserError('%s names %d classes, expected 10 different ones' % (name, len(set(names))))
    return tuple(names)


def read(path):
    """(classes, (images, labels) of the training set, the same of the test set): uint8 (n, 3, 32, 32), int32 (n,)."""
    version, where = find(path)
    _, _, suffix, meta = VERSIONS[version]
    batches = [name + suffix for name in TRAIN + TEST]
    contents = read_files(where, batches + [meta], optional=[meta] if version == 'binary' else [])
    check_manifest(where, contents)
    classes = class_names(version, contents[meta], os.path.join(where, meta)) if meta in contents else CLASSES
    parse = binary_batch if version == 'binary' else python_batch
    halves, small = [], []
    for half in (TRAIN, TEST):
        images, labels = [], []
        for name in half:
            full = os.path.join(where, name + suffix)
            some, their = parse(contents.pop(name + suffix), full)
            if their.min() < 0 or their.max() > 9:
                raise UserError(
                    '%s: record %d has label %d, expected 0 to 9'
                    % (full, *next((i, label) for i, label in enumerate(their) if not 0 <= label <= 9))
                )
            if len(their) != RECORDS:
                small.append('%s %d' % (name, len(their)))
            images.append(some)
            labels.append(their.astype(np.int32))
        halves.append((np.concatenate(images), np.concatenate(labels)))
    if small:
        log.warning(
            '%s is not the official CIFAR-10, which has %d records a file: %s', where, RECORDS, ', '.join(small)
        )
    return (classes,) + tuple(halves)


def open_data(options):
    """DataSet `cifar10`: 50,000 and 10,000 images; augmented by pad-crop (4 pixels) and mirror."""
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
