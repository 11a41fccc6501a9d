"""A network's operators as MXNet computes them, and the variants whose gradients are right where MXNet's are not."""

from __future__ import annotations

import functools
import itertools
from typing import List, Optional, Sequence

import numpy as np

from .types import Array, NDArray, Operators

BN_EPSILON = 2e-5
BN_MOMENTUM = 0.9


def convolution(
    F: Operators,
    x: Array,
    weight: Array,
    channels: int,
    kernel: int = 1,
    stride: int = 1,
    groups: int = 1,
    dilation: int = 1,
) -> Array:
    """Convolve without bias, padded to keep the size at stride 1; x (batch, channels in, height, width)."""
    pad = dilation * (kernel // 2)
    return F.Convolution(
        x,
        weight,
        kernel=(kernel, kernel),
        stride=(stride, stride),
        pad=(pad, pad),
        dilate=(dilation, dilation),
        num_filter=channels,
        num_group=groups,
        no_bias=True,
    )


def drawn_masks(F: Operators, x: Array, rate: Array, count: int) -> Array:
    """Draw what images and edges are multiplied by in drop path: 0 with probability `rate`, and what makes up for it where they are kept.

    x: (batch, channels, height, width), any of that many images. rate: array of shape (1,), data and not a constant of the graph; at 0
    all is 1. count: of edges. Gives (batch, count), which has no gradient.
    """
    images = F.contrib.arange_like(x, axis=0)  # of this many
    draw = F.broadcast_axis(F.reshape(images, shape=(-1, 1)), axis=1, size=count)
    rate = F.reshape(rate, shape=(1, 1))
    # At rate 0 all are kept, though in half precision draws may be rounded to 1; at rate 1 none is, so nothing is scaled.
    kept = F.broadcast_greater_equal(_uniform(F, draw), rate)
    return F.BlockGrad(F.broadcast_div(kept, F.maximum(1 - rate, 1e-6)))


def _uniform(F: Operators, like: Array) -> Array:
    return F.random.uniform_like(like)


def masked_sum(F: Operators, sources: Sequence[Array], masks: Array) -> Array:
    """Sum feature maps, each image of each multiplied by its mask.

    sources: feature maps of one shape (batch, …). masks: (batch, sources).
    The sum is one batched GEMM, so drop path costs no operator per edge.
    """
    rows = F.reshape(F.stack(*sources, axis=1), shape=(0, 0, -1))
    return F.reshape_like(F.batch_dot(F.expand_dims(masks, axis=1), rows), sources[0])


class Kernels:
    """MXNet's operators as they are.

    inference: the kind of kernels that computes the same faster where no gradient is asked for; None: these.
    """

    inference: Optional[str] = None
    wanted: Optional[str] = (
        None  # 'weights', 'gates' or 'all': blocks may be one operator each, with gradients of these
    )
    fills_blocks = False  # whether maps with channels of zeros, up to whole blocks of oneDNN, are computed faster

    def trains(self, x: NDArray) -> bool:
        """Tell whether gradients of the training mode are right for a network's images x, an NDArray.

        In a graph of MXNet 1.9.1 on the CPU, in single precision, a map of at least 8 channels that max pooling and an operator without
        oneDNN (reshape, stack) both read leaves oneDNN's layout in place, and pooling's gradient goes to other pixels.
        """
        return x.context.device_type != 'cpu' or x.dtype != np.float32

    def convolution(
        self,
        F: Operators,
        x: Array,
        weight: Array,
        channels: int,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        dilation: int = 1,
    ) -> Array:
        """Convolve as the module's `convolution`."""
        return convolution(F, x, weight, channels, kernel, stride, groups, dilation)

    def combine(self, F: Operators, maps: Sequence[Array], weight: Array, channels: int) -> Array:
        """Compute R without its batch norm (eq. 4): a 1×1 convolution of the concatenation of n maps.

        maps: of one shape; weight: (channels, n · channels, 1, 1).
        """
        return convolution(F, F.concat(*maps, dim=1) if len(maps) > 1 else maps[0], weight, channels)

    def mix(self, F: Operators, sources: Sequence[Array], weights: Array, count: int) -> List[Array]:
        """Compute weighted sums of feature maps as one GEMM: eq. 3's sums for all operations of a level at once.

        sources: K feature maps of one shape. weights: (count, K). Returns `count` feature maps of that shape.
        Stacking them as the rows of a (K, everything) matrix costs one copy; one operator per edge costs 20 times as much.
        """
        rows = [F.reshape(source, shape=(1, -1)) for source in sources]
        mixed = self._product(F, weights, F.concat(*rows, dim=0) if len(rows) > 1 else rows[0], count, len(rows))
        rows = F.split(mixed, num_outputs=count, axis=0) if count > 1 else [mixed]
        return [F.reshape_like(row, sources[0]) for row in rows]

    def _product(self, F: Operators, weights: Array, rows: Array, count: int, depth: int) -> Array:
        """Multiply (count, depth) by (depth, everything)."""
        return F.dot(weights, rows)

    def gather(
        self, F: Operators, maps: Sequence[Array], weights: Sequence[Array], scale: Array, channels: int
    ) -> Array:
        """Compute what `combine` does, with each map scaled.

        maps: n feature maps; weights: of each (channels, channels, 1, 1); scale: (1, n), which is multiplied into the weights.
        """
        count = len(maps)
        weight = F.reshape(F.concat(*weights, dim=1) if count > 1 else weights[0], shape=(channels, count, channels))
        weight = F.reshape(F.broadcast_mul(weight, F.reshape(scale, shape=(1, count, 1))), shape=(channels, -1, 1, 1))
        return self.combine(F, maps, weight, channels)

    def bn_relu(
        self, F: Operators, x: Array, gamma: Array, beta: Array, mean: Array, variance: Array, fix_gamma: bool
    ) -> Array:
        """Apply batch norm over channels, then ReLU."""
        return F.relu(
            F.BatchNorm(x, gamma, beta, mean, variance, fix_gamma=fix_gamma, eps=BN_EPSILON, momentum=BN_MOMENTUM)
        )

    def max_pool(self, F: Operators, x: Array, channels: int, kernel: int) -> Array:
        """Apply max pooling, stride 1, same size."""
        return F.Pooling(x, kernel=(kernel, kernel), pad=(kernel // 2, kernel // 2), pool_type='max')

    def average_pool(self, F: Operators, x: Array, channels: int, kernel: int) -> Array:
        """Apply average pooling, stride 1, same size, padding counted."""
        return F.Pooling(x, kernel=(kernel, kernel), pad=(kernel // 2, kernel // 2), pool_type='avg')


class ExactKernels(Kernels):
    """Operators whose gradients are right in both modes on every device."""

    def trains(self, x: NDArray) -> bool:
        return True

    def max_pool(self, F: Operators, x: Array, channels: int, kernel: int) -> Array:
        """Take the maximum of shifted maps. Of equal entries the first in reading order gets the gradient, as in Pooling."""
        pad = kernel // 2
        x = F.pad(x, mode='constant', pad_width=(0, 0, 0, 0, pad, pad, pad, pad), constant_value=-3e38)
        for axis in (3, 2):
            end = [1 + shift - kernel for shift in range(kernel)]
            shifted = [F.slice_axis(x, axis=axis, begin=shift, end=end[shift] or None) for shift in range(kernel)]
            x = functools.reduce(F.maximum, shifted)
        return x


class SyncKernels(Kernels):
    """Operators with batch norm's statistics taken over `devices` devices together."""

    networks = itertools.count()  # the keys that join devices must differ between networks

    def __init__(self, devices: int) -> None:
        self._devices, self._network, self._layers = devices, next(self.networks), itertools.count()

    def trains(self, x: NDArray) -> bool:
        return True  # GPUs only

    def bn_relu(
        self, F: Operators, x: Array, gamma: Array, beta: Array, mean: Array, variance: Array, fix_gamma: bool
    ) -> Array:
        key = f'network{self._network}_bn{next(self._layers)}'  # one graph serves all devices, so they agree on it
        return F.relu(
            F.contrib.SyncBatchNorm(
                x,
                gamma,
                beta,
                mean,
                variance,
                fix_gamma=fix_gamma,
                eps=BN_EPSILON,
                momentum=BN_MOMENTUM,
                ndev=self._devices,
                key=key,
            )
        )
