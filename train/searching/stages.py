"""Stages 1 and 2 over one supernet."""

from typing import List, Optional

from ...data.dataset import DataSet
from ...optim import sparsity
from ...runfiles.directory import RunDirectory
from ...runfiles.gates import GateHistory
from ...symbols.architecture import Architecture
from ...symbols.cost import gate_graphs
from ...symbols.supernet import Supernet
from ..config.goal import parse_goal
from ..config.tree import Config, Search
from ..engine import standard
from ..engine.callbacks import Callback
from ..engine.learner import Learner, apg_nag, nag
from ..engine.losses import Loss
from ..engine.names import StageName
from ..engine.stage import Stage, initialise, pattern, rates, search_space, weights_of
from ..runtime.devices import Devices
from ..runtime.hooks import NONE, Hooks
from .board import GateBoard
from .diagnosis import Diagnosis
from .latency import measured_graphs
from .penalty import Penalty, structures
from .pruner import Pruner
from .spread import Spread
from .target import Settling, Target


class SupernetStages:
    """Stages 1 and 2. Batch norm's γ is fixed to 1 in the supernet; λ are 1 and stay there in pretraining.

    pruner, spread: of the search stage, once it is made.
    """

    def __init__(
        self, config: Config, dataset: DataSet, devices: Devices, directory: RunDirectory, hooks: Hooks = NONE
    ) -> None:
        self.hooks = hooks
        self.config, self.dataset, self.devices, self.directory = config, dataset, devices, directory
        self.space = search_space(config, dataset)
        self.net = Supernet(self.space, kernels_kind=devices.kernels_kind)
        initialise(self.net, devices, dataset.image_size, config.seed, 'supernet')
        self.pruner: Optional[Pruner] = None
        self.spread: Optional[Spread] = None
        self._seeded = 'noise' in config.space.operations

    def stage(self, name: StageName) -> Stage:
        """Make one of the two stages."""
        return self.pretrain() if name == StageName.PRETRAIN else self.search()

    def pretrain(self) -> Stage:
        """Make stage 1: W alone, on the W part."""
        config, settings = self.config, self.config.pretrain
        optimizer = nag(weights_of(self.net), settings)
        learner = Learner(
            self.net, self.net.gates, Loss(own=self.hooks.loss), self.devices, optimizer, amp=config.train.amp
        )
        return Stage(
            StageName.PRETRAIN,
            learner,
            settings.epochs,
            settings.batch_size,
            pattern(config, StageName.PRETRAIN),
            rates(config, StageName.PRETRAIN),
            test_every=settings.test_every,
            seeded=self._seeded,
            callbacks=standard.around(config, hooks=self.hooks),
        )

    def search(self) -> Stage:
        """Make stage 2: W and λ in turn, each on its part, or both on all."""
        config, settings = self.config, self.config.search
        optimizers = nag(weights_of(self.net), settings), apg_nag(settings)
        learner = Learner(
            self.net, self.net.gates, Loss(own=self.hooks.loss), self.devices, *optimizers, amp=config.train.amp
        )
        names = [name for group in self.space.gate_names() for name in group]
        history = GateHistory(self.directory.gates, names) if self.devices.main else None
        policy = self._policy(settings)

        def rebuild(architecture: Architecture) -> None:
            learner.replace(learner.net.pruned(architecture))

        self.pruner = Pruner(self.space, learner, settings, self.dataset.image_size, rebuild, history)
        self.spread = Spread(self.pruner, settings)
        own = [*self._own(policy, self.pruner), self.spread]
        return Stage(
            StageName.SEARCH,
            learner,
            settings.epochs,
            settings.batch_size,
            pattern(config, StageName.SEARCH),
            rates(config, StageName.SEARCH),
            first_pass=config.pretrain.epochs,
            test_every=settings.test_every,
            seeded=self._seeded,
            callbacks=standard.around(
                config,
                before=own,
                after=[GateBoard(self.pruner), Diagnosis(self.pruner, settings, self.spread)],
                hooks=self.hooks,
            ),
        )

    def _own(self, policy: sparsity.Policy, pruner: Pruner) -> List[Callback]:
        """Make the callbacks that set γ and prune."""
        search, goal = self.config.search, parse_goal(self.config.search.target)
        if goal is None:
            return [Penalty(policy, pruner), pruner]
        pruner.target = target = Target(goal, policy, pruner, search)
        return [target, Penalty(policy, pruner, target), pruner, Settling(target, search.patience)]

    def _policy(self, settings: Search) -> sparsity.Policy:
        graphs = gate_graphs(self.space, self.dataset.image_size)
        quantity = sparsity.POLICIES.get(settings.penalty).quantity
        if quantity == 'latency':
            graphs = measured_graphs(self.space, self.dataset.image_size, self.devices, self.directory)
        measure = (lambda entry: getattr(entry, quantity)) if quantity else None
        return sparsity.make(settings.penalty, settings.gamma, structures(graphs, measure))
