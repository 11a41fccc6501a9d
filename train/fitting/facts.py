"""What planning needs to know of the data: how many images of which size, in how many classes."""

import dataclasses
from typing import List, NamedTuple, Optional

import numpy as np
from PIL import Image

from ...base.errors import UserError
from ...data import place
from ...data.dataset import DataSet, Part
from ...data.sources import csv, layout
from ..config.tree import Config

LOOKED_AT = 200  # files whose headers are read
LEAST = 4  # training images for each class


@dataclasses.dataclass(frozen=True)
class DataFacts:
    """Counts of a DataSet: classes, and images by part."""

    classes: int
    train: int
    weights: int
    gates: int
    test: int


class Stored(NamedTuple):
    """Image files of a data set: the median short side of some of them, pixels, and how many there are."""

    side: int
    images: int


def stored(config: Config) -> Optional[Stored]:
    """Return what the image files of a configuration's data are like, by their headers; None where they are not in files."""
    name, folder = config.data.name, place.expanded(config.data.dir)
    if name not in ('folder', 'csv'):
        return None
    found = layout.find(folder) if name == 'folder' else csv.listing(folder).layout
    members = [*found.train, *found.test]
    sides: List[int] = []
    for number in np.unique(np.linspace(0, len(members) - 1, LOOKED_AT).astype(int)) if members else ():
        try:
            with Image.open(members[number].path) as image:
                sides.append(min(image.size))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            continue  # opening the data set says what is wrong with it
    return Stored(int(np.median(sides)), len(members)) if sides else None


def looked_at(config: Config, dataset: DataSet) -> DataFacts:
    """Return the facts of an opened DataSet. Raises UserError where there are too few images to learn from."""
    sizes = dataset.sizes
    classes, train = len(dataset.classes), sizes[Part.TRAIN]
    if train < LEAST * classes or sizes[Part.GATES] < classes:
        raise UserError(
            f'{config.data.dir or dataset.name}: {train} training images for {classes} classes; at least {LEAST} a class are needed, '
            'and better fifty'
        )
    return DataFacts(classes, train, sizes[Part.WEIGHTS], sizes[Part.GATES], sizes[Part.TEST])
