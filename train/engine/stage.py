"""A stage as data for the loop, and what all stages are made with."""

import dataclasses
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import mxnet as mx
import numpy as np

from ...base.errors import UserError
from ...data.dataset import DataSet, Part
from ...optim import schedules
from ...symbols.backend.layout import plain_parameters
from ...symbols.space import SearchSpace
from ..config.tree import Config, ratio
from ..runtime import seeds
from ..runtime.devices import Devices
from .callbacks import Callback
from .learner import Learner, hybridize
from .names import StageName, Update
from .plan import Pattern, Plan

Rates = Dict[Update, Callable[[float], float]]


def _no_inputs(progress: float) -> Tuple[np.ndarray, ...]:
    return ()


@dataclasses.dataclass
class Stage:
    """What the loop needs to know of a stage.

    pattern: the turn of steps, (data part, update) each. rates: learning rate of W and λ over epochs.
    first_pass: number of the data pass of epoch 0, so that two stages on one part see other orders.
    seeded: set random generators before each step, because the network draws numbers.
    callbacks: in the order in which they are called. inputs: progress in [0, 1] -> further inputs of the network.
    mix: images, labels, epoch, step -> what is learned from instead; None: as they are.
    """

    name: StageName
    learner: Learner
    epochs: int
    batch_size: int
    pattern: Pattern
    rates: Rates
    first_pass: int = 0
    test_every: int = 0
    seeded: bool = False
    callbacks: List[Callback] = dataclasses.field(default_factory=list)
    inputs: Callable[[float], Tuple[np.ndarray, ...]] = _no_inputs
    mix: Optional[Callable[[np.ndarray, np.ndarray, int, int], Tuple[np.ndarray, np.ndarray]]] = None


def pattern(config: Config, name: StageName) -> Pattern:
    """Return the turn of steps of a stage: (data part, what is updated) each."""
    weights, gates = (Part.WEIGHTS, Update.WEIGHTS), (Part.GATES, Update.GATES)
    if name == StageName.PRETRAIN:
        return (weights,)
    if name == StageName.RETRAIN:
        return ((Part.LEARNED if config.retrain.patience else Part.TRAIN, Update.WEIGHTS),)
    n, m = ratio(config.search.ratio)
    return (weights,) * n + (gates,) * m if config.search.split else ((Part.TRAIN, Update.BOTH),)


def planned(config: Config, name: StageName, dataset: DataSet, devices: Devices) -> Plan:
    """Return the Plan of a stage before anything is built. Raises UserError for schedules and batches that cannot be."""
    rates(config, name)  # for its errors: a stage that begins days from now is to be refused today
    batch_size = getattr(config, name).batch_size
    share = devices.share(batch_size, f'{name}.batch_size')
    return Plan(pattern(config, name), batch_size, dataset, share, devices.shard)


def search_space(config: Config, dataset: DataSet) -> SearchSpace:
    """Return the SearchSpace of a configuration and of the data's classes."""
    return dataclasses.replace(config.space, classes=len(dataset.classes))


def initialise(
    net: Any, devices: Devices, image_size: int, seed: int, name: str, inputs: Sequence[np.ndarray] = ()
) -> None:
    """Give `net` initial values from (seed, name) on all devices, settle its shapes and hybridize it."""
    seeds.set_all(seed, 'init', name)
    net.initialize(ctx=devices.contexts)
    hybridize(net)
    for context in devices.contexts:
        images = mx.nd.zeros((2, 3, image_size, image_size), ctx=context)
        net(images, *[mx.nd.array(value, ctx=context) for value in inputs])
    plain_parameters(net)


def rates(config: Config, name: StageName) -> Rates:
    """Return the learning rates of a stage over its epochs. Raises UserError where the settings make no schedule."""
    settings = getattr(config, name)
    options: Dict[str, float] = {}
    if name != StageName.SEARCH:
        options['warmup'] = settings.warmup
    if name == StageName.RETRAIN:
        options.update(lr_min=settings.lr_min, t0=settings.t0, tmul=settings.tmul)
    made = {Update.WEIGHTS: _schedule(name, settings, settings.lr, options)}
    if name == StageName.SEARCH:
        made[Update.GATES] = _schedule(name, settings, settings.gate_lr, options)
    return made


def _schedule(name: str, settings: Any, lr: float, options: Dict[str, float]) -> Callable[[float], float]:
    if lr == 0:
        return lambda epoch: 0.0
    try:
        return schedules.make(settings.schedule, lr=lr, epochs=max(settings.epochs, 1), **options)
    except UserError as error:
        raise UserError(f'{name}.schedule={settings.schedule}: {error}') from None


def weights_of(net: Any) -> List[Any]:
    """Return the Parameters of a network without its λ."""
    return [param for name, param in net.collect_params().items() if not name.endswith('lambda')]
