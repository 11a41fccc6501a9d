"""Load golden.npz, and set up and train this project's networks as its figures were measured.

README.md beside this file says what the record holds.
"""

import pathlib

import mxnet as mx
import numpy as np
from mxnet import autograd

from dsonas.optim import sparsity
from dsonas.symbols.architecture import Architecture
from dsonas.symbols.backend.layout import plain_parameters
from dsonas.symbols.cost import Part, gate_graphs
from dsonas.symbols.network import Network
from dsonas.symbols.space import SearchSpace
from dsonas.symbols.supernet import Supernet
from dsonas.train.config.tree import Pretrain, Search, Train
from dsonas.train.engine.learner import Learner, apg_nag, hybridize, nag
from dsonas.train.engine.losses import Loss
from dsonas.train.runtime.devices import Devices
from dsonas.train.searching.penalty import Penalty
from dsonas.train.searching.pruner import Pruner

with np.load(pathlib.Path(__file__).with_name('golden.npz')) as _arrays:
    GOLDEN = dict(_arrays)

BATCH, IMAGE_SIZE, STEPS = 8, 16, 60
UPDATES = ('weights', 'gates')  # of a pair of steps
SHARE = {'share': True, 'flops': False, 'mac': False}
DEVICE = mx.cpu(0)


def space(share):
    """The recorded network's SearchSpace."""
    return SearchSpace.cifar10(share=share, channels=int(GOLDEN['channels']), blocks=tuple(GOLDEN['blocks'].tolist()))


def images(part, number, dtype):
    """Batch `number` of 'weights' or 'gates' as the network is fed: NumPy (8, 3, 16, 16)."""
    return ((GOLDEN[f'images_{part}'][number].astype(np.float64) - 128) / 64).astype(dtype)


def vectors(of, values):
    """Split all λ, in order, into one array for each λ vector of a SearchSpace."""
    return np.split(values, np.cumsum([len(names) for names in of.gate_names()])[:-1])


def local_params(net):
    """Parameters by their names without the network's prefix."""
    return {name[len(net.prefix) :]: param for name, param in net.collect_params().items()}


def set_weights(params, weights):
    """Give Parameters the recorded arrays of their names; what is not recorded stays as it is."""
    for name in sorted(params.keys() & weights.keys()):
        params[name].set_data(mx.nd.array(weights[name], ctx=DEVICE, dtype=params[name].dtype))


def recorded_weights():
    """W at the start, by name."""
    return {name[2:]: values for name, values in GOLDEN.items() if name.startswith('W/')}


class CountedFLOPs(sparsity.AdaptiveFLOPs):
    """Scale γ by eq. 9 with the record's FLOPs: 1 for each λ to the block output that is not zero, and 9 that stay."""

    STAY = 9

    def scales(self, structure, lam):
        to_output = np.ravel(lam)[structure.target == sparsity.OUTSIDE]
        return (np.count_nonzero(to_output) + self.STAY) / (len(to_output) + self.STAY)


def policy(kind, of):
    """γ of every λ as recorded for 'share', 'flops' or 'mac'."""
    table = GOLDEN['mac/table']
    costs, output_cost = {'share': (np.zeros(4), 0), 'flops': (np.zeros(4), 1), 'mac': (table[:4], table[4])}[kind]
    structures = []
    for graph in gate_graphs(of, IMAGE_SIZE):
        searched = graph.part is Part.BLOCK
        cost = np.tile(costs, of.levels) if searched else np.zeros(len(graph.operations))
        output_costs = np.full(len(cost), float(output_cost))
        structures.append(
            sparsity.Structure(
                graph.source, graph.target, cost, graph.ungated, output_costs, adaptive=searched, name=graph.name
            )
        )
    made = {'share': sparsity.Constant, 'flops': CountedFLOPs, 'mac': sparsity.AdaptiveMAC}[kind]
    return made(float(GOLDEN['gamma']), structures)


class Run:
    """Train a supernet with the record's weights.

    kind: whose γ, and whether λ are shared. lam: all λ in order (default: those that `kind` starts
    from). wd: weight decay of W. search: γ and pruning are those of the search stage (train/searching/)
    with what it adds: a reduction block always keeps a branch. Without it they are the record's alone.
    """

    def __init__(self, kind, dtype='float64', kernels='plain', lam=None, wd=0.0, search=False):
        self.dtype, self.space = dtype, space(SHARE[kind])
        net = Supernet(self.space, kernels_kind=kernels)
        net.cast(dtype)
        net.initialize(ctx=DEVICE)
        hybridize(net)
        self.params = local_params(net)
        set_weights(self.params, recorded_weights())
        for gate, values in zip(net.gates, vectors(self.space, GOLDEN[f'{kind}/lambda0'] if lam is None else lam)):
            gate.set_data(mx.nd.array(values, ctx=DEVICE, dtype=dtype))
        rate, momentum, clip, gamma = (float(GOLDEN[name]) for name in ('lr', 'momentum', 'clip_gradient', 'gamma'))
        settings = Search(
            gate_lr=rate, momentum=momentum, gamma=gamma, clip_gradient=clip, nonnegative=True, epochs=9, prune_every=1
        )
        weights_optimizer = nag(net.weights().values(), Pretrain(lr=rate, momentum=momentum, clip_gradient=clip, wd=wd))
        self.learner = Learner(net, net.gates, Loss(), Devices(Train(cpus=1)), weights_optimizer, apg_nag(settings))
        self.policy = policy(kind, self.space)
        self.pruner = Pruner(self.space, self.learner, settings, IMAGE_SIZE, self._rebuild) if search else None
        self.penalty = Penalty(self.policy, self.pruner)
        self.steps = 0

    @property
    def net(self):
        """The supernet as it is now."""
        return self.learner.net

    @property
    def optimizer(self):
        """That of λ."""
        return self.learner.trainers['gates'].optimizer

    def step(self):
        """Take the next step, W and λ in turn, and return its loss."""
        number, update = self.steps // 2, UPDATES[self.steps % 2]
        self._set_gammas(update)
        self.steps += 1
        place = number % len(GOLDEN['images_weights'])
        labels = GOLDEN[f'labels_{update}'][place]
        figures, _ = self.learner.step(update, images(update, place, self.dtype), labels, BATCH)
        return float(figures[0].asnumpy()[0]) / BATCH

    def _set_gammas(self, update):
        if self.pruner is not None:
            self.penalty.follow(update)
        elif update == 'gates':
            for index, gamma in enumerate(self.policy(self.net.gate_values())):
                self.optimizer.set_gamma(index, gamma)

    def prune(self):
        """Remove what is zero, and what that isolates, for good and physically. Returns what is alive, all λ in order."""
        if self.pruner is not None:
            self.pruner.end_of_epoch(1)
            return ~np.concatenate(self.pruner.pruned)
        architecture = Architecture.from_lambda(self.space, self.net.gate_values())
        for index, (gate, mask) in enumerate(zip(self.net.gates, architecture.masks())):
            self.optimizer.prune(index, ~np.array(mask))
            gate.set_data(gate.data() * mx.nd.array(mask, ctx=DEVICE, dtype=self.dtype))
        self._rebuild(architecture)
        return np.concatenate(architecture.masks())

    def _rebuild(self, architecture):
        self.learner.replace(self.net.pruned(architecture))

    def logits(self, part, number):
        """Logits of a batch in inference mode, NumPy (8, 10)."""
        logits = self.net(mx.nd.array(images(part, number, self.dtype), ctx=DEVICE, dtype=self.dtype)).asnumpy()
        plain_parameters(self.net)
        return logits

    def backward(self, part, number):
        """Compute gradients of all W and λ, of a batch's mean loss in training mode.

        Returns the batch's logits, NumPy (8, 10).
        """
        self.learner.prepare('both')
        labels = mx.nd.array(GOLDEN[f'labels_{part}'][number], ctx=DEVICE, dtype=np.int32)
        with autograd.record():
            logits = self.net(mx.nd.array(images(part, number, self.dtype), ctx=DEVICE, dtype=self.dtype))
            loss = self.learner.loss(logits, labels)[0].mean()
        loss.backward()
        return logits.asnumpy()

    def lam(self):
        """All λ in order."""
        return np.concatenate(self.net.gate_values())

    def gate_gradients(self):
        """Gradients of all λ in order."""
        return np.concatenate([gate.grad().asnumpy() for gate in self.net.gates])

    def norms(self, of=mx.gluon.Parameter.data):
        """Norms of all W, or of what `of` takes of a Parameter, in the record's order."""
        arrays = [of(self.params[name]).asnumpy().astype(np.float64) for name in GOLDEN['names']]
        return np.array([np.linalg.norm(array) for array in arrays])


def deviation(found, wanted):
    """The largest difference, relative to the largest entry."""
    assert found.shape == wanted.shape
    return np.abs(found - wanted).max() / np.abs(wanted).max()


def relative(found, wanted):
    """The relative difference of each entry; of one that is 0, infinite where it is missed."""
    assert found.shape == wanted.shape
    return np.abs(found - wanted) / np.maximum(np.abs(wanted), 1e-300)


def derived_architecture():
    """What the recorded λ after 60 steps leave of the shared block."""
    of = space(True)
    return Architecture.from_lambda(of, vectors(of, GOLDEN['share/lambda'][-1]))


def derived(architecture, dtype='float64', kernels='plain'):
    """The derived network at the supernet's width, with the record's weights."""
    net = Network(architecture, int(GOLDEN['channels']), kernels_kind=kernels)
    net.cast(dtype)
    net.initialize(ctx=DEVICE)
    hybridize(net)
    weights = recorded_weights()
    output = (architecture.space.levels + 1, 0)
    for block in range(architecture.space.num_blocks):
        sources = [
            architecture.space.node_name(edge.source).replace('.', '_')
            for edge in architecture.block_edges(block)
            if edge.target == output
        ]
        columns = [weights[f'b{block:02d}_out_{source}_weight'] for source in sources]
        weights[f'b{block:02d}_out_weight'] = np.concatenate(columns, axis=1)
    set_weights(local_params(net), weights)
    return net
