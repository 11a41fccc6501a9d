"""Write and read config.yaml as a plain tree; what its keys mean and accept is not known here.

    seed: 0
    plugins: [own.py]
    search: {gamma: 0.001, epochs: 120}

Of a tree read here only the types of what readers use are checked: it may be of an older version, and names may be of plugins that
are not imported.
"""

from __future__ import annotations

import os
from typing import Any, Dict, List

from ..base import documents
from ..base.errors import UserError
from ..base.fields import (
    AMOUNT,
    COUNT,
    FLAG,
    MAPPING,
    TEXT,
    WHOLE,
    Fields,
    check_fields,
    list_of,
    mapping,
    whole,
)  # fmt: skip
from ..base.text import shown
from . import checksums
from .network import LARGEST_IMAGE

Tree = Dict[str, Any]

# Keys by their old name, of version 0.1.0, and by the name they have now.
RENAMED = {'search.budget': 'search.penalty'}
OTHER_NAMES = {**RENAMED, **{new: old for old, new in RENAMED.items()}}

NESTED = 3  # directories: of a run, of the search that it belongs to, of all searches of one command

_STAGE: Fields = {'epochs': COUNT, 'batch_size': COUNT, 'lr': AMOUNT}
_FIELDS: Fields = {
    'seed': WHOLE,
    'run': TEXT,
    'preset': TEXT,
    'data': mapping(
        {'name': TEXT, 'dir': TEXT, 'limit': COUNT, 'image_size': whole(0, LARGEST_IMAGE), 'cutout': COUNT}
    ),
    'space': mapping(
        {
            'share': FLAG,
            'channels': COUNT,
            'levels': COUNT,
            'blocks': list_of(COUNT),
            'operations': list_of(TEXT),
            'stem': TEXT,
        }
    ),
    'pretrain': mapping(_STAGE),
    'search': mapping(
        {**_STAGE, 'gate_lr': AMOUNT, 'gamma': AMOUNT, 'ratio': TEXT, 'split': FLAG, 'penalty': TEXT, 'budget': TEXT}
    ),
    'retrain': mapping({**_STAGE, 'budget': TEXT, 'schedule': TEXT, 'cutout': COUNT}),
    'train': MAPPING,
}


def write_config(path: str, text: str) -> None:
    """Write the resolved configuration, YAML text, whole or not at all. Raises OSError."""
    checksums.write_text(path, text)


def read_config(path: str) -> Tree:
    """Read the tree of settings: {key or group: value or {key: value}}. Raises OSError, UserError naming the file."""
    tree = documents.read_yaml(path)
    check_fields(tree, _FIELDS, path)
    data = tree.get('data')
    if isinstance(data, dict) and data.get('dir'):
        return {**tree, 'data': {**data, 'dir': own_data(data['dir'], path)}}
    return dict(tree)


def own_data(place: str, path: str) -> str:
    """Return where the data of a run lie: `place`, or the file of its name in the run's directory, or in one around it.

    place: as config.yaml says; path: of that config.yaml. Data that were given as arrays lie in the run, which may have been moved since.
    """
    if not place or os.path.exists(os.path.expanduser(place)):
        return place
    name, folder = os.path.basename(os.path.normpath(place)), os.path.dirname(os.path.abspath(path))
    for _ in range(NESTED):
        if os.path.isfile(os.path.join(folder, name)):
            return os.path.join(folder, name)
        folder = os.path.dirname(folder)
    return place


def setting(tree: Tree, key: str, default: Any = None) -> Any:
    """Return a setting by its dotted key, such as 'search.gamma', or by what another version calls it; else `default`."""
    for name in (key, OTHER_NAMES.get(key, key)):
        group, _, last = name.rpartition('.')
        values = tree.get(group) if group else tree
        if isinstance(values, dict) and last in values:
            return values[last]
    return default


def with_current_names(tree: Tree) -> Tree:
    """Return the tree with each key by the name that it has now; the tree that was given stays as it is."""
    renamed = dict(tree)
    for old, new in RENAMED.items():
        group, _, old_last = old.rpartition('.')
        new_last = new.rpartition('.')[2]
        values = renamed.get(group)
        if isinstance(values, dict) and old_last in values and new_last not in values:
            renamed[group] = {new_last if key == old_last else key: value for key, value in values.items()}
    return renamed


def plugins_of(tree: Tree) -> List[str]:
    """Return the modules and .py files that a run imported first. Raises UserError where they are no list."""
    names = tree.get('plugins') or []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UserError(f'plugins: {shown(names)} is not a list of modules and .py files')
    return names
