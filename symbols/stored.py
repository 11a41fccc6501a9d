"""A trained network as it lies in a run directory: network.json says how to build it, network.params holds its parameters.

network.json, format 'dsonas.network' version 1:

    kind              'searched', 'random', 'full' or 'gluoncv:<name>'
    architecture      as in architecture.json, null for a network of gluoncv; channels: one width a stage
    auxiliary, dropout, drop_path    what it was trained with
    classes           names, in the order of the logits
    image_size        pixels, square
    dataset, mean, std    what it was trained on, and how pixels in [0, 1] are normalised, by channel
    sha256            checksum of network.params, which holds parameters by their structural names
"""

import hashlib
import numbers
import os

import mxnet as mx

from ..base import files
from ..base.errors import UserError
from . import known
from .architecture import Architecture
from .network import Network

FORMAT, VERSION = 'dsonas.network', 1
DESCRIPTION, PARAMETERS = 'network.json', 'network.params'
AUXILIARY = 'auxiliary.'


def read(folder):
    """network.json of a run directory, checked. Raises UserError or OSError in one line that says what is missing or wrong."""
    path = os.path.join(folder, DESCRIPTION)
    if not os.path.isdir(folder):
        raise UserError(f'{folder}: no such run directory')
    if not os.path.exists(path):
        raise UserError(
            f'{folder}: no trained network in it ({DESCRIPTION}); train/retrain.py --run {folder} makes one'
        )
    description = files.read_json(path)
    if not isinstance(description, dict) or (description.get('format'), description.get('version')) != (
        FORMAT,
        VERSION,
    ):
        raise UserError(f'{path}: expected format {FORMAT}, version {VERSION}')
    for key, accepted, what in _FIELDS:
        if key not in description or not accepted(description[key]):
            raise UserError(f'{path}: {key} is {description.get(key)!r}; accepted is {what}')
    return description


def build(description, training=False, kernels_kind=None):
    """The network of a description, without values. training: with the auxiliary tower, dropout and drop path that it was trained with.

    Raises UserError for what cannot be built.
    """
    if description['architecture'] is None:
        return known.build(description['kind'].partition(':')[2], len(description['classes']))
    more = (
        dict(auxiliary=description['auxiliary'], dropout=description['dropout'], drop_path=description['drop_path'])
        if training
        else {}
    )
    return Network(
        Architecture.from_dict(description['architecture']),
        description['channels'],
        image_size=description['image_size'],
        kernels_kind=kernels_kind,
        **more,
    )


def load(folder, contexts=None, training=False, kernels_kind=None):
    """(network with its trained parameters, description) of a run directory. contexts: a device or several, default the CPU.

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
    there, wanted = mx.nd.load(path), net._collect_params_with_prefix()
    extra = [name for name in there if name not in wanted and not name.startswith(AUXILIARY)]
    missing = [name for name in wanted if name not in there]
    if extra or missing:
        raise UserError(
            f'{path}: it does not belong to the network of {DESCRIPTION} '
            f'({"lacks" if missing else "has no place for"} {(missing or extra)[0]})'
        )
    for name, parameter in wanted.items():
        if not _fits(parameter.shape, there[name].shape):
            raise UserError(
                f'{path}: {name} has shape {there[name].shape}, the network of {DESCRIPTION} wants {parameter.shape}'
            )
    net.load_parameters(path, ctx=contexts or mx.cpu(), ignore_extra=True)
    return net, description


def _fits(wanted, shape):
    return wanted is None or len(wanted) == len(shape) and all(one in (0, other) for one, other in zip(wanted, shape))


def _is_count(value):
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_rate(value):
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and 0 <= value < 1


def _is_flag(value):
    return isinstance(value, bool)


def _is_text(value):
    return isinstance(value, str) and bool(value)


def _are_three(value):
    return isinstance(value, list) and len(value) == 3 and all(isinstance(entry, numbers.Real) for entry in value)


def _are_names(value):
    return isinstance(value, list) and len(value) > 1 and all(isinstance(entry, str) for entry in value)


def _are_widths(value):
    return value is None or isinstance(value, list) and bool(value) and all(map(_is_count, value))


_FIELDS = (
    ('kind', _is_text, 'searched, random, full or gluoncv:<name>'),
    (
        'architecture',
        lambda value: value is None or isinstance(value, dict),
        'an architecture, or null for a network of gluoncv',
    ),
    ('channels', _are_widths, 'a list of one width a stage, or null'),
    ('auxiliary', _is_flag, 'true or false'),
    ('drop_path', _is_flag, 'true or false'),
    ('dropout', _is_rate, 'a share from 0 to below 1'),
    ('classes', _are_names, 'a list of at least two names'),
    ('image_size', _is_count, 'a number of pixels'),
    ('dataset', _is_text, 'the name of a data set'),
    ('mean', _are_three, 'three numbers'),
    ('std', _are_three, 'three numbers'),
    ('sha256', _is_text, f'the checksum of {PARAMETERS}'),
)
