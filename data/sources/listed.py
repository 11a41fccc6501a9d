"""Images of a set that lie without class folders, and whose classes a list beside them tells: tiny-imagenet's val/val_annotations.txt.

Also what a tree without class folders has instead, for messages: tables of labels, archives.
"""

import os
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

from ...base.errors import UserError
from . import archives, labelled, roles, scan, tables
from .csv_tables import NO_TABLE
from .kinds import OTHERS
from .scan import Folder

TABLES = ('.txt', '.csv', '.tsv')
ARCHIVES = ('.zip', '.tar', '.tgz', '.gz', '.bz2', '.xz', '.7z', '.rar')
NAMES = '; classes are not taken from the names of files'
LOOKED = 20  # lists that are read, and files that are looked at


def by_list(root: str, folder: Folder, classes: Sequence[str]) -> Optional[Tuple[Folder, str]]:
    """Return a folder with its images in class folders, and a note: by a list in it that names most of them and only known classes.

    root: that of the scan. classes: names of those of the training set. None where there is no such list; lists that cannot be
    read, and images with two classes, are none.
    """
    files = {file.path: file for file in folder.images()}
    for path in _lists(root, folder):
        try:
            labels = _labels(os.path.join(root, path), list(files), classes)
        except (UserError, OSError):
            continue
        if 2 * len(labels) <= len(files):
            continue
        views = {known: Folder(known, folder.path) for known in sorted(set(labels.values()))}
        for image, label in labels.items():
            views[label].files.append(files[image])
            views[label].total += 1
        view = Folder(folder.name, folder.path)
        view.folders, view.total = list(views.values()), len(labels)
        rest = len(files) - len(labels)
        left = f'; {rest} images are not in it and not used' if rest else ''
        where = scan.printable(folder.path)
        return view, f'{where}: classes of its images from {scan.shown([path], 1)}{left}'
    return None


def _lists(root: str, folder: Folder) -> Iterator[str]:
    """Yield the tables in a folder, and those above it that are called after the same set, as test_labels.csv: paths from root."""
    for inner in folder.walk():
        yield from (os.path.join(inner.path, name) for name in _named(os.path.join(root, inner.path), TABLES))
    for place in dict.fromkeys((os.path.dirname(folder.path), '')):
        for name in _named(os.path.join(root, place), TABLES):
            if roles.meant(os.path.splitext(name)[0]) == (roles.meant(folder.name) or ''):
                yield os.path.join(place, name)


def _labels(path: str, files: Sequence[str], classes: Sequence[str]) -> Dict[str, str]:
    """Read a list: {file: class}. Raises UserError for one that is none of these files and classes."""
    names, known = labelled.Names(files), set(classes)
    table = tables.read(path, lambda first, _: not known.intersection(first.cells))
    named = [len({names.find(row.cells[i]) for row in table.rows} - {None}) for i in range(table.width)]
    labels = [i for i in range(table.width) if all(row.cells[i] in known for row in table.rows)]
    if len(labels) != 1 or max(named) == 0 or named.count(max(named)) > 1 or named[labels[0]] == max(named):
        raise UserError(f'{path}: no list of images and their classes')
    image = named.index(max(named))
    chosen: Dict[str, str] = {}
    for row in table.rows:
        file, label = names.find(row.cells[image]), row.cells[labels[0]]
        if file is not None and chosen.setdefault(file, label) != label:
            raise UserError(f'{table.where(row)}: another class')
    return chosen


def instead(root: str, inner: str = '') -> str:
    """Name a table of labels or an archive that lies in the folder `inner` of root or in root, as the end of a message; ''."""
    for place in dict.fromkeys((os.path.join(root, inner), root)):
        for name in _named(place, TABLES):
            part = roles.meant(os.path.splitext(name)[0])
            if name.lower().endswith('.txt') and part != roles.TRAIN:
                continue
            return f'; if {scan.shown([name], 1)} has the labels, it is the data set csv'
    for name in _named(root, ARCHIVES):
        other = archives.other(os.path.join(root, name))
        if other:
            return f'; {scan.shown([name], 1)} is {other}'
        return f'; {scan.shown([name], 1)} has to be unpacked'
    return ''


def is_packed(path: str) -> bool:
    """Tell whether a file is an archive by its name, or by its first bytes where the name does not tell."""
    suffix = os.path.splitext(path)[1].lower()
    if suffix in ARCHIVES or suffix in OTHERS:
        return suffix in ARCHIVES and not archives.other(path)
    try:
        return bool(archives.kind(path))
    except OSError:
        return False


def _named(folder: str, suffixes: Tuple[str, ...]) -> List[str]:
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if entry.name.lower().endswith(suffixes) and entry.is_file())
    except OSError:
        return []
    return [name for name in names if not name.startswith('.') and not (suffixes is TABLES and NO_TABLE.match(name))][
        :LOOKED
    ]
