"""Data sets by name.  A new one is one entry here and a module whose `open_data(options)` returns a DataSet.

A module with a text `EXPECTED` is of a data set on disk: without a folder given it is looked for in gluon's place (place.py),
and the text says in errors what should be there.  A module's `read_image(path, size, mean, std)`, if it has one, prepares an
image file as its test images are; else that is done as for `folder`.
"""
import difflib
from dataclasses import fields, replace
from importlib import import_module

from . import place
from .dataset import Options
from .decode import BadImage

MODULES = {'digits': 'digits', 'cifar10': 'cifar10', 'imagenet': 'imagenet', 'folder': 'folder'}

NAMES = tuple(MODULES)


def _module(name):
    if name not in MODULES:
        raise ValueError('unknown data set %r: one of %s' % (name, ', '.join(NAMES)))
    return import_module('.' + MODULES[name], __package__)


def load(name, **options):
    """Open data set `name`; options are the fields of dataset.Options.

    Without `dir` a data set on disk is looked for in gluon's place; the DataSet's `options.dir` says where it was found.
    ValueError or OSError, in one line, for what is wrong; place.NotFound, an OSError, where there is no data set.
    """
    module = _module(name)
    known = [field.name for field in fields(Options)]
    for key in options:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            raise ValueError('unknown option data.%s%s; known: %s' % (
                key, ' (did you mean %s?)' % near[0] if near else '', ', '.join(known)))
    options = Options(**options)
    if hasattr(module, 'EXPECTED'):
        options = replace(options, dir=place.resolve(name, options.dir, module.EXPECTED))
    return module.open_data(options)


def read_image(name, path, size, mean, std):
    """An image file as a network trained on data set `name` is given it: float32 (3, size, size), normalised.

    Raises decode.BadImage, a ValueError in one line that names the file, where it cannot be read.
    """
    try:
        module = _module(name)
        return (module if hasattr(module, 'read_image') else _module('folder')).read_image(path, size, mean, std)
    except OSError as error:
        raise BadImage('%s: %s' % (path, error.strerror or error)) from error
