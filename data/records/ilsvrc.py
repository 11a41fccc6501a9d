"""Where images to be made into records come from: class folders, or the official ILSVRC2012 tars.

An Item says where the bytes of an image are, a file or a stretch of a tar, so that any process can read it.  In the training
tar lies one tar for each class; none is compressed, so that their contents are stretches of the outer file.
"""

import io
import os
import re
import tarfile
from typing import NamedTuple

from ...base.errors import UserError
from ..sources import scan


class Item(NamedTuple):
    """An image: its name (path or member), its label, the file that holds it, and where in that (size -1: all of it)."""

    name: str
    label: int
    path: str
    offset: int = 0
    size: int = -1

    def read(self):
        with open(self.path, 'rb') as source:
            source.seek(self.offset)
            content = source.read(self.size)
        if 0 <= self.size != len(content):
            raise UserError(f'{self.path}: {self.name} is truncated')
        return content


def _members(fileobj, path, name):
    try:
        with tarfile.open(fileobj=fileobj, mode='r:') as archive:
            return [member for member in archive if member.isfile()]
    except (tarfile.TarError, EOFError) as error:
        raise UserError('{}{} is damaged or truncated ({})'.format(path, ', ' + name if name else '', error)) from error


def train_tar(path):
    """(classes, items) of ILSVRC2012_img_train.tar, a tar of <class>.tar; classes are sorted."""
    found = {}
    with open(path, 'rb') as outer:
        size = os.path.getsize(path)
        for member in _members(outer, path, ''):
            name, suffix = os.path.splitext(os.path.basename(member.name))
            if suffix != '.tar':
                continue
            if member.offset_data + member.size > size:
                raise UserError(
                    '%s is truncated: %s should end at byte %d, the file has %d'
                    % (path, member.name, member.offset_data + member.size, size)
                )
            inner = _Window(outer, member.offset_data, member.size)
            found[name] = [
                (image.name, member.offset_data + image.offset_data, image.size)
                for image in _members(inner, path, member.name)
            ]
    empty = [name for name in sorted(found) if not found[name]]
    if len(found) < 2 or empty:
        raise UserError(
            '{}: {}; expected a tar with a tar of images for each class'.format(
                path, f'class {empty[0]} has no images' if empty else 'tars of %d classes' % len(found)
            )
        )
    classes = tuple(sorted(found))
    return classes, [
        Item(os.path.join(name, os.path.basename(image)), label, path, offset, size)
        for label, name in enumerate(classes)
        for image, offset, size in sorted(found[name])
    ]


def class_folder_items(path, classes=None):
    """(classes, items) of a tree of class folders."""
    classes, names, labels = scan.class_folders(path, classes)
    return classes, [Item(name, label, os.path.join(path, name)) for name, label in zip(names, labels)]


class _Window(io.RawIOBase):
    """A stretch of an open file as a file of its own, for reading."""

    def __init__(self, source, start, size):
        self._source, self._start, self._size, self._at = source, start, size, 0

    def readable(self):
        return True

    def seekable(self):
        return True

    def seek(self, offset, whence=0):
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def tell(self):
        return self._at

    def readinto(self, buffer):
        self._source.seek(self._start + self._at)
        content = self._source.read(max(0, min(len(buffer), self._size - self._at)))
        buffer[: len(content)] = content
        self._at += len(content)
        return len(content)


def flat_files(path):
    """{file name: Item with label -1} of the images in a tar (ILSVRC2012_img_val.tar) or in a folder without class folders."""
    if os.path.isdir(path):
        return {os.path.basename(name): Item(name, -1, os.path.join(path, name)) for name in scan.images(path)}
    size = os.path.getsize(path)
    with open(path, 'rb') as source:
        members = _members(source, path, '')
    if members and members[-1].offset_data + members[-1].size > size:
        raise UserError(
            '%s is truncated: %s should end at byte %d, the file has %d'
            % (path, members[-1].name, members[-1].offset_data + members[-1].size, size)
        )
    return {
        os.path.basename(member.name): Item(os.path.basename(member.name), -1, path, member.offset_data, member.size)
        for member in members
        if member.name.lower().endswith(scan.SUFFIXES)
    }


def devkit_labels(path):
    """The class names (WNIDs) of the validation images, in order, from ILSVRC2012_devkit_t12.tar.gz or its extracted folder."""
    from scipy.io import loadmat

    wanted = {'meta.mat': None, 'ILSVRC2012_validation_ground_truth.txt': None}
    if os.path.isdir(path):
        for folder, _, names in os.walk(path):
            for name in wanted:
                if name in names:
                    with open(os.path.join(folder, name), 'rb') as source:
                        wanted[name] = source.read()
    else:
        try:
            with tarfile.open(path) as archive:
                for member in archive:
                    if os.path.basename(member.name) in wanted:
                        wanted[os.path.basename(member.name)] = archive.extractfile(member).read()
        except (tarfile.TarError, EOFError) as error:
            raise UserError(f'{path} is damaged or truncated ({error})') from error
    missing = [name for name, content in wanted.items() if content is None]
    if missing:
        raise UserError('{} has no {}; expected the ILSVRC2012 development kit'.format(path, ' and no '.join(missing)))
    meta, truth = wanted.values()
    synsets = loadmat(io.BytesIO(meta), squeeze_me=True, struct_as_record=False)['synsets']
    names = {int(synset.ILSVRC2012_ID): str(synset.WNID) for synset in synsets}
    return [names[int(line)] for line in truth.split()]


def list_labels(path, files, classes):
    """{file name: class name} from a list of the validation images.

    A line is `file class`, `file number` (the class's number in sorted order, from 0), or only a class, for the files in
    sorted order; blanks or commas between, what follows is ignored.  UserError for anything else.
    """
    with open(path, encoding='utf-8') as source:
        rows = [(number, re.split(r'[\s,]+', line.strip())) for number, line in enumerate(source, 1) if line.strip()]
    if rows and rows[0][1][0] == 'ImageId':
        rows = rows[1:]
    known, stems, ordered = set(classes), {os.path.splitext(name)[0]: name for name in files}, sorted(files)
    labels = {}
    for position, (number, row) in enumerate(rows):
        if row[0] in known:
            if position >= len(ordered):
                raise UserError('%s has %d lines for %d images' % (path, len(rows), len(ordered)))
            labels[ordered[position]] = row[0]
            continue
        name = stems.get(os.path.splitext(os.path.basename(row[0]))[0])
        value = row[1] if len(row) > 1 else ''
        if value.isdigit() and value not in known and int(value) < len(classes):
            value = classes[int(value)]
        if name is None or value not in known:
            raise UserError(
                '%s, line %d: %r; expected an image and its class (as %s)'
                % (path, number, ' '.join(row[:2]), classes[0])
            )
        labels[name] = value
    return labels


def validation(path, classes, truth=''):
    """Items of the validation images: class folders, or a tar or flat folder with `truth`, a list or the development kit."""
    if os.path.isdir(path) and not truth:
        return class_folder_items(path, classes)[1]
    if not truth:
        raise UserError(
            f'{path}: which class is each of its images? Give --val-list (a line an image: file, class) or --devkit'
        )
    files = flat_files(path)
    if os.path.isdir(truth) or '.tar' in os.path.basename(truth):
        in_order = devkit_labels(truth)
        if len(in_order) != len(files):
            raise UserError(
                '%s has %d images, the ground truth in %s is for %d' % (path, len(files), truth, len(in_order))
            )
        labels = dict(zip(sorted(files), in_order))
    else:
        labels = list_labels(truth, files, classes)
    numbers = {name: number for number, name in enumerate(classes)}
    for name in sorted(files):
        if name not in labels:
            raise UserError(f'{truth}: {name} has no class there')
        if labels[name] not in numbers:
            raise UserError(
                '%s: class %s of %s is none of the %d classes of the training images'
                % (truth, labels[name], name, len(classes))
            )
    return [files[name]._replace(label=numbers[labels[name]]) for name in sorted(files)]
