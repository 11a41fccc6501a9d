"""Data sets by name.  A new one is one entry here and a module whose `open_data(options)` returns a DataSet.

Its `read_image(path, size, mean, std)`, if it has one, prepares an image file as its test images are; else that is done as for `folder`.
"""
import difflib
from dataclasses import fields
from importlib import import_module

from ..base.errors import UserError
from .dataset import Options
from .decode import BadImage

MODULES = {'digits': 'digits', 'cifar10': 'cifar10', 'imagenet': 'imagenet', 'folder': 'folder'}

NAMES = tuple(MODULES)


def _module(name):
    if name not in MODULES:
        raise UserError('unknown data set %r: one of %s' % (name, ', '.join(NAMES)))
    return import_module('.sources.' + MODULES[name], __package__)


def load(name, **options):
    """Open data set `name`; options are the fields of dataset.Options.  UserError or OSError, in one line, for what is wrong."""
    module = _module(name)
    known = [field.name for field in fields(Options)]
    for key in options:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            raise UserError('unknown option data.%s%s; known: %s' % (
                key, ' (did you mean %s?)' % near[0] if near else '', ', '.join(known)))
    return module.open_data(Options(**options))


def read_image(name, path, size, mean, std):
    """An image file as a network trained on data set `name` is given it: float32 (3, size, size), normalised.

    Raises decode.BadImage, a UserError in one line that names the file, where it cannot be read.
    """
    try:
        module = _module(name)
        return (module if hasattr(module, 'read_image') else _module('folder')).read_image(path, size, mean, std)
    except OSError as error:
        raise BadImage('%s: %s' % (path, error.strerror or error)) from error
