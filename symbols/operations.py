"""Candidate operations: a registry from a name to the layers that an operation is made of.

The layers are plain descriptions. Both the block that computes and the cost that is counted are derived from them, so the two
cannot differ. A new operation is one entry:

    register(Operation('dil_conv_3x3', 'separable', (Depthwise(3, dilation=2), Pointwise())))

Every operation keeps its C channels and its spatial size, and is followed by batch norm and ReLU (order Conv-BN-ReLU).
"""

from __future__ import annotations

import dataclasses
from typing import Iterable, Protocol, Tuple

from ..base.registry import Registry


@dataclasses.dataclass(frozen=True)
class LayerCost:
    """Parameters, multiply-adds, and memory access (elements read + written + weights read) of one layer on one image."""

    params: int
    flops: int
    mac: int


class HasCost(Protocol):
    """Anything with counts: a LayerCost, a part of a network."""

    @property
    def params(self) -> int: ...

    @property
    def flops(self) -> int: ...

    @property
    def mac(self) -> int: ...


def total(costs: Iterable[HasCost]) -> LayerCost:
    """Add up costs, field by field."""
    params = flops = mac = 0
    for cost in costs:
        params, flops, mac = params + cost.params, flops + cost.flops, mac + cost.mac
    return LayerCost(params, flops, mac)


class Layer(Protocol):
    """The description of a layer that keeps its channels and its size. Its block is the one of its class in blocks.LAYERS."""

    def cost(self, channels: int, height: int, width: int) -> LayerCost:
        """Count the layer's cost on an input of (channels, height, width)."""


@dataclasses.dataclass(frozen=True)
class Depthwise:
    """A depthwise convolution of kernel × kernel, one filter a channel."""

    kernel: int
    dilation: int = 1

    def cost(self, channels: int, height: int, width: int) -> LayerCost:
        """Count the layer's cost on an input of (channels, height, width)."""
        pixels, weights = height * width, channels * self.kernel**2
        return LayerCost(weights, weights * pixels, 2 * channels * pixels + weights)


@dataclasses.dataclass(frozen=True)
class Pointwise:
    """A 1×1 convolution from C to C channels."""

    def cost(self, channels: int, height: int, width: int) -> LayerCost:
        """Count the layer's cost on an input of (channels, height, width)."""
        pixels, weights = height * width, channels**2
        return LayerCost(weights, weights * pixels, 2 * channels * pixels + weights)


@dataclasses.dataclass(frozen=True)
class _Parameterless:
    def cost(self, channels: int, height: int, width: int) -> LayerCost:
        """Count elements read and written on an input of (channels, height, width); no weights, no multiply-adds."""
        return LayerCost(0, 0, 2 * channels * height * width)


@dataclasses.dataclass(frozen=True)
class AveragePool(_Parameterless):
    """Average pooling of kernel × kernel, stride 1, padding counted as zeros."""

    kernel: int


@dataclasses.dataclass(frozen=True)
class MaxPool(_Parameterless):
    """Max pooling of kernel × kernel, stride 1."""

    kernel: int


@dataclasses.dataclass(frozen=True)
class Noise(_Parameterless):
    """A decoy: standard normal noise in the input's shape, whatever the input is."""


@dataclasses.dataclass(frozen=True)
class Zero(_Parameterless):
    """A decoy: zeros in the input's shape."""


@dataclasses.dataclass(frozen=True)
class Operation:
    """A candidate operation.

    name: as in edge names. kind: selects how it is drawn: 'separable', 'average', 'max', 'decoy', or any other word.
    layers: its layer descriptions, in order; batch norm and ReLU follow the last.
    """

    name: str
    kind: str
    layers: Tuple[Layer, ...]

    def cost(self, channels: int, height: int, width: int) -> LayerCost:
        """Count the cost of all layers together, without the batch norm behind them and without `uncounted` layers."""
        return total(layer.cost(channels, height, width) for layer in self.layers if hasattr(layer, 'cost'))

    @property
    def uncounted(self) -> Tuple[str, ...]:
        """Class names of the layers whose description has no `cost`."""
        return tuple(type(layer).__name__ for layer in self.layers if not hasattr(layer, 'cost'))


OPERATIONS: Registry[Operation] = Registry('operation')


def register(operation: Operation) -> Operation:
    """Add an operation to the registry, and return it.

    Raises UserError where the name is taken, or holds anything but letters, digits and underscores.
    """
    return OPERATIONS.register(operation.name, operation)


register(Operation('sep_conv_3x3', 'separable', (Depthwise(3), Pointwise())))
register(Operation('sep_conv_5x5', 'separable', (Depthwise(5), Pointwise())))
register(Operation('avg_pool_3x3', 'average', (AveragePool(3),)))
register(Operation('max_pool_3x3', 'max', (MaxPool(3),)))
register(Operation('noise', 'decoy', (Noise(),)))
register(Operation('zero', 'decoy', (Zero(),)))
