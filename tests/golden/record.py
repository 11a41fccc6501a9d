"""golden.npz, and this project's networks set up and trained as its figures were measured. README.md says what is in it."""
import pathlib

import mxnet as mx
import numpy as np

from dsonas.optim import sparsity
from dsonas.symbols.architecture import Architecture
from dsonas.symbols.backend.layout import plain_parameters
from dsonas.symbols.cost import Part, gate_graphs
from dsonas.symbols.space import SearchSpace
from dsonas.symbols.supernet import Supernet
from dsonas.train.config.tree import Pretrain, Search, Train
from dsonas.train.engine.learner import Learner, apg_nag, hybridize, nag
from dsonas.train.engine.losses import Loss
from dsonas.train.runtime.devices import Devices

with np.load(pathlib.Path(__file__).with_name('golden.npz')) as _arrays:
    GOLDEN = dict(_arrays)

BATCH, IMAGE_SIZE, STEPS = 8, 16, 60
UPDATES = ('weights', 'gates')   # of a pair of steps
SHARE = {'share': True, 'flops': False, 'mac': False}


def space(share):
    return SearchSpace.cifar10(share=share, channels=int(GOLDEN['channels']), blocks=tuple(GOLDEN['blocks'].tolist()))


def images(part, number, dtype):
    """Batch `number` of 'weights' or 'gates' as the network is fed: numpy (8, 3, 16, 16)."""
    return ((GOLDEN['images_%s' % part][number].astype(np.float64) - 128) / 64).astype(dtype)


def vectors(of, values):
    """One array for each λ vector of a SearchSpace, from all λ in order."""
    return np.split(values, np.cumsum([len(names) for names in of.gate_names()])[:-1])


def local_names(net):
    """Parameters without the network's prefix."""
    return {name[len(net.prefix):]: param for name, param in net.collect_params().items()}


class CountedFLOPs(sparsity.AdaptiveFLOPs):
    """Eq. 9 with the record's count of FLOPs: 1 for each λ to the block output that is not zero, and 9 that stay whatever λ are."""
    STAY = 9

    def scales(self, structure, lam):
        return (sparsity.kept_cost(structure, lam) + self.STAY) / (sparsity.complete_cost(structure) + self.STAY)


def policy(kind, of):
    """γ of every λ as recorded for 'share', 'flops' or 'mac'."""
    table = GOLDEN['mac/table']
    costs, output_cost = {'share': (np.zeros(4), 0), 'flops': (np.zeros(4), 1), 'mac': (table[:4], table[4])}[kind]
    structures = []
    for graph in gate_graphs(of, IMAGE_SIZE):
        searched = graph.part is Part.BLOCK
        cost = np.tile(costs, of.levels) if searched else np.zeros(len(graph.operations))
        structures.append(sparsity.Structure(graph.source, graph.target, cost, graph.ungated,
                                             np.full(len(cost), float(output_cost)), adaptive=searched, name=graph.name))
    made = {'share': sparsity.Constant, 'flops': CountedFLOPs, 'mac': sparsity.AdaptiveMAC}[kind]
    return made(float(GOLDEN['gamma']), structures)


class Run:
    """A supernet with the record's weights and its learner.

    kind: whose γ, and whether λ are shared. lam: all λ in order (default: those that `kind` starts from). wd: weight decay of W.
    """

    def __init__(self, kind, dtype='float64', kernels='plain', lam=None, wd=0.0):
        self.dtype, self.space = dtype, space(SHARE[kind])
        self.net = Supernet(self.space, kernels_kind=kernels)
        self.net.cast(dtype)
        self.net.initialize()
        hybridize(self.net)
        self.params = local_names(self.net)
        for name, values in GOLDEN.items():
            if name.startswith('W/'):
                self.params[name[2:]].set_data(mx.nd.array(values, dtype=dtype))
        for gate, values in zip(self.net.gates, vectors(self.space, GOLDEN[kind + '/lambda0'] if lam is None else lam)):
            gate.set_data(mx.nd.array(values, dtype=dtype))
        rate, momentum, clip = (float(GOLDEN[name]) for name in ('lr', 'momentum', 'clip_gradient'))
        search = Search(gate_lr=rate, momentum=momentum, gamma=float(GOLDEN['gamma']), clip_gradient=clip, nonnegative=True)
        self.learner = Learner(self.net, self.net.gates, Loss(), Devices(Train(cpus=1)),
                               nag(self.net.weights().values(), Pretrain(lr=rate, momentum=momentum, clip_gradient=clip, wd=wd)),
                               apg_nag(search))
        self.policy = policy(kind, self.space)
        self.gammas = None
        self.steps = 0

    @property
    def optimizer(self):
        """That of λ."""
        return self.learner.trainers['gates'].optimizer

    def step(self):
        """The next step, W and λ in turn; its loss."""
        number, update = self.steps // 2, UPDATES[self.steps % 2]
        if update == 'gates':
            self.gammas = self.policy(self.net.gate_values())
            for index, gamma in enumerate(self.gammas):
                self.optimizer.set_gamma(index, gamma)
        self.steps += 1
        place = number % len(GOLDEN['images_weights'])
        figures, _ = self.learner.step(update, images(update, place, self.dtype), GOLDEN['labels_' + update][place], BATCH)
        return float(figures[0].asnumpy()[0]) / BATCH

    def prune(self):
        """Remove what is zero, and what that isolates, for good and physically. Returns what is alive, all λ in order."""
        architecture = Architecture.from_lambda(self.space, self.net.gate_values())
        for index, (gate, mask) in enumerate(zip(self.net.gates, architecture.masks())):
            self.optimizer.prune(index, ~np.array(mask))
            gate.set_data(gate.data() * mx.nd.array(mask, dtype=self.dtype))
        self.net = self.net.pruned(architecture)
        self.learner.replace(self.net)
        return np.concatenate(architecture.masks())

    def logits(self, part, number):
        """In inference mode, numpy (8, 10)."""
        logits = self.net(mx.nd.array(images(part, number, self.dtype), dtype=self.dtype)).asnumpy()
        plain_parameters(self.net)
        return logits

    def lam(self):
        """All λ in order."""
        return np.concatenate(self.net.gate_values())

    def norms(self, of=mx.gluon.Parameter.data):
        """Of all W, or of what `of` takes of a Parameter."""
        return np.array([np.linalg.norm(of(self.params[name]).asnumpy().astype(np.float64)) for name in GOLDEN['names']])
