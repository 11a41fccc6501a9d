"""The search space: every completely connected block, its levels, operations and edges (Sec. 3.2 of the paper).

A block is M levels of N operations. An operation reads the block's input and every operation of the levels before it; the
block's output reads every operation. Each edge carries a scaling factor λ, but for those into the first level. This module
gives every λ its name and its place in its vector; whoever needs an order of edges takes it from here.
"""
import dataclasses
import functools
import numbers
from typing import Tuple

from ..base.errors import UserError
from ..base.keys import key

INPUT = 'in'
OUTPUT = 'out'
REDUCTION_BRANCHES = ('conv_1x1', 'conv_3x3')
STEMS = ('cifar', 'imagenet')
PAPER_OPERATIONS = ('sep_conv_3x3', 'sep_conv_5x5', 'avg_pool_3x3', 'max_pool_3x3')


@dataclasses.dataclass(frozen=True)
class Edge:
    """One edge of a block. Levels count from 1; the block's input is level 0, its output level M + 1.

    source, target: (level, operation index), with index 0 for the block's input and output.
    """
    source: Tuple[int, int]
    target: Tuple[int, int]
    name: str


@dataclasses.dataclass(frozen=True)
class SearchSpace:
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
    channels: int = key(48, 'channels C of the first stage in search', low=1)
    classes: int = 10   # from the data set
    blocks: Tuple[int, ...] = key((8, 8, 8), 'convolution blocks in each stage', low=1)
    levels: int = key(4, 'levels M of a block', low=1)
    operations: Tuple[str, ...] = key(PAPER_OPERATIONS, 'the N operations of a level')
    stem: str = key('cifar', 'cifar: one 3x3 convolution; imagenet: two of stride 2', STEMS)
    searchable_reduction: bool = key(True, 'the two branches of a reduction block carry a λ each')
    first_level_gates: bool = key(False, "the edges from the block's input to the first level carry a λ")

    def __post_init__(self):
        for field in ('blocks', 'operations'):
            value = getattr(self, field)
            if not isinstance(value, (tuple, list)) or not value:
                raise UserError('space.%s: %r is not a list of at least one entry' % (field, value))
            object.__setattr__(self, field, tuple(value))
        for field in ('channels', 'classes', 'levels'):
            _check_count('space.' + field, getattr(self, field))
        for count in self.blocks:
            _check_count('space.blocks', count)
        for field in ('share', 'searchable_reduction', 'first_level_gates'):
            if not isinstance(getattr(self, field), bool):
                raise UserError('space.%s: %r is neither true nor false' % (field, getattr(self, field)))
        if self.stem not in STEMS:
            raise UserError('space.stem: %r is not one of %s' % (self.stem, ', '.join(STEMS)))
        if self.stem == 'imagenet' and self.channels % 2:
            raise UserError('space.channels: the imagenet stem needs an even number, not %d' % self.channels)
        _check_operations(self.operations)

    @classmethod
    def cifar10(cls, share=True, channels=48, classes=10, blocks=(8, 8, 8), **fields):
        """The paper's CIFAR-10 network: three stages of eight convolution blocks."""
        return cls(share=share, channels=channels, classes=classes, blocks=tuple(blocks), stem='cifar', **fields)

    @classmethod
    def imagenet(cls, share=True, channels=28, classes=1000, blocks=(2, 2, 13, 6), **fields):
        """The paper's ImageNet network: four stages of 2, 2, 13 and 6 convolution blocks."""
        return cls(share=share, channels=channels, classes=classes, blocks=tuple(blocks), stem='imagenet', **fields)

    @classmethod
    def from_dict(cls, values):
        """The space that to_dict() described. Raises UserError for unknown fields and bad values."""
        if not isinstance(values, dict):
            raise UserError('space: %r is not a mapping of fields' % (values,))
        known = [field.name for field in dataclasses.fields(cls)]
        for name in values:
            if name not in known:
                raise UserError('space: unknown field %r; accepted are %s' % (name, ', '.join(known)))
        return cls(**{key: tuple(value) if isinstance(value, list) else value for key, value in values.items()})

    def to_dict(self):
        """Plain data: what JSON and YAML can hold."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in dataclasses.asdict(self).items()}

    # The macro structure.

    @property
    def num_blocks(self):
        """Convolution blocks in the whole network."""
        return sum(self.blocks)

    @property
    def num_reductions(self):
        """Reduction blocks: one after each stage but the last."""
        return len(self.blocks) - 1

    def stage_of(self, block):
        """Stage (from 0) of convolution block `block` (from 0)."""
        for stage, count in enumerate(self.blocks):
            if block < count:
                return stage
            block -= count
        raise ValueError('block %d: the space has blocks 0 to %d' % (block + self.num_blocks, self.num_blocks - 1))

    def opens_stage(self, block):
        """Whether `block` is the first of its stage, whose shortcut is a 1×1 convolution."""
        return block in [sum(self.blocks[:stage]) for stage in range(len(self.blocks))]

    def widths(self, channels=None):
        """Channels of each stage: C, 2C, 4C, … for a number (default: the space's own), or a sequence of one width a stage."""
        if channels is None:
            channels = self.channels
        if isinstance(channels, numbers.Integral):
            _check_count('channels', channels)
            return tuple(int(channels) << stage for stage in range(len(self.blocks)))
        widths = tuple(channels)
        if len(widths) != len(self.blocks):
            raise UserError('channels: %r is not one width for each of the %d stages' % (channels, len(self.blocks)))
        for width in widths:
            _check_count('channels', width)
        return tuple(int(width) for width in widths)

    def block_channels(self, block, channels=None):
        """Channels of convolution block `block`."""
        return self.widths(channels)[self.stage_of(block)]

    # Names and order of edges.

    @property
    def scopes(self):
        """Names of the sets of block λ, in order: ('shared',), or 'b00', 'b01', … one a block."""
        return ('shared',) if self.share else tuple('b%02d' % block for block in range(self.num_blocks))

    @property
    def reduction_scopes(self):
        """Names of the reduction blocks whose branches carry λ: 'r00', 'r01', …; empty when they carry none."""
        return tuple('r%02d' % index for index in range(self.num_reductions)) if self.searchable_reduction else ()

    def scope_index(self, block):
        """Place in `scopes` of the λ of convolution block `block`; also accepts a scope's name."""
        if block in self.scopes:
            return self.scopes.index(block)
        if isinstance(block, numbers.Integral) and 0 <= block < self.num_blocks:
            return 0 if self.share else int(block)
        raise ValueError('block %r: the space has blocks 0 to %d' % (block, self.num_blocks - 1))

    @functools.lru_cache(maxsize=None)  # noqa: B019 (a space is a small frozen value, and its edges are asked for all the time)
    def block_edges(self):
        """The edges of one completely connected block, without a scope: a tuple of Edge, in the order of the λ vector.

        By target, level by level (the block's output last); within a target the block's input, then the sources by level.
        """
        edges = []
        first = 1 if self.first_level_gates else 2
        for level in range(first, self.levels + 1):
            for index in range(len(self.operations)):
                edges.append(self._edge((0, 0), (level, index)))
                edges.extend(self._edge(source, (level, index)) for source in self._nodes(level))
        edges.extend(self._edge(source, (self.levels + 1, 0)) for source in self._nodes(self.levels + 1))
        return tuple(edges)

    def edges(self):
        """Every block edge's name, in order: a list of one tuple a block, or of a single tuple when shared."""
        return [tuple('%s/%s' % (scope, edge.name) for edge in self.block_edges()) for scope in self.scopes]

    def reduction_edges(self):
        """Names of the λ of the reduction blocks, in order: a list of one tuple a reduction block (none when they carry no λ)."""
        return [tuple('%s/out<-%s' % (scope, branch) for branch in REDUCTION_BRANCHES) for scope in self.reduction_scopes]

    def gate_names(self):
        """Names of all λ: one tuple for each λ vector, blocks first, then reduction blocks."""
        return self.edges() + self.reduction_edges()

    def node_name(self, node):
        """Name of (level, operation index): 'in', 'L2.max_pool_3x3' or 'out'."""
        level, index = node
        if level == 0:
            return INPUT
        return OUTPUT if level == self.levels + 1 else 'L%d.%s' % (level, self.operations[index])

    def nodes(self):
        """All operations of a block as (level, operation index), in order."""
        return self._nodes(self.levels + 1)

    def _nodes(self, before):
        return [(level, index) for level in range(1, before) for index in range(len(self.operations))]

    def _edge(self, source, target):
        return Edge(source, target, '%s<-%s' % (self.node_name(target), self.node_name(source)))


def _check_count(name, value):
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < 1:
        raise UserError('%s: %r is not a whole number of at least 1' % (name, value))


def _check_operations(names):
    from .operations import OPERATIONS
    for name in names:
        if not isinstance(name, str) or name not in OPERATIONS:
            raise UserError('space.operations: unknown operation %r; accepted are %s' % (name, ', '.join(OPERATIONS)))
    if len(set(names)) != len(names):
        raise UserError('space.operations: %s names an operation twice' % ', '.join(names))
