"""Class folders: a folder of images, at any depth, for each class."""

import os
import unicodedata
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from ...base.errors import UserError
from . import scan
from .scan import Folder

COUNTED = 10  # classes that are named in a sentence


class Member(NamedTuple):
    """An image of a set: its path, its label, its name as <class>/<path within the class>, size and time of the file."""

    path: str
    label: int
    name: str
    size: int
    time: int


def key(name: str) -> str:
    """Return a class name without case, blanks, - and _, by which folders of the same class are told.

    Letters with accents are one character, as Linux writes them and macOS does not.
    """
    composed = unicodedata.normalize('NFC', name)
    return ''.join(char for char in composed.casefold() if not char.isspace() and char not in '-_')


def class_members(
    where: str, root: str, folders: Sequence[Folder], classes: Optional[Sequence[str]] = None, hint: str = ''
) -> Tuple[Tuple[str, ...], List[Member], List[str]]:
    """List the images of class folders: (classes, images by class and name, notes).

    where: the folder that they lie in, for messages; root: that of the scan. classes: those of the training set, which
    others are matched with; by default the names of the folders, sorted. hint: the end of an error about too few
    classes. Raises UserError for an empty or single class
    of a training set, and for a folder that is none of `classes`.
    """
    notes: List[str] = []
    if classes is None:
        if len(folders) < 2:
            what = f'one class only ({scan.printable(folders[0].name)})' if folders else 'no class folders'
            raise UserError(f'{where}: {what}; expected a folder of images for each of at least two classes{hint}')
        classes = [folder.name for folder in folders]
        labels = list(range(len(folders)))
        for folder in folders:
            if not folder.total:
                why = folder.all_passed().short()
                raise UserError(f'{where}: class {scan.printable(folder.name)} has no images{why}')
    else:
        labels = [_label(where, folder, classes) for folder in folders]
        pairs = [
            (folder.path, classes[label]) for folder, label in zip(folders, labels) if folder.name != classes[label]
        ]
        if pairs:
            names = scan.shown([f'{path} for {name}' for path, name in pairs], len(pairs))
            notes.append(f'taken for classes that differ in case, blanks, - and _ alone: {names}')
    members = [
        Member(
            os.path.join(root, file.path), label, f'{classes[label]}/{_within(folder, file.path)}', file.size, file.time
        )
        for label, folder in zip(labels, folders)
        for file in folder.images()
    ]
    return tuple(classes), members, notes


def _within(folder: Folder, path: str) -> str:
    return path[len(folder.path) + 1 :].replace(os.sep, '/') if folder.path else path.replace(os.sep, '/')


def _label(where: str, folder: Folder, classes: Sequence[str]) -> int:
    """Return the class of a test folder: that of its name, else the one whose name differs in case and blanks alone."""
    if folder.name in classes:
        return list(classes).index(folder.name)
    near = [label for label, name in enumerate(classes) if key(name) == key(folder.name)]
    if len(near) != 1:
        known = scan.shown(classes, len(classes), COUNTED, scan.ROOM)
        raise UserError(f'{where}: folder {scan.printable(folder.name)} is none of the {len(classes)} classes: {known}')
    return near[0]


def class_folders(
    root: str, classes: Optional[Sequence[str]] = None
) -> Tuple[Tuple[str, ...], List[Member], List[str]]:
    """List a tree whose folders are the classes: (classes, images, notes, also on files passed over).

    classes and errors: as of class_members; UserError also if the folder cannot be read.
    """
    top = scan.scan(root)
    known, members, notes = class_members(root, root, top.folders, classes)
    return known, members, notes + top.all_passed().sentences()


def alike(classes: Sequence[str]) -> List[str]:
    """Say which classes differ in case, blanks, - and _ alone, and may have been meant for one."""
    by_key: Dict[str, List[str]] = {}
    for name in classes:
        by_key.setdefault(key(name), []).append(name)
    pairs = [' and '.join(map(scan.printable, names)) for names in by_key.values() if len(names) > 1]
    if not pairs:
        return []
    return [f'classes that differ in case, blanks, - and _ alone are kept apart: {scan.shown(pairs, len(pairs))}']


def counted(classes: Sequence[str], labels: Sequence[int]) -> str:
    """Write how many images there are of each class: 'ant 30, bee 21, cow 9'; of more than COUNTED the first."""
    numbers = [0] * len(classes)
    for label in labels:
        numbers[label] += 1
    words = [f'{scan.printable(name)} {number}' for name, number in zip(classes, numbers)][:COUNTED]
    return ', '.join(words + (['…'] if len(classes) > COUNTED else []))
