"""Listing the images to make records of: class folders, or the official ILSVRC2012 tars.

An Item says where the bytes of an image are, a file or a range of a tar, so that any process can read
it. The training tar holds one tar per class; none is compressed, so that their contents are ranges of
the outer file.
"""

import io
import logging
import os
import tarfile
from typing import IO, Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from ...base.errors import UserError
from ..sources import archives, scan
from ..sources.classes import class_folders
from ..sources.kinds import SUFFIXES
from .truth import devkit_labels, in_order, list_labels

log = logging.getLogger(__name__)


class Item(NamedTuple):
    """An image: its name (path or member), its label, the file that holds it, and the bytes there (size -1: all)."""

    name: str
    label: int
    path: str
    offset: int = 0
    size: int = -1

    def read(self) -> bytes:
        """Read the bytes of the image file. Raises UserError if they are truncated, OSError if they cannot be read."""
        with open(self.path, 'rb') as source:
            source.seek(self.offset)
            content = source.read(self.size)
        if 0 <= self.size != len(content):
            raise UserError(f'{self.path}: {self.name} is truncated')
        return content


class NoTruth(UserError):
    """Validation images without a folder for each class, and nothing given that says their classes."""


def _members(fileobj: Any, path: str, name: str) -> List[tarfile.TarInfo]:
    try:
        with tarfile.open(fileobj=fileobj, mode='r:', tarinfo=archives.Header) as archive:
            return [member for member in archive if member.isreg() and not member.issparse()]
    except archives.DAMAGE as error:  # a UserError, of a huge header, among them
        where = f'{path}, {name}' if name else path
        raise UserError(f'{where} is damaged or truncated ({error})') from error


def train_tar(path: str) -> Tuple[Tuple[str, ...], List[Item]]:
    """List ILSVRC2012_img_train.tar, a tar of <class>.tar: (classes, items), the classes sorted.

    Raises UserError if it is damaged or truncated, has fewer than two classes or a class without images.
    """
    members: Dict[str, List[Tuple[str, int, int]]] = {}
    with open(path, 'rb') as outer:
        size = os.path.getsize(path)
        for member in _members(outer, path, ''):
            name, suffix = os.path.splitext(os.path.basename(member.name))
            if suffix != '.tar':
                continue
            if member.offset_data + member.size > size:
                raise _truncated(path, member, size)
            inner = _Window(outer, member.offset_data, member.size)
            members[name] = [
                (image.name, member.offset_data + image.offset_data, image.size)
                for image in _members(inner, path, member.name)
            ]
    empty = [name for name in sorted(members) if not members[name]]
    if len(members) < 2 or empty:
        what = f'class {empty[0]} has no images' if empty else f'tars of {len(members)} classes'
        raise UserError(f'{path}: {what}; expected a tar with a tar of images for each class')
    classes = tuple(sorted(members))
    return classes, [
        Item(os.path.join(name, os.path.basename(image)), label, path, offset, size)
        for label, name in enumerate(classes)
        for image, offset, size in sorted(members[name])
    ]


def _truncated(path: str, member: tarfile.TarInfo, size: int) -> UserError:
    end = member.offset_data + member.size
    return UserError(f'{path} is truncated: {member.name} should end at byte {end}, the file has {size}')


def class_folder_items(path: str, classes: Optional[Sequence[str]] = None) -> Tuple[Tuple[str, ...], List[Item]]:
    """List a tree of class folders: (classes, items). classes and errors: as of class_folders."""
    known, members, notes = class_folders(path, classes)
    for note in notes:
        log.info('%s: %s', path, note)
    return known, [Item(os.path.relpath(member.path, path), member.label, member.path) for member in members]


class _Window(io.RawIOBase):
    """A range of an open file as a file of its own, for reading."""

    def __init__(self, source: IO[bytes], start: int, size: int) -> None:
        self._source, self._start, self._size, self._at = source, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        self._source.seek(self._start + self._at)
        content = self._source.read(max(0, min(len(buffer), self._size - self._at)))
        buffer[: len(content)] = content
        self._at += len(content)
        return len(content)


def flat_files(path: str) -> Dict[str, Item]:
    """List the images of a tar (ILSVRC2012_img_val.tar) or flat folder: {relative path: Item with label -1}.

    Raises UserError if the tar is damaged or truncated.
    """
    if os.path.isdir(path):
        return {name: Item(name, -1, os.path.join(path, name)) for name in scan.images(path)}
    size = os.path.getsize(path)
    with open(path, 'rb') as source:
        members = _members(source, path, '')
    if members and members[-1].offset_data + members[-1].size > size:
        raise _truncated(path, members[-1], size)
    return {
        member.name: Item(os.path.basename(member.name), -1, path, member.offset_data, member.size)
        for member in members
        if member.name.lower().endswith(SUFFIXES)
    }


def validation(path: str, classes: Sequence[str], truth: str = '') -> List[Item]:
    """List the validation images: class folders, or a tar or flat folder with their classes in `truth`.

    truth: a list (list_labels) or the development kit (devkit_labels). Raises NoTruth if it is needed and not given,
    UserError for an image without a class or with none of the classes.
    """
    if os.path.isdir(path) and not truth:
        return class_folder_items(path, classes)[1]
    if not truth:
        raise NoTruth(f'{path}: which class is each of its images?')
    files = flat_files(path)
    ordered = in_order(files)
    if os.path.isdir(truth) or archives.kind(truth):
        listed = devkit_labels(truth)
        if len(listed) != len(files):
            raise UserError(f'{path} has {len(files)} images, the ground truth in {truth} is for {len(listed)}')
        labels = dict(zip(ordered, listed))
    else:
        labels = list_labels(truth, files, classes)
    numbers = {name: number for number, name in enumerate(classes)}
    for name in ordered:
        if name not in labels:
            raise UserError(f'{truth}: {name} has no class there')
        if labels[name] not in numbers:
            raise UserError(
                f'{truth}: class {labels[name]} of {name} is none of the {len(classes)} classes of the training images'
            )
    return [files[name]._replace(label=numbers[labels[name]]) for name in ordered]
