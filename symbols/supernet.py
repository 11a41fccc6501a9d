"""The completely connected network with a scaling factor λ on every edge (eq. 3 and 4), whole or physically pruned.

On the CPU a block is one operator of this project's own, where it can be (fusing.py). Elsewhere the sums of eq. 3 are one GEMM a level
over its stacked sources, not an operator an edge (Kernels.mix), and the λ of eq. 4 are folded into the weights of R's 1×1 convolution, so
they need no pass over the features.
"""

from __future__ import annotations

from typing import Any, List, Optional, Sequence, Tuple

import numpy as np

from . import describing, fusing
from .architecture import Architecture
from .backend import native
from .backend.kernels import kernels
from .backend.operators import Kernels
from .backend.types import Array, Block, Operators, Parameter, ParameterDict
from .blocks import Head, Reduction, stem
from .cell import Cell, Maps, Net
from .gates import GateLayout, gate_parameters
from .space import BLOCK_INPUT, Edge, Node, SearchSpace
from .units import conv_init

PREFIX = 'supernet_'


class SupernetCell(Cell):
    """A block whose edges carry λ. fused: whether it is one operator, where its operations are such that it can be."""

    def __init__(
        self,
        space: SearchSpace,
        edges: Sequence[Edge],
        channels: int,
        opens_stage: bool,
        kernels: Kernels,
        fused: bool,
        prefix: str,
    ) -> None:
        super().__init__(space, edges, channels, opens_stage, kernels, train_gamma=False, prefix=prefix)
        self._layout = GateLayout(space)
        self._weights: List[str] = []
        with self.name_scope():
            for node in self._outputs:  # one R weight an operation, so that pruning one leaves the others' as they are
                name = f'out_{space.node_name(node).replace(".", "_")}_weight'
                setattr(self, name, self.params.get(name, shape=(channels, channels, 1, 1), init=conv_init()))
                self._weights.append(name)
        if fused:
            self._plan = self._planned(fusing.supernet_plan)

    def hybrid_forward(self, F: Operators, x: Array, lam: Array, **weights: Array) -> Array:
        """Compute x (batch, channels, height, width), the block's λ vector → the shape of x."""
        if self._is_whole(x):
            return self._whole(F, [x, lam], [weights[name] for name in self._weights])
        maps = self._run(x, lambda maps, nodes: self._feed(F, maps, nodes, lam))
        return self._finish(x, self._gather(F, maps, lam, [weights[name] for name in self._weights]))

    def _feed(self, F: Operators, maps: Maps, nodes: Sequence[Node], lam: Array) -> List[Array]:
        level = nodes[0].level
        if not self._layout.gated(level):
            return [maps[BLOCK_INPUT]] * len(nodes)
        feeding = {source for node in nodes for source in self._sources[node]}
        sources = [node for node in maps if node in feeding]
        matrix = self._layout.matrix(F, lam, level, [node.operation for node in nodes], sources)
        return self._kernels.mix(F, [maps[node] for node in sources], matrix, len(nodes))  # eq. 3

    def _gather(self, F: Operators, maps: Maps, lam: Array, weights: Sequence[Array]) -> Array:
        scale = self._layout.matrix(F, lam, self._space.levels + 1, [0], self._outputs)
        return self._kernels.gather(F, [maps[node] for node in self._outputs], weights, scale, self._channels)  # eq. 4


class Supernet(Net):
    """The network that is searched: weights W, and λ as parameters of their own.

    space: a SearchSpace. architecture: the edges that are physically there (default: all); λ vectors keep their full length, and
    those of edges that are not there must be zero. kernels_kind: see backend/kernels.py. params: Parameters to share, by name.

    A supernet pruned to an architecture computes what the supernet with those λ at zero computes, except that a block left
    with nothing is the identity (eq. 4), where R of nothing would still give relu(β) of its batch norm. λ of edges that are not
    there must be zero and stay zero: between operations that are both there they are still computed with. Raises ValueError for an
    architecture of another space.
    """

    def __init__(
        self,
        space: SearchSpace,
        architecture: Optional[Architecture] = None,
        kernels_kind: Optional[str] = None,
        params: Optional[ParameterDict] = None,
    ) -> None:
        super().__init__(prefix=PREFIX, params=params)
        self._kernels_kind = kernels_kind
        self._device_kernels = device = kernels(kernels_kind)
        self.space = space
        self.architecture = architecture or Architecture.full(space)
        if self.architecture.space != space:
            raise ValueError('architecture: it belongs to another search space')
        self._fused = self._regrouped = device.wanted is not None and native.missing() is None
        widths = space.widths()
        self._steps: List[Tuple[Block, Optional[int]]] = []  # a block, and the place of its λ vector
        with self.name_scope():
            self.gates = gate_parameters(space, self.params)
            self._gate_names = [gate.name[len(self.prefix) :] for gate in self.gates]
            for gate_name, gate in zip(self._gate_names, self.gates):
                setattr(self, gate_name, gate)
            self.stem = stem(space, widths[0], device, False, 'stem_')
            for block in range(space.num_blocks):
                stage = space.stage_of(block)
                if block and space.opens_stage(block):
                    self._add_reduction(stage - 1, widths, device)
                if not self.architecture.is_identity(block):
                    self._add(
                        SupernetCell(
                            space,
                            self.architecture.block_edges(block),
                            widths[stage],
                            space.opens_stage(block),
                            device,
                            self._fused,
                            f'b{block:02d}_',
                        ),
                        space.scope_index(block),
                    )
            self.head = Head(widths[-1], space.classes, device, False, 'head_')

    def _add_reduction(self, index: int, widths: Sequence[int], device: Kernels) -> None:
        block = Reduction(
            widths[index],
            widths[index + 1],
            self.architecture.reduction_branches(index),
            device,
            False,
            f'r{index:02d}_',
        )
        self._add(block, len(self.space.scopes) + index if self.space.searchable_reduction else None)

    def _add(self, block: Block, gate: Optional[int]) -> None:
        self.register_child(block)
        self._steps.append((block, gate))

    def hybrid_forward(self, F: Operators, x: Array, **lambdas: Array) -> Array:
        """Compute x (batch, 3, height, width) float32 → logits (batch, classes)."""
        gates = [lambdas[name] for name in self._gate_names]
        # MXNet updates batch norm's running statistics in the backward pass, and only where it leads to a requested gradient.
        # With λ added to the image, times zero, a step that requests λ's gradients alone updates all of them, as a step on W does.
        nothing = F.slice_axis(gates[0], axis=0, begin=0, end=1) * 0
        x = self.stem(F.broadcast_add(x, F.reshape(nothing, shape=(1, 1, 1, 1))))
        for block, gate in self._steps:
            x = block(x) if gate is None else block(x, gates[gate])
        return self.head(x)

    def __repr__(self) -> str:
        return describing.network_text('Supernet', self.architecture, self.space.widths())

    def _groups(self) -> List[List[Parameter]]:
        return [list(self.weights().values()), self.gates]

    def _twin(self, kernels_kind: str) -> Supernet:
        return Supernet(self.space, self.architecture, kernels_kind, self.collect_params())

    def gate_values(self) -> List[np.ndarray[Any, Any]]:
        """Return λ as NumPy arrays, one for each of space.gate_names()."""
        return [gate.data(gate.list_ctx()[0]).asnumpy() for gate in self.gates]

    def weights(self) -> ParameterDict:
        """Return all parameters that are not λ."""
        return self.collect_params('^(?!.*lambda$).*$')

    def pruned(self, architecture: Architecture) -> Supernet:
        """Build a smaller supernet on this one's Parameters: same values, same gradients and optimizer states for what stays.

        Its λ and weights are this network's own objects, so Trainers go on; weights that are gone get no gradient any more
        (grad_req 'null'), so Trainers pass them over. Pruning is monotone: what this network has lost does not come back, and a reduction
        block keeps a branch that it has; the smaller network's `architecture` says what is in it.
        """
        values = self.collect_params()
        architecture = architecture.within(self.architecture)
        smaller = Supernet(self.space, architecture, self._kernels_kind, values)
        kept = set(smaller.collect_params())
        for parameter_name, parameter in values.items():
            if parameter_name not in kept:
                parameter.grad_req = 'null'
        return smaller


def zero_fraction(values: Sequence[Any]) -> float:
    """Return the share of λ that are exactly zero. values: arrays."""
    flat = np.concatenate([np.ravel(value) for value in values])
    return float((flat == 0).mean())
