"""The network derived from an architecture, trained from scratch in stage 3. It has no λ; batch norm's γ is trained."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence, Set, Tuple

from ..base.errors import UserError
from . import describing, fusing
from .architecture import Architecture
from .backend import native, padding
from .backend.kernels import drawn_masks, kernels, masked_sum
from .backend.operators import Kernels
from .backend.types import Array, Block, Operators, ParameterDict
from .blocks import AUXILIARY_WIDTHS, KEEP_ZEROS, AuxiliaryTower, Head, Reduction, stem
from .cell import Cell, Maps, Net
from .operations import OPERATIONS
from .space import BLOCK_INPUT, Channels, Edge, Node, SearchSpace
from .units import BatchNormReLU, conv_bn_relu, conv_init

PREFIX = 'network_'
AUXILIARY_STRIDE = {'cifar': 3, 'imagenet': 2}


class NetworkCell(Cell):
    """A block of surviving edges. With drop path, edges out of operations are dropped at random, one draw an image and edge.

    drop_depth: the factor of this block on the drop rate, from 0 to 1. borders: kernels of the batch norms at the block's output, which
    meet gradients of blocks of other widths; kernels: of everything else. fused: whether it is one operator, where its operations are such
    that it can be. drops: whether there is drop path.
    """

    def __init__(
        self,
        space: SearchSpace,
        edges: Sequence[Edge],
        channels: int,
        opens_stage: bool,
        kernels: Kernels,
        drop_depth: float,
        prefix: str,
        borders: Optional[Kernels] = None,
        fused: bool = False,
        drops: bool = False,
    ) -> None:
        super().__init__(space, edges, channels, opens_stage, kernels, train_gamma=True, prefix=prefix)
        self._depth = drop_depth
        fed = [(node, self._sources.get(node, [])) for nodes in self._levels for node in nodes]
        dropped = [
            (source, node)
            for node, sources in [*fed, (space.output, self._outputs)]
            for source in sources
            if source != BLOCK_INPUT
        ]
        # The place of each edge among an image's masks; those of a node's edges are side by side.
        self._places: Dict[Tuple[Node, Node], int] = (
            {edge: place for place, edge in enumerate(dropped)} if drops else {}
        )
        with self.name_scope():
            if borders is not None:
                self.output_bn = BatchNormReLU(channels, borders, True, 'out_bn_')
                if opens_stage:
                    self.shortcut = conv_bn_relu(channels, channels, borders, True, 'shortcut_')
            self.out_weight = self.params.get(
                'out_weight', shape=(channels, len(self._outputs) * channels, 1, 1), init=conv_init()
            )
        if fused:
            self._plan = self._planned(fusing.network_plan, drawn=self._places)

    def hybrid_forward(self, F: Operators, x: Array, rate: Optional[Array] = None, out_weight: Array = None) -> Array:
        """Compute the block on x (batch, channels, height, width) → the same shape.

        rate (1,): the largest drop rate at this moment, scaled here by the block's depth; None: nothing is dropped.
        """
        weight = padding.kernel(F, out_weight, self._channels, self._channels, count=len(self._outputs))
        masks = None
        if rate is not None and self._places:
            masks = drawn_masks(F, x, rate * self._depth, len(self._places))
        if self._is_whole(x) and (masks is None) == (not self._places):
            return self._whole(F, [x] if masks is None else [x, masks], [weight])
        maps = self._run(x, lambda maps, nodes: [self._sum(F, maps, node, masks) for node in nodes])
        output = self._space.output
        inputs = [
            self._dropped(F, maps, [node], output, masks) if masks is not None else maps[node] for node in self._outputs
        ]
        return self._finish(x, self._kernels.combine(F, inputs, weight, padding.maps(self._channels)))

    def _sum(self, F: Operators, maps: Maps, node: Node, masks: Optional[Array]) -> Array:
        """Compute what an operation reads."""
        sources = self._sources.get(node, [BLOCK_INPUT])
        operations = [source for source in sources if source != BLOCK_INPUT]
        terms = [maps[BLOCK_INPUT]] if BLOCK_INPUT in sources else []
        if masks is not None and operations:
            terms.append(self._dropped(F, maps, operations, node, masks))
        else:
            terms += [maps[source] for source in operations]
        return terms[0] if len(terms) == 1 else F.add_n(*terms)

    def _dropped(self, F: Operators, maps: Maps, sources: Sequence[Node], target: Node, masks: Array) -> Array:
        """Sum the maps of neighbouring sources of a node, each image of each with its mask."""
        begin = self._places[sources[0], target]
        return masked_sum(
            F, [maps[source] for source in sources], F.slice_axis(masks, axis=1, begin=begin, end=begin + len(sources))
        )


class Network(Net):
    """A derived network.

    channels: of the first stage, or one width a stage (default: the space's). auxiliary: an auxiliary tower at the end of the
    stage before the last; the network then returns (logits, auxiliary logits), in inference mode too. dropout: share dropped before the
    dense layer. drop_path: the network takes a second input, the largest drop rate at this moment as an array of shape (1,); the
    rate of a block grows linearly with its depth, to that of the last block. image_size: what the auxiliary tower is built for
    (default: 32 with the cifar stem, 224 with the imagenet stem). kernels_kind: see backend/kernels.py; 'plain' for export.
    params: Parameters to share, by name. maps: channels that the feature maps of each stage have, those beyond its width zero
    (backend/padding.py; default: as many as this processor's blocks hold for the kernels 'cpu', the widths for others).

    Raises UserError for channels that do not fit the space, and for an auxiliary tower on a network of one stage.
    """

    def __init__(
        self,
        architecture: Architecture,
        channels: Optional[Channels] = None,
        auxiliary: bool = False,
        dropout: float = 0.0,
        drop_path: bool = False,
        image_size: Optional[int] = None,
        kernels_kind: Optional[str] = None,
        params: Optional[ParameterDict] = None,
        maps: Optional[Sequence[int]] = None,
    ) -> None:
        super().__init__(prefix=PREFIX, params=params)
        self._kernels_kind = kernels_kind
        self._options: Dict[str, Any] = dict(
            auxiliary=auxiliary, dropout=dropout, drop_path=drop_path, image_size=image_size
        )
        space = architecture.space
        self.architecture = architecture
        self.widths = widths = space.widths(channels)
        self._wide = _wide(space, widths, kernels_kind, maps)
        self._device_kernels = device = _kernels_between(space, self._wide, kernels_kind, auxiliary)
        self._fused = device.wanted is not None and native.missing() is None
        if space.stem == 'imagenet' and widths[0] % 2:
            raise UserError(f'channels: the imagenet stem needs an even first width, not {widths[0]}')
        self._drop_path = drop_path
        self._steps: List[Block] = []
        self._cells: Set[int] = set()  # positions in _steps of the blocks that take the drop rate
        self._auxiliary_at: Optional[int] = None  # position in _steps before which the auxiliary tower reads
        self.auxiliary: Optional[Block] = None
        with self.name_scope():
            self.stem = stem(space, self._wide[0], device, True, 'stem_')
            for block in range(space.num_blocks):
                stage = space.stage_of(block)
                if block and space.opens_stage(block):
                    if auxiliary and stage == len(widths) - 1:
                        self._auxiliary_at = len(self._steps)
                    self._add_reduction(stage - 1)
                if not architecture.is_identity(block):
                    self._add_cell(block, self._wide[stage])
            if auxiliary:
                self.auxiliary = _auxiliary(space, self._wide, image_size, device)
            self.head = Head(self._wide[-1], space.classes, device, True, 'head_', dropout)

    @property
    def maps(self) -> Tuple[int, ...]:
        """The channels of each stage's feature maps, at least its width."""
        return padding.widest(self._wide)

    def _add_reduction(self, index: int) -> None:
        branches, (before, after) = self.architecture.reduction_branches(index), self._wide[index : index + 2]
        self._add(Reduction(before, after, branches, self._device_kernels, True, f'r{index:02d}_'))

    def _add_cell(self, block: int, channels: int) -> None:
        space, edges = self.architecture.space, self.architecture.block_edges(block)
        opens_stage, depth = space.opens_stage(block), (block + 1) / space.num_blocks
        self._cells.add(len(self._steps))
        inner, prefix = kernels(self._kernels_kind), f'b{block:02d}_'  # within a block all maps are of one width
        options: Dict[str, Any] = dict(borders=self._device_kernels, fused=self._fused, drops=self._drop_path)
        self._add(NetworkCell(space, edges, channels, opens_stage, inner, depth, prefix, **options))

    def _add(self, block: Block) -> None:
        self.register_child(block)
        self._steps.append(block)

    def __repr__(self) -> str:
        options = {'auxiliary': 'an auxiliary tower', 'dropout': 'dropout', 'drop_path': 'drop path'}
        notes = [text for name, text in options.items() if self._options[name]]
        return describing.network_text('Network', self.architecture, self.widths, notes)

    def _twin(self, kernels_kind: str) -> Network:
        options = dict(self._options, params=self.collect_params(), maps=self.maps)
        return Network(self.architecture, self.widths, kernels_kind=kernels_kind, **options)

    def hybrid_forward(self, F: Operators, x: Array, rate: Optional[Array] = None) -> Any:
        """Compute x (batch, 3, height, width) float32 → logits (batch, classes), or with the auxiliary tower a pair of them."""
        if self._drop_path and rate is None:
            raise ValueError(
                'a network with drop path takes the current rate as its second input, an array of shape (1,)'
            )
        x = self.stem(x)
        auxiliary = None
        for place, block in enumerate(self._steps):
            if self.auxiliary is not None and place == self._auxiliary_at:
                auxiliary = self.auxiliary(x)
            x = block(x, rate) if self._drop_path and place in self._cells else block(x)
        logits = self.head(x)
        return logits if auxiliary is None else (logits, auxiliary)


def _auxiliary(space: SearchSpace, widths: Sequence[int], image_size: Optional[int], device: Kernels) -> AuxiliaryTower:
    if len(widths) < 2:
        raise UserError(
            'auxiliary: a network of one stage has no stage before the last to put the tower at; build it without'
        )
    size = image_size or (32 if space.stem == 'cifar' else 224)
    for _ in range(len(widths) - 2 + (2 if space.stem == 'imagenet' else 0)):
        size = -(-size // 2)
    return AuxiliaryTower(widths[-2], space.classes, AUXILIARY_STRIDE[space.stem], size, device, True, 'auxiliary_')


def _wide(
    space: SearchSpace, widths: Sequence[int], kernels_kind: Optional[str], maps: Optional[Sequence[int]]
) -> Tuple[padding.Width, ...]:
    """Return each stage's width with the channels of its maps; as given, or what suits the kernels."""
    if maps is not None:
        return tuple(padding.Width(width, channels) for width, channels in zip(widths, maps))
    layers = [layer for name in space.operations for layer in OPERATIONS[name].layers]
    filled = kernels(kernels_kind).fills_blocks and all(isinstance(layer, KEEP_ZEROS) for layer in layers)
    return tuple(padding.fullest(width) if filled else padding.Width(width) for width in widths)


def _kernels_between(
    space: SearchSpace, widths: Tuple[padding.Width, ...], kernels_kind: Optional[str], auxiliary: bool
) -> Kernels:
    """Return the kernels for what lies between blocks, where maps of different widths meet."""
    first = padding.widest([padding.half(widths[0])]) if space.stem == 'imagenet' else ()
    return kernels(kernels_kind, padding.widest(widths) + first + (AUXILIARY_WIDTHS if auxiliary else ()))
