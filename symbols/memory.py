"""How much memory a training step takes, estimated before anything is built; without MXNet.

A step keeps the feature maps that its backward pass reads. Their number goes with the operations of a block. Where a block is one
operator (backend/native.py) that is one map an operation, and in the backward pass of a block a second one; with MXNet's operators it is
several, in the supernet also the maps that are stacked before each level (eq. 3). Peak resident memory of CPU processes in GB (a bare one
has 0.25), measured / estimated:

| what was trained, operations of the paper                  | batch | one operator | MXNet's own |
| ---------------------------------------------------------- | ----- | ------------ | ----------- |
| supernet, C = 8, one block a stage, 32 pixels              | 50    | 0.45 / 0.39  | 0.77 / 0.67 |
| the same, 2 levels, two blocks in the first stage          | 50    | 0.41 / 0.38  | 0.57 / 0.51 |
| the same, 7 levels                                         | 50    | 0.52 / 0.45  | 1.43 / 1.21 |
| supernet, C = 16, two blocks a stage                       | 32    | 0.60 / 0.50  | 1.42 / 1.33 |
| supernet, C = 48, eight blocks a stage                     | 8     | 1.09 / 0.92  | 3.65 / 3.57 |
| supernet, C = 12, ImageNet stem, 112 pixels                | 16    | 0.50 / 0.44  | 0.51 / 0.45 |
| derived, 40 % of edges, widths 80, 160, 320, 12 blocks     | 16    | 1.26 / 1.23  | 3.69 / 3.71 |
| derived, 40 % of edges, widths 16, 32, 64, 6 blocks        | 32    | 0.49 / 0.48  | 1.00 / 0.92 |
| derived, 40 % of edges, C = 24, ImageNet stem, 112 pixels  | 32    |              | 1.21 / 0.76 |
| derived, all edges, C = 8 (narrow widths take more)        | 50    | 0.42 / 0.40  | 1.04 / 0.55 |

Drop path takes no more. So the estimate is at the low end: a step takes about as much, or up to twice as much.
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
COMPILED_MAPS, OTHER_MAPS = 1.06, 5.0  # where a block is one operator: of each operation; of the block beside them
COMPILED_PROCESS = 0.3e9  # bytes, of a process with such operators at work
IMAGE_MAPS = 3  # a batch of images waits, is copied, is read


def supernet_bytes(
    space: SearchSpace, batch_size: int, image_size: int, copies: int = 1, compiled: bool = False
) -> float:
    """Estimate the bytes that a step of the supernet takes.

    batch_size: images of a step, on all devices of this memory together. image_size: pixels. copies: devices, each with all weights.
    compiled: whether blocks are one operator each.
    """
    operations = space.levels * len(space.operations)
    stacked = sum((level - 1) * len(space.operations) + 1 for level in range(2, space.levels + 1))
    maps = SUPERNET_MAPS * operations + STACKED_MAPS * stacked
    sizes = [width * size**2 for width, size in zip(space.widths(), stage_sizes(space, image_size))]
    if compiled:
        maps = COMPILED_MAPS * operations + OTHER_MAPS
    values = sum(count * maps * size for count, size in zip(space.blocks, sizes))
    values += (operations + 2) * max(sizes) if compiled else 0
    return _together(values, _supernet_weights(space), batch_size, image_size, copies, compiled)


def network_bytes(
    architecture: Architecture,
    channels: Optional[Channels],
    batch_size: int,
    image_size: int,
    copies: int = 1,
    compiled: bool = False,
) -> float:
    """Estimate the bytes that a step of the derived network takes. channels: as for cost.cost; the rest as for supernet_bytes."""
    space = architecture.space
    widths, sizes = space.widths(channels), stage_sizes(space, image_size)
    values, largest = 0.0, 0.0
    for block in range(space.num_blocks):
        stage = space.stage_of(block)
        size, nodes = widths[stage] * sizes[stage] ** 2, len(architecture.nodes(block))
        values += (COMPILED_MAPS * nodes + OTHER_MAPS if compiled else NETWORK_MAPS * nodes) * size
        largest = max(largest, (nodes + 2) * size)
    values += largest if compiled else 0
    return _together(values, cost(architecture, channels, image_size).params, batch_size, image_size, copies, compiled)


def _together(values: float, weights: float, batch_size: int, image_size: int, copies: int, compiled: bool) -> float:
    """Bytes of a process: `values` and three channels of pixels an image, and weights on each device."""
    images = IMAGE_MAPS * 3 * image_size**2
    process = COMPILED_PROCESS if compiled else PROCESS
    return process + FLOAT * batch_size * (values + images) + WEIGHT * weights * copies


def _supernet_weights(space: SearchSpace) -> float:
    """Count the weights of the supernet roughly: R's 1×1 convolution of each block, which is most of them, and the reductions."""
    nodes, widths = space.levels * len(space.operations), space.widths()
    blocks = sum(count * (nodes + 1) * width**2 for count, width in zip(space.blocks, widths))
    return blocks + sum(10 * before * after for before, after in zip(widths, widths[1:])) + widths[-1] * space.classes
