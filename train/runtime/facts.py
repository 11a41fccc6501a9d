"""What a run knows of its data: described for data.json, told at its start, and compared with what it knew before."""

import os
from typing import List, Optional

import numpy as np

from ...base.errors import UserError
from ...base.text import few
from ...data.dataset import PARTS, DataSet
from ...runfiles.data import (
    WORDS,
    DataDescription,
    count_differences,
    identity_differences,
    known_data,
    printable,
)
from ...runfiles.directory import is_run

ROOM = 150  # letters of a line that differences may take
MOST_CLASSES = 20  # whose numbers of images are told one by one


def describe(dataset: DataSet) -> DataDescription:
    """Describe a DataSet."""
    options = dataset.options
    counts = {
        str(part): np.bincount(dataset.labels(part), minlength=len(dataset.classes)).tolist()
        for part in map(str, PARTS)
    }
    return DataDescription(
        name=dataset.name,
        dir=options.dir,
        classes=[str(name) for name in dataset.classes],
        image_size=int(dataset.image_size),
        counts=counts,
        split=float(options.split),
        held_out=float(options.held_out),
        limit=int(options.limit),
        seed=int(options.seed),
        notes=[str(note) for note in dataset.notes],
        fingerprint=dataset.fingerprint,
    )


def told(data: DataDescription) -> List[str]:
    """Return the lines that tell what was understood of the data: classes and numbers of images, then its notes."""
    sizes = {part: data.total(part) or 0 for part in WORDS}
    place = f' in {data.dir}' if data.dir else ''
    lines = [
        f'data: {data.name}{place}: {len(data.classes)} classes, {sizes["train"]} training images '
        f'({sizes["weights"]} for W, {sizes["gates"]} for λ), {sizes["test"]} test images, {data.image_size}×{data.image_size} pixels'
    ]
    pairs = list(zip(data.classes, data.counts['train'], data.counts['test']))
    if len(pairs) <= MOST_CLASSES:
        each = ', '.join(f'{name} {train} + {test}' for name, train, test in pairs)
    else:
        train, test = data.counts['train'], data.counts['test']
        each = (
            f'{", ".join(data.classes[:5])} and {len(pairs) - 5} more, of {min(train)} to {max(train)} + '
            f'{min(test)} to {max(test)} images'
        )
    lines.append(f'data: training + test images of each class: {each}')
    return [printable(line) for line in lines + [f'data: {note}' for note in data.notes]]


def check_same(folder: str, now: DataDescription, accepted: str, allow_changes: bool = False) -> List[str]:
    """Compare with the data that the run in a directory began with. Returns what differs and was allowed.

    accepted: what the line of an error says that would be. allow_changes: other images are taken; classes of other names, or in
    another order, never are, since they are what the network tells. Raises UserError in one line that names what differs.
    """
    before = known_data(folder)
    if before is None:
        return []
    different = identity_differences(before, now) + count_differences(before, now)
    if different and (not allow_changes or list(before.classes) != list(now.classes)):
        raise UserError(f'run directory {folder}: other data than it began with ({few(different, ROOM)}); {accepted}')
    return different


def differences_from_parent(folder: str, now: DataDescription) -> Optional[str]:
    """Return a warning where a run that lies in another run's directory has other data than that one, else None."""
    parent = os.path.dirname(os.path.abspath(folder))
    before = known_data(parent) if is_run(parent) else None
    different = identity_differences(before, now) + count_differences(before, now) if before else []
    if not different:
        return None
    return f'warning: other data than the run in {os.path.relpath(parent)} ({few(different, ROOM)}): tables keep their results apart'
