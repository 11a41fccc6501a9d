"""Plugins: modules outside the package that register operations, penalties, data sets or callbacks when imported.

A plugin is named by its dotted name, where Python finds it, or by the path of a .py file. A file's path is made absolute when it is
read: on a command line it is relative to the folder that one is in, in a YAML file to the folder of that file. A run's config.yaml
names the plugins of the run; whatever reads the run imports them, so a run from others is code from others.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import importlib.util
import os
import sys
import zlib
from types import ModuleType
from typing import Any, Dict, Iterable, List, Optional, Sequence, Set, Tuple

from .errors import UserError

ACCEPTED = 'the dotted name of a module that Python finds, or the path of a .py file'

_loaded: Dict[str, ModuleType] = {}  # by dotted name or absolute path
_contents: Set[str] = set()  # checksums of the files among them


def load(modules: Iterable[str], folder: str = '', where: str = 'plugin:') -> Tuple[str, ...]:
    """Import plugins that are not imported yet. Returns their names, those of files as absolute paths.

    folder: what relative paths start from; the current one by default. A file that has gone is taken for the imported plugin of the
    same file name, so that the command line can say where it is now. Raises UserError, beginning with `where`, for a plugin that is
    not found; what goes wrong within a plugin shows its traceback.
    """
    return combined([_load(name, folder, where) for name in modules])


def loaded() -> Tuple[str, ...]:
    """Return the names of the plugins that are imported, as `load` takes them."""
    return tuple(_loaded)


def combined(*lists: Sequence[str]) -> Tuple[str, ...]:
    """Join lists of plugins: each once, and of files of one file name the last."""
    by_name: Dict[str, str] = {}
    for names in lists:
        by_name.update((_own_name(name), name) for name in names)
    return tuple(by_name.values())


def add_flag(parser: argparse.ArgumentParser, dest: str = 'plugins') -> None:
    """Add --plugin, which imports the module as soon as the command line is read, to a parser."""
    parser.add_argument(
        '--plugin',
        dest=dest,
        metavar='MODULE_OR_FILE',
        action=_Load,
        default=[],
        help='import this module or .py file, which registers operations, penalties, data sets or callbacks; may be given again',
    )


class _Load(argparse.Action):
    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: Optional[str] = None,
    ) -> None:
        names: List[str] = list(getattr(namespace, self.dest) or [])
        setattr(namespace, self.dest, list(combined(names, load([values], where='--plugin'))))


def _own_name(name: str) -> str:
    return os.path.basename(name) if _is_file(name) else name


def _is_file(name: str) -> bool:
    return name.endswith('.py')


def _load(name: str, folder: str, where: str) -> str:
    if not isinstance(name, str) or not name:
        raise UserError(where, value=name, accepted=ACCEPTED)
    if _is_file(name):
        return _load_file(os.path.abspath(os.path.join(folder, os.path.expanduser(name))), where)
    if name not in _loaded:
        try:
            _loaded[name] = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not (name + '.').startswith(error.name + '.'):
                raise  # of something that the plugin imports
            raise UserError(f'{where} {name}: there is no module {error.name}; accepted is {ACCEPTED}') from None
        except (TypeError, ValueError):  # '.x', 'a..b'
            raise UserError(f'{where} {name}: accepted is {ACCEPTED}') from None
    return name


def _load_file(path: str, where: str) -> str:
    if path in _loaded:
        return path
    if not os.path.isfile(path):
        for other in _loaded:
            if _is_file(other) and _own_name(other) == _own_name(path):
                return other
        raise UserError(f'{where} {path}: no such file; accepted is {ACCEPTED}')
    with open(path, 'rb') as stream:
        digest = hashlib.sha256(stream.read()).hexdigest()
    if digest in _contents:  # a copy of one that is here
        return path
    name = f'dsonas_plugin_{os.path.basename(path)[:-3]}_{zlib.crc32(os.fsencode(path)):08x}'
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look for it there
    try:
        spec.loader.exec_module(module)
    except UserError as error:  # a name that is taken
        del sys.modules[name]
        raise UserError(f'{where} {path}: {error}') from error
    except BaseException:
        del sys.modules[name]
        raise
    _loaded[path] = module
    _contents.add(digest)
    return path
