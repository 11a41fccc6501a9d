"""What planning needs to know of the data: how many images of which size, in how many classes."""

import dataclasses
from typing import List, Optional

import numpy as np
from PIL import Image

from ...base.errors import UserError
from ...data import place
from ...data.dataset import DataSet, Part
from ...data.sources import csv, layout
from ..config.tree import Config
from ..runtime.opening import open_data

LOOKED_AT = 200  # files whose headers are read
LEAST = 4  # training images for each class


@dataclasses.dataclass(frozen=True)
class DataFacts:
    """Counts of a DataSet. side: the median short side of the images as they are stored, pixels; files: whether they are decoded from files."""

    classes: int
    train: int
    weights: int
    gates: int
    test: int
    side: int
    files: bool = False


def stored_side(config: Config) -> Optional[int]:
    """Return the median short side of some of the image files that a configuration names, pixels; None where they are not in files."""
    name, folder = config.data.name, place.expanded(config.data.dir)
    if name not in ('folder', 'csv'):
        return None
    found = layout.find(folder) if name == 'folder' else csv.listing(folder).layout
    members = [*found.train, *found.test]
    places = np.unique(np.linspace(0, max(len(members) - 1, 0), LOOKED_AT).astype(int))
    sides: List[int] = []
    for member in (members[place] for place in places if members):
        try:
            with Image.open(member.path) as image:
                sides.append(min(image.size))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            continue  # opening the data set says what is wrong with it
    return int(np.median(sides)) if sides else None


def looked_at(config: Config, dataset: DataSet, side: Optional[int]) -> DataFacts:
    """Return the facts of an opened DataSet. Raises UserError where there are too few images to learn from."""
    sizes = dataset.sizes
    classes, train = len(dataset.classes), sizes[Part.TRAIN]
    if train < LEAST * classes or sizes[Part.GATES] < classes:
        raise UserError(
            f'{config.data.dir or dataset.name}: {train} training images for {classes} classes; at least {LEAST} a class are needed, '
            'and better fifty'
        )
    return DataFacts(
        classes,
        train,
        sizes[Part.WEIGHTS],
        sizes[Part.GATES],
        sizes[Part.TEST],
        side or dataset.image_size,
        side is not None,
    )


def opened(config: Config) -> DataSet:
    """Open the data of a configuration."""
    return open_data(config)
