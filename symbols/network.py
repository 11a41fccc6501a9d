"""The network derived from an architecture: what is trained from scratch in stage 3. It has no λ; batch norm's γ is trained."""

from ..base.errors import UserError
from .backend.kernels import convolution, kernels, masked_sum
from .blocks import AUXILIARY_WIDTHS, AuxiliaryTower, Head, Reduction, conv_init, stem
from .cell import Cell, Net

PREFIX = 'network_'
AUXILIARY_STRIDE = {'cifar': 3, 'imagenet': 2}


class NetworkCell(Cell):
    """A block of surviving edges. With drop path, edges out of operations are dropped at random, one draw an image and edge."""

    def __init__(self, space, edges, channels, opens_stage, kernels, drop_depth, prefix):
        super().__init__(space, edges, channels, opens_stage, kernels, train_gamma=True, prefix=prefix)
        self._depth = drop_depth
        with self.name_scope():
            self.out_weight = self.params.get(
                'out_weight', shape=(channels, len(self._outputs) * channels, 1, 1), init=conv_init()
            )

    def hybrid_forward(self, F, x, rate=None, out_weight=None):
        """x (batch, channels, height, width); rate (1,): the largest drop rate now, scaled here by the block's depth."""
        if rate is not None:
            rate = rate * self._depth
        maps = self._run(
            F, x, lambda maps, nodes: [self._sum(F, maps, self._sources.get(node, [(0, 0)]), rate) for node in nodes]
        )
        inputs = [masked_sum(F, [maps[node]], rate) if rate is not None else maps[node] for node in self._outputs]
        return self._finish(x, convolution(F, self._kernels.join(F, inputs), out_weight, self._channels))

    @staticmethod
    def _sum(F, maps, sources, rate):
        operations = [maps[node] for node in sources if node[0]]
        whole = [maps[0, 0]] if (0, 0) in sources else []
        if rate is not None and operations:
            whole.append(masked_sum(F, operations, rate))
            operations = []
        terms = whole + operations
        return terms[0] if len(terms) == 1 else F.add_n(*terms)


class Network(Net):
    """A derived network.

    channels: of the first stage, or one width a stage (default: the space's). auxiliary: an auxiliary tower at the end of the
    stage before the last; the network then returns (logits, auxiliary logits), in inference mode too. dropout: share dropped before the
    dense layer. drop_path: the network takes a second input, the largest drop rate at this moment as an array of shape (1,); the
    rate of a block grows linearly with its depth, to that of the last block. image_size: what the auxiliary tower is built for
    (default: 32 with the cifar stem, 224 with the imagenet stem). kernels_kind: see kernels.py; 'plain' for export.
    params: Parameters to share, by name.
    """

    def __init__(
        self,
        architecture,
        channels=None,
        auxiliary=False,
        dropout=0.0,
        drop_path=False,
        image_size=None,
        kernels_kind=None,
        params=None,
    ):
        super().__init__(prefix=PREFIX, params=params)
        self._kernels_kind = kernels_kind
        self._options = dict(auxiliary=auxiliary, dropout=dropout, drop_path=drop_path, image_size=image_size)
        space = architecture.space
        self.architecture = architecture
        self.widths = widths = space.widths(channels)
        self._device_kernels = device = kernels(kernels_kind, widths + (AUXILIARY_WIDTHS if auxiliary else ()))
        if space.stem == 'imagenet' and widths[0] % 2:
            raise UserError(f'channels: the imagenet stem needs an even first width, not {widths[0]}')
        self._drop_path = drop_path
        self._steps, self._cells = [], set()
        self.auxiliary = None
        with self.name_scope():
            self.stem = stem(space, widths[0], device, True, 'stem_')
            for block in range(space.num_blocks):
                stage = space.stage_of(block)
                if block and space.opens_stage(block):
                    if auxiliary and stage == len(widths) - 1:
                        self._auxiliary_at = len(self._steps)
                    self._add(
                        Reduction(
                            widths[stage - 1],
                            widths[stage],
                            architecture.reduction_branches(stage - 1),
                            device,
                            True,
                            f'r{stage - 1:02d}_',
                        )
                    )
                if not architecture.is_identity(block):
                    cell = NetworkCell(
                        space,
                        architecture.block_edges(block),
                        widths[stage],
                        space.opens_stage(block),
                        device,
                        (block + 1) / space.num_blocks,
                        f'b{block:02d}_',
                    )
                    self._cells.add(len(self._steps))
                    self._add(cell)
            if auxiliary:
                self.auxiliary = _auxiliary(space, widths, image_size, device)
            self.head = Head(widths[-1], space.classes, device, True, 'head_', dropout)

    def _add(self, block):
        self.register_child(block)
        self._steps.append(block)

    def _twin(self):
        return Network(
            self.architecture, self.widths, kernels_kind='exact', params=self.collect_params(), **self._options
        )

    def hybrid_forward(self, F, x, rate=None):
        """x (batch, 3, height, width) float32 → logits (batch, classes), or with the auxiliary tower a pair of them."""
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


def _auxiliary(space, widths, image_size, device):
    if len(widths) < 2:
        raise UserError(
            'auxiliary: a network of one stage has no stage before the last to put the tower at; take retrain.auxiliary=0'
        )
    size = image_size or (32 if space.stem == 'cifar' else 224)
    for _ in range(len(widths) - 2 + (2 if space.stem == 'imagenet' else 0)):
        size = -(-size // 2)
    return AuxiliaryTower(widths[-2], space.classes, AUXILIARY_STRIDE[space.stem], size, device, True, 'auxiliary_')
