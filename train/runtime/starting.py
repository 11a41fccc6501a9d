"""Start from what another run has learned: the weights of its supernet, or of its network (`pretrain.init`, `retrain.init`).

Weights and the running statistics of batch norm are taken, λ are not. Where the classes are others, in number, name or order, the
classifiers begin anew. A run that goes on has its own weights, and starts from nothing else.
"""

import dataclasses
import os
from typing import Any, Dict, List, Mapping, Optional, Sequence, Set, Tuple

import mxnet as mx
import numpy as np

from ...base.errors import UserError
from ...data.dataset import DataSet
from ...runfiles.checkpoint import Checkpoints
from ...runfiles.data import known_data
from ...runfiles.directory import RunDirectory
from ...runfiles.network import read_network, read_parameters
from ...symbols.architecture import Architecture
from ...symbols.backend import padding
from ...symbols.backend.layout import plain_parameters
from ..config import settings
from .run import Run, stored_config
from .state import parameters

Arrays = Mapping[str, np.ndarray]
_OF_SPACE = ('channels', 'blocks', 'levels', 'operations')


@dataclasses.dataclass(frozen=True)
class Taken:
    """What was taken from a run: how many parameters, and the names of those that were not, with why."""

    run: str
    taken: int
    anew: Mapping[str, List[str]]

    def to_dict(self) -> Dict[str, Any]:
        """Return what summary.json holds."""
        return {'run': self.run, 'taken': self.taken, 'anew': {why: list(names) for why, names in self.anew.items()}}

    def line(self) -> str:
        """Write it as a line."""
        anew = [
            f'{len(names)} begin anew ({why}: {names[0]}{", …" if names[1:] else ""})'
            for why, names in self.anew.items()
        ]
        return '; '.join([f'starts from {self.run}: {self.taken} parameters taken', *anew])


def supernet_from(run: Run, net: Any, path: str) -> Taken:
    """Fill a supernet from the newest one of the run `path`. Raises UserError where its space is another.

    What that run's search has removed from its supernet begins anew.
    """
    key, directory = 'pretrain.init', _existing('pretrain.init', path)
    before = settings.build(stored_config(directory.config))
    different = [name for name in _OF_SPACE if getattr(before.space, name) != getattr(run.config.space, name)]
    if different:
        values = ', '.join(
            f'space.{name} {getattr(before.space, name)} there, {getattr(run.config.space, name)} here'
            for name in different
        )
        raise UserError(f'{key}={path}: the supernet there is of another space ({values})')
    newest = Checkpoints(directory.checkpoints).newest(run.warn, ('pretrain', 'search'))
    if newest is None:
        raise UserError(f'{key}={path}: no checkpoint of a supernet there (train/search.py leaves it)')
    pieces: Dict[str, List[np.ndarray]] = {}
    for name, array in newest.arrays.items():
        kind, _, rest = name.split('/', 2)
        if kind == 'param':
            pieces.setdefault(rest, []).append(array)
    arrays = {name: np.mean(group, axis=0) if group[1:] else group[0] for name, group in pieces.items()}
    named = {name: param for name, param in parameters(net).items() if not name.endswith('lambda')}
    return _fill(key, path, named, arrays, _head(net, directory, run.dataset), 'pruned there', plain=net)


def network_from(
    run: Run, net: Any, path: str, architecture: Optional[Architecture], widths: Optional[Sequence[int]], kind: str
) -> Taken:
    """Fill a network from the trained one of the run `path`. Raises UserError where it is not of the same shape."""
    key, directory = 'retrain.init', _existing('retrain.init', path)
    description = read_network(path)
    if architecture is None or description.architecture is None:
        if architecture is not None or description.kind != kind:
            raise UserError(f'{key}={path}: the network there is {description.kind}, not {kind}')
    else:
        if _shape(description.architecture) != _shape(architecture.to_dict()):
            raise UserError(f'{key}={path}: the network there has another architecture than the one to be trained')
        if list(description.channels or ()) != list(widths or ()):
            there, here = (', '.join(map(str, channels or ())) for channels in (description.channels, widths))
            raise UserError(
                f'{key}={path}: the network there has channels {there}, this one {here}; '
                f'--set retrain.channels={there.replace(" ", "")} makes them equal'
            )
    arrays = read_parameters(path, description)
    named = net._collect_params_with_prefix()
    return _fill(key, path, named, arrays, _head(net, directory, run.dataset), 'not there', plain=net)


def record(run: Run, taken: Optional[Taken], field: str) -> None:
    """Tell what was taken, and keep it in summary.json."""
    if taken is not None:
        run.write_summary(**{field: taken.to_dict()})
        run.say(taken.line())


def _existing(key: str, path: str) -> RunDirectory:
    directory = RunDirectory(path)
    if not directory.exists():
        raise UserError(f'{key}={path}: there is no run')
    return directory


def _shape(architecture: Mapping[str, Any]) -> Dict[str, Any]:
    """Return an architecture without the number of classes."""
    return {**architecture, 'space': {**architecture['space'], 'classes': None}}


def _head(net: Any, directory: RunDirectory, dataset: DataSet) -> Set[str]:
    """Return the full names of classifiers' parameters, where the classes are not those of the other run."""
    described = known_data(directory.path)
    if described is not None and list(described.classes) == list(dataset.classes):
        return set()
    layers = [getattr(getattr(net, 'head', None), 'dense', None), getattr(net, 'output', None)]
    layers.append(getattr(getattr(net, 'auxiliary', None), 'dense', None))
    return {name for layer in layers if layer is not None for name in layer.collect_params()}


def _fill(
    key: str, path: str, named: Mapping[str, Any], arrays: Arrays, head: Set[str], missing: str, plain: Any
) -> Taken:
    anew: Dict[str, List[str]] = {}
    fitting: List[Tuple[Any, np.ndarray]] = []
    for name, param in named.items():
        if param.name in head:
            anew.setdefault('other classes', []).append(name)
        elif name not in arrays:
            anew.setdefault(missing, []).append(name)
        elif tuple(arrays[name].shape) != padding.stored_shape(param):
            shapes = f'{tuple(arrays[name].shape)} there, {padding.stored_shape(param)} here'
            raise UserError(f'{key}={path}: {name} has shape {shapes}')
        else:
            fitting.append((param, arrays[name]))
    if not fitting:
        raise UserError(f'{key}={path}: nothing there fits')
    for param, array in fitting:
        param.set_data(mx.nd.array(array, dtype=param.dtype))
    plain_parameters(plain)
    return Taken(os.path.abspath(path), len(fitting), anew)
