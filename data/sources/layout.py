"""Which folders of a tree are the training set, the test set and the classes.

    DIR/<class>/*                                       a share of each class is held out for test
    DIR/train/<class>/*   DIR/test/<class>/*            the two sets as they are

The split folders may have other names (roles.py), and each of them, or all together, may lie within further folders:
DIR/photos/train/…, DIR/seg_train/seg_train/…. A test or validation set without class folders may have a list of its images'
classes (listed.py). Where a labelled validation set lies beside a labelled test set, it is left
out; beside an unlabelled test set, or none, it is the test set. DIR/<class>/train/* and DIR/<class>/test/* are read too.
What could be meant in two ways is refused. What was decided is said in `Layout.notes`.
"""

import os
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

from ...base.errors import UserError
from .. import place
from . import archives, listed, roles, scan
from .classes import Member, class_members, key
from .roles import TEST, TRAIN, VAL
from .scan import Folder, Passed
from .shapes import copy_of_others, count, is_labelled, is_set, is_split, same_inside, unwrapped, wrapped

EXPECTED = 'expected class folders, or train/ and test/ with class folders'


class Layout(NamedTuple):
    """What a tree was taken for.

    train, test: the images, by class and name; test is empty where it is to be held out of train. train_from and
    test_from: the folders as sentences name them. notes: sentences on what was decided. passed: files passed over.
    """

    classes: Tuple[str, ...]
    train: List[Member]
    test: List[Member]
    train_from: str
    test_from: str
    notes: Tuple[str, ...]
    passed: Passed

    def origin(self, held_out: float) -> str:
        """Say where the sets come from. held_out: the share of each class that is held out where there is no test set."""
        train = f'training images from {scan.printable(self.train_from) or "the class folders"}'
        if self.test:
            return f'{train}, test images from {scan.printable(self.test_from)}'
        return f'{train}, of which {100 * held_out:g} % of each class are held out for test: there is no labelled test folder'


class _Sets(NamedTuple):
    """Class folders of the training set and the test set, where they lie, and the folders above them (`used`)."""

    train: List[Folder]  # the class folders
    test: Optional[List[Folder]]
    train_from: str
    test_from: str
    notes: List[str]
    used: List[Folder]


def find(root: str) -> Layout:
    """Find the sets and classes of the tree below `root`.

    Raises place.NotFound if there is no folder, UserError for a tree that is none of the layouts, for one that could be
    meant in two ways, for a class without images and for a test class that is none of the training classes.
    """
    if not root:
        raise place.NotFound(f'folder: no data folder given; {EXPECTED}')
    if not os.path.isdir(root):
        other = archives.other(root) if os.path.isfile(root) else ''
        if other:
            raise place.NotFound(f'{root}: {other}; {EXPECTED}')
        if os.path.isfile(root) and listed.is_packed(root):
            raise place.NotFound(f'{root}: an archive, which has to be unpacked; {EXPECTED}')
        raise place.NotFound(f'{root}: {"not a" if os.path.exists(root) else "no such"} folder; {EXPECTED}')
    top = scan.scan(root)
    if not top.total:
        why = top.all_passed().short()
        raise UserError(f'{root}: no images{why}, no class folders; {EXPECTED}{listed.instead(root)}')
    sets = _sets(root, top)
    _refuse_kinds(root, sets)
    hint = listed.instead(root, sets.train_from) or ('' if sets.train else listed.NAMES)
    classes, train, _ = class_members(os.path.join(root, sets.train_from), root, sets.train, hint=hint)
    notes = list(sets.notes)
    if top.outside:
        notes.append(f'links to other places are followed: {scan.shown(top.outside, len(top.outside))}')
    test: List[Member] = []
    if sets.test is not None:
        _, test, matched = class_members(os.path.join(root, sets.test_from), root, sets.test, classes)
        notes += matched
    passed = Passed()
    for folder in sets.used:
        passed.merge(folder.passed)
    for folder in sets.train + (sets.test or []):
        passed.merge(folder.all_passed())
    for folder in sets.used:
        if folder.files:
            passed.add(scan.OUTSIDE, folder.files[0].path, len(folder.files))
    return Layout(classes, train, test, sets.train_from, sets.test_from, tuple(notes), passed)


def _sets(root: str, folder: Folder) -> _Sets:
    """Find the training set below `folder`, which may lie within folders that hold nothing else."""
    used = [folder]
    while True:
        filled = folder.filled()
        found = roles.of_siblings([inner.name for inner in filled])
        trains = [inner for inner in filled if found.get(inner.name) == TRAIN and is_split(inner, filled, found)]
        if trains:
            return _split_folders(root, folder, trains, found, used)
        inner = wrapped(folder)
        if inner is None:
            return _class_tree(root, folder, used)
        folder = inner
        used.append(folder)


def _split_folders(root: str, folder: Folder, trains: List[Folder], found: Dict[str, str], used: List[Folder]) -> _Sets:
    """Take the folders within `folder` for the sets of their roles."""
    _one(root, trains, 'training set')
    chain = unwrapped(trains[0])
    known = [key(inner.name) for inner in chain[-1].folders]
    labelled: Dict[str, List[Folder]] = {TEST: [], VAL: []}
    notes, used = [], used + chain
    unused: List[Folder] = []
    for inner in folder.filled():
        part = found.get(inner.name) or roles.role(inner.name)
        if inner is trains[0]:
            continue
        if part in labelled and is_labelled(inner, known):
            labelled[part].append(inner)
        elif part in labelled:
            by_list = listed.by_list(root, inner, [one.name for one in chain[-1].folders])
            if by_list is not None:
                labelled[part].append(by_list[0])
                notes.append(by_list[1])
                continue
            notes.append(f'{scan.printable(inner.path)}: {count(inner)} without class folders, not used')
        else:
            unused.append(inner)
    if unused:
        names = scan.shown([inner.path for inner in unused], len(unused))
        notes.append(f'{names}: {count(*unused)}, not used')
    for part in (TEST, VAL):
        _one(root, labelled[part], f'{"test" if part == TEST else "validation"} set')
    if labelled[TEST] and labelled[VAL]:
        left = labelled[VAL][0]
        notes.append(
            f'{scan.printable(left.path)}: {count(left)}, left out, neither trained on nor tested on (the test set is another)'
        )
    tests = labelled[TEST] or labelled[VAL]
    if not tests:
        return _Sets(chain[-1].folders, None, chain[-1].path, '', notes, used)
    test_chain = unwrapped(tests[0], known)
    return _Sets(
        chain[-1].folders, test_chain[-1].folders, chain[-1].path, test_chain[-1].path, notes, used + test_chain
    )


def _one(root: str, folders: Sequence[Folder], what: str) -> None:
    if len(folders) > 1:
        names = ' and '.join(scan.shown([folder.path], 1) for folder in folders[:2])
        raise UserError(f'{root}: {names} could both be the {what}; move one of them elsewhere')


def _class_tree(root: str, folder: Folder, used: List[Folder]) -> _Sets:
    """Take the folders within `folder` for classes, unless their names or contents speak against it."""
    filled, where = folder.filled(), os.path.join(root, folder.path)
    parts = [inner for inner in filled if roles.role(inner.name)]
    _refuse_sets(where, filled, parts)
    insides = [roles.of_siblings([inner.name for inner in one.filled()]) for one in filled]
    if len(filled) > 1 and all(TRAIN in inside.values() for inside in insides):
        if not any(one.files for one in filled):
            return _splits_in_classes(where, folder, insides, used)
    notes = []
    copy = copy_of_others(filled, parts)
    if copy is not None:
        filled.remove(copy)
        notes.append(f'{scan.printable(copy.path)}: {count(copy)} in folders of the same classes, not used')
    notes += same_inside(filled)
    classes = [inner for inner in folder.folders if inner not in parts and inner is not copy]
    tests = [inner for inner in parts if roles.role(inner.name) != TRAIN]
    if not tests:
        notes += [f'{scan.printable(inner.path)} is taken for a class, as the folders beside it' for inner in parts]
        classes = [inner for inner in folder.folders if inner is not copy]
        return _Sets(classes, None, folder.path, '', notes, used)
    keys = [key(inner.name) for inner in classes]
    chain = unwrapped(tests[0], keys)
    if len(parts) == 1 and is_set(tests[0]) and {key(inner.name) for inner in chain[-1].filled()} <= set(keys):
        return _Sets(classes, chain[-1].folders, folder.path, chain[-1].path, notes, used + chain)
    others = scan.shown([inner.name for inner in filled if inner is not tests[0]], len(filled) - 1, room=scan.ROOM)
    raise UserError(
        f'{where}: {scan.printable(tests[0].name)} beside {others} could be a class or a set of images; '
        'rename it if it is a class, else move it elsewhere or the classes into train/'
    )


def _refuse_sets(where: str, filled: Sequence[Folder], parts: Sequence[Folder]) -> None:
    """Raise UserError if what would be the classes are sets without class folders, or without a training set."""
    names = [inner.name for inner in filled]
    if not parts or len(parts) < len(filled):
        if not roles.all_splits(names):
            return
    flat = [inner.name for inner in filled if not is_set(inner)]
    lack = (
        f', {scan.shown(flat, len(flat), room=scan.ROOM)} without class folders'
        if flat
        else ', none of them for training'
    )
    lack = ' without class folders' if flat == names else lack
    look = 'look like sets' if len(names) > 1 else 'looks like a set'
    words = f'{scan.shown(names, len(names), room=scan.ROOM)} {look} of images{lack}'
    raise UserError(f'{where}: {words}; {EXPECTED}{_instead(where, names)}')


def _instead(where: str, names: Sequence[str]) -> str:
    """Say what lies beside flat folders that may hold the labels, or in one of them."""
    hints = (listed.instead(where, name) for name in names[: listed.LOOKED])
    return next(filter(None, hints), listed.NAMES)


def _refuse_kinds(root: str, sets: _Sets) -> None:
    """Raise UserError where what would be the classes are kinds of files, as images and masks, or parts of one set."""
    names = [folder.name for folder in sets.train if folder.total]
    if roles.kinds_of_files(names):
        shown, where = scan.shown(names, len(names), room=scan.ROOM), os.path.join(root, sets.train_from)
        what = (
            'is the name of files and not of a class'
            if len(names) == 1
            else 'are the names of files and not of classes'
        )
        raise UserError(f'{where}: {shown} {what}; {EXPECTED}{_instead(root, [sets.train_from, *names])}')


def _splits_in_classes(where: str, folder: Folder, insides: Sequence[Dict[str, str]], used: List[Folder]) -> _Sets:
    """Take DIR/<class>/train/* and DIR/<class>/test/* (or val) for the sets."""
    filled = folder.filled()
    if any(is_set(inner) for one in filled for inner in one.filled()):
        names = scan.shown([inner.name for inner in filled], len(filled), room=scan.ROOM)
        raise UserError(f'{where}: several data sets, each with its train folder ({names}); give one of them')
    held = {part for inside in insides for part in inside.values()}
    part = TEST if TEST in held else VAL
    notes = ['left out: the images in val folders of the classes'] if held >= {TEST, VAL} else []

    def having(wanted: str) -> List[Folder]:
        views = []
        for one, inside in zip(filled, insides):
            view = Folder(one.name, one.path)
            view.folders = [inner for inner in one.filled() if inside.get(inner.name) == wanted]
            view.total = sum(inner.total for inner in view.folders)
            views.append(view)
        return views

    places = [os.path.join(folder.path, '<class>', name) for name in (TRAIN, part)]
    return _Sets(having(TRAIN), having(part) if part in held else None, places[0], places[1], notes, used)
