"""Build the trained network of a run directory from network.json and fill it from network.params."""

from __future__ import annotations

import os
from typing import Any, Dict, Optional, Sequence, Tuple

import mxnet as mx

from ..base.errors import UserError
from ..symbols import known
from ..symbols.architecture import Architecture
from ..symbols.network import Network
from .network import DESCRIPTION, NetworkDescription, checked_parameters, gluoncv_name, read_network

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
    except UserError as error:
        raise UserError(f'{os.path.join(folder, DESCRIPTION)}: {error}') from None
    path = checked_parameters(folder, description)
    _check_names_and_shapes(path, mx.nd.load(path), net._collect_params_with_prefix())
    net.load_parameters(path, ctx=contexts or mx.cpu(), ignore_extra=True)
    return net, description


def _check_names_and_shapes(path: str, stored: Any, wanted: Any) -> None:
    """Refuse parameters of another network. stored, wanted: {structural name: NDArray, or Parameter}."""
    extra = [name for name in stored if name not in wanted and not name.startswith(AUXILIARY)]
    missing = [name for name in wanted if name not in stored]
    if extra or missing:
        what = f'lacks {missing[0]}' if missing else f'has no place for {extra[0]}'
        raise UserError(f'{path}: it does not belong to the network of {DESCRIPTION} ({what})')
    for name, parameter in wanted.items():
        if not _fits(parameter.shape, stored[name].shape):
            raise UserError(
                f'{path}: {name} has shape {stored[name].shape}, the network of {DESCRIPTION} wants {parameter.shape}'
            )


def _fits(wanted: Optional[Sequence[int]], shape: Sequence[int]) -> bool:
    if wanted is None:
        return True
    return len(wanted) == len(shape) and all(one in (0, other) for one, other in zip(wanted, shape))
