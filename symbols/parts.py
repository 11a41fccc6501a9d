"""Cost of the parts of a network, counted one by one; cost.py has the conventions and puts them together. Without MXNet."""

from __future__ import annotations

import dataclasses
from typing import Dict, Iterable, Optional, Sequence

from .architecture import Architecture
from .nodes import REDUCTION_KERNELS
from .operations import OPERATIONS, LayerCost, total
from .space import SearchSpace


@dataclasses.dataclass(frozen=True)
class BlockCost:
    """The cost of one part of the network. name: 'stem', 'b00', 'r00', 'head', …

    operations: cost of each surviving operation's layers with their batch norm; the rest of the block is R and the shortcut.
    """

    name: str
    params: int
    flops: int
    mac: int
    operations: Dict[str, LayerCost] = dataclasses.field(default_factory=dict)


def half(size: int) -> int:
    return -(-size // 2)  # a 3×3 convolution of stride 2 and padding 1, or a 1×1 one of stride 2


def convolution(channels_in: int, channels: int, kernel: int, size: int, size_in: Optional[int] = None) -> LayerCost:
    """Count a dense convolution to maps of size × size, with its batch norm's parameters."""
    weights = channels_in * channels * kernel**2
    pixels, pixels_in = size**2, (size_in or size) ** 2
    return LayerCost(weights + 2 * channels, weights * pixels, channels_in * pixels_in + channels * pixels + weights)


def branch(kernel: int, index: int, widths: Sequence[int], sizes: Sequence[int]) -> LayerCost:
    """Count a branch of reduction block `index`."""
    return convolution(widths[index], widths[index + 1], kernel, sizes[index + 1], sizes[index])


def operation(name: str, channels: int, size: int) -> LayerCost:
    """Count an operation's layers with the batch norm behind them."""
    layers = OPERATIONS[name].cost(channels, size, size)
    return LayerCost(layers.params + 2 * channels, layers.flops, layers.mac)


def columns_of_r(channels: int, size: int) -> LayerCost:
    """Count what R's 1×1 convolution saves without one of its inputs."""
    return LayerCost(channels**2, channels**2 * size**2, channels * size**2 + channels**2)


def part(name: str, parts: Iterable[LayerCost], operations: Optional[Dict[str, LayerCost]] = None) -> BlockCost:
    """Add up the layers of a part."""
    whole = total(parts)
    return BlockCost(name, whole.params, whole.flops, whole.mac, operations or {})


def stem(space: SearchSpace, channels: int, image_size: int) -> BlockCost:
    """Count the stem on images of image_size × image_size."""
    if space.stem == 'cifar':
        return part('stem', [convolution(3, channels, 3, image_size)])
    between = half(image_size)
    first = convolution(3, channels // 2, 3, between, image_size)
    return part('stem', [first, convolution(channels // 2, channels, 3, half(between), between)])


def reduction(architecture: Architecture, index: int, widths: Sequence[int], sizes: Sequence[int]) -> BlockCost:
    """Count the surviving branches of a reduction block."""
    names = architecture.reduction_branches(index)
    branches = {name: branch(REDUCTION_KERNELS[name], index, widths, sizes) for name in names}
    return part(f'r{index:02d}', branches.values(), branches)


def block_cost(architecture: Architecture, block: int, channels: int, size: int) -> BlockCost:
    """Count a convolution block at a width, on maps of size × size."""
    space, name = architecture.space, f'b{block:02d}'
    if architecture.is_identity(block):
        return BlockCost(name, 0, 0, 0)
    nodes = architecture.nodes(block)
    operations = {space.node_name(node): operation(space.operations[node.operation], channels, size) for node in nodes}
    outputs = sum(edge.target == space.output for edge in architecture.block_edges(block))
    parts = [*operations.values(), convolution(outputs * channels, channels, 1, size)]
    if space.opens_stage(block):
        parts.append(convolution(channels, channels, 1, size))
    return part(name, parts, operations)


def head(channels: int, classes: int, size: int) -> BlockCost:
    """Count the batch norm and the dense layer at the end."""
    return BlockCost(
        'head', 2 * channels + channels * classes + classes, channels * classes, channels + classes + channels * classes
    )
