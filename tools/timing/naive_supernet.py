"""The completely connected network written from the formulas, one operator an edge: what the supernet is held to, and timed against.

It takes the parameters of a Supernet by name and computes eq. 3 and 4 literally: every edge multiplies its source by its λ, the sums
are additions, every operation has its own batch norm and ReLU, R concatenates scaled outputs before its 1×1 convolution.
"""

from typing import Any, Callable, Dict, List, Mapping, Optional

from mxnet.gluon import HybridBlock

from ...base.errors import UserError
from ...symbols.architecture import Architecture
from ...symbols.nodes import REDUCTION
from ...symbols.operations import OPERATIONS
from ...symbols.supernet import Supernet

Array = Any  # an NDArray or a Symbol
Parameters = Mapping[str, Array]  # by name, without the network's prefix


class NaiveSupernet(HybridBlock):
    """Edge by edge. supernet: the Supernet whose Parameters it shares (and whose space it has); all edges are computed.

    architecture: one whose blocks without operations are the identity here (below eq. 4) and nothing else; None: no block is.
    max_pool: function (F, x, kernel) in the place of Pooling, whose gradient MXNet 1.9.1 gets wrong in inference mode on the CPU.
    """

    def __init__(
        self,
        supernet: Supernet,
        max_pool: Optional[Callable[[Any, Array, int], Array]] = None,
        architecture: Optional[Architecture] = None,
    ) -> None:
        super().__init__(prefix=supernet.prefix)
        self.space = supernet.space
        self._max_pool = max_pool
        self._identities = {
            block for block in range(self.space.num_blocks) if architecture and architecture.is_identity(block)
        }
        self.params.update(supernet.collect_params())
        for name, parameter in supernet.collect_params().items():
            setattr(self, name[len(supernet.prefix) :], parameter)

    def hybrid_forward(self, F: Any, x: Array, **p: Array) -> Array:
        """x (batch, 3, height, width) → logits (batch, classes)."""
        space, widths = self.space, self.space.widths()
        x = self._stem(F, x, p, widths[0])
        for block in range(space.num_blocks):
            stage = space.stage_of(block)
            if block and space.opens_stage(block):
                x = self._reduction(F, x, p, stage - 1, widths[stage])
            if block not in self._identities:
                x = self._block(F, x, p, block, widths[stage])
        x = F.mean(_bn_relu(F, x, p, 'head_bn_'), axis=(2, 3))
        return F.FullyConnected(x, p['head_dense_weight'], p['head_dense_bias'], num_hidden=space.classes)

    def _stem(self, F: Any, x: Array, p: Parameters, channels: int) -> Array:
        if self.space.stem == 'cifar':
            return _conv_bn_relu(F, x, p, 'stem_', channels, 3)
        x = _conv_bn_relu(F, x, p, 'stem_0_', channels // 2, 3, 2)
        return _conv_bn_relu(F, x, p, 'stem_1_', channels, 3, 2)

    def _reduction(self, F: Any, x: Array, p: Parameters, index: int, channels: int) -> Array:
        scope = f'r{index:02d}_'
        total = 0
        for place, branch in enumerate(REDUCTION):
            y = _conv_bn_relu(F, x, p, f'{scope}{branch.name}_', channels, branch.kernel, 2)
            if self.space.searchable_reduction:
                y = F.broadcast_mul(y, _entry(F, p[scope + 'lambda'], place))
            total = y + total
        return total

    def _block(self, F: Any, x: Array, p: Parameters, block: int, channels: int) -> Array:
        space = self.space
        scope = space.scopes[space.scope_index(block)]
        lam = p[scope + '_lambda']
        place = {name: index for index, name in enumerate(space.edges()[space.scope_index(block)])}
        prefix = f'b{block:02d}_'
        outputs: Dict[str, Array] = {'in': x}
        for level in range(1, space.levels + 1):
            fresh: Dict[str, Array] = {}
            for operation in space.operations:
                name = f'L{level}.{operation}'
                if level == 1 and not space.first_level_gates:
                    total = x
                else:
                    total = 0
                    sources: List[str] = ['in'] if level == 1 else list(outputs)
                    for source in sources:
                        edge = f'{scope}/{name}<-{source}'
                        total = F.broadcast_mul(outputs[source], _entry(F, lam, place[edge])) + total
                fresh[name] = self._operation(F, total, p, prefix + name.replace('.', '_') + '_', operation, channels)
            outputs.update(fresh)
        names = [name for name in outputs if name != 'in']
        scaled = [F.broadcast_mul(outputs[name], _entry(F, lam, place[f'{scope}/out<-{name}'])) for name in names]
        weight = F.concat(*[p[f'{prefix}out_{name.replace(".", "_")}_weight'] for name in names], dim=1)
        y = F.Convolution(F.concat(*scaled, dim=1), weight, kernel=(1, 1), num_filter=channels, no_bias=True)
        shortcut = _conv_bn_relu(F, x, p, prefix + 'shortcut_', channels, 1) if space.opens_stage(block) else x
        return _bn_relu(F, y, p, prefix + 'out_bn_') + shortcut

    def _operation(self, F: Any, x: Array, p: Parameters, prefix: str, operation: str, channels: int) -> Array:
        for layer in OPERATIONS[operation].layers:
            kind, kernel = type(layer).__name__, getattr(layer, 'kernel', 1)
            if kind == 'MaxPool' and self._max_pool is not None:
                x = self._max_pool(F, x, kernel)
            elif kind in ('AveragePool', 'MaxPool'):
                pool = 'avg' if kind == 'AveragePool' else 'max'
                x = F.Pooling(x, kernel=(kernel, kernel), pad=(kernel // 2, kernel // 2), pool_type=pool)
            elif kind in ('Depthwise', 'Pointwise'):
                groups, dilation = (channels, getattr(layer, 'dilation', 1)) if kind == 'Depthwise' else (1, 1)
                pad = dilation * (kernel // 2)
                x = F.Convolution(
                    x,
                    p[f'{prefix}{kind.lower()}_weight'],
                    kernel=(kernel, kernel),
                    pad=(pad, pad),
                    dilate=(dilation, dilation),
                    num_filter=channels,
                    num_group=groups,
                    no_bias=True,
                )
            else:
                raise UserError(f'operation {operation}: the naive network has no {kind}')
        return _bn_relu(F, x, p, prefix + 'bn_')


def _entry(F: Any, lam: Array, place: int) -> Array:
    return F.reshape(F.slice_axis(lam, axis=0, begin=place, end=place + 1), shape=(1, 1, 1, 1))


def _bn_relu(F: Any, x: Array, p: Parameters, prefix: str) -> Array:
    return F.relu(
        F.BatchNorm(
            x,
            *(p[prefix + part] for part in ('gamma', 'beta', 'running_mean', 'running_var')),
            fix_gamma=True,
            eps=2e-5,
            momentum=0.9,
        )
    )


def _conv_bn_relu(F: Any, x: Array, p: Parameters, prefix: str, channels: int, kernel: int, stride: int = 1) -> Array:
    x = F.Convolution(
        x,
        p[prefix + 'conv_weight'],
        kernel=(kernel, kernel),
        stride=(stride, stride),
        pad=(kernel // 2, kernel // 2),
        num_filter=channels,
        no_bias=True,
    )
    return _bn_relu(F, x, p, prefix + 'bn_')
