"""`cifar100`: CIFAR-100 from what is already on disk; nothing is downloaded.

`dir` names an archive, the folder that it lies in, or the extracted folder, in either of the two versions:

    binary   cifar-100-binary.tar.gz, cifar-100-binary/   train.bin, test.bin, fine_label_names.txt, coarse_label_names.txt
             (gluon's place holds the archive and these files side by side)
    python   cifar-100-python.tar.gz, cifar-100-python/   train, test, meta

The names of archives and folders do not matter: what they hold does. The option `labels` chooses among the
100 fine classes and the 20 coarse ones. Reading: cifar.py.
"""

from ..dataset import DataSet, Options
from . import cifar
from .cifar_kinds import CIFAR100
from .digits import read_image  # noqa: F401 (these are 32x32 too)

MEAN, STD = (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)
EXPECTED = CIFAR100.expected


def open_data(options: Options) -> DataSet:
    """Open `cifar100`: 50,000 and 10,000 images; augmented by pad-crop (4 pixels) and mirror."""
    return cifar.open_data(options, CIFAR100, options.labels, MEAN, STD)
