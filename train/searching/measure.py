"""How much of a supernet an architecture is, and how large λ are within their groups."""

from typing import Any

import numpy as np

from ...symbols.architecture import Architecture
from ...symbols.cost import cost
from ...symbols.space import SearchSpace


class Measure:
    """The share of a supernet's quantity that an architecture has, 0 to 1.

    quantity: of QUANTITIES. FLOPs and parameters are those of the whole network at the supernet's width, so that some of them,
    `least`, are left where every edge is gone.
    """

    def __init__(self, space: SearchSpace, quantity: str, image_size: int) -> None:
        self._quantity, self._image_size = quantity, image_size
        self._whole = self._count(Architecture.full(space))
        nothing = [[] for _ in space.scopes]  # type: ignore[var-annotated]
        branches = [names[:1] for names in space.reduction_edges()]
        self.least = self._count(Architecture(space, nothing, branches or None)) / self._whole

    def __call__(self, architecture: Architecture) -> float:
        """Return the share."""
        return self._count(architecture) / self._whole

    def _count(self, architecture: Architecture) -> float:
        if self._quantity == 'edges':
            return float(architecture.num_edges)
        return float(getattr(cost(architecture, image_size=self._image_size), self._quantity))


def relative(value: np.ndarray, groups: Any) -> np.ndarray:
    """Return |λ| of a vector relative to the root mean square of its group. groups: the group of each, whole numbers from 0."""
    groups = np.asarray(groups)
    squares = np.bincount(groups, np.square(value, dtype=np.float64)) / np.bincount(groups)
    return np.abs(value) / np.sqrt(np.maximum(squares, 1e-30))[groups]
