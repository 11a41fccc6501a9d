"""Reading of a trained network from a run directory: network.json says how to build it, network.params holds its parameters.

network.json, format 'dsonas.network' version 1:

    kind              'searched', 'random', 'full' or 'gluoncv:<name>'
    architecture      as in architecture.json, null for a network of gluoncv; channels: one width a stage
    auxiliary, dropout, drop_path    the settings it was trained with
    classes           names, in the order of the logits
    image_size        pixels, square
    dataset, mean, std    what it was trained on, and how pixels in [0, 1] are normalised, by channel
    sha256            checksum of network.params, which holds parameters by their structural names
"""

from __future__ import annotations

import hashlib
import numbers
import os
from typing import Any, Callable, Dict, NamedTuple, Optional, Tuple

import mxnet as mx

from ..base import files
from ..base.errors import UserError
from . import known
from .architecture import Architecture
from .backend.types import Block, NDArray, Parameter, Shape
from .kinds import NetworkKind
from .network import Network

FORMAT, VERSION = 'dsonas.network', 1
DESCRIPTION, PARAMETERS = 'network.json', 'network.params'
AUXILIARY = 'auxiliary.'


def read(folder: str) -> Dict[str, Any]:
    """Read and check network.json of a run directory. Raises UserError or OSError in one line that says what is missing or wrong."""
    path = os.path.join(folder, DESCRIPTION)
    if not os.path.isdir(folder):
        raise UserError(f'{folder}: no such run directory')
    if not os.path.exists(path):
        raise UserError(
            f'{folder}: no trained network in it ({DESCRIPTION}); train/retrain.py --run {folder} makes one'
        )
    description = files.read_json(path)
    expected = (FORMAT, VERSION)
    if not isinstance(description, dict) or (description.get('format'), description.get('version')) != expected:
        raise UserError(f'{path}: expected format {FORMAT}, version {VERSION}')
    for field in _FIELDS:
        if field.key not in description or not field.accepts(description[field.key]):
            raise UserError(f'{path}: {field.key} is {description.get(field.key)!r}; accepted is {field.accepted}')
    return description


def build(description: Dict[str, Any], training: bool = False, kernels_kind: Optional[str] = None) -> Block:
    """Build the network of a description, without values.

    training: with the auxiliary tower, dropout and drop path that it was trained with. kernels_kind: see backend/kernels.py.
    Raises UserError for a description of no network.
    """
    if description['architecture'] is None:
        name = NetworkKind.parse(description['kind']).zoo_name
        if name is None:
            raise UserError(f'kind is {description["kind"]!r}; accepted without an architecture is gluoncv:<name>')
        return known.build(name, len(description['classes']))
    options = {key: description[key] for key in ('auxiliary', 'dropout', 'drop_path')} if training else {}
    return Network(
        Architecture.from_dict(description['architecture']),
        description['channels'],
        image_size=description['image_size'],
        kernels_kind=kernels_kind,
        **options,
    )


def load(
    folder: str, contexts: Any = None, training: bool = False, kernels_kind: Optional[str] = None
) -> Tuple[Block, Dict[str, Any]]:
    """Load (network with its trained parameters, description) from a run directory.

    contexts: a device or several, default the CPU. training, kernels_kind: as for build.
    Raises UserError or OSError in one line.
    """
    description = read(folder)
    path = os.path.join(folder, PARAMETERS)
    try:
        net = build(description, training, kernels_kind)
    except UserError as error:
        raise UserError(f'{os.path.join(folder, DESCRIPTION)}: {error}') from None
    with open(path, 'rb') as stream:
        if hashlib.sha256(stream.read()).hexdigest() != description['sha256']:
            raise UserError(
                f'{path}: damaged: its checksum is not that of {DESCRIPTION}; train/retrain.py --resume writes it anew'
            )
    _check_parameters(path, mx.nd.load(path), net._collect_params_with_prefix())
    net.load_parameters(path, ctx=contexts or mx.cpu(), ignore_extra=True)
    return net, description


def _check_parameters(path: str, arrays: Dict[str, NDArray], parameters: Dict[str, Parameter]) -> None:
    """Check that arrays read from `path` are a network's parameters. Raises UserError."""
    extra = [name for name in arrays if name not in parameters and not name.startswith(AUXILIARY)]
    missing = [name for name in parameters if name not in arrays]
    if extra or missing:
        problem = f'lacks {missing[0]}' if missing else f'has no place for {extra[0]}'
        raise UserError(f'{path}: it does not belong to the network of {DESCRIPTION} ({problem})')
    for name, parameter in parameters.items():
        shape = arrays[name].shape
        if not _fits(parameter.shape, shape):
            raise UserError(f'{path}: {name} has shape {shape}, the network of {DESCRIPTION} wants {parameter.shape}')


def _fits(expected: Optional[Shape], shape: Shape) -> bool:
    if expected is None:
        return True
    return len(expected) == len(shape) and all(one in (0, other) for one, other in zip(expected, shape))


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_rate(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_architecture(value: Any) -> bool:
    return value is None or isinstance(value, dict)


def _are_three(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(isinstance(entry, numbers.Real) for entry in value)


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and len(value) > 1 and all(isinstance(entry, str) for entry in value)


def _are_widths(value: Any) -> bool:
    return value is None or isinstance(value, list) and bool(value) and all(map(_is_count, value))


class _Field(NamedTuple):
    """A key of network.json: which values it accepts, as a function and in words."""

    key: str
    accepts: Callable[[Any], bool]
    accepted: str


_FIELDS = (
    _Field('kind', _is_text, 'searched, random, full or gluoncv:<name>'),
    _Field('architecture', _is_architecture, 'an architecture, or null for a network of gluoncv'),
    _Field('channels', _are_widths, 'a list of one width a stage, or null'),
    _Field('auxiliary', _is_flag, 'true or false'),
    _Field('drop_path', _is_flag, 'true or false'),
    _Field('dropout', _is_rate, 'a share from 0 to below 1'),
    _Field('classes', _are_names, 'a list of at least two names'),
    _Field('image_size', _is_count, 'a number of pixels'),
    _Field('dataset', _is_text, 'the name of a data set'),
    _Field('mean', _are_three, 'three numbers'),
    _Field('std', _are_three, 'three numbers'),
    _Field('sha256', _is_text, f'the checksum of {PARAMETERS}'),
)
