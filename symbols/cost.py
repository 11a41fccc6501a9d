"""Cost of a network: parameters, FLOPs and memory access cost (MAC) of an operation, a block, a network; without MXNet.

Conventions. Everything is for one image. FLOPs are multiply-adds of convolutions and dense layers (one multiply-add counts as one);
pooling, batch norm, ReLU, additions and biases count none. MAC counts elements read plus elements written plus weights read of every
convolution, pooling and dense layer, and of decoys (ShuffleNet v2's definition); batch norm, ReLU and additions, which run in place or
fused, count none, nor does the global average before the last layer. Parameters are all trained ones: convolutions, batch norm's γ and
β, the dense layer's weight and bias. The auxiliary tower, which is dropped after training, does not count. A layer whose description has
no `cost` counts none and is named in Cost.uncounted.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import Dict, Generic, List, Optional, Sequence, Tuple, TypeVar

from ..base.errors import UserError
from ..base.tables import Table
from . import describing, parts
from .architecture import Architecture
from .nodes import REDUCTION
from .operations import OPERATIONS, LayerCost, total
from .parts import BlockCost
from .space import Channels, SearchSpace

Entry = TypeVar('Entry')


@dataclasses.dataclass(frozen=True)
class Cost:
    """params, flops, mac of the whole network; blocks: its parts in order; widths: channels of each stage.

    uncounted: layers of the network whose cost is not known and in none of the numbers, as 'operation: Layer'.
    """

    params: int
    flops: int
    mac: int
    blocks: Tuple[BlockCost, ...]
    widths: Tuple[int, ...]
    uncounted: Tuple[str, ...] = ()

    def table(self) -> Table:
        """Return params, flops and mac of each part and of the whole as a table, whose rows are dicts."""
        return describing.cost_table(self.blocks, self, [f'not counted: {layer}' for layer in self.uncounted])

    def __repr__(self) -> str:
        return f'Cost({describing.counts(self)}; {len(self.blocks)} parts, channels {", ".join(map(str, self.widths))})'

    def __str__(self) -> str:
        return str(self.table())

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()


class Part(enum.Enum):
    """The part of the network that a λ vector belongs to."""

    BLOCK = 'block'
    REDUCTION = 'reduction'


@dataclasses.dataclass(frozen=True)
class GateGraph(Generic[Entry]):
    """The graph behind one λ vector and what its operations cost, in plain numbers.

    name: the vector's scope. part: whether the λ are those of convolution blocks or of a reduction block's branches.
    source, target: for each λ the operation (its index in `operations`) that its edge leaves and enters; -1 as source is the block's
    input, as target its output. ungated: operations that read the block's input by an edge without λ. costs: of each operation with its
    batch norm; output_costs: of its columns of R; both summed over all blocks that the λ vector serves.
    """

    name: str
    part: Part
    source: List[int]
    target: List[int]
    ungated: Tuple[int, ...]
    operations: Tuple[str, ...]
    costs: Tuple[Entry, ...]
    output_costs: Tuple[Entry, ...]


def cost(architecture: Architecture, channels: Optional[Channels] = None, image_size: int = 32) -> Cost:
    """Count the cost of the network derived from an architecture.

    channels: of the first stage, or one width a stage (default: the space's). image_size: height and width of the input, pixels.
    Raises UserError for channels that do not fit the space.
    """
    space = architecture.space
    widths = space.widths(channels)
    sizes = stage_sizes(space, image_size)
    blocks = [parts.stem(space, widths[0], image_size)]
    for block in range(space.num_blocks):
        stage = space.stage_of(block)
        if block and space.opens_stage(block):
            blocks.append(parts.reduction(architecture, stage - 1, widths, sizes))
        blocks.append(parts.block_cost(architecture, block, widths[stage], sizes[stage]))
    blocks.append(parts.head(widths[-1], space.classes, sizes[-1]))
    whole = total(blocks)
    return Cost(whole.params, whole.flops, whole.mac, tuple(blocks), widths, uncounted(architecture))


class WidthCosts:
    """Cost of the network of one architecture as a function of its widths: `cost` without names, each part counted once a width."""

    def __init__(self, architecture: Architecture, image_size: int = 32) -> None:
        """image_size: height and width of the input, pixels."""
        self._architecture, self._image_size = architecture, image_size
        self._sizes = stage_sizes(architecture.space, image_size)
        self._stages: Dict[Tuple[int, int], LayerCost] = {}
        self._reductions: Dict[Tuple[int, int, int], LayerCost] = {}

    def __call__(self, widths: Sequence[int]) -> LayerCost:
        """Return the cost of the network with one width a stage."""
        stages = [self.stage(stage, width) for stage, width in enumerate(widths)]
        return total(stages + [self.reduction(index, *widths[index : index + 2]) for index in range(len(widths) - 1)])

    def stage(self, stage: int, width: int) -> LayerCost:
        """Return the cost of the blocks of a stage (from 0), with the stem before the first and the head after the last."""
        key = (stage, width)
        if key not in self._stages:
            space = self._architecture.space
            counted = [
                parts.block_cost(self._architecture, block, width, self._sizes[stage])
                for block in range(space.num_blocks)
                if space.stage_of(block) == stage
            ]
            if stage == 0:
                counted.append(parts.stem(space, width, self._image_size))
            if stage == len(space.blocks) - 1:
                counted.append(parts.head(width, space.classes, self._sizes[stage]))
            self._stages[key] = total(counted)
        return self._stages[key]

    def reduction(self, index: int, before: int, after: int) -> LayerCost:
        """Return the cost of the reduction block between stages `index` and `index` + 1, of widths `before` and `after`."""
        key = (index, before, after)
        if key not in self._reductions:
            widths = [1] * index + [before, after]
            self._reductions[key] = total([parts.reduction(self._architecture, index, widths, self._sizes)])
        return self._reductions[key]


def uncounted(architecture: Architecture) -> Tuple[str, ...]:
    """Return the layers of an architecture's surviving operations whose cost is not known, as 'operation: Layer'."""
    places = {node.operation for scope in architecture.scopes for node in architecture.nodes(scope)}
    operations = [OPERATIONS[architecture.space.operations[place]] for place in sorted(places)]
    return tuple(f'{operation.name}: {layer}' for operation in operations for layer in operation.uncounted)


def stage_sizes(space: SearchSpace, image_size: int) -> Tuple[int, ...]:
    """Return the height (and width) of the feature maps of each stage, pixels."""
    size = image_size
    if space.stem == 'imagenet':
        size = parts.half(parts.half(size))
    sizes = []
    for _ in space.blocks:
        sizes.append(size)
        size = parts.half(size)
    return tuple(sizes)


def check_image_size(space: SearchSpace, image_size: int) -> None:
    """Check that every stride of the network meets maps of at least 2 pixels. Raises UserError."""
    halvings = len(space.blocks) - 1 + (2 if space.stem == 'imagenet' else 0)
    least = 2**halvings // 2 + 1 if halvings else 1
    if image_size < least:
        raise UserError(
            f'images of {image_size} pixels are too small for {len(space.blocks)} stages behind the {space.stem} stem, which halve '
            f'them {halvings} times; accepted are {least} pixels or more'
        )


def stages_served(space: SearchSpace, index: int) -> List[int]:
    """Return the stage of each block that the λ vector space.scopes[index] serves."""
    return [space.stage_of(block) for block in range(space.num_blocks) if space.scope_index(block) == index]


def gate_graphs(space: SearchSpace, image_size: int = 32) -> List[GateGraph[LayerCost]]:
    """Return a GateGraph for each of space.gate_names(), in order, at the space's own channels. image_size: pixels."""
    sizes, widths = stage_sizes(space, image_size), space.widths()
    blocks = [_block_graph(space, index, widths, sizes) for index in range(len(space.scopes))]
    return blocks + [_reduction_graph(space, index, widths, sizes) for index in range(len(space.reduction_scopes))]


def _block_graph(space: SearchSpace, index: int, widths: Sequence[int], sizes: Sequence[int]) -> GateGraph[LayerCost]:
    nodes, edges, stages = space.nodes(), space.block_edges(), stages_served(space, index)
    positions = {node: position for position, node in enumerate(nodes)}
    costs = [
        total(parts.operation(space.operations[node.operation], widths[stage], sizes[stage]) for stage in stages)
        for node in nodes
    ]
    columns = total(parts.columns_of_r(widths[stage], sizes[stage]) for stage in stages)
    return GateGraph(
        space.scopes[index],
        Part.BLOCK,
        source=[positions.get(edge.source, -1) for edge in edges],
        target=[positions.get(edge.target, -1) for edge in edges],
        ungated=() if space.first_level_gates else tuple(range(len(space.operations))),
        operations=tuple(map(space.node_name, nodes)),
        costs=tuple(costs),
        output_costs=(columns,) * len(nodes),
    )


def _reduction_graph(
    space: SearchSpace, index: int, widths: Sequence[int], sizes: Sequence[int]
) -> GateGraph[LayerCost]:
    branches = range(len(REDUCTION))
    return GateGraph(
        space.reduction_scopes[index],
        Part.REDUCTION,
        source=list(branches),
        target=[-1] * len(branches),
        ungated=tuple(branches),
        operations=tuple(branch.name for branch in REDUCTION),
        costs=tuple(parts.branch(branch.kernel, index, widths, sizes) for branch in REDUCTION),
        output_costs=(LayerCost(0, 0, 0),) * len(branches),
    )
