"""What is exported: the trained network without what only training needs, with normalisation inside the graph by option."""

from typing import Any, Sequence, Tuple

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock

from ...runfiles import stored
from ...runfiles.network import NetworkDescription

INPUT = 'data'


class Normalised(HybridBlock):
    """A network that takes pixels from 0 to 255, RGB, where `net` takes normalised ones. mean, std: by channel, of pixels in [0, 1]."""

    def __init__(self, net: HybridBlock, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__(prefix='normalised_')
        shift, scale = _by_channel(mean), _by_channel(std)
        with self.name_scope():
            self.net = net
            self.scale = self.params.get_constant('scale', 1 / (255 * scale))
            self.shift = self.params.get_constant('shift', -shift / scale)
        for constant in (self.scale, self.shift):
            constant.initialize()

    def hybrid_forward(self, F: Any, x: Any, scale: Any, shift: Any) -> Any:
        """(batch, 3, height, width) → logits (batch, classes)."""
        return self.net(F.broadcast_add(F.broadcast_mul(x, scale), shift))


def exportable(folder: str, normalise: bool = False) -> Tuple[HybridBlock, NetworkDescription]:
    """(network of plain operators, description) of a run directory, hybridized and run once. Raises UserError, OSError."""
    net, description = stored.load(folder, kernels_kind='plain')
    if normalise:
        net = Normalised(net, description.mean, description.std)
    net.hybridize()
    size = description.image_size
    net(mx.nd.zeros((1, 3, size, size))).wait_to_read()
    return net, description


def pixels(images: np.ndarray, mean: Sequence[float], std: Sequence[float]) -> np.ndarray:
    """Normalised images float32 (b, 3, H, W) as the whole pixels from 0 to 255 that they were, float32."""
    return np.rint((images * _by_channel(std) + _by_channel(mean)) * 255).astype(np.float32)


def normalised(pixels: np.ndarray, mean: Sequence[float], std: Sequence[float]) -> np.ndarray:
    """The inverse of `pixels`."""
    return ((pixels / 255 - _by_channel(mean)) / _by_channel(std)).astype(np.float32)


def _by_channel(values: Sequence[float]) -> np.ndarray:
    return np.array(values, np.float32).reshape(1, 3, 1, 1)
