"""Data sets by name. A new one is a function `open_data(options) -> DataSet`, registered here or in a plugin:

    @registry.register('mine')
    def open_data(options): ...

register('mine', …, expected='…') is for a data set on disk: if no folder is given it is looked for in
gluon's (place.py), and error messages give the text as what should be there. register('mine', …,
read_image=…) takes a function `read_image(path, size, mean, std)` that prepares an image file as the
test images are; by default that is done as for `folder`. register('mine', …, recognise=…) takes a function
`recognise(path) -> bool` that tells by its content whether the data set lies at a path.
"""

import contextlib
import difflib
from dataclasses import fields, replace
from importlib import import_module
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Protocol, Sequence, Tuple

import numpy as np

from ..base.errors import UserError
from ..base.keys import brief
from ..base.registry import Registry
from . import place
from .dataset import DataSet, Options
from .decode import BadImage
from .recognise import KINDS, Recognise

OpenData = Callable[[Options], DataSet]
ReadImage = Callable[[str, int, Sequence[float], Sequence[float]], np.ndarray]  # path, size, mean, std


class DataSource(Protocol):
    """What is registered for a data set.

    open_data(options) opens it. read_image(path, size, mean, std) prepares an image file as its test images are:
    float32 (3, size, size); None: as `folder` does. expected: what its folder should hold, '' if it needs none.
    """

    @property
    def open_data(self) -> OpenData: ...

    @property
    def read_image(self) -> Optional[ReadImage]: ...

    @property
    def expected(self) -> str: ...

    @property
    def recognise(self) -> Optional[Recognise]: ...


class Entry(NamedTuple):
    """A DataSource made of functions."""

    open_data: OpenData
    read_image: Optional[ReadImage] = None
    expected: str = ''
    recognise: Optional[Recognise] = None


class _Module:
    """A DataSource in a module of sources/, imported on first use: its open_data, read_image and EXPECTED."""

    def __init__(self, name: str) -> None:
        self._name = name

    def _module(self) -> Any:
        return import_module('.sources.' + self._name, __package__)

    @property
    def open_data(self) -> OpenData:
        return self._module().open_data

    @property
    def read_image(self) -> Optional[ReadImage]:
        return getattr(self._module(), 'read_image', None)

    @property
    def expected(self) -> str:
        return getattr(self._module(), 'EXPECTED', '')

    @property
    def recognise(self) -> Optional[Recognise]:
        return KINDS.get(self._name)

    @property
    def takes(self) -> Sequence[str]:
        """Options among OWN that it takes."""
        return getattr(self._module(), 'TAKES', ())


OWN = ('rotate', 'scale', 'clutter')  # options that change the images themselves, which few data sets take

DATASETS: Registry[DataSource] = Registry('data set')

MOST_KEPT = 2  # data sets that `kept_open` keeps
_kept: Optional[Dict[Tuple[str, Options], DataSet]] = None  # by name and options, while `kept_open`

for _name in ('digits', 'cifar10', 'cifar100', 'imagenet', 'folder', 'csv', 'npz'):
    DATASETS.register(_name, _Module(_name))


def register(
    name: str,
    open_data: Optional[OpenData] = None,
    read_image: Optional[ReadImage] = None,
    expected: str = '',
    recognise: Optional[Recognise] = None,
) -> Any:
    """Add a data set: register('mine', open_data, read_image), or @register('mine') above open_data.

    Returns open_data, or the decorator. Raises UserError for a name that is taken.
    """
    if open_data is None:
        return lambda function: register(name, function, read_image, expected, recognise)
    DATASETS.register(name, Entry(open_data, read_image, expected, recognise))
    return open_data


def recognised(path: str) -> List[str]:
    """Return the names of the data sets that a folder or file may be, the likeliest first; see recognise.py."""
    path = place.expanded(path)
    own = [name for name in KINDS if name in DATASETS]
    others = [name for name in DATASETS if name not in own]
    tests = {name: DATASETS.get(name).recognise for name in others + own}
    return [name for name, test in tests.items() if test is not None and test(path)]


def load(name: str, **options: Any) -> DataSet:
    """Open data set `name`; options are the fields of dataset.Options.

    Without `dir` a data set on disk is looked for in gluon's folder; the DataSet's `options.dir` says where it was
    found. Raises UserError for an unknown name or option, a value out of range and damaged data, place.NotFound (a
    UserError) if there is no data set, and OSError for a file that cannot be read.
    """
    entry = DATASETS.get(name)
    known = [field.name for field in fields(Options)]
    for key in options:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f' (did you mean {near[0]}?)' if near else ''
            raise UserError(f'unknown option data.{key}{hint}; known: {", ".join(known)}')
    # Files hold lists where Options has tuples.
    plain: Dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in options.items()}
    checked = Options(**plain)
    for key in OWN:
        if getattr(checked, key) and key not in getattr(entry, 'takes', ()):
            raise UserError(
                f'data.{key}={brief(getattr(checked, key))}: data set {name} has no such option; those of digits alone are '
                f'{", ".join(f"data.{own}" for own in OWN)}'
            )
    checked = replace(checked, dir=place.expanded(checked.dir))
    if entry.expected:
        checked = replace(checked, dir=place.resolve(name, checked.dir, entry.expected))
    if _kept is None:
        return entry.open_data(checked)
    if (name, checked) not in _kept:
        while len(_kept) >= MOST_KEPT:
            del _kept[next(iter(_kept))]
        _kept[name, checked] = entry.open_data(checked)
    return _kept[name, checked]


@contextlib.contextmanager
def kept_open() -> Iterator[None]:
    """While it lasts, `load` gives the DataSet of one of the last calls, if its name and options were the same: images are decoded once."""
    global _kept
    before, _kept = _kept, {} if _kept is None else _kept
    try:
        yield
    finally:
        _kept = before


def read_image(name: str, path: str, size: int, mean: Sequence[float], std: Sequence[float]) -> np.ndarray:
    """Prepare an image file as data set `name` prepares its test images: float32 (3, size, size), normalised.

    Raises decode.BadImage, a UserError in one line that names the file, if it cannot be read.
    """
    read = DATASETS.get(name).read_image or DATASETS.get('folder').read_image
    assert read is not None
    try:
        return read(path, size, mean, std)
    except OSError as error:
        raise BadImage(f'{path}: {error.strerror or error}') from error
