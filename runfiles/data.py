"""Write and read data.json: what a run learns from and is tested on, so that other data are not taken for the same.

data.json, format 'dsonas.data' version 1, has the fields of `DataDescription`. Runs of version 0.1.0 have none; what their
network.json says of classes and image size stands in for it, and what neither says is not known, which is no difference.
"""

from __future__ import annotations

import dataclasses
import os
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from ..base import documents
from ..base.errors import UserError
from . import checksums
from .network import DESCRIPTION, read_network

FORMAT, VERSION = 'dsonas.data', 1
FILE = 'data.json'
WORDS = {'train': 'training', 'weights': 'W part', 'gates': 'λ part', 'test': 'test'}
SHOWN = 4  # class names in a line


@dataclasses.dataclass(frozen=True)
class DataDescription:
    """The fields of data.json.

    name: of the data set. dir: the folder in which it was found, '' for one without. classes: names, in the order of the labels.
    image_size: pixels, square. counts: by part ('train', 'weights', 'gates', 'test') the number of images of each class; {}
    where not known. split, held_out, limit, seed: the options that chose the parts: the W part's share of the training images
    (0: a half, or as the data came divided), the share held out for a test where the data set has none of its own (by seed 0,
    whatever `seed` is), the most training images (0: all). notes: sentences on what was taken for what, and what was passed over.
    fingerprint: hex digest of images and labels as they are stored, '' where there is none.
    """

    name: str
    classes: List[str]
    image_size: int
    dir: str = ''
    counts: Dict[str, List[int]] = dataclasses.field(default_factory=dict)
    split: float = 0.0
    held_out: float = 0.0
    limit: int = 0
    seed: int = 0
    notes: List[str] = dataclasses.field(default_factory=list)
    fingerprint: str = ''

    def total(self, part: str) -> Optional[int]:
        """Return the number of images of a part, None where not known."""
        return sum(self.counts[part]) if part in self.counts else None


def write_data(folder: str, description: DataDescription) -> None:
    """Write data.json of a run directory, whole or not at all. Raises OSError."""
    content = {'format': FORMAT, 'version': VERSION, **dataclasses.asdict(description)}
    checksums.write_json(os.path.join(folder, FILE), content)


def read_data(path: str) -> DataDescription:
    """Read a data.json. Raises OSError, UserError naming the file and what is wrong in it."""
    content = documents.read_json(path)
    if not isinstance(content, dict) or (content.get('format'), content.get('version')) != (FORMAT, VERSION):
        raise UserError(f'{path}: expected format {FORMAT}, version {VERSION}')
    return from_dict(content, path)


def from_dict(content: Dict[str, Any], path: str) -> DataDescription:
    """Make a DataDescription of plain data. path: of the file that it was read from. Raises UserError naming it."""
    fields = {}
    for key, (is_accepted, accepted) in _FIELDS.items():
        if key not in content and key not in _NEEDED:
            continue
        if key not in content or not is_accepted(content[key]):
            raise UserError(f'{path}: {key} is {str(content.get(key))[:60]!r}; accepted is {accepted}')
        fields[key] = content[key]
    description = DataDescription(**fields)
    for part, numbers in description.counts.items():
        if len(numbers) != len(description.classes):
            raise UserError(
                f'{path}: counts of {part}: {len(numbers)} numbers for {len(description.classes)} classes; accepted is one a class'
            )
    return description


def known_data(folder: str) -> Optional[DataDescription]:
    """Return what a run directory says of its data: data.json, else what network.json has of it, else None.

    Raises OSError, UserError naming a damaged file.
    """
    path = os.path.join(folder, FILE)
    if os.path.exists(path):
        return read_data(path)
    if os.path.exists(os.path.join(folder, DESCRIPTION)):
        network = read_network(folder)
        return DataDescription(network.dataset, list(network.classes), network.image_size)
    return None


def identity_differences(before: DataDescription, now: DataDescription) -> List[str]:
    """List 'what: old -> new' for what makes data other data: data set, classes by name and order, images by fingerprint."""
    found = [] if before.name == now.name else [f'data set {before.name} -> {now.name}']
    if list(before.classes) != list(now.classes):
        found.append(class_difference(before.classes, now.classes))
    if before.fingerprint and now.fingerprint and before.fingerprint != now.fingerprint:
        marks = [
            mark if len(mark) <= 16 else mark[:8] for mark in map(printable, (before.fingerprint, now.fingerprint))
        ]
        found.append(f'other images (fingerprint {" -> ".join(marks)})')
    return found


def count_differences(
    before: DataDescription, now: DataDescription, parts: Sequence[str] = ('train', 'test')
) -> List[str]:
    """List 'part: old -> new' for the parts in which known numbers of images, in all or by class name, differ."""
    found = []
    for part in parts:
        old, new = before.total(part), now.total(part)
        if old is None or new is None:
            continue
        if old != new:
            found.append(f'{old} -> {new} {WORDS[part]} images')
            continue
        by_name = dict(zip(before.classes, before.counts[part]))
        for name, count in zip(now.classes, now.counts[part]):
            if by_name.get(name, count) != count:
                found.append(f'{by_name[name]} -> {count} {WORDS[part]} images of class {names_of([name])}')
                break
    return found


def class_difference(before: Sequence[str], now: Sequence[str]) -> str:
    """Return a phrase on how two lists of class names differ: which are in one of them only, or that their order does."""
    gone, added = ([name for name in one if name not in set(other)] for one, other in ((before, now), (now, before)))
    if gone or added:
        parts = [f'{word} {names_of(names)}' for word, names in (('without', gone), ('with', added)) if names]
        return f'classes {" and ".join(parts)}'
    return f'classes in another order ({names_of(before, 3)} -> {names_of(now, 3)})'


def class_places(network: Sequence[str], data: Sequence[str]) -> List[int]:
    """Return for each class of data its place among a network's classes, by name.

    Raises UserError where the network lacks one, or a name stands for two classes and the lists are not equal.
    """
    if list(network) == list(data):
        return list(range(len(data)))
    unknown = [name for name in data if name not in set(network)]
    if unknown:
        raise UserError(f'classes that the network does not have: {names_of(unknown)}; it has {names_of(network, 3)}')
    for names in (network, data):
        twice = [name for name in names if list(names).count(name) > 1] if len(set(names)) < len(names) else []
        if twice:
            raise UserError(
                f'classes in another order than the network has them, and two of them are called {names_of(twice[:1])}'
            )
    places = {name: place for place, name in enumerate(network)}
    return [places[name] for name in data]


def names_of(names: Sequence[str], most: int = SHOWN, room: int = 60) -> str:
    """Return some names as text of about `room` letters: 'cat, dog, eel, fox and 3 more'."""
    kept: List[str] = []
    for name in map(printable, names[:most]):
        short = name if len(name) <= room // 2 else f'{name[: room // 2 - 3]}...'
        if kept and len(', '.join([*kept, short])) > room:
            break
        kept.append(short)
    rest = len(names) - len(kept)
    return ', '.join(kept) + (f' and {rest} more' if rest else '')


def printable(text: str) -> str:
    """Return a text with '?' for what cannot be shown in a line: control characters, and what is not Unicode in a file's name."""
    return ''.join(letter if letter.isprintable() else '?' for letter in text)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_share(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _are_counts(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) in (set(), set(WORDS))
        and all(isinstance(numbers, list) and all(map(_is_count, numbers)) for numbers in value.values())
    )


_NEEDED = ('name', 'classes', 'image_size')
# Of each field: whether a value is accepted, and what is.
_FIELDS: Dict[str, Tuple[Callable[[Any], bool], str]] = {
    'name': (lambda value: _is_text(value) and bool(value), 'the name of a data set'),
    'classes': (lambda value: _are_texts(value) and len(value) > 1, 'a list of at least two names'),
    'image_size': (lambda value: _is_count(value) and value > 0, 'a number of pixels'),
    'dir': (_is_text, 'a path'),
    'counts': (_are_counts, f'a list of numbers of images for each of {", ".join(WORDS)}'),
    'split': (_is_share, 'a share from 0 to 1'),
    'held_out': (_is_share, 'a share from 0 to 1'),
    'limit': (_is_count, 'a whole number of at least 0'),
    'seed': (_is_count, 'a whole number of at least 0'),
    'notes': (_are_texts, 'a list of sentences'),
    'fingerprint': (_is_text, 'a hex digest, or empty'),
}
