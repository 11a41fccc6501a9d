"""The search space: every completely connected block, its levels, operations and edges (Sec. 3.2 of the paper).

A block is M levels of N operations. An operation reads the block's input and every operation of the levels before it; the
block's output reads every operation. Each edge carries a scaling factor λ, but for those into the first level. This module
gives every λ its name and its place in its vector; all code that needs an order of edges takes it from here.
"""

from __future__ import annotations

import dataclasses
import functools
import numbers
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

from ..base import limits
from ..base.errors import UserError
from ..base.keys import key
from ..base.text import shown
from .describing import DescribedSpace
from .nodes import BLOCK_INPUT, INPUT, OUTPUT, REDUCTION_BRANCHES, Edge, Node

__all__ = [
    'BLOCK_INPUT', 'INPUT', 'OUTPUT', 'PAPER_OPERATIONS', 'REDUCTION_BRANCHES', 'STEMS', 'Channels', 'Edge', 'Node', 'SearchSpace',
]  # fmt: skip

STEMS = ('cifar', 'imagenet')
PAPER_OPERATIONS = ('sep_conv_3x3', 'sep_conv_5x5', 'avg_pool_3x3', 'max_pool_3x3')

Channels = Union[int, Sequence[int]]  # of the first stage, or one width a stage


@dataclasses.dataclass(frozen=True)
class SearchSpace(DescribedSpace):
    """All candidate networks: the macro structure (Fig. 3) and the completely connected block (Fig. 2).

    share: one set of λ serves all blocks (share search space), else one set a block (full search space).
    channels: channels C of the first stage; doubled after each stage.
    classes: width of the last dense layer.
    blocks: convolution blocks in each stage; a reduction block stands between two stages.
    levels, operations: M and the names of the N operations of every level, from the registry in operations.py.
    stem: 'cifar' (one 3×3 convolution) or 'imagenet' (two 3×3 convolutions of stride 2).
    searchable_reduction: the two branches of a reduction block carry a λ each, as in the published results.
    first_level_gates: the edges from the block's input into the first level carry a λ too.

    Raises UserError, naming the field and what it accepts.
    """

    share: bool = key(True, 'one set of λ for all blocks (share), else one a block (full)')
    channels: int = key(48, 'channels C of the first stage in search', low=1, high=limits.CHANNELS)
    classes: int = 10  # from the data set
    blocks: Tuple[int, ...] = key((8, 8, 8), 'convolution blocks in each stage', low=1, high=limits.BLOCKS)
    levels: int = key(4, 'levels M of a block', low=1, high=limits.LEVELS)
    operations: Tuple[str, ...] = key(PAPER_OPERATIONS, 'the N operations of a level')
    stem: str = key('cifar', 'cifar: one 3x3 convolution; imagenet: two of stride 2', STEMS)
    searchable_reduction: bool = key(True, 'the two branches of a reduction block carry a λ each')
    first_level_gates: bool = key(False, "the edges from the block's input to the first level carry a λ")

    def __post_init__(self) -> None:
        for field in ('blocks', 'operations'):
            value = getattr(self, field)
            if not isinstance(value, (tuple, list)) or not value:
                raise UserError(f'space.{field}: {shown(value)} is not a list of at least one entry')
            object.__setattr__(self, field, tuple(value))
        for field, most in (('channels', limits.CHANNELS), ('classes', limits.CLASSES), ('levels', limits.LEVELS)):
            _check_count('space.' + field, getattr(self, field), most)
        if len(self.blocks) > limits.STAGES:
            raise UserError(f'space.blocks: {len(self.blocks)} stages; accepted are at most {limits.STAGES}')
        for count in self.blocks:
            _check_count('space.blocks', count, limits.BLOCKS)
        for field in ('share', 'searchable_reduction', 'first_level_gates'):
            if not isinstance(getattr(self, field), bool):
                raise UserError(f'space.{field}: {shown(getattr(self, field))} is neither true nor false')
        if self.stem not in STEMS:
            raise UserError(f'space.stem: {shown(self.stem)} is not one of {", ".join(STEMS)}')
        if self.stem == 'imagenet' and self.channels % 2:
            raise UserError(f'space.channels: the imagenet stem needs an even number, not {self.channels}')
        _check_operations(self.operations)
        self._check_size()

    @classmethod
    def cifar10(
        cls,
        share: bool = True,
        channels: int = 48,
        classes: int = 10,
        blocks: Sequence[int] = (8, 8, 8),
        **fields: Any,
    ) -> SearchSpace:
        """Build the paper's space for CIFAR-10: three stages of eight convolution blocks."""
        return cls(share=share, channels=channels, classes=classes, blocks=tuple(blocks), stem='cifar', **fields)

    @classmethod
    def imagenet(
        cls,
        share: bool = True,
        channels: int = 28,
        classes: int = 1000,
        blocks: Sequence[int] = (2, 2, 13, 6),
        **fields: Any,
    ) -> SearchSpace:
        """Build the paper's space for ImageNet: four stages of 2, 2, 13 and 6 convolution blocks."""
        return cls(share=share, channels=channels, classes=classes, blocks=tuple(blocks), stem='imagenet', **fields)

    @classmethod
    def from_dict(cls, values: Any) -> SearchSpace:
        """Build the space that to_dict() described. Raises UserError for unknown fields and bad values."""
        if not isinstance(values, dict):
            raise UserError(f'space: {shown(values)} is not a mapping of fields')
        known = [field.name for field in dataclasses.fields(cls)]
        for name in values:
            if name not in known:
                raise UserError(f'space: unknown field {shown(name)}; accepted are {", ".join(known)}')
        fields: Dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
        }
        return cls(**fields)

    def to_dict(self) -> Dict[str, Any]:
        """Return the fields as plain data for JSON and YAML."""
        return {
            key: list(value) if isinstance(value, tuple) else value for key, value in dataclasses.asdict(self).items()
        }

    def _check_size(self) -> None:
        """Refuse a space of more operations or λ than base/limits.py has, counted before any is named."""
        nodes, kinds = self.levels * len(self.operations), len(self.operations)
        shape = f'{self.levels} levels of {kinds} operations'
        if nodes > limits.BLOCK_OPERATIONS:
            raise UserError(
                f'space.levels: {shape} are {nodes} in a block; accepted are at most {limits.BLOCK_OPERATIONS}'
            )
        gates = (kinds**2 * self.levels * (self.levels - 1) // 2 + 2 * nodes) * (1 if self.share else self.num_blocks)
        both = (nodes * self.num_blocks, limits.OPERATIONS, 'operations'), (gates, limits.GATES, 'λ')
        for count, most, name in both:
            if count > most:
                whole = f'{shape} in {self.num_blocks} blocks are {count} {name}'
                raise UserError(f'space.blocks: {whole}; accepted are at most {most}')

    # The macro structure.

    @property
    def num_blocks(self) -> int:
        """Number of convolution blocks in the whole network."""
        return sum(self.blocks)

    @property
    def num_reductions(self) -> int:
        """Number of reduction blocks: one after each stage but the last."""
        return len(self.blocks) - 1

    def stage_of(self, block: int) -> int:
        """Return the stage (from 0) of convolution block `block` (from 0). Raises ValueError for another number."""
        for stage, count in enumerate(self.blocks):
            if block < count:
                return stage
            block -= count
        raise ValueError(f'block {block + self.num_blocks}: the space has blocks 0 to {self.num_blocks - 1}')

    def opens_stage(self, block: int) -> bool:
        """Tell whether `block` is the first of its stage, whose shortcut is a 1×1 convolution."""
        return block in [sum(self.blocks[:stage]) for stage in range(len(self.blocks))]

    def widths(self, channels: Optional[Channels] = None) -> Tuple[int, ...]:
        """Return the channels of each stage: C, 2C, 4C, … for a number (default: the space's own), or the widths as given.

        channels: of the first stage, or one width a stage. Raises UserError where they do not fit the space.
        """
        if channels is None:
            channels = self.channels
        if isinstance(channels, (int, numbers.Integral)):
            _check_count('channels', channels, limits.WIDTH)
            return tuple(int(channels) << stage for stage in range(len(self.blocks)))
        widths = tuple(channels)
        if len(widths) != len(self.blocks):
            raise UserError(f'channels: {shown(channels)} is not one width for each of the {len(self.blocks)} stages')
        for width in widths:
            _check_count('channels', width, limits.WIDTH)
        return tuple(int(width) for width in widths)

    def block_channels(self, block: int, channels: Optional[Channels] = None) -> int:
        """Return the channels of convolution block `block`."""
        return self.widths(channels)[self.stage_of(block)]

    # Names and order of edges.

    @property
    def scopes(self) -> Tuple[str, ...]:
        """Names of the sets of block λ, in order: ('shared',), or 'b00', 'b01', … one a block."""
        return ('shared',) if self.share else tuple(f'b{block:02d}' for block in range(self.num_blocks))

    @property
    def reduction_scopes(self) -> Tuple[str, ...]:
        """Names of the reduction blocks whose branches carry λ: 'r00', 'r01', …; empty when they carry none."""
        return tuple(f'r{index:02d}' for index in range(self.num_reductions)) if self.searchable_reduction else ()

    def scope_index(self, block: Union[int, str]) -> int:
        """Return the position in `scopes` of the λ of convolution block `block`, its number or its scope's name.

        Raises ValueError for another number or name.
        """
        if isinstance(block, str) and block in self.scopes:
            return self.scopes.index(block)
        if isinstance(block, numbers.Integral) and 0 <= block < self.num_blocks:
            return 0 if self.share else int(block)
        raise ValueError(f'block {block!r}: the space has blocks 0 to {self.num_blocks - 1}')

    @functools.lru_cache(maxsize=None)  # noqa: B019 (a space is a small frozen value, and its edges are asked for all the time)
    def block_edges(self) -> Tuple[Edge, ...]:
        """Return the edges of one completely connected block, in the order of the λ vector.

        By target, level by level (the block's output last); within a target the block's input, then the sources by level.
        """
        edges: List[Edge] = []
        first = 1 if self.first_level_gates else 2
        for level in range(first, self.levels + 1):
            for index in range(len(self.operations)):
                target = Node(level, index)
                edges.append(self._edge(BLOCK_INPUT, target))
                edges.extend(self._edge(source, target) for source in self._nodes(level))
        edges.extend(self._edge(source, self.output) for source in self.nodes())
        return tuple(edges)

    def edges(self) -> List[Tuple[str, ...]]:
        """Return every block edge's name, in order: one tuple a block, or a single tuple when shared."""
        return [tuple(f'{scope}/{edge.name}' for edge in self.block_edges()) for scope in self.scopes]

    def reduction_edges(self) -> List[Tuple[str, ...]]:
        """Return the names of the reduction blocks' λ, in order: one tuple a reduction block, none when they carry no λ."""
        return [tuple(f'{scope}/out<-{branch}' for branch in REDUCTION_BRANCHES) for scope in self.reduction_scopes]

    def gate_names(self) -> List[Tuple[str, ...]]:
        """Return the names of all λ: one tuple for each λ vector, blocks first, then reduction blocks."""
        return self.edges() + self.reduction_edges()

    def gate_groups(self) -> List[Tuple[int, ...]]:
        """Return the group of each λ, in the order of gate_names(): a number for each vector's entry, from 0 in each vector.

        The λ of the edges into one operation make a group, those into a block's output, and those of a reduction block: batch norm
        follows the sum that they weigh, so that the network does not see their common scale.
        """
        targets = [edge.target for edge in self.block_edges()]
        order = sorted(set(targets))
        block = tuple(order.index(target) for target in targets)
        return [block for _ in self.scopes] + [tuple(0 for _ in REDUCTION_BRANCHES) for _ in self.reduction_scopes]

    @property
    def output(self) -> Node:
        """The Node of the block's output."""
        return Node(self.levels + 1, 0)

    def node_name(self, node: Tuple[int, int]) -> str:
        """Return the name of a Node: 'in', 'L2.max_pool_3x3' or 'out'."""
        level, index = node
        ends = {0: INPUT, self.levels + 1: OUTPUT}
        return ends.get(level) or f'L{level}.{self.operations[index]}'

    def nodes(self) -> List[Node]:
        """Return all operations of a block, in order."""
        return self._nodes(self.levels + 1)

    def _nodes(self, before: int) -> List[Node]:
        return [Node(level, index) for level in range(1, before) for index in range(len(self.operations))]

    def _edge(self, source: Node, target: Node) -> Edge:
        return Edge(source, target, f'{self.node_name(target)}<-{self.node_name(source)}')


def _check_count(name: str, value: Any, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or not 1 <= int(value) <= most:
        raise UserError(f'{name}: {shown(value)} is not a whole number from 1 to {most}')


def _check_operations(names: Sequence[Any]) -> None:
    from .operations import OPERATIONS

    for name in names:
        if not isinstance(name, str) or name not in OPERATIONS:
            raise UserError(f'space.operations: unknown operation {shown(name)}; accepted are {", ".join(OPERATIONS)}')
    if len(set(names)) != len(names):
        raise UserError(f'space.operations: {", ".join(names)} names an operation twice')
