"""Data sets by name.  A new one is one entry here and a module whose `open_data(options)` returns a DataSet."""
import difflib
from dataclasses import fields
from importlib import import_module

from .dataset import Options

MODULES = {'digits': 'digits', 'cifar10': 'cifar10', 'imagenet': 'imagenet', 'folder': 'folder'}

NAMES = tuple(MODULES)


def load(name, **options):
    """Open data set `name`; options are the fields of dataset.Options.  ValueError or OSError, in one line, for what is wrong."""
    if name not in MODULES:
        raise ValueError('unknown data set %r: one of %s' % (name, ', '.join(NAMES)))
    known = [field.name for field in fields(Options)]
    for key in options:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            raise ValueError('unknown option data.%s%s; known: %s' % (
                key, ' (did you mean %s?)' % near[0] if near else '', ', '.join(known)))
    return import_module('.' + MODULES[name], __package__).open_data(Options(**options))
