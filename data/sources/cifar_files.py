"""Finding the files of CIFAR-10 and CIFAR-100: in a folder, in a folder within it, or in an archive.

They are told by what they hold and not by their names. Nothing is extracted to disk. If an extracted binary folder has a
manifest.json with the files' checksums, they are checked.
"""

import hashlib
import json
import os
from functools import partial
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from ...base.errors import UserError
from ..place import NotFound
from . import archives
from .cifar_kinds import Kind, Version

MANIFEST = 'manifest.json'
FOLDERS = 200  # that are looked into for the files


class Located(NamedTuple):
    """Files of a data set: contents by name, or None where they lie in the folder `where`."""

    kind: Kind
    version: Version
    where: str
    contents: Optional[Dict[str, bytes]] = None

    @property
    def names(self) -> Tuple[str, ...]:
        return self.version.batches + self.version.meta


Sets = List[Tuple[bool, Located]]  # whether all batches are there


def _sets(names: Sequence[str], kinds: Sequence[Kind]) -> Iterator[Tuple[bool, Kind, Version]]:
    """Tell which data sets the files of one folder are of: (whether all batches are there, kind, version)."""
    for kind in kinds:
        for version in kind.versions:
            if sum(name in names for name in version.batches + version.meta) > 1:
                complete = all(name in names for name in version.batches)
                yield complete, kind, version


def _folders(paths: Sequence[str]) -> List[str]:
    """List the folders in `paths` that can be read."""
    inner = [
        entry.path
        for path in paths
        for entry in sorted(os.scandir(path), key=lambda entry: entry.name)
        if entry.is_dir() and entry.name[0] not in '._' and os.access(entry.path, os.R_OK | os.X_OK)
    ]
    return inner[:FOLDERS]


def _in_folder(path: str, kinds: Sequence[Kind]) -> Sets:
    files = [name for name in os.listdir(path) if os.path.isfile(os.path.join(path, name))]
    return [(complete, Located(kind, version, path)) for complete, kind, version in _sets(files, kinds)]


def _in_archive(path: str, kinds: Sequence[Kind]) -> Sets:
    wanted = {name for kind in kinds for version in kind.versions for name in version.batches + version.meta}
    inner: Dict[str, Dict[str, bytes]] = {}
    for name, content in archives.read(path, wanted.__contains__).items():
        inner.setdefault(os.path.dirname(name), {})[os.path.basename(name)] = content
    return [
        (complete, Located(kind, version, path, contents))
        for contents in inner.values()
        for complete, kind, version in _sets(list(contents), kinds)
    ]


def _archives(path: str, kinds: Sequence[Kind]) -> List[str]:
    """List the archives in a folder, those with official names first."""
    official = [version.archive for kind in kinds for version in kind.versions]
    files = sorted(
        (entry for entry in os.scandir(path) if entry.is_file() and not entry.name.startswith('.')),
        key=lambda entry: (official.index(entry.name) if entry.name in official else len(official), entry.name),
    )
    return [entry.path for entry in files[:FOLDERS] if os.access(entry.path, os.R_OK) and archives.kind(entry.path)]


def _places(path: str, kinds: Sequence[Kind]) -> Iterator[Callable[[], Sets]]:
    """Yield what looks for sets at or in `path`, the nearest first: in it, in its folders, in archives, further down."""
    if not os.path.isdir(path):
        yield partial(_in_archive, path, kinds)
        return
    nearer = _folders([path])
    for folder in [path] + nearer:
        yield partial(_in_folder, folder, kinds)
    for folder in [path] + nearer:
        for name in _archives(folder, kinds):
            yield partial(_in_archive, name, kinds)
    for folder in _folders(nearer):
        yield partial(_in_folder, folder, kinds)


def locate(path: str, kinds: Sequence[Kind]) -> Located:
    """Find the files of one of the `kinds`, the first of them preferred, at or in `path`: a folder or an archive.

    The nearest whole set is taken; one that lacks files, where there is no whole one. Raises NotFound if there is
    nothing, UserError if all that there is are damaged archives.
    """
    expected = kinds[0].expected
    if not os.path.exists(path):
        raise NotFound(f'{path}: no such file or folder; expected {expected}')
    if not os.path.isdir(path) and not (os.path.isfile(path) and archives.kind(path)):
        raise NotFound(
            f'{path} is {archives.other(path) or f"not an archive of {kinds[0].title}"}; expected {expected}'
        )
    located: Sets = []
    damage: List[UserError] = []
    for look in _places(path, kinds):
        try:
            located += look()
        except UserError as error:
            damage.append(error)
        if any(complete and found.kind is kinds[0] for complete, found in located):
            break
    ranked = sorted(located, key=lambda pair: (kinds.index(pair[1].kind), not pair[0]))  # stable: nearest first
    if damage and not (ranked and ranked[0][0]):
        raise damage[0]
    if not ranked:
        raise NotFound(f'no {kinds[0].title} in {path}{_pages(path, kinds)}; expected {expected}')
    return ranked[0][1]


def _pages(path: str, kinds: Sequence[Kind]) -> str:
    """Say what lies in a folder under the name of an archive and is none, '' for nothing."""
    for name in [version.archive for kind in kinds for version in kind.versions]:
        full = os.path.join(path, name)
        what = archives.other(full) if os.path.isfile(full) else ''
        if what:
            return f' ({name} is {what})'
    return ''


def contents(located: Located) -> Dict[str, bytes]:
    """Return the files of a located set: {name: content}. Raises UserError if one is missing or another's checksum."""
    where, version = located.where, located.version
    held = located.contents
    if held is None:
        present = [name for name in located.names if os.path.isfile(os.path.join(where, name))]
        held = {name: archives.read_file(os.path.join(where, name)) for name in present}
    needed = version.batches + (version.meta if version.needs_meta else ())
    missing = [name for name in needed if name not in held]
    if missing:
        raise UserError(f'{where} lacks {", ".join(missing)}; all of these are needed: {", ".join(needed)}')
    if located.contents is None:
        check_manifest(where, held, located.kind)
    return held


def check_manifest(where: str, contents: Dict[str, bytes], kind: Kind) -> None:
    """Check files against the manifest of the folder `where`, if it has one. Raises UserError for another checksum."""
    path = os.path.join(where, MANIFEST)
    if not os.path.isfile(path):
        return
    try:
        manifest = json.loads(archives.read_file(path, 1 << 20).decode('utf-8'))
        sums = dict(manifest['files']) if manifest['format'] == manifest_format(kind) else {}
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise UserError(f'{path} is damaged ({error})') from error
    for name, content in contents.items():
        if sums.get(name) != hashlib.sha256(content).hexdigest():
            raise UserError(f'{os.path.join(where, name)} is not what {path} says: damaged, or of another archive')


def manifest_format(kind: Kind) -> str:
    """Return the name of the format of a folder's manifest."""
    return 'dsonas.' + kind.name
