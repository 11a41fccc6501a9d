"""CIFAR-10 and CIFAR-100 as they are published: files, labels and classes of the binary and of the python version.

CIFAR-10    binary   a record is one label byte and 3072 pixels, red plane first
            python   pickled dicts with labels and data
CIFAR-100   binary   a record is the coarse label, the fine label, and the pixels
            python   pickled dicts with coarse_labels, fine_labels and data
"""

from dataclasses import dataclass
from typing import Tuple


@dataclass(frozen=True)
class LabelSet:
    """One of the labels that every image has.

    column: its byte in a binary record. key, names_key: its entries in the pickled files. names_file: a name a line.
    official: the names where no file has them; () for numbers.
    """

    name: str
    count: int
    column: int
    key: str
    names_key: str
    names_file: str
    official: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Version:
    """The official files in one format. meta: with the class names; they may be missing unless needs_meta is set."""

    name: str
    archive: str
    folder: str
    train: Tuple[str, ...]
    test: Tuple[str, ...]
    meta: Tuple[str, ...]
    needs_meta: bool

    @property
    def batches(self) -> Tuple[str, ...]:
        return self.train + self.test


@dataclass(frozen=True)
class Kind:
    """A data set of this family. records: how many a file of each half officially has."""

    name: str
    title: str
    versions: Tuple[Version, ...]
    labels: Tuple[LabelSet, ...]
    records: Tuple[int, int]

    @property
    def expected(self) -> str:
        places = ' or '.join(f'{version.archive} (or {version.folder})' for version in self.versions)
        return places + ', or the batch files themselves'


CLASSES = ('airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck')
_BATCHES = tuple(f'data_batch_{i}' for i in range(1, 6))

CIFAR10 = Kind(
    'cifar10',
    'CIFAR-10',
    (
        Version(
            'binary',
            'cifar-10-binary.tar.gz',
            'cifar-10-batches-bin',
            tuple(name + '.bin' for name in _BATCHES),
            ('test_batch.bin',),
            ('batches.meta.txt',),
            False,
        ),
        Version(
            'python',
            'cifar-10-python.tar.gz',
            'cifar-10-batches-py',
            _BATCHES,
            ('test_batch',),
            ('batches.meta',),
            True,
        ),
    ),
    (LabelSet('fine', 10, 0, 'labels', 'label_names', 'batches.meta.txt', CLASSES),),
    (10000, 10000),
)

CIFAR100 = Kind(
    'cifar100',
    'CIFAR-100',
    (
        Version(
            'binary',
            'cifar-100-binary.tar.gz',
            'cifar-100-binary',
            ('train.bin',),
            ('test.bin',),
            ('fine_label_names.txt', 'coarse_label_names.txt'),
            False,
        ),
        Version('python', 'cifar-100-python.tar.gz', 'cifar-100-python', ('train',), ('test',), ('meta',), True),
    ),
    (
        LabelSet('fine', 100, 1, 'fine_labels', 'fine_label_names', 'fine_label_names.txt'),
        LabelSet('coarse', 20, 0, 'coarse_labels', 'coarse_label_names', 'coarse_label_names.txt'),
    ),
    (50000, 10000),
)

KINDS = (CIFAR10, CIFAR100)
