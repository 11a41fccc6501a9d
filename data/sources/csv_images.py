"""Where the images of a table lie: beside it, in folders next to it, or as absolute paths; with their suffix or without."""

import os
import re
import unicodedata
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

from ...base.errors import UserError
from . import roles
from .kinds import SUFFIXES
from .labelled import parts_of, stem

FOLDERS = 64  # next to the table that are looked into
IMAGES = ('images', 'image', 'imgs', 'img', 'photos', 'pictures', 'pics', 'data', 'jpg', 'jpeg', 'png', 'jpegimages')

NO_IMAGES = (  # folders of something about the images, in which images of the same names may lie
    *(
        'masks',
        'mask',
        'trimaps',
        'trimap',
        'annotations',
        'annotation',
        'labels',
        'segmentations',
        'segmentationclass',
        'groundtruth',
    ),
    *('segmentationobject', 'meta', 'metadata', 'lists', 'splits', 'imagesets', 'heatmaps', 'depth', 'edges'),
)
_ZEROS = re.compile(r'^0+(?=\d+$)')
Listing = Tuple[Dict[str, str], Dict[str, List[str]]]  # the names in a folder, and by their stems those of images


class Finder:
    """Finds image files by what a table says of them, for one of the sets (roles.TRAIN, …): ids, names, paths.

    root: the folder of the data; table: the table, from there on. A path is looked for from the table's folder on, then
    in root and the folders in it: those that are called after the image's
    label, then those called after the set, last those of another set and those of masks, and these not at
    all beside a table that lies in a folder called after annotations. Leading folders that are not there are left out
    one by one, as of paths on another machine. Where no name is the same, case, the writing of accents and zeros in front, which
    spreadsheets drop, may differ. `folders` counts how many images were found where.
    """

    def __init__(self, root: str, table: str, part: str) -> None:
        self._root, self._beside = root, os.path.dirname(os.path.join(root, table))
        self._listings: Dict[str, Listing] = {}
        self._alike: Dict[str, Dict[str, List[str]]] = {}
        self.bases = [root, *self._ranked(root, part)]
        if about_images(root):
            self.bases = [base for base in self.bases if base == root or not about_images(base)]
        self.bases.sort(key=about_images)
        self.folders: Dict[str, int] = {}

    def _ranked(self, root: str, part: str) -> List[str]:
        """List the folders in root and in these, the most likely ones first."""

        def rank(path: str) -> Tuple[int, str]:
            found = {roles.role(name) for name in os.path.relpath(path, root).split(os.sep)} - {None}
            if found:
                return (0 if part in found else 3), path
            return (1 if os.path.basename(path).lower() in IMAGES else 2), path

        first = _folders(root)
        second = [inner for path in sorted(first, key=rank)[:FOLDERS] for inner in _folders(path)]
        return sorted(first, key=rank)[:FOLDERS] + sorted(second, key=rank)[:FOLDERS]

    def _listing(self, folder: str) -> Listing:
        if folder not in self._listings:
            names: Dict[str, str] = {}
            stems: Dict[str, List[str]] = {}
            try:
                for entry in os.scandir(folder):
                    names[entry.name] = entry.path
                    if entry.name.lower().endswith(SUFFIXES):
                        stems.setdefault(stem(entry.name), []).append(entry.path)
            except OSError:  # no such folder: nothing is found in it
                pass
            self._listings[folder] = names, stems
        return self._listings[folder]

    def _in(self, folder: str, name: str) -> Optional[str]:
        """Return the file of a folder that a name means. Raises UserError, naming both, if it can be two."""
        names, stems = self._listing(folder)
        if name in names and not os.path.isdir(names[name]):
            return names[name]
        paths = sorted(stems.get(name) or stems.get(stem(name), []))
        if len(paths) > 1:
            raise UserError(f'{name!r:.60} can be {paths[0]} or {os.path.basename(paths[1])}')
        return paths[0] if paths else None

    def _like(self, folder: str, name: str) -> Optional[str]:
        """Return the file of a folder whose name differs in case, the writing of accents or zeros in front alone. Raises as _in."""
        if folder not in self._alike:
            self._alike[folder] = {}
            for base, found in self._listing(folder)[1].items():
                self._alike[folder].setdefault(_plain(base), []).extend(found)
        paths = sorted(self._alike[folder].get(_plain(stem(name)), []))
        if len(paths) > 1:
            raise UserError(f'{name!r:.60} can be {paths[0]} or {os.path.basename(paths[1])}')
        return paths[0] if paths else None

    def _tries(self, parts: Sequence[str], label: str) -> Iterator[Tuple[str, str]]:
        """Yield (folder, name) of the places where an image may be, the most likely ones first."""
        yield os.path.join(self._beside, *parts[:-1]), parts[-1]
        if label and '/' not in label and label not in ('.', '..'):
            for base in self.bases:
                yield os.path.join(base, label), parts[-1]
        for drop in range(len(parts)):
            for base in self.bases:
                yield os.path.join(base, *parts[drop:-1]), parts[-1]
        if len(parts) > 1:  # from the folder above, as of tables in a folder of their own
            yield os.path.join(self._root, os.pardir, *parts[:-1]), parts[-1]

    def find(self, text: str, label: str = '') -> Optional[str]:
        """Return the path of the image that `text` means, or None. Raises UserError, naming both, if it can be two."""
        parts = parts_of(text)
        if not parts or '\0' in text:
            return None
        found = self._in(os.path.dirname(text), parts[-1]) if os.path.isabs(text) else None
        for look in () if found else (self._in, self._like):
            found = next(filter(None, (look(folder, name) for folder, name in self._tries(parts, label))), None)
            if found:
                break
        if found:
            folder = os.path.relpath(os.path.dirname(found), self._root)
            self.folders[folder] = self.folders.get(folder, 0) + 1
        return found

    def knows(self, text: str) -> bool:
        """Tell whether a text names an image."""
        counts = dict(self.folders)
        try:
            return self.find(text) is not None
        except UserError:
            return True
        finally:
            self.folders = counts


def about_images(folder: str) -> bool:
    """Tell whether a folder is called after something about the images, as masks, and not after images."""
    return os.path.basename(os.path.abspath(folder)).lower() in NO_IMAGES


def _plain(name: str) -> str:
    return _ZEROS.sub('', unicodedata.normalize('NFC', name).casefold())


def _folders(path: str) -> List[str]:
    try:
        return [entry.path for entry in os.scandir(path) if entry.is_dir() and not entry.name.startswith(('.', '__'))]
    except OSError:  # not readable
        return []
