"""The base classes of supernet and derived network: a convolution block of surviving edges, and a network's outermost block.

`Cell` holds the operations, the shortcut and the output's batch norm. Subclasses compute the operations' inputs and the output's sum:
with λ in supernet.py, without in network.py.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, Callable, Dict, List, Optional, Sequence

import mxnet as mx
import numpy as np
from mxnet import autograd
from mxnet.gluon import HybridBlock

from . import fusing
from .backend.kernels import GROUPS
from .backend.operators import BN_EPSILON, BN_MOMENTUM, Kernels
from .backend.types import Array, Block, NDArray, Operators, Parameter
from .blocks import operation_block
from .space import BLOCK_INPUT, Edge, Node, SearchSpace
from .units import BatchNormReLU, conv_bn_relu

Maps = Dict[Node, Array]  # feature maps by the node that they come out of


class Cell(HybridBlock):
    """One block. Its output is R(what the operations contribute) + shortcut(its input), eq. 4.

    edges: the surviving space.Edge, without isolated operations. opens_stage: the shortcut is a 1×1 convolution.
    A block without edges is the identity, and needs no cell.
    """

    _plan: Optional[str] = None  # of the block as one operator (fusing.py)

    def __init__(
        self,
        space: SearchSpace,
        edges: Sequence[Edge],
        channels: int,
        opens_stage: bool,
        kernels: Kernels,
        train_gamma: bool,
        prefix: str,
    ) -> None:
        super().__init__(prefix=prefix)
        self._space, self._channels, self._kernels = space, channels, kernels
        self._sources: Dict[Node, List[Node]] = {}  # node -> nodes that feed it, in order
        for edge in edges:
            self._sources.setdefault(edge.target, []).append(edge.source)
        self._outputs = self._sources.pop(space.output)
        nodes = sorted({edge.source for edge in edges if edge.source != BLOCK_INPUT})
        self._levels = [[node for node in nodes if node.level == level] for level in range(1, space.levels + 1)]
        self._operations: Dict[Node, Block] = {}
        with self.name_scope():
            for node in nodes:
                name = space.node_name(node).replace('.', '_')
                block = operation_block(space.operations[node.operation], channels, kernels, train_gamma, name + '_')
                self.register_child(block, name)
                self._operations[node] = block
            self.output_bn = BatchNormReLU(channels, kernels, train_gamma, 'out_bn_')
            self.shortcut = conv_bn_relu(channels, channels, kernels, train_gamma, 'shortcut_') if opens_stage else None

    def _run(self, x: Array, feed: Callable[[Maps, Sequence[Node]], Sequence[Array]]) -> Maps:
        """Compute the feature maps of all operations, and return them with the block's input.

        feed: function of (maps, nodes) giving the inputs of a level's operations.
        """
        maps = {BLOCK_INPUT: x}
        for nodes in self._levels:
            if nodes:
                for node, fed in zip(nodes, feed(maps, nodes)):
                    maps[node] = self._operations[node](fed)
        return maps

    def _planned(self, make: Callable[..., Optional[str]], **options: Any) -> Optional[str]:
        """Write down the block for one operator, with a function of fusing.py; None where there is no operator for it."""
        levels = [nodes for nodes in self._levels if nodes]
        return make(self._space, levels, self._sources, self._outputs, self.shortcut is not None, **options)

    def _is_whole(self, x: Array) -> bool:
        """Tell whether the block is one operator here: it is for training alone."""
        return self._plan is not None and (not isinstance(x, mx.nd.NDArray) or autograd.is_training())

    def _whole(self, F: Operators, inputs: Sequence[Array], weights: Sequence[Array]) -> Array:
        """Compute the block as one operator. inputs: the block's, and its λ or masks if there are any; weights: R's."""
        inner = fusing.arrays(F, inputs[0], list(self._operations.values()))
        outer = fusing.arrays(F, inputs[0], [self.output_bn] + ([self.shortcut] if self.shortcut is not None else []))
        options = dict(plan=self._plan, eps=BN_EPSILON, momentum=BN_MOMENTUM, wanted=self._kernels.wanted)
        return F.dsonas_block(*inputs, *inner, *weights, *outer, **options)

    def _finish(self, x: Array, gathered: Array) -> Array:
        """Compute the block's output from that of R's 1×1 convolution, and the shortcut."""
        return self.output_bn(gathered) + (self.shortcut(x) if self.shortcut is not None else x)


class Net(HybridBlock):
    """A whole network, whose gradients are right in training and in inference mode, on every device.

    Where its own kernels would give wrong gradients, a twin with 'exact' kernels over the same Parameters computes: in inference mode
    (autograd.record(train_mode=False)), and in training mode where Kernels.trains says so. Where nothing is recorded, a hybridized
    network's twin with Kernels.inference computes, if there is one.
    """

    _kernels_kind: Optional[str] = None
    _device_kernels: Kernels
    _fused = False  # whether blocks are one operator each, where they can be
    _asked: Optional[List[List[Parameter]]] = None  # what _groups gave
    # Whether parameters are asked for gradients in turn, each time by a graph that may have been used before.
    _regrouped = False
    _compiled_with: Dict[str, Any] = {}  # options of hybridize
    _twins: Optional[SimpleNamespace] = (
        None  # .by_kind: twins by kind of kernels, where Gluon does not take them for children
    )

    def _twin(self, kernels_kind: str) -> Block:
        """Build the same network with other kernels, on this one's Parameters."""
        raise NotImplementedError

    def hybridize(self, active: bool = True, **options: Any) -> None:
        """Compile the network, as Gluon does.

        With static shapes MXNet 1.9.1 writes gradients to the arrays that parameters had when a graph was first used with the same
        requests, and grad_req makes new arrays: so graphs that are used in turn have static memory alone.
        """
        self._compiled_with, self._twins = options, None
        super().hybridize(active, **(dict(options, static_shape=False) if self._regrouped else options))

    def export(self, path: str, epoch: int = 0, **options: Any) -> Any:
        """Write the network as Gluon does, as it infers: it must have been hybridized, and run once without recording.

        Statistics are written as long as the maps of the graph are wide. Raises RuntimeError where the network was not run.
        """
        if not self._fused:
            made = super().export(path, epoch, **options)
            file = f'{path}-{epoch:04d}.params'
            arrays = mx.nd.load(file)
            for param in self.collect_params().values():
                found = [key for key in (f'arg:{param.name}', f'aux:{param.name}') if key in arrays]
                arrays.update({key: param.list_data()[0].as_in_context(mx.cpu()) for key in found})
            mx.nd.save(file, arrays)
            return made
        twin = getattr(self._twins, 'by_kind', {}).get(self._device_kernels.inference)
        if twin is None:
            raise RuntimeError('export: hybridize the network, and run it once outside of autograd.record(), before')
        return twin.export(path, epoch, **options)

    def _kind_for(self, x: NDArray) -> Optional[str]:
        """Return the kind of kernels that shall compute for the input x; None: this network's own."""
        if not isinstance(x, mx.nd.NDArray):
            # It is part of another graph, which may infer; Gluon builds this network's own without asking.
            return 'onednn' if self._fused else None
        if not autograd.is_recording():
            return self._device_kernels.inference if self._active else 'onednn' if self._fused else None
        if self._kernels_kind != 'exact' and not (autograd.is_training() and self._device_kernels.trains(x)):
            return 'exact'
        return self._fused_kind(x) if self._fused else None

    def _fused_kind(self, x: NDArray) -> Optional[str]:
        """The kind for training where blocks are one operator: it has single precision alone, and is not told to add gradients up."""
        if x.dtype != np.float32 or x.context.device_type != 'cpu':
            return 'plain'
        self._asked = self._asked or self._groups()
        requests = [{param.grad_req for param in params} for params in self._asked]
        if any('add' in group for group in requests):
            return 'onednn'
        asked = [name for name, group in zip(GROUPS, requests) if group != {'null'}]
        wanted = asked[0] if len(asked) == 1 and len(requests) == len(GROUPS) else 'all'
        return None if wanted == self._device_kernels.wanted else f'cpu:{wanted}' if wanted in GROUPS else 'cpu'

    def _groups(self) -> List[List[Parameter]]:
        """Return the parameters that may be asked for gradients apart from others: W, and λ where there are any."""
        return [list(self.collect_params().values())]

    def forward(self, x: NDArray, *args: Any) -> Any:
        """Compute hybrid_forward, or that of the twin that suits better."""
        kind = self._kind_for(x)
        if kind is None:
            return super().forward(x, *args)
        if self._twins is None:
            self._twins = SimpleNamespace(by_kind={})
        twins = self._twins.by_kind
        if kind not in twins:
            twins[kind] = self._twin(kind)
            options = dict(self._compiled_with, static_shape=False) if autograd.is_recording() else self._compiled_with
            twins[kind].hybridize(self._active, **options)
        return twins[kind](x, *args)
