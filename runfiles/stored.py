"""Build the trained network of a run directory from network.json and fill it from network.params."""

from __future__ import annotations

import os
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

import mxnet as mx
import numpy as np

from ..base import files
from ..base.errors import UserError
from ..base.text import shown
from ..symbols import known
from ..symbols.architecture import Architecture
from ..symbols.backend import padding
from ..symbols.network import Network
from .network import DESCRIPTION, PARAMETERS, NetworkDescription, gluoncv_name, read_network, read_parameters
from .parameters import format_parameters

AUXILIARY = 'auxiliary.'  # what the names of the auxiliary tower's parameters begin with


def build(description: NetworkDescription, training: bool = False, kernels_kind: Optional[str] = None) -> Any:
    """Build the network of a description, without values. Raises UserError for what cannot be built.

    training: with the auxiliary tower, dropout and drop path that it was trained with. kernels_kind: see Network.
    """
    if description.architecture is None:
        return known.build(gluoncv_name(description.kind) or '', len(description.classes))
    trained_with: Dict[str, Any] = {
        'auxiliary': description.auxiliary,
        'dropout': description.dropout,
        'drop_path': description.drop_path,
    }
    return Network(
        Architecture.from_dict(description.architecture),
        description.channels,
        image_size=description.image_size,
        kernels_kind=kernels_kind,
        **(trained_with if training else {}),
    )


def load(
    folder: str, contexts: Any = None, training: bool = False, kernels_kind: Optional[str] = None
) -> Tuple[Any, NetworkDescription]:
    """Return (network with its trained parameters, description) of a run directory.

    contexts: a device or several, default the CPU. training, kernels_kind: as for `build`. Raises OSError, UserError in one line.
    """
    description = read_network(folder)
    try:
        net = build(description, training, kernels_kind)
        _infer_shapes(net, description)
    except UserError as error:
        raise UserError(f'{os.path.join(folder, DESCRIPTION)}: {error}') from None
    path = os.path.join(folder, PARAMETERS)
    wanted = net._collect_params_with_prefix()
    arrays = read_parameters(folder, description)
    _check_arrays(path, arrays, wanted)
    for name, parameter in wanted.items():
        parameter.initialize(mx.init.Zero(), ctx=contexts or mx.cpu(), force_reinit=True)
        parameter.set_data(mx.nd.array(arrays[name], dtype=arrays[name].dtype))
    return net, description


def save(net: Any, path: str) -> None:
    """Write a network's parameters by their structural names, as gluon's save_parameters does, but under any path. Raises OSError."""
    arrays = {name: parameter._reduce().asnumpy() for name, parameter in net._collect_params_with_prefix().items()}
    with files.named(path), open(path, 'wb') as stream:
        stream.writelines(format_parameters(arrays))


def _infer_shapes(net: Any, description: NetworkDescription) -> None:
    """Find shapes that a network of gluoncv leaves open until it sees an image."""
    if all(parameter.shape and 0 not in parameter.shape for parameter in net.collect_params().values()):
        return
    size, graph = description.image_size, net(mx.sym.var('data'))
    graph = graph[0] if isinstance(graph, (list, tuple)) else graph
    try:
        shapes, _, states = graph.infer_shape(data=(1, 3, size, size))
    except mx.MXNetError:
        raise UserError(f'image_size: {description.kind} takes no images of {size} pixels') from None
    inferred = dict(zip(graph.list_arguments() + graph.list_auxiliary_states(), shapes + states))
    for name, parameter in net.collect_params().items():
        parameter.shape = inferred[name]


def _check_arrays(path: str, stored: Dict[str, Any], wanted: Mapping[str, Any]) -> None:
    """Refuse parameters of another network, or values that are none. stored, wanted: {structural name: array, or Parameter}."""
    extra = [name for name in stored if name not in wanted and not name.startswith(AUXILIARY)]
    missing = [name for name in wanted if name not in stored]
    if extra or missing:
        what = f'lacks {missing[0]}' if missing else f'has no place for {shown(extra[0])}'
        raise UserError(f'{path}: it does not belong to the network of {DESCRIPTION} ({what})')
    for name, parameter in wanted.items():
        array, shape = stored[name], padding.stored_shape(parameter)
        if not _fits(shape, array.shape):
            raise UserError(f'{path}: {name} has shape {array.shape}, the network of {DESCRIPTION} wants {shape}')
        if array.dtype != np.dtype(parameter.dtype):
            raise UserError(
                f'{path}: {name} is {array.dtype}, the network of {DESCRIPTION} wants {np.dtype(parameter.dtype)}'
            )
        if array.dtype.kind == 'f' and not np.isfinite(array).all():
            raise UserError(f'{path}: {name} has values that are not finite')


def _fits(wanted: Optional[Sequence[int]], shape: Sequence[int]) -> bool:
    if wanted is None:
        return True
    return len(wanted) == len(shape) and all(one in (0, other) for one, other in zip(wanted, shape))
