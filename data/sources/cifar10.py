"""`cifar10`: CIFAR-10 from what is already on disk; nothing is downloaded.

`dir` names an archive, the folder that it lies in, or the extracted folder, in either of the two versions:

    binary   cifar-10-binary.tar.gz, cifar-10-batches-bin/   data_batch_1.bin ... 5, test_batch.bin, batches.meta.txt
             (gluon's place holds the archive and these files side by side)
    python   cifar-10-python.tar.gz, cifar-10-batches-py/    data_batch_1 ... 5, test_batch, batches.meta

The names of archives and folders do not matter: what they hold does. Without batches.meta.txt, which gluon
does not need either, the binary version's class names are the official ones. Reading: cifar.py.
"""

from typing import Tuple

import numpy as np

from ..dataset import DataSet, Options
from . import cifar
from .cifar_kinds import CIFAR10, CLASSES  # noqa: F401 (part of what this module offers)
from .digits import read_image  # noqa: F401 (these are 32x32 too)

MEAN, STD = (0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761)
EXPECTED = CIFAR10.expected

Labelled = Tuple[np.ndarray, np.ndarray]  # images uint8 (n, 3, 32, 32), labels int32 (n,)


def read(path: str) -> Tuple[Tuple[str, ...], Labelled, Labelled]:
    """Read the data set at or in `path`: (classes, (images, labels) of the training set, the same of the test set).

    Raises NotFound, or UserError for damaged files.
    """
    data = cifar.read_kind(path, CIFAR10)
    train, test = ((half.images, half.labels['fine']) for half in (data.train, data.test))
    return data.classes['fine'], train, test


def open_data(options: Options) -> DataSet:
    """Open `cifar10`: 50,000 and 10,000 images; augmented by pad-crop (4 pixels) and mirror."""
    return cifar.open_data(options, CIFAR10, 'fine', MEAN, STD)
