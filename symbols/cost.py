"""What a network costs: parameters, FLOPs and memory access cost (MAC) of an operation, a block, a network; without MXNet.

Conventions. Everything is for one image. FLOPs are multiply-adds of convolutions and dense layers (one multiply-add counts as one);
pooling, batch norm, ReLU, additions and biases count none. MAC counts elements read plus elements written plus weights read of every
convolution, pooling and dense layer, and of decoys (ShuffleNet v2's definition); batch norm, ReLU and additions, which run in place or
fused, count none, nor does the global average before the last layer. Parameters are all trained ones: convolutions, batch norm's γ
and β, the dense layer's weight and bias. The auxiliary tower, which is dropped after training, does not count.
"""

import dataclasses
from typing import Dict, List, Tuple

from .operations import OPERATIONS, LayerCost
from .space import REDUCTION_BRANCHES


@dataclasses.dataclass(frozen=True)
class BlockCost:
    """One part of the network. name: 'stem', 'b00', 'r00', 'head', …

    operations: cost of each surviving operation's layers with their batch norm; what is left of the block is R and the shortcut.
    """

    name: str
    params: int
    flops: int
    mac: int
    operations: Dict[str, LayerCost] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Cost:
    """params, flops, mac of the whole network; blocks: its parts in order; widths: channels of each stage."""

    params: int
    flops: int
    mac: int
    blocks: Tuple[BlockCost, ...]
    widths: Tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class GateGraph:
    """The graph behind one λ vector and what its operations cost, in plain numbers.

    source, target: for each λ the operation (its index in `operations`) that its edge leaves and enters; -1 as source is the block's
    input, as target its output. ungated: operations that read the block's input by an edge without λ. costs: of each operation with its
    batch norm; output_costs: of its columns of R; both summed over all blocks that the λ vector serves.
    """

    name: str
    source: List[int]
    target: List[int]
    ungated: Tuple[int, ...]
    operations: Tuple[str, ...]
    costs: Tuple[LayerCost, ...]
    output_costs: Tuple[LayerCost, ...]


def cost(architecture, channels=None, image_size=32):
    """Cost of the network derived from an architecture.

    channels: of the first stage, or one width a stage (default: the space's). image_size: height and width of the input, pixels.
    """
    space = architecture.space
    widths = space.widths(channels)
    sizes = stage_sizes(space, image_size)
    blocks = [_stem(space, widths[0], image_size)]
    for block in range(space.num_blocks):
        stage = space.stage_of(block)
        if block and space.opens_stage(block):
            blocks.append(_reduction(architecture, stage - 1, widths, sizes))
        blocks.append(_block(architecture, block, widths[stage], sizes[stage]))
    blocks.append(_head(widths[-1], space.classes, sizes[-1]))
    return Cost(*_sums(blocks), blocks=tuple(blocks), widths=widths)


def stage_sizes(space, image_size):
    """Height (and width) of the feature maps of each stage, pixels."""
    size = image_size
    if space.stem == 'imagenet':
        size = _half(_half(size))
    sizes = []
    for _ in space.blocks:
        sizes.append(size)
        size = _half(size)
    return tuple(sizes)


def gate_graphs(space, image_size=32):
    """A GateGraph for each of space.gate_names(), in order, at the space's own channels."""
    sizes, widths = stage_sizes(space, image_size), space.widths()
    nodes = space.nodes()
    place = {node: index for index, node in enumerate(nodes)}
    edges = space.block_edges()
    ends = [[place.get(edge.source, -1) for edge in edges], [place.get(edge.target, -1) for edge in edges]]
    ungated = () if space.first_level_gates else tuple(range(len(space.operations)))
    graphs = []
    for index, scope in enumerate(space.scopes):
        stages = [space.stage_of(block) for block in range(space.num_blocks) if space.scope_index(block) == index]
        costs = [
            _total([_operation(space.operations[node[1]], widths[stage], sizes[stage]) for stage in stages])
            for node in nodes
        ]
        columns = _total([_columns_of_r(widths[stage], sizes[stage]) for stage in stages])
        graphs.append(
            GateGraph(
                scope,
                *ends,
                ungated=ungated,
                operations=tuple(map(space.node_name, nodes)),
                costs=tuple(costs),
                output_costs=(columns,) * len(nodes),
            )
        )
    for index, scope in enumerate(space.reduction_scopes):
        costs = [
            _convolution(widths[index], widths[index + 1], int(branch[-1]), sizes[index + 1], sizes[index])
            for branch in REDUCTION_BRANCHES
        ]
        graphs.append(
            GateGraph(
                scope, [0, 1], [-1, -1], (0, 1), REDUCTION_BRANCHES, tuple(costs), (LayerCost(0, 0, 0),) * len(costs)
            )
        )
    return graphs


def _half(size):
    return -(-size // 2)  # a 3×3 convolution of stride 2 and padding 1, or a 1×1 one of stride 2


def _sums(costs):
    return [sum(getattr(cost, field) for cost in costs) for field in ('params', 'flops', 'mac')]


def _total(costs):
    return LayerCost(*_sums(costs))


def _convolution(channels_in, channels, kernel, size, size_in=None, bn=True):
    """A dense convolution to maps of size × size, with its batch norm's parameters."""
    weights = channels_in * channels * kernel**2
    pixels, pixels_in = size**2, (size_in or size) ** 2
    return LayerCost(
        weights + 2 * channels * bn, weights * pixels, channels_in * pixels_in + channels * pixels + weights
    )


def _operation(name, channels, size):
    """An operation's layers with the batch norm behind them."""
    layers = OPERATIONS[name].cost(channels, size, size)
    return LayerCost(layers.params + 2 * channels, layers.flops, layers.mac)


def _columns_of_r(channels, size):
    """What R's 1×1 convolution saves without one of its inputs."""
    return LayerCost(channels**2, channels**2 * size**2, channels * size**2 + channels**2)


def _stem(space, channels, image_size):
    if space.stem == 'cifar':
        parts = [_convolution(3, channels, 3, image_size)]
    else:
        half = _half(image_size)
        parts = [
            _convolution(3, channels // 2, 3, half, image_size),
            _convolution(channels // 2, channels, 3, _half(half), half),
        ]
    return BlockCost('stem', *_sums(parts))


def _reduction(architecture, index, widths, sizes):
    branches = {
        branch: _convolution(widths[index], widths[index + 1], int(branch[-1]), sizes[index + 1], sizes[index])
        for branch in architecture.reduction_branches(index)
    }
    return BlockCost('r%02d' % index, *_sums(branches.values()), operations=branches)


def _block(architecture, block, channels, size):
    space, name = architecture.space, 'b%02d' % block
    if architecture.is_identity(block):
        return BlockCost(name, 0, 0, 0)
    operations = {
        space.node_name(node): _operation(space.operations[node[1]], channels, size)
        for node in architecture.nodes(block)
    }
    outputs = sum(edge.target[0] == space.levels + 1 for edge in architecture.block_edges(block))
    parts = list(operations.values()) + [_convolution(outputs * channels, channels, 1, size)]
    if space.opens_stage(block):
        parts.append(_convolution(channels, channels, 1, size))
    return BlockCost(name, *_sums(parts), operations=operations)


def _head(channels, classes, size):
    weights = channels * classes
    return BlockCost('head', 2 * channels + weights + classes, weights, channels + classes + weights)
