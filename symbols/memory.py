"""How much memory a training step takes, estimated before anything is built; without MXNet.

A step keeps the feature maps that its backward pass reads. Their number goes with the operations of a block, and in the supernet also
with the maps that are stacked before each level (eq. 3). Per map of one operation (batch · channels · height · width, float32), in
peak resident memory of CPU processes behind the 0.25 GB of a bare one:

| what was trained, operations of the paper                      | batch | measured | estimated |
| ------------------------------------------------------------- | ----- | -------- | --------- |
| supernet, C = 8, one block a stage, 32 pixels                 | 50    | 0.77 GB  | 0.67 GB   |
| the same, 2 levels, two blocks in the first stage             | 50    | 0.57 GB  | 0.51 GB   |
| the same, 7 levels                                            | 50    | 1.43 GB  | 1.21 GB   |
| supernet, C = 16, two blocks a stage                          | 32    | 1.42 GB  | 1.33 GB   |
| supernet, C = 48, eight blocks a stage                        | 8     | 3.65 GB  | 3.57 GB   |
| supernet, C = 12, ImageNet stem, 112 pixels                   | 16    | 0.51 GB  | 0.45 GB   |
| derived, 40 % of edges, widths 80, 160, 320, 12 blocks        | 16    | 3.69 GB  | 3.71 GB   |
| derived, 40 % of edges, widths 16, 32, 64, 6 blocks           | 32    | 1.00 GB  | 0.92 GB   |
| derived, 40 % of edges, C = 24, ImageNet stem, 112 pixels     | 32    | 1.21 GB  | 0.76 GB   |
| derived, all edges, C = 8 (narrow widths take more)           | 50    | 1.04 GB  | 0.55 GB   |

So the estimate is at the low end: a step takes about as much, or up to twice as much.
"""

from __future__ import annotations

from typing import Optional

from .architecture import Architecture
from .cost import cost, stage_sizes
from .space import Channels, SearchSpace

PROCESS = 0.25e9  # bytes, of Python with MXNet
FLOAT = 4  # bytes
WEIGHT = 4 * FLOAT  # bytes of a weight with its gradient, its momentum and its place in a checkpoint
SUPERNET_MAPS, STACKED_MAPS = 6.0, 1.85  # of each operation; of each map that is stacked before a level
NETWORK_MAPS = 6.5  # of each operation that survived
IMAGE_MAPS = 3  # a batch of images waits, is copied, is read


def supernet_bytes(space: SearchSpace, batch_size: int, image_size: int, copies: int = 1) -> float:
    """Estimate the bytes that a step of the supernet takes.

    batch_size: images of a step, on all devices of this memory together. image_size: pixels. copies: devices, each with all weights.
    """
    operations = len(space.operations)
    stacked = sum((level - 1) * operations + 1 for level in range(2, space.levels + 1))
    maps = SUPERNET_MAPS * space.levels * operations + STACKED_MAPS * stacked
    blocks = zip(space.blocks, space.widths(), stage_sizes(space, image_size))
    values = sum(count * maps * width * size**2 for count, width, size in blocks)
    weights = _supernet_weights(space)
    return _together(values, weights, batch_size, image_size, copies)


def network_bytes(
    architecture: Architecture, channels: Optional[Channels], batch_size: int, image_size: int, copies: int = 1
) -> float:
    """Estimate the bytes that a step of the derived network takes. channels: as for cost.cost; the rest as for supernet_bytes."""
    space = architecture.space
    widths, sizes = space.widths(channels), stage_sizes(space, image_size)
    values = 0.0
    for block in range(space.num_blocks):
        stage = space.stage_of(block)
        values += NETWORK_MAPS * len(architecture.nodes(block)) * widths[stage] * sizes[stage] ** 2
    return _together(values, cost(architecture, channels, image_size).params, batch_size, image_size, copies)


def _together(values: float, weights: float, batch_size: int, image_size: int, copies: int) -> float:
    """Bytes of a process: `values` and three channels of pixels an image, and weights on each device."""
    images = IMAGE_MAPS * 3 * image_size**2
    return PROCESS + FLOAT * batch_size * (values + images) + WEIGHT * weights * copies


def _supernet_weights(space: SearchSpace) -> float:
    """Count the weights of the supernet roughly: R's 1×1 convolution of each block, which is most of them, and the reductions."""
    nodes, widths = space.levels * len(space.operations), space.widths()
    blocks = sum(count * (nodes + 1) * width**2 for count, width in zip(space.blocks, widths))
    return blocks + sum(10 * before * after for before, after in zip(widths, widths[1:])) + widths[-1] * space.classes
