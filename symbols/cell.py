"""What supernet and derived network have in common: a convolution block with the edges that are alive, and a network's outermost block.

`Cell` holds the operations, the shortcut and the output's batch norm. How operations are fed, and how the output gathers them,
is the subclasses': with λ in supernet.py, without in network.py.
"""

from mxnet import autograd
from mxnet.gluon import HybridBlock

from .blocks import BatchNormReLU, conv_bn_relu, operation_block


class Cell(HybridBlock):
    """One block. Its output is R(what the operations contribute) + shortcut(its input), eq. 4.

    edges: the surviving space.Edge, without isolated operations. opens_stage: the shortcut is a 1×1 convolution.
    A block without edges is the identity, and needs no cell.
    """

    def __init__(self, space, edges, channels, opens_stage, kernels, train_gamma, prefix):
        super().__init__(prefix=prefix)
        self._space, self._channels, self._kernels = space, channels, kernels
        self._sources = {}  # node -> nodes that feed it, in order
        for edge in edges:
            self._sources.setdefault(edge.target, []).append(edge.source)
        output = (space.levels + 1, 0)
        self._outputs = self._sources.pop(output)
        nodes = sorted({edge.source for edge in edges if edge.source[0]})
        self._levels = [[node for node in nodes if node[0] == level] for level in range(1, space.levels + 1)]
        self._operations = {}
        with self.name_scope():
            for node in nodes:
                name = space.node_name(node).replace('.', '_')
                block = operation_block(space.operations[node[1]], channels, kernels, train_gamma, name + '_')
                self.register_child(block, name)
                self._operations[node] = block
            self.output_bn = BatchNormReLU(channels, kernels, train_gamma, 'out_bn_')
            self.shortcut = conv_bn_relu(channels, channels, kernels, train_gamma, 'shortcut_') if opens_stage else None

    def _run(self, F, x, feed):
        """Feature maps of the block input and of all operations, by node. feed(maps, nodes) gives the inputs of a level's operations."""
        maps = {(0, 0): x}
        for nodes in self._levels:
            if nodes:
                for node, fed in zip(nodes, feed(maps, nodes)):
                    maps[node] = self._operations[node](fed)
        return maps

    def _finish(self, x, gathered):
        """From the 1×1 convolution's output to the block's."""
        return self.output_bn(gathered) + (self.shortcut(x) if self.shortcut is not None else x)


class Net(HybridBlock):
    """A whole network, whose gradients are right in training and in inference mode, on every device.

    Where its own kernels would give wrong gradients, a twin with 'exact' kernels over the same Parameters computes: in inference mode
    (autograd.record(train_mode=False)), and in training mode where Kernels.trains says so.
    """

    _kernels_kind = None
    _device_kernels = None
    _exact = None

    def _twin(self):
        """The same network with 'exact' kernels, on this one's Parameters."""
        raise NotImplementedError

    def forward(self, x, *args):
        """As hybrid_forward."""
        recording, training = autograd.is_recording(), autograd.is_training()
        if self._kernels_kind != 'exact' and recording and not (training and self._device_kernels.trains(x)):
            if self._exact is None:
                object.__setattr__(self, '_exact', self._twin())  # past Gluon, which would take the twin for a child
                self._exact.hybridize(self._active, **dict(self._flags))
            return self._exact(x, *args)
        return super().forward(x, *args)
