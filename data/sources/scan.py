"""Reading a tree of folders once: which files are images, and which are passed over, by reason.

A file is an image by its suffix; where the suffix does not tell (none, .JPG_large), by its first bytes. Links are followed.
A folder that is reached twice is read once, where it lies itself, and folders above the root are never entered, so that
links cannot make a loop. Pipes, sockets and devices are never opened. Hidden files and folders, whose images are counted, and what
macOS, Windows and disk stations leave behind, are not read.
"""

import contextlib
import os
import stat
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from ...base.errors import UserError
from .kinds import SUFFIXES, UNREADABLE, reason_against

LITTER = frozenset(
    ('__macosx', 'thumbs.db', 'ehthumbs.db', 'desktop.ini', 'icon\r', '__pycache__')
    + ('$recycle.bin', 'system volume information', '@eadir', 'lost+found')
)
OTHERS_OWN = (
    '._',
    '.git',
    '.svn',
    '.hg',
    '.dvc',
    '.cache',
    '.venv',
    '.ipynb',
    '.trash',
    '.thumb',
    '.spotlight',
)  # of programs
NAMED = 3  # files that are named for a reason; all are counted
LONG = 80  # characters of a name that are shown, its last
ROOM = 120  # characters that names may take in an error

# Why a file is passed over.
DEAD = 'a dead link'
TWICE = 'a link to a folder that is read already'
ABOVE = 'a link to a folder above'
OUTSIDE = 'outside of the class folders'
HIDDEN = 'hidden'


class File(NamedTuple):
    """An image file: its path from the root of the scan, its size in bytes, the time of its last change in ns."""

    path: str
    size: int
    time: int


class Passed:
    """What was passed over: by reason how many, and the first names."""

    def __init__(self) -> None:
        self.counts: Dict[str, int] = {}
        self.names: Dict[str, List[str]] = {}

    def add(self, reason: str, name: str, count: int = 1) -> None:
        """Count a file."""
        self.counts[reason] = self.counts.get(reason, 0) + count
        names = self.names.setdefault(reason, [])
        if len(names) < NAMED:
            names.append(name)

    def merge(self, other: 'Passed') -> None:
        """Add what another one counted."""
        for reason, count in other.counts.items():
            self.counts[reason] = self.counts.get(reason, 0) + count
            names = self.names.setdefault(reason, [])
            names += other.names[reason][: NAMED - len(names)]

    def sentences(self) -> List[str]:
        """Return a sentence for each reason: how many, why, and up to NAMED names."""
        return [
            f'passed over: {count} {"file" if count == 1 else "files"}, {reason} ({shown(self.names[reason], count)})'
            for reason, count in self.counts.items()
        ]

    def short(self) -> str:
        """Return the counts by reason within one line: ' (3 files: a dead link)', '' for none."""
        parts = [f'{count} {"file" if count == 1 else "files"}: {reason}' for reason, count in self.counts.items()]
        return f' ({"; ".join(parts)})' if parts else ''


def printable(name: str) -> str:
    """Return a file name for a message: what a terminal cannot show or would obey becomes a replacement character."""
    return ''.join(char if char.isprintable() else '\N{REPLACEMENT CHARACTER}' for char in name)


def shown(names: Sequence[str], count: int, most: int = NAMED, room: int = 3 * LONG) -> str:
    """Write the first of `count` names, `most` at most and as `room` characters hold, the others as an ellipsis."""
    first: List[str] = []
    for name in names[:most]:
        text = printable(name if len(name) <= LONG else '…' + name[-LONG:])
        if first and sum(map(len, first)) + len(text) > room:
            break
        first.append(text)
    return ', '.join(first + (['…'] if count > len(first) else []))


class Folder:
    """A folder of a scanned tree.

    path: from the root, '' for the root. files: the images that lie in it directly; folders: those within it, by name;
    total: the images at any depth; passed: what was passed over directly in it; outside: the links, at any depth, to
    folders that do not lie below the root (of the root alone).
    """

    def __init__(self, name: str, path: str) -> None:
        self.name, self.path = name, path
        self.files: List[File] = []
        self.folders: List[Folder] = []
        self.passed = Passed()
        self.total = 0
        self.outside: List[str] = []

    def walk(self) -> Iterator['Folder']:
        """Yield the folder and all within it."""
        left = [self]
        while left:
            folder = left.pop()
            yield folder
            left += reversed(folder.folders)

    def images(self) -> List[File]:
        """List the images at any depth, sorted by path."""
        return sorted(file for folder in self.walk() for file in folder.files)

    def filled(self) -> List['Folder']:
        """List the folders within it that hold images at any depth."""
        return [folder for folder in self.folders if folder.total]

    def all_passed(self) -> Passed:
        """Return what was passed over at any depth."""
        passed = Passed()
        for folder in self.walk():
            passed.merge(folder.passed)
        return passed


class _Scan:
    """One pass over a tree. Folders that are links are read last, so that a folder is known by where it lies itself."""

    def __init__(self, root: str) -> None:
        self.root, self.real = root, os.path.realpath(root)
        self.outside: List[str] = []
        self.seen: Set[Tuple[int, int]] = {_identity(os.stat(root))}
        self.above = _above(root)
        self.links: List[Tuple[Folder, str, os.stat_result]] = []
        self.order: List[Folder] = []

    def run(self) -> Folder:
        top = Folder(os.path.basename(os.path.abspath(self.root)), '')
        self._read(top, first=True)
        while self.links:
            links, self.links = sorted(self.links, key=lambda link: (link[0].path, link[1])), []
            for parent, name, status in links:
                self._enter(parent, name, status)
        for folder in reversed(self.order):  # parents come before what they hold
            folder.files.sort()
            folder.folders.sort(key=lambda inner: inner.name)
            folder.total = len(folder.files) + sum(inner.total for inner in folder.folders)
        top.outside = self.outside
        return top

    def _enter(self, parent: Folder, name: str, status: os.stat_result) -> None:
        path = os.path.join(parent.path, name)
        identity = _identity(status)
        if identity in self.above or identity in self.seen:
            parent.passed.add(ABOVE if identity in self.above else TWICE, path)
            return
        self.seen.add(identity)
        if not os.path.realpath(os.path.join(self.root, path)).startswith(os.path.join(self.real, '')):
            self.outside.append(path)
        folder = Folder(name, path)
        parent.folders.append(folder)
        self._read(folder)

    def _read(self, start: Folder, first: bool = False) -> None:
        left = [start]
        while left:
            folder = left.pop()
            self.order.append(folder)
            try:
                with os.scandir(os.path.join(self.root, folder.path)) as entries:
                    found = sorted(entries, key=lambda entry: entry.name)
            except OSError as error:
                if first and folder is start:
                    raise UserError(f'{self.root}: {error.strerror or error}') from error
                folder.passed.add(UNREADABLE, folder.path + os.sep)
                continue
            for entry in found:
                if not _hidden(entry.name):
                    self._look(entry, folder, left)
                else:
                    self._hidden(entry, folder)

    def _hidden(self, entry: 'os.DirEntry[str]', folder: Folder) -> None:
        """Count a hidden image, or those that lie directly in a hidden folder, which may have been meant for a class."""
        path, name = os.path.join(folder.path, entry.name), entry.name.lower()
        if name in LITTER or name.startswith(OTHERS_OWN):
            return
        if name.endswith(SUFFIXES):
            folder.passed.add(HIDDEN, path)
        elif os.path.isdir(entry.path):
            with contextlib.suppress(OSError), os.scandir(entry.path) as entries:
                inner = sorted(one.name for one in entries if one.name.lower().endswith(SUFFIXES))
                if inner:
                    folder.passed.add(HIDDEN, os.path.join(path, inner[0]), len(inner))

    def _look(self, entry: 'os.DirEntry[str]', folder: Folder, left: List[Folder]) -> None:
        path = os.path.join(folder.path, entry.name)
        link = entry.is_symlink()
        try:
            if not link and entry.is_dir(follow_symlinks=False):
                identity = _identity(os.stat(entry.path))
                if (
                    identity[1] and identity in self.seen
                ):  # a junction, a mount of a folder above; some systems have no numbers
                    folder.passed.add(TWICE, path)
                    return
                self.seen.add(identity)
                inner = Folder(entry.name, path)
                folder.folders.append(inner)
                left.append(inner)
                return
            status = entry.stat()
        except OSError as error:
            folder.passed.add(DEAD if link and not isinstance(error, PermissionError) else UNREADABLE, path)
            return
        if stat.S_ISDIR(status.st_mode):
            self.links.append((folder, entry.name, status))
            return
        reason = reason_against(entry.path, status)
        if reason:
            folder.passed.add(reason, path)
        else:
            folder.files.append(File(path, status.st_size, status.st_mtime_ns))


def _hidden(name: str) -> bool:
    return name.startswith('.') or name.lower() in LITTER


def _identity(status: os.stat_result) -> Tuple[int, int]:
    return status.st_dev, status.st_ino


def _above(root: str) -> Set[Tuple[int, int]]:
    """Identities of the folders that the root lies in, by its own path and by the one without links."""
    found: Set[Tuple[int, int]] = set()
    for path in (os.path.realpath(root), os.path.abspath(root)):
        while os.path.dirname(path) != path:
            path = os.path.dirname(path)
            try:
                found.add(_identity(os.stat(path)))
            except OSError:
                continue
    return found


def scan(root: str) -> Folder:
    """Read the tree below a folder. Raises UserError if the folder itself cannot be read."""
    try:
        return _Scan(root).run()
    except OSError as error:
        raise UserError(f'{root}: {error.strerror or error}') from error


def images(folder: str, passed: Optional[Passed] = None) -> List[str]:
    """List the image files in a folder at any depth: paths relative to it, sorted. passed: counts what is passed over."""
    tree = scan(folder)
    if passed is not None:
        passed.merge(tree.all_passed())
    return [file.path for file in tree.images()]
