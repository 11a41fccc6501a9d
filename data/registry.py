"""Data sets by name. A new one is a function `open_data(options) -> DataSet`, registered here or in a plugin:

    @registry.register('mine')
    def open_data(options): ...

register('mine', …, expected='…') is for a data set on disk: where no folder is given it is looked for in gluon's place
(place.py), and the text says in errors what should be there. register('mine', …, read_image=…) takes a function
`read_image(path, size, mean, std)` that prepares an image file as the test images are; else that is done as for `folder`.
"""

import difflib
from dataclasses import fields, replace
from importlib import import_module
from typing import Callable, NamedTuple, Optional

from ..base.errors import UserError
from ..base.registry import Registry
from . import place
from .dataset import Options
from .decode import BadImage


class Entry(NamedTuple):
    """What is known of a data set by its name."""

    open_data: Callable
    read_image: Optional[Callable] = None
    expected: str = ''


class _Module:
    """An Entry in a module of sources/, which is imported when it is asked for: open_data, read_image, EXPECTED."""

    def __init__(self, name):
        self._name = name

    def __getattr__(self, attribute):
        if attribute not in Entry._fields:
            raise AttributeError(attribute)
        module = import_module('.sources.' + self._name, __package__)
        return getattr(module, 'EXPECTED' if attribute == 'expected' else attribute, None)


DATASETS = Registry('data set')

for _name in ('digits', 'cifar10', 'imagenet', 'folder'):
    DATASETS.register(_name, _Module(_name))


def register(name, open_data=None, read_image=None, expected=''):
    """Add a data set: register('mine', open_data, read_image), or @register('mine') above open_data. Raises UserError for a taken name."""
    if open_data is None:
        return lambda function: register(name, function, read_image, expected)
    DATASETS.register(name, Entry(open_data, read_image, expected))
    return open_data


def load(name, **options):
    """Open data set `name`; options are the fields of dataset.Options.

    Without `dir` a data set on disk is looked for in gluon's place; the DataSet's `options.dir` says where it was found.
    UserError or OSError, in one line, for what is wrong; place.NotFound, a UserError, where there is no data set.
    """
    entry = DATASETS.get(name)
    known = [field.name for field in fields(Options)]
    for key in options:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            raise UserError(
                'unknown option data.%s%s; known: %s'
                % (key, ' (did you mean %s?)' % near[0] if near else '', ', '.join(known))
            )
    options = Options(**options)
    if entry.expected:
        options = replace(options, dir=place.resolve(name, options.dir, entry.expected))
    return entry.open_data(options)


def read_image(name, path, size, mean, std):
    """An image file as a network trained on data set `name` is given it: float32 (3, size, size), normalised.

    Raises decode.BadImage, a UserError in one line that names the file, where it cannot be read.
    """
    try:
        return (DATASETS.get(name).read_image or DATASETS.get('folder').read_image)(path, size, mean, std)
    except OSError as error:
        raise BadImage('%s: %s' % (path, error.strerror or error)) from error
