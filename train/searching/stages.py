"""The three stages as data for the loop: which network, which parts and parameters in which pattern, which schedules."""
import dataclasses
from typing import Any, Callable, Dict, Tuple

import mxnet as mx
import numpy as np

from ...base.errors import UserError
from ...optim import schedules, sparsity
from ...runfiles.gates import GateHistory
from ...symbols.backend.layout import plain_parameters
from ...symbols.cost import gate_graphs
from ...symbols.network import Network
from ...symbols.space import SearchSpace
from ...symbols.supernet import Supernet
from ..config.tree import ratio
from ..engine.learner import Learner, apg_nag, hybridize, nag
from ..engine.losses import Loss
from ..runtime import seeds
from .pruning import NoHooks, Pruning, structures

WEIGHTS, GATES, BOTH = ('weights', 'weights'), ('gates', 'gates'), ('train', 'both')   # (data part, what is updated)


@dataclasses.dataclass
class Stage:
    """What the loop needs to know of a stage.

    pattern: the turn of steps, (data part, update) each. rates: learning rate of 'weights' and 'gates' over epochs.
    first_pass: number of the data pass of epoch 0, so that two stages on one part see other orders. seeded: set random generators
    before each step, because the network draws numbers. inputs: progress in [0, 1] -> further inputs of the network.
    """
    name: str
    learner: Learner
    epochs: int
    batch_size: int
    pattern: Tuple[Tuple[str, str], ...]
    rates: Dict[str, Callable[[float], float]]
    first_pass: int = 0
    test_every: int = 0
    seeded: bool = False
    hooks: Any = dataclasses.field(default_factory=NoHooks)
    inputs: Callable[[float], tuple] = lambda progress: ()


def pattern(config, name):
    """The turn of steps of a stage: (data part, what is updated) each."""
    if name != 'search':
        return (WEIGHTS,) if name == 'pretrain' else (('train', 'weights'),)
    n, m = ratio(config.search.ratio)
    return (WEIGHTS,) * n + (GATES,) * m if config.search.split else (BOTH,)


def search_space(config, dataset):
    """The SearchSpace of a configuration and of the data's classes."""
    return SearchSpace(classes=len(dataset.classes), **dataclasses.asdict(config.space))


def initialise(net, devices, image_size, seed, name, inputs=()):
    """Initial values from (seed, name) on all devices; shapes settled; hybridized."""
    seeds.set_all(seed, 'init', name)
    net.initialize(ctx=devices.contexts)
    hybridize(net)
    for context in devices.contexts:
        net(mx.nd.zeros((2, 3, image_size, image_size), ctx=context), *[mx.nd.array(value, ctx=context) for value in inputs])
    plain_parameters(net)


def rates(config, name):
    """Learning rates of a stage over its epochs, by what they are for. Raises UserError where the settings make no schedule."""
    settings = getattr(config, name)
    more = {}
    if name != 'search':
        more['warmup'] = settings.warmup
    if name == 'retrain':
        more.update(lr_min=settings.lr_min, t0=settings.t0, tmul=settings.tmul)
    made = {'weights': _schedule(name, settings, settings.lr, **more)}
    if name == 'search':
        made['gates'] = _schedule(name, settings, settings.gate_lr)
    return made


def _schedule(name, settings, lr, **more):
    if lr == 0:
        return lambda epoch: 0.0
    try:
        return schedules.make(settings.schedule, lr=lr, epochs=max(settings.epochs, 1), **more)
    except UserError as error:
        raise UserError('%s.schedule=%s: %s' % (name, settings.schedule, error)) from None


class SupernetStages:
    """Stages 1 and 2 over one supernet.

    Batch norm's γ is fixed to 1 in it; λ are 1 and stay there in pretraining.
    """

    def __init__(self, config, dataset, devices, directory):
        self.config, self.dataset, self.devices, self.directory = config, dataset, devices, directory
        self.space = search_space(config, dataset)
        self.net = Supernet(self.space, kernels_kind=devices.kernels_kind)
        initialise(self.net, devices, dataset.image_size, config.seed, 'supernet')
        self._seeded = 'noise' in config.space.operations

    def pretrain(self):
        """Stage 1: W alone, on the W part."""
        settings = self.config.pretrain
        learner = Learner(self.net, self.net.gates, Loss(), self.devices, nag(_weights(self.net), settings), amp=self.config.train.amp)
        return Stage('pretrain', learner, settings.epochs, settings.batch_size, pattern(self.config, 'pretrain'),
                     rates(self.config, 'pretrain'), test_every=settings.test_every, seeded=self._seeded)

    def search(self):
        """Stage 2: W and λ in turn, each on its part, or both on all."""
        config, settings = self.config, self.config.search
        learner = Learner(self.net, self.net.gates, Loss(), self.devices, nag(_weights(self.net), settings), apg_nag(settings),
                          amp=config.train.amp)
        names = [name for group in self.space.gate_names() for name in group]
        history = GateHistory(self.directory.gates, names) if self.devices.main else None
        policy = self._policy(settings)

        def rebuild(architecture):
            learner.replace(learner.net.pruned(architecture))

        hooks = Pruning(self.space, learner, settings, policy, self.dataset.image_size, rebuild, history)
        return Stage('search', learner, settings.epochs, settings.batch_size, pattern(config, 'search'), rates(config, 'search'),
                     first_pass=config.pretrain.epochs, test_every=settings.test_every, seeded=self._seeded, hooks=hooks)

    def _policy(self, settings):
        graphs = gate_graphs(self.space, self.dataset.image_size)
        quantity = sparsity.POLICIES.get(settings.budget).quantity
        if quantity == 'latency':
            from .latency import measured_graphs
            graphs = measured_graphs(self.space, self.dataset.image_size, self.devices, self.directory)
        measure = (lambda entry: getattr(entry, quantity)) if quantity else None
        return sparsity.make(settings.budget, settings.gamma, structures(graphs, measure))


def retrain_stage(config, net, dataset, devices):
    """Stage 3: all of a derived network (or of any other classifier) from scratch, on the whole training set."""
    settings = config.retrain
    ours = isinstance(net, Network)
    drop_path = ours and settings.drop_path > 0
    initialise(net, devices, dataset.image_size, config.seed, 'network', (np.zeros(1, np.float32),) if drop_path else ())
    loss = Loss(settings.label_smoothing, settings.auxiliary)
    learner = Learner(net, [], loss, devices, nag(_weights(net), settings), amp=config.train.amp)

    def inputs(progress):
        return (np.array([settings.drop_path * progress], np.float32),) if drop_path else ()

    seeded = bool(settings.dropout or drop_path or 'noise' in config.space.operations)
    return Stage('retrain', learner, settings.epochs, settings.batch_size, pattern(config, 'retrain'), rates(config, 'retrain'),
                 test_every=settings.test_every, seeded=seeded, inputs=inputs)


def derived_network(config, architecture, widths, image_size, kernels_kind=None):
    """The Network of stage 3 as the configuration asks for it."""
    settings = config.retrain
    return Network(architecture, channels=widths, auxiliary=settings.auxiliary > 0, dropout=settings.dropout,
                   drop_path=settings.drop_path > 0, image_size=image_size, kernels_kind=kernels_kind)


def _weights(net):
    return [param for name, param in net.collect_params().items() if not name.endswith('lambda')]
