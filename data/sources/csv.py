"""`csv`: images and their labels as a table lists them.

    DIR/train.csv      and DIR/test.csv (or val.csv); their names may be others that say as much (roles.py), as train_labels.csv
    FILE.csv           one table; a column `split` divides it, else a share of each class is held out for test

A table is any that tables.py reads. Which columns say image and label, their headers tell or what they hold (labelled.py); the
images lie beside the table, in folders next to it, or anywhere by absolute path (csv_images.py). Labels are names or whole
numbers. Images that are not there count as corrupt ones. Everything else is as of `folder`.
"""

import os
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from ...base.errors import UserError
from .. import place
from ..dataset import DataSet, Options
from . import class_names, csv_tables, folder, scan
from .classes import Member
from .csv_images import Finder, about_images
from .csv_tables import Entry
from .folder import read_image  # noqa: F401 (test images are prepared alike)
from .labelled import fractional, parts_of, whole
from .layout import Layout
from .roles import TEST, TRAIN

EXPECTED = 'expected a table of images and labels, or a folder with train.csv'
FEW = 20  # so many classes are never too many


class CsvLayout(Layout):
    """A Layout whose sets come from tables."""

    def origin(self, held_out: float) -> str:
        train = f'training images from {scan.printable(self.train_from)}'
        if self.test:
            return f'{train}, test images from {scan.printable(self.test_from)}'
        return f'{train}, of which {100 * held_out:g} % of each class are held out for test: no labelled test images are listed'


class Listed(NamedTuple):
    """What tables list. missing: errors, one for each image that is not there."""

    layout: Layout
    root: str
    missing: List[str]


def _classes(entries: Sequence[Entry], path: str) -> Tuple[List[str], Dict[str, str]]:
    """Return the classes of training images in order, and the class of each label as it is written.

    Whole numbers are in the order of numbers, else names in that of names. Raises UserError for labels that are numbers
    and not whole, and for nearly as many labels as images.
    """
    labels = sorted({entry.label for entry in entries})
    numbers = {label: whole(label) for label in labels}
    if all(number is not None or fractional(label) for label, number in numbers.items()):
        odd = next((entry for entry in entries if numbers[entry.label] is None), None)
        if odd is not None:
            raise UserError(
                f'{odd.where}: label {odd.label:.40}; labels are names of classes or whole numbers, not quantities'
            )
        of = {label: str(number) for label, number in numbers.items()}
        classes = sorted(set(of.values()), key=int)
    else:
        of, classes = {label: label for label in labels}, labels
    if len(classes) > max(FEW, len(entries) / 2):
        raise UserError(
            f'{path}: {len(classes)} different labels for {len(entries)} images, so that they are no classes'
        )
    return classes, of


def _named(classes: List[str], root: str) -> Tuple[List[str], List[str]]:
    """Return names for classes that are numbers, if a list beside the table has them: (names, notes)."""
    numbers = [whole(name) for name in classes]
    last = numbers[-1] if classes else None
    if last is None or numbers[0] is None or numbers[0] < 0 or last > 1 << 17:
        return classes, []
    listed = class_names.beside(root, last + 1)
    if listed is None:
        return classes, []
    return [listed[1][number] for number in numbers if number is not None], [f'class names are from {listed[0]}']


def _members(
    entries: Sequence[Entry],
    finder: Finder,
    part: str,
    root: str,
    classes: Sequence[str],
    labels: Dict[str, int],
    missing: List[str],
    notes: List[str],
) -> List[Member]:
    """Find the images of a set, by class and name, as those of a folder.

    Raises UserError for an image with two labels, and for a name that can be two files.
    """
    members: List[Member] = []
    first: Dict[str, Entry] = {}
    twice = 0
    for entry in entries:
        try:
            path = finder.find(entry.image, entry.label)
        except UserError as error:
            raise UserError(f'{entry.where}: {error}') from error
        if path is None:
            missing.append(f'{entry.where}: no such image as {scan.printable(entry.image):.80}')
            continue
        other = first.setdefault(path, entry)
        if other is not entry:
            if labels[other.label] != labels[entry.label]:
                raise UserError(
                    f'{entry.where}: {scan.printable(entry.image):.60} is {entry.label:.40}, but {other.label:.40} in {other.where}'
                )
            twice += 1
            continue
        status = os.stat(path) if os.path.exists(path) else None  # a dead link is found so when it is read
        label = labels[entry.label]
        name = '/'.join([classes[label], *parts_of(entry.image)])  # the same wherever the images lie
        members.append(Member(path, label, name, status.st_size if status else 0, status.st_mtime_ns if status else 0))
    if not members:
        tried = ', '.join(sorted(os.path.basename(base) for base in finder.bases)[:5])
        raise UserError(
            f'{entries[0].where}: none of its images is there, as {scan.printable(entries[0].image)[:60]!r}; '
            f'looked for in {root} and its folders ({tried[:60]})'
            + ('; give the folder above' if about_images(root) else '')
        )
    if twice:
        notes.append(f'{twice} {part} images are listed more than once, and used once')
    folders = sorted(finder.folders, key=lambda name: -finder.folders[name])
    notes.append(
        f'{len(members)} {part} images lie in {scan.shown(folders, len(folders))}'.replace(' in .', ' beside the table')
    )
    return sorted(members, key=lambda member: (member.label, member.name))


def listing(path: str) -> Listed:
    """List the images of the table, or of the folder of tables, at `path`.

    Raises place.NotFound if there is none, UserError for one that cannot be read or understood.
    """
    if not path:
        raise place.NotFound(f'csv: no data given; {EXPECTED}')
    if not os.path.exists(path):
        raise place.NotFound(f'{path}: no such file or folder; {EXPECTED}')
    sets = csv_tables.read(path)
    train, test = sets.entries[TRAIN], sets.entries[TEST]
    classes, of = _classes(train, sets.train_from)
    if len(classes) < 2:
        where = os.path.join(sets.root, sets.train_from)
        raise UserError(f'{where}: one class only ({scan.shown(classes, 1)}); at least two are needed')
    numbers = {name: number for number, name in enumerate(classes)}
    labels = {label: numbers[name] for label, name in of.items()}
    for entry in test:
        label = _test_label(entry, of, numbers)
        if label is None:
            known = f'{classes[0]:.40}, …' if classes else 'none'
            raise UserError(
                f'{entry.where}: class {entry.label!r:.60} is none of the {len(classes)} training classes ({known})'
            )
        labels[entry.label] = label
    notes = list(sets.notes)
    names, named = (
        _named(classes, sets.root) if of != {name: name for name in classes} or _numbers(classes) else (classes, [])
    )
    missing: List[str] = []
    members = [
        _members(entries, sets.finders[part], part, sets.root, names, labels, missing, notes) if entries else []
        for part, entries in ((TRAIN, train), (TEST, test))
    ]
    if missing:
        notes.append(f'{len(missing)} listed images are not there: {missing[0]}' + (', …' if len(missing) > 1 else ''))
    layout = CsvLayout(
        tuple(names), members[0], members[1], sets.train_from, sets.test_from, tuple(notes + named), scan.Passed()
    )
    return Listed(layout, sets.root, missing)


def _numbers(classes: Sequence[str]) -> bool:
    return all(whole(name) is not None for name in classes)


def _test_label(entry: Entry, of: Dict[str, str], numbers: Dict[str, int]) -> Optional[int]:
    if entry.label in of:
        return numbers[of[entry.label]]
    number = whole(entry.label)
    return numbers.get(str(number)) if number is not None and _numbers(list(numbers)) else None


def open_data(options: Options) -> DataSet:
    """Open `csv`. Raises place.NotFound, or UserError for a table that is not understood and too many corrupt images."""
    listed = listing(options.dir)
    return folder.data_set('csv', listed.layout, options, listed.root, listed.missing)
