"""Steps of training: the supernet follows the network written edge by edge, through W and λ steps, and after it has shrunk."""

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd

from dsonas.optim.apg_nag import APGNAG
from dsonas.symbols.architecture import Architecture
from dsonas.symbols.operations import OPERATIONS, Depthwise, Operation, Pointwise
from dsonas.symbols.space import PAPER_OPERATIONS, SearchSpace
from dsonas.symbols.supernet import Supernet
from dsonas.tools.timing.naive_supernet import NaiveSupernet

STEPS = 5
ADDED = [
    Operation('dilated_3x3', 'separable', (Depthwise(3, dilation=2), Pointwise())),
    Operation('dilated_5x5', 'separable', (Depthwise(5, dilation=2),)),
    Operation('separable_7x7', 'separable', (Depthwise(7), Pointwise())),
    Operation('separable_9x9', 'separable', (Depthwise(9), Pointwise())),
]
SPACES = {
    'share': {},
    'full': dict(share=False),
    'gated first level': dict(first_level_gates=True),
    'five levels': dict(levels=5),
    'eight operations': dict(levels=3, operations=PAPER_OPERATIONS + tuple(operation.name for operation in ADDED)),
}
WIDTHS = {'cpu': 16, 'onednn': 16, 'plain': 6}  # from 16 channels on oneDNN keeps layouts of its own
DTYPES = {
    'cpu': 'float32',
    'onednn': 'float32',
    'plain': 'float64',
}  # in which these kernels themselves compute gradients on a CPU


@pytest.fixture(autouse=True)
def more_operations():
    with OPERATIONS.restored():
        for operation in ADDED:
            OPERATIONS.register(operation.name, operation)
        yield


class Run:
    """A network with NAG on W and APG-NAG on λ. skip: gradients that a step does not use are not asked for."""

    def __init__(self, net, supernet, skip):
        self.net, self.supernet, self.skip = net, supernet, skip
        self.groups = {
            'w': [param for param in supernet.weights().values() if param.grad_req != 'null'],
            'lambda': supernet.gates,
        }
        self.gates_optimizer = APGNAG(learning_rate=0.5, momentum=0.9, gamma=0.002, clip_gradient=2.0, nonnegative=True)
        optimizers = {
            'w': mx.optimizer.create('nag', learning_rate=0.05, momentum=0.9, wd=1e-4, clip_gradient=2.0),
            'lambda': self.gates_optimizer,
        }
        self.trainers = {
            kind: mx.gluon.Trainer(params, optimizers[kind], kvstore=None) for kind, params in self.groups.items()
        }

    def shrink(self, architecture):
        """λ that `architecture` does not have are zero from now on; the supernet loses what that isolates."""
        for gate, mask in zip(self.supernet.gates, architecture.masks()):
            index = self.groups['lambda'].index(gate)
            self.gates_optimizer.prune(index, ~np.array(mask))
            gate.set_data(gate.data() * mx.nd.array(mask, dtype=gate.dtype))
        if self.net is self.supernet:
            self.net = self.supernet = self.supernet.pruned(architecture)
            self.net.hybridize(static_alloc=True, static_shape=True)
            kept = set(self.net.collect_params())
            self.groups['w'] = [param for param in self.groups['w'] if param.name in kept]

    def step(self, kind, x, y):
        if self.skip:
            for group, params in self.groups.items():
                for param in params:
                    param.grad_req = 'write' if group == kind else 'null'
        with autograd.record():
            loss = mx.gluon.loss.SoftmaxCrossEntropyLoss()(self.net(x), y).mean()
        loss.backward()
        self.trainers[kind].step(1)
        return loss.asscalar()


def pair(space, kernels, seed):
    """(the supernet as it is, the network edge by edge) with equal parameters."""
    mx.random.seed(seed)
    supernets = [Supernet(space, kernels_kind=kernels) for _ in range(2)]
    for net in supernets:
        net.cast(DTYPES[kernels])
        net.initialize()
    for name, param in supernets[0].collect_params().items():
        supernets[1].collect_params()[name].set_data(param.data())
    naive = NaiveSupernet(supernets[1])
    for net in (supernets[0], naive):
        net.hybridize(static_alloc=True, static_shape=True)
    return Run(supernets[0], supernets[0], skip=True), Run(naive, supernets[1], skip=False)


def distance(fused, naive, initial):
    """How far apart λ, weights and statistics are, as a share of the way that they have come: the largest."""
    shares = []
    for name, param in fused.net.collect_params().items():
        ours, theirs = param.data().asnumpy(), naive.supernet.collect_params()[name].data().asnumpy()
        shares.append(np.linalg.norm(ours - theirs) / max(np.linalg.norm(theirs - initial[name]), 1e-3))
    return max(shares)


@pytest.mark.parametrize('shrinks', [False, True], ids=['whole', 'shrinking'])
@pytest.mark.parametrize('kernels', ['cpu', 'onednn', 'plain'])
@pytest.mark.parametrize('space', SPACES)
def test_five_steps_equal_the_network_written_edge_by_edge(space, kernels, shrinks):
    """With one of some seeds: in single precision rounding opens a ReLU or moves a maximum now and then, and the ways part."""
    space = SearchSpace.cifar10(channels=WIDTHS[kernels], blocks=(1, 1), classes=5, **SPACES[space])
    distances = []
    for seed in range(11, 17):
        distances.append(five_steps(space, kernels, shrinks, seed))
        if distances[-1] < 0.01:
            return
        assert DTYPES[kernels] == 'float32' and distances[-1] < 0.5
    raise AssertionError(distances)


def five_steps(space, kernels, shrinks, seed):
    """Train both, and return how far apart they are."""
    fused, naive = pair(space, kernels, seed)
    initial = {name: param.data().asnumpy() for name, param in fused.net.collect_params().items()}
    mx.random.seed(seed - 6)
    for step in range(STEPS):
        if shrinks and step == 2:
            architecture = Architecture.random(space, seed=4, keep=0.35)
            assert not all(all(mask) for mask in architecture.masks())
            fused.shrink(architecture)
            naive.shrink(architecture)
        for kind in ('w', 'lambda'):
            x, y = mx.nd.random.normal(shape=(8, 3, 12, 12), dtype=DTYPES[kernels]), mx.nd.array(np.arange(8) % 5)
            losses = [run.step(kind, x, y) for run in (fused, naive)]
            assert losses[0] == pytest.approx(losses[1], rel=1e-3 if DTYPES[kernels] == 'float64' else 1e-2)
    moved = np.concatenate([gate.data().asnumpy() for gate in fused.net.gates])
    assert (moved == 0).any() == shrinks and len(set(moved)) > 10
    return distance(fused, naive, initial)
