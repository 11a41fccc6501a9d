"""Write and read lambda.npz: every λ at each epoch of search.

names     (n,) text      the edges, as SearchSpace.gate_names() has them, one vector after another
epochs    (e,) int64     epochs of search done; 0 is before the search
values    (e, n) float32
pruned    (e, n) bool    gone for good
"""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np

from ..base.errors import UserError
from . import checksums
from .arrays import archive, read_arrays

ARRAYS = ('names', 'epochs', 'values', 'pruned')


@dataclasses.dataclass(frozen=True)
class Gates:
    """Every λ over the search. names: n edge names; epochs (e,), 0 = before it; values (e, n); pruned (e, n), gone for good."""

    names: Tuple[str, ...]
    epochs: Any
    values: Any
    pruned: Any

    def last(self) -> Dict[str, float]:
        """Return {edge name: λ} after the last epoch; what is pruned is 0."""
        return {
            name: 0.0 if gone else float(value)
            for name, value, gone in zip(self.names, self.values[-1], self.pruned[-1])
        }

    def columns(self, scope: str) -> List[int]:
        """Return the indices of the λ of one scope ('shared', 'b03', 'r01')."""
        return [index for index, name in enumerate(self.names) if name.split('/')[0] == scope]


def decided(history: Gates) -> Dict[str, Optional[int]]:
    """Return {edge name: epoch of search at whose end its λ was zero, and stayed so to the last epoch}; None for what is left.

    A λ that is pruned counts as zero. The function needs no more than the history, so that runs of every version have it.
    """
    zero = (history.values == 0) | history.pruned
    for_good = np.logical_and.accumulate(zero[::-1], axis=0)[::-1]  # zero in this row and all after it
    first = for_good.argmax(axis=0)
    return {
        name: int(history.epochs[row]) if gone else None for name, row, gone in zip(history.names, first, for_good[-1])
    }


def read_gates(path: str) -> Gates:
    """Read a lambda.npz, which holds one epoch at least. Raises FileNotFoundError, UserError naming the file."""
    arrays = read_arrays(path, ARRAYS)
    names, epochs, values, pruned = (arrays[name] for name in ARRAYS)
    if names.ndim != 1 or epochs.ndim != 1 or names.dtype.kind not in 'US' or epochs.dtype.kind not in 'iu':
        raise UserError(f'{path}: names and epochs are not one list of names and one of whole numbers')
    if values.shape != (len(epochs), len(names)) or pruned.shape != values.shape or not len(epochs):
        raise UserError(
            f'{path}: {len(epochs)} epochs and {len(names)} names, but values of shape {values.shape} and pruned of '
            f'shape {pruned.shape}'
        )
    if values.dtype.kind not in 'fiu' or pruned.dtype.kind not in 'biu' or not np.isfinite(values).all():
        raise UserError(f'{path}: λ that are not finite')
    if epochs[0] < 0 or (np.diff(epochs.astype(float)) <= 0).any():
        raise UserError(f'{path}: the epochs do not grow from one to the next')
    texts = tuple(name.decode('latin-1') if isinstance(name, bytes) else str(name) for name in names)
    if len(set(texts)) < len(texts):
        raise UserError(f'{path}: names holds a name twice')
    return Gates(texts, epochs, values, pruned.astype(bool))


class GateHistory:
    """lambda.npz as it grows: rewritten whole for each epoch."""

    def __init__(self, path: str, names: Sequence[str]) -> None:
        self.path, self.names = path, list(names)
        self.epochs: List[int] = []
        self.values: List[Any] = []
        self.pruned: List[Any] = []

    def resume(self, epoch: int) -> None:
        """Read back what was written up to search epoch `epoch`. Raises UserError where that is damaged or of another space."""
        try:
            gates = read_gates(self.path)
            if list(gates.names) != self.names:
                raise UserError(f'{self.path}: its λ are not those of this search space')
        except FileNotFoundError:
            return
        except UserError as error:
            raise UserError(
                f'{error}. Move it away to go on; the search does without it, its history of λ begins anew'
            ) from None
        rows = [row for row, number in enumerate(gates.epochs.tolist()) if number <= epoch]
        self.epochs = [int(gates.epochs[row]) for row in rows]
        self.values, self.pruned = ([array[row] for row in rows] for array in (gates.values, gates.pruned))

    def append(self, epoch: int, values: Any, pruned: Any) -> None:
        """Add an epoch. values, pruned: the λ vectors one after another, (n,). Raises OSError."""
        self.epochs.append(epoch)
        self.values.append(np.asarray(values, np.float32))
        self.pruned.append(np.asarray(pruned, bool))
        content = archive(
            names=np.array(self.names, dtype=str),
            epochs=np.array(self.epochs, np.int64),
            values=np.array(self.values, np.float32),
            pruned=np.array(self.pruned, bool),
        )
        checksums.write_bytes(self.path, content)
