"""The units that all parts of a network are made of: convolution, and batch norm with ReLU.

Convolutions are initialised as in the paper, Xavier gaussian by fan-out of magnitude 2. Batch norm's parameters do not decay.
"""

from __future__ import annotations

from typing import Tuple

import mxnet as mx
from mxnet.gluon import HybridBlock, nn

from .backend import padding
from .backend.operators import Kernels
from .backend.types import Array, Block, Operators


def conv_init() -> mx.init.Initializer:
    """Make the initialiser of every convolution."""
    return mx.init.Xavier(rnd_type='gaussian', factor_type='out', magnitude=2)


class BatchNormReLU(HybridBlock):
    """Batch norm over `channels`, then ReLU. train_gamma=False fixes γ to 1, as in the search, where maps are no wider than that."""

    def __init__(self, channels: int, kernels: Kernels, train_gamma: bool, prefix: str) -> None:
        super().__init__(prefix=prefix)
        self._kernels, self._channels = kernels, channels
        self._fix_gamma = not train_gamma
        with self.name_scope():
            self.gamma = self.params.get(
                'gamma', shape=(channels,), init='ones', wd_mult=0.0, differentiable=train_gamma
            )
            self.beta = self.params.get('beta', shape=(channels,), init='zeros', wd_mult=0.0)
            for name, value in (('running_mean', 0.0), ('running_var', 1.0)):
                init, length = padding.OwnChannels(int(channels), value), padding.maps(channels)
                param = self.params.get(name, shape=(length,), init=init, differentiable=False)
                setattr(self, name, padding.statistics(param, channels))

    def hybrid_forward(
        self, F: Operators, x: Array, gamma: Array, beta: Array, running_mean: Array, running_var: Array
    ) -> Array:
        """Compute (batch, channels, height, width) → the same shape."""
        gamma, beta = self.widened(F, gamma, beta)
        return self._kernels.bn_relu(F, x, gamma, beta, running_mean, running_var, self._fix_gamma)

    def widened(self, F: Operators, gamma: Array, beta: Array) -> Tuple[Array, Array]:
        """Return γ and β, (channels,), as long as feature maps are wide."""
        return padding.vector(F, gamma, self._channels), padding.vector(F, beta, self._channels)


class Conv(HybridBlock):
    """A convolution without bias, padded by half its kernel."""

    def __init__(
        self,
        channels_in: int,
        channels: int,
        kernels: Kernels,
        prefix: str,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        dilation: int = 1,
    ) -> None:
        super().__init__(prefix=prefix)
        self._kernels, self._size = kernels, kernel
        self._read, self._made = (1 if padding.maps(groups) > 1 else channels_in), channels
        self._shape = dict(channels=padding.maps(channels), kernel=kernel, stride=stride, dilation=dilation)
        self._shape['groups'] = padding.maps(groups)
        with self.name_scope():
            self.weight = self.params.get(
                'weight', shape=(channels, channels_in // groups, kernel, kernel), init=conv_init()
            )

    def hybrid_forward(self, F: Operators, x: Array, weight: Array) -> Array:
        """Compute (batch, channels in, height, width) → (batch, channels, height / stride, width / stride)."""
        return self._kernels.convolution(F, x, self.widened(F, weight), **self._shape)

    def widened(self, F: Operators, weight: Array) -> Array:
        """Return the kernel, of the shape of `weight`, as wide as feature maps are."""
        return padding.kernel(F, weight, self._made, self._read, self._size)


def conv_bn_relu(
    channels_in: int,
    channels: int,
    kernels: Kernels,
    train_gamma: bool,
    prefix: str,
    kernel: int = 1,
    stride: int = 1,
) -> Block:
    """Build a block of convolution, batch norm and ReLU."""
    block = nn.HybridSequential(prefix=prefix)
    with block.name_scope():
        block.add(
            Conv(channels_in, channels, kernels, 'conv_', kernel, stride),
            BatchNormReLU(channels, kernels, train_gamma, 'bn_'),
        )
    return block
