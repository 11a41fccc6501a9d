"""The parts of a network around its searched blocks: stem, shortcut, reduction block, head, auxiliary tower.

Dense layers are initialised by Normal(0.01), as in the paper; biases do not decay. The convolutions are those of units.py.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional, Sequence, Type

import mxnet as mx
from mxnet.gluon import HybridBlock, nn

from ..base.errors import UserError
from . import operations as ops
from .backend import padding
from .backend.operators import Kernels
from .backend.types import Array, Block, Operators
from .nodes import REDUCTION_BRANCHES, REDUCTION_KERNELS
from .space import SearchSpace
from .units import BatchNormReLU, Conv, conv_bn_relu, conv_init

__all__ = [
    'LAYERS', 'AuxiliaryTower', 'BatchNormReLU', 'Conv', 'Dense', 'Head', 'Reduction', 'conv_bn_relu', 'conv_init',
    'operation_block', 'stem',
]  # fmt: skip

AUXILIARY_POOL = 5
AUXILIARY_WIDTHS = (128, 768)


class _Pool(HybridBlock):
    def __init__(self, pool: Callable[..., Array], channels: int, kernel: int) -> None:
        super().__init__()
        self._pool, self._channels, self._kernel = pool, padding.maps(channels), kernel

    def hybrid_forward(self, F: Operators, x: Array) -> Array:
        return self._pool(F, x, self._channels, self._kernel)


class _Noise(HybridBlock):
    def hybrid_forward(self, F: Operators, x: Array) -> Array:
        return F.random.normal_like(F.BlockGrad(x))


class _Zero(HybridBlock):
    def hybrid_forward(self, F: Operators, x: Array) -> Array:
        return F.zeros_like(x)


# Layers that leave channels of zeros as they are, or give them to a batch norm that does.
KEEP_ZEROS = (ops.Depthwise, ops.Pointwise, ops.AveragePool, ops.MaxPool, ops.Noise, ops.Zero)

# The block of a layer, by the class of its description: a function of (layer, channels, kernels).
LAYERS: Dict[Type[Any], Callable[[Any, int, Kernels], Block]] = {
    ops.Depthwise: lambda layer, channels, kernels: Conv(
        channels, channels, kernels, 'depthwise_', kernel=layer.kernel, groups=channels, dilation=layer.dilation
    ),
    ops.Pointwise: lambda layer, channels, kernels: Conv(channels, channels, kernels, 'pointwise_'),
    ops.AveragePool: lambda layer, channels, kernels: _Pool(kernels.average_pool, channels, layer.kernel),
    ops.MaxPool: lambda layer, channels, kernels: _Pool(kernels.max_pool, channels, layer.kernel),
    ops.Noise: lambda layer, channels, kernels: _Noise(),
    ops.Zero: lambda layer, channels, kernels: _Zero(),
}


def operation_block(name: str, channels: int, kernels: Kernels, train_gamma: bool, prefix: str) -> Block:
    """Build the block of a registered operation: its layers, then batch norm and ReLU; keeps (batch, channels, height, width).

    Raises UserError for an unknown operation, and for a layer that LAYERS has no block for.
    """
    block = nn.HybridSequential(prefix=prefix)
    with block.name_scope():
        for layer in ops.OPERATIONS[name].layers:
            if type(layer) not in LAYERS:
                raise UserError(
                    f'operation {name}: symbols/blocks.py has no block for its layer {layer}; add one to LAYERS'
                )
            block.add(LAYERS[type(layer)](layer, channels, kernels))
        block.add(BatchNormReLU(channels, kernels, train_gamma, 'bn_'))
    return block


def stem(space: SearchSpace, channels: int, kernels: Kernels, train_gamma: bool, prefix: str) -> Block:
    """Build the block from the image to `channels` feature maps.

    cifar: one 3×3 convolution; imagenet: two of stride 2, the first to half the channels.
    """
    if space.stem == 'cifar':
        return conv_bn_relu(3, channels, kernels, train_gamma, prefix, kernel=3)
    block = nn.HybridSequential(prefix=prefix)
    with block.name_scope():
        block.add(
            conv_bn_relu(3, padding.half(channels), kernels, train_gamma, '0_', kernel=3, stride=2),
            conv_bn_relu(padding.half(channels), channels, kernels, train_gamma, '1_', kernel=3, stride=2),
        )
    return block


class Reduction(HybridBlock):
    """A reduction block, which halves the size.

    It is the sum of a 1×1 and a 3×3 convolution of stride 2, each with batch norm and ReLU, each scaled by its λ.

    branches: names of the surviving ones. Called with x alone, or with x and λ (one for each of REDUCTION_BRANCHES).
    """

    def __init__(
        self,
        channels_in: int,
        channels: int,
        branches: Sequence[str],
        kernels: Kernels,
        train_gamma: bool,
        prefix: str,
    ) -> None:
        super().__init__(prefix=prefix)
        self._kernels = kernels
        self._places = [REDUCTION_BRANCHES.index(branch) for branch in branches]
        self._branches = []
        with self.name_scope():
            for branch in branches:
                block = conv_bn_relu(
                    channels_in,
                    channels,
                    kernels,
                    train_gamma,
                    branch + '_',
                    kernel=REDUCTION_KERNELS[branch],
                    stride=2,
                )
                self.register_child(block)
                self._branches.append(block)

    def hybrid_forward(self, F: Operators, x: Array, lam: Optional[Array] = None) -> Array:
        """Compute (batch, channels in, height, width), (2,) → (batch, channels, height / 2, width / 2)."""
        maps = [branch(x) for branch in self._branches]
        if lam is None:
            return maps[0] if len(maps) == 1 else maps[0] + maps[1]
        if len(maps) == 1:
            lam = F.slice_axis(lam, axis=0, begin=self._places[0], end=self._places[0] + 1)
        return self._kernels.mix(F, maps, F.reshape(lam, shape=(1, -1)), 1)[0]


class Head(HybridBlock):
    """Batch norm, ReLU, global average pool, dropout (`dropout` is the share dropped), dense."""

    def __init__(
        self,
        channels: int,
        classes: int,
        kernels: Kernels,
        train_gamma: bool,
        prefix: str,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(prefix=prefix)
        self._channels = channels
        with self.name_scope():
            self.bn = BatchNormReLU(channels, kernels, train_gamma, 'bn_')
            self.dropout = nn.Dropout(dropout) if dropout else None
            self.dense = Dense(channels, classes)

    def hybrid_forward(self, F: Operators, x: Array) -> Array:
        """Compute (batch, channels, height, width) → (batch, classes)."""
        x = F.mean(self.bn(x), axis=(2, 3))  # GlobalAvgPool2D would make the step three times slower on a CPU
        x = padding.cut(F, x, self._channels)
        return self.dense(self.dropout(x) if self.dropout is not None else x)


class Dense(HybridBlock):
    """The last layer: (batch, channels) → (batch, classes).

    Unlike nn.Dense its parameters take the type of the network, so that a network cast to another type can share them.
    """

    def __init__(self, channels: int, classes: int, prefix: str = 'dense_') -> None:
        super().__init__(prefix=prefix)
        self._classes = classes
        with self.name_scope():
            self.weight = self.params.get('weight', shape=(classes, channels), init=mx.init.Normal(0.01))
            self.bias = self.params.get('bias', shape=(classes,), init='zeros', wd_mult=0.0)

    def hybrid_forward(self, F: Operators, x: Array, weight: Array, bias: Array) -> Array:
        """Compute (batch, channels) → (batch, classes)."""
        # MXNet's converter to ONNX takes no defaults: without `flatten` it would write another layer
        return F.FullyConnected(x, weight, bias, num_hidden=self._classes, no_bias=False, flatten=True, name='fwd')


class AuxiliaryTower(HybridBlock):
    """A second classifier for training, from the end of the stage before the last.

    size: height and width of its input; a map smaller than the 5×5 pool is pooled to one.
    """

    def __init__(
        self,
        channels: int,
        classes: int,
        stride: int,
        size: int,
        kernels: Kernels,
        train_gamma: bool,
        prefix: str,
    ) -> None:
        super().__init__(prefix=prefix)
        self._pool = None
        if size > AUXILIARY_POOL:
            self._pool = dict(kernel=(AUXILIARY_POOL, AUXILIARY_POOL), stride=(stride, stride), pool_type='avg')
        pooled = (size - min(AUXILIARY_POOL, size)) // stride + 1
        self._kernel = min(2, pooled)
        with self.name_scope():
            self.bn = BatchNormReLU(channels, kernels, train_gamma, 'bn_')
            squeezed, expanded = AUXILIARY_WIDTHS
            self.squeeze = conv_bn_relu(channels, squeezed, kernels, train_gamma, 'squeeze_')
            self.weight = self.params.get(
                'expand_weight', shape=(expanded, squeezed, self._kernel, self._kernel), init=conv_init()
            )
            self.expand_bn = BatchNormReLU(expanded, kernels, train_gamma, 'expand_bn_')
            self.dense = Dense(expanded, classes)

    def hybrid_forward(self, F: Operators, x: Array, weight: Array) -> Array:
        """Compute (batch, channels, size, size) → (batch, classes)."""
        x = self.bn(x)
        # A pool over the whole map is a mean; oneDNN has no gradient for such a Pooling behind its fused batch norm.
        x = self.squeeze(F.Pooling(x, **self._pool) if self._pool else F.mean(x, axis=(2, 3), keepdims=True))
        x = F.Convolution(x, weight, kernel=(self._kernel, self._kernel), num_filter=AUXILIARY_WIDTHS[1], no_bias=True)
        return self.dense(F.mean(self.expand_bn(x), axis=(2, 3)))
