"""Write and read a trained network's description, network.json, which belongs to its parameters, network.params.

network.json, format 'dsonas.network' version 1, has the fields of `NetworkDescription`; network.params holds parameters by
their structural names, as gluon's save_parameters writes them. stored.py builds the network and fills it, which needs MXNet.

What kind of network a run trains is text, which symbols/kinds.py reads and writes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from ..base import documents, files
from ..base.errors import UserError
from ..base.fields import FLAG, NUMBER, TEXT, Field, Fields, check_fields, is_number, is_text, list_of, whole
from ..base.text import shown
from ..symbols.kinds import GLUONCV, NetworkKind
from . import checksums
from .parameters import parse_parameters

FORMAT, VERSION = 'dsonas.network', 1
DESCRIPTION, PARAMETERS = 'network.json', 'network.params'
SEARCHED, CONSENSUS = 'searched', 'consensus'
LARGEST = 8 * 10**9  # bytes of parameters
LARGEST_IMAGE = 10_000  # pixels

# Version 0.1.0 wrote the kind when training had ended; before that, its command line has it.
_OLD_FLAGS = {'--random': 'random', '--full': 'full', '--gluoncv': GLUONCV}


@dataclasses.dataclass(frozen=True)
class NetworkDescription:
    """What it takes to build a trained network and to feed it. description['mean'] is description.mean.

    kind: 'searched', 'consensus', 'random', 'full' or 'gluoncv:<name>'. architecture: as in architecture.json, None for gluoncv.
    channels: one width a stage, None for gluoncv. auxiliary, dropout, drop_path: what it was trained with. classes: names, in
    the order of the logits. image_size: pixels, square. dataset: what it was trained on. mean, std: how pixels in [0, 1] are
    normalised, by channel. sha256: checksum of network.params, in hex; `write_network` finds it.
    """

    kind: str
    architecture: Optional[Dict[str, Any]]
    channels: Optional[List[int]]
    auxiliary: bool
    dropout: float
    drop_path: bool
    classes: List[str]
    image_size: int
    dataset: str
    mean: List[float]
    std: List[float]
    sha256: str = ''

    def __getitem__(self, key: str) -> Any:
        if key not in _FIELDS:
            raise KeyError(key)
        return getattr(self, key)


def write_network(folder: str, description: NetworkDescription, save_parameters: Callable[[str], None]) -> None:
    """Write network.params by save_parameters(path), then network.json with its checksum. Raises OSError."""
    with files.replacement(os.path.join(folder, PARAMETERS)) as beside:
        save_parameters(beside)
        digest = checksum(beside)
    content = dict(dataclasses.asdict(description), sha256=digest)
    checksums.write_json(os.path.join(folder, DESCRIPTION), {'format': FORMAT, 'version': VERSION, **content})


def read_network(folder: str) -> NetworkDescription:
    """Read network.json of a run directory. Raises OSError, UserError in one line that says what is missing or wrong."""
    path = os.path.join(folder, DESCRIPTION)
    if not os.path.isdir(folder):
        raise UserError(f'{folder}: no such run directory')
    if not os.path.exists(path):
        raise UserError(f'{folder}: no trained network in it ({DESCRIPTION}); retraining makes one')
    content = documents.read_json(path)
    if not isinstance(content, dict) or (content.get('format'), content.get('version')) != (FORMAT, VERSION):
        raise UserError(f'{path}: expected format {FORMAT}, version {VERSION}')
    check_fields(content, _FIELDS, path, _NEEDED)
    for key in _FIELDS:
        if key not in content:
            raise UserError(f'{path}: {key} is None; accepted is {_FIELDS[key].accepted}')
    if (content['architecture'] is None) != (gluoncv_name(content['kind']) is not None):
        raise UserError(
            f'{path}: kind is {shown(content["kind"])}, and architecture is {shown(content["architecture"])}'
        )
    return NetworkDescription(**{key: content[key] for key in _FIELDS})


def checked_parameters(folder: str, description: NetworkDescription) -> str:
    """Return the path of network.params. Raises OSError, UserError where its checksum is not that of the description."""
    path = os.path.join(folder, PARAMETERS)
    _checked_content(path, description)
    return path


def read_parameters(folder: str, description: NetworkDescription) -> Dict[str, Any]:
    """Return {name: array} of network.params. Raises as `checked_parameters`, and for content that is no list of arrays."""
    path = os.path.join(folder, PARAMETERS)
    return parse_parameters(_checked_content(path, description), path)


def _checked_content(path: str, description: NetworkDescription) -> bytes:
    content = files.read_bytes(path, LARGEST)
    if hashlib.sha256(content).hexdigest() != description.sha256:
        raise UserError(
            f'{path}: damaged: its checksum is not that of {DESCRIPTION}; resuming the retraining writes it anew'
        )
    return content


def checksum(path: str) -> str:
    """Return the SHA-256 of a file, in hex. Raises OSError."""
    with open(path, 'rb') as stream:
        return hashlib.sha256(stream.read()).hexdigest()


def gluoncv_name(kind: object) -> Optional[str]:
    """Return the name in gluoncv's model zoo for a kind 'gluoncv:<name>', None for any other kind."""
    return NetworkKind.parse(str(kind)).zoo_name


def kind_of(summary: Mapping[str, Any], environment: Mapping[str, Any]) -> str:
    """Return the kind of network that a run trains, from its summary.json and environment.json, either of which may be empty.

    For a run of 0.1.0 that is still in training it is guessed from the command line.
    """
    written = summary.get('kind') or environment.get('kind')
    if written:
        return str(written)
    command = environment.get('command')
    return _guessed([str(word) for word in command] if isinstance(command, list) else [])


def _guessed(words: Sequence[str]) -> str:
    for position, word in enumerate(words):
        flag, _, value = word.partition('=')
        if flag in _OLD_FLAGS:
            value = value or ''.join(words[position + 1 : position + 2])
            return str(NetworkKind.of_zoo(value)) if _OLD_FLAGS[flag] == GLUONCV else _OLD_FLAGS[flag]
    return SEARCHED


_FIELDS: Fields = {
    'kind': Field(lambda value: is_text(value) and value != '', 'searched, consensus, random, full or gluoncv:<name>'),
    'architecture': Field(lambda value: isinstance(value, dict), 'an architecture, or null for a network of gluoncv'),
    'channels': dataclasses.replace(list_of(whole(1, 10**6), 1, 1000), accepted='a list of one width a stage, or null'),
    'auxiliary': FLAG,
    'dropout': Field(lambda value: is_number(value) and 0 <= value < 1, 'a share from 0 to below 1'),
    'drop_path': FLAG,
    'classes': dataclasses.replace(list_of(TEXT, 2), accepted='a list of at least two names'),
    'image_size': whole(1, LARGEST_IMAGE),
    'dataset': Field(lambda value: is_text(value) and value != '', 'the name of a data set'),
    'mean': dataclasses.replace(list_of(NUMBER, 3, 3), accepted='three numbers'),
    'std': Field(lambda value: list_of(NUMBER, 3, 3).is_accepted(value) and min(value) > 0, 'three numbers above 0'),
    'sha256': Field(lambda value: is_text(value) and value != '', f'the checksum of {PARAMETERS}'),
}
_NEEDED = [name for name in _FIELDS if name not in ('architecture', 'channels')]
