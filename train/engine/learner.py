"""One update: the batch over the devices, forward, backward, gradients summed, W or λ (or both) moved.

W and λ have a gluon.Trainer each, over disjoint parameters: NAG for W, APG-NAG for λ. What a step does not update needs no
gradient, and none is computed: grad_req is switched between W and λ steps.
"""

import warnings
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

import mxnet as mx
import numpy as np
from mxnet import autograd

from ...optim.apg_nag import APGNAG
from ...optim.nag import ExactNAG
from ...symbols.backend.finite import all_finite
from ...symbols.backend.layout import plain_parameters
from ..config.tree import Search
from ..runtime.devices import Devices
from .names import Update
from .testing import TestResult, evaluate


def hybridize(net: Any) -> None:
    """Compile `net` as one graph, at fixed shapes. A λ vector or a drop rate that no block is left
    to use is no reason for a warning."""
    net.hybridize(static_alloc=True, static_shape=True)
    for subject in ('Parameter .*lambda', 'The 1-th input to HybridBlock'):  # λ, drop rate
        warnings.filterwarnings('ignore', message=f'{subject} is not used by any computation')


def nag(params: Iterable[Any], settings: Any) -> ExactNAG:
    """NAG for `params` with the stage's lr, wd, momentum and clip_gradient; weight decay on weights alone, not on BN γ, β and biases."""
    for param in params:
        param.wd_mult = 1.0 if param.name.endswith('weight') else 0.0
    return ExactNAG(
        learning_rate=settings.lr,
        wd=settings.wd,
        momentum=settings.momentum,
        clip_gradient=settings.clip_gradient or None,
    )


def apg_nag(settings: Search) -> APGNAG:
    """APG-NAG for λ with the search's gate_lr, momentum, gamma, clip_gradient and nonnegative."""
    return APGNAG(
        learning_rate=settings.gate_lr,
        momentum=settings.momentum,
        gamma=settings.gamma,
        clip_gradient=settings.clip_gradient or None,
        nonnegative=settings.nonnegative,
    )


class Learner:
    """A network with its optimizers on its devices.

    net: an initialised, hybridized HybridBlock; gates: its λ Parameters, [] for a derived network.
    weights_optimizer, gates_optimizer: mx.optimizer objects, the latter None where λ stay as they are.
    """

    def __init__(
        self,
        net: Any,
        gates: Iterable[Any],
        loss: Callable[..., Any],
        devices: Devices,
        weights_optimizer: Any,
        gates_optimizer: Any = None,
        amp: bool = False,
    ) -> None:
        self.net, self.gates, self.loss, self.devices, self.amp = net, list(gates), loss, devices, amp
        names = {gate.name for gate in self.gates}
        params = net.collect_params()
        self.weights = [param for name, param in params.items() if name not in names and param.grad_req != 'null']
        self.trainers: Dict[Update, Any] = {Update.WEIGHTS: devices.trainer(self.weights, weights_optimizer)}
        if gates_optimizer is not None:
            self.trainers[Update.GATES] = devices.trainer(self.gates, gates_optimizer)
        if amp:
            from mxnet.contrib import amp as mixed

            for trainer in self.trainers.values():
                mixed.init_trainer(trainer)
                trainer._amp_loss_scaler = self.trainers[Update.WEIGHTS]._amp_loss_scaler  # one loss, one scale
        self._updating: Optional[Update] = None
        self.average: Any = None  # averaging.Average of the weights, where there is one
        self.kept: Dict[
            str, np.ndarray
        ] = {}  # parameters of the best epoch so far by name, where they are kept: see patience.py

    def replace(self, net: Any) -> None:
        """Go on with a smaller network over the same Parameters (Supernet.pruned); what is gone gets no gradient any more."""
        hybridize(net)
        kept = set(net.collect_params())
        self.net = net
        self.weights = [param for param in self.weights if param.name in kept]

    def bytes_a_step(self, update: Update) -> int:
        """Bytes that a worker sends for one update (and receives as many): the gradients of what is updated."""
        return sum(4 * _size(param) for group in Update(update).groups for param in self._params(group))

    def _params(self, group: Update) -> List[Any]:
        return self.gates if group == Update.GATES else self.weights

    def prepare(self, update: Update) -> None:
        """Have the gradients of `update` computed, and no others."""
        if update == self._updating:
            return
        for group in Update.BOTH.groups:
            wanted = 'write' if group in Update(update).groups else 'null'
            for param in self._params(group):
                if param.grad_req != wanted:
                    param.grad_req = wanted
        self._updating = update

    def step(
        self,
        update: Update,
        x: np.ndarray,
        y: np.ndarray,
        batch_size: int,
        inputs: Sequence[np.ndarray] = (),
        rates: Optional[Mapping[Update, float]] = None,
    ) -> Tuple[List[Any], Dict[Update, Any]]:
        """One update from images x (b, 3, H, W) and labels y (b,), this worker's part of a batch of `batch_size`.

        y may be shares of the classes (b, K). inputs: further inputs of the network, numpy arrays; rates: the learning rate of each group.
        Returns NDArrays without waiting for them: by device (loss sum, wrong images), and whether all gradients are finite.
        """
        self.prepare(update)
        figures = self._backward(x, y, inputs)
        groups = Update(update).groups
        for group in groups:
            self.trainers[group].allreduce_grads()
        finite = self._finite(groups)
        for group in groups:
            trainer = self.trainers[group]
            if self.amp:
                trainer._scale = trainer._amp_original_scale / self._scale()
            if rates:
                trainer.set_learning_rate(rates[group])
            trainer.update(
                batch_size, ignore_stale_grad=group == Update.GATES
            )  # no block may be left to use a λ vector
        if self.average is not None:
            self.average.update()
        return figures, finite

    def observe(self, batches: Iterable[Tuple[np.ndarray, np.ndarray]], inputs: Sequence[np.ndarray] = ()) -> None:
        """Move batch norm's running statistics as steps from (x, y) batches would, and nothing else. inputs: as for `step`."""
        before = self._updating
        self.prepare(Update.GATES if self.gates else Update.WEIGHTS)  # MXNet moves them in backward passes
        for x, y in batches:
            self._backward(x, y, inputs)
        self.prepare(before or Update.BOTH)

    def _backward(self, x: np.ndarray, y: np.ndarray, inputs: Sequence[np.ndarray]) -> List[Any]:
        losses, figures = [], []
        for part_x, part_y in zip(self.devices.split(x), self.devices.split(y)):
            further = [mx.nd.array(value, ctx=part_x.context, dtype=value.dtype) for value in inputs]
            with autograd.record():
                loss, logits = self.loss(self.net(part_x, *further), part_y)
                if self.amp:
                    loss = loss * self._scale()
            losses.append(loss)
            own = part_y.astype('float32') if part_y.ndim == 1 else part_y.argmax(axis=-1)
            wrong = (logits.argmax(axis=-1).astype('float32', copy=False) != own).sum()
            figures.append(mx.nd.stack(loss.sum() / self._scale(), wrong.astype(loss.dtype, copy=False)))
        autograd.backward(losses)
        return figures

    def _scale(self) -> float:
        return self.trainers[Update.WEIGHTS]._amp_loss_scaler.loss_scale if self.amp else 1.0

    def _finite(self, groups: Sequence[Update]) -> Dict[Update, Any]:
        """1 where all gradients are finite: one NDArray a group. Mixed precision meets overflows and passes over them by itself."""
        if self.amp:
            return {}
        return {group: all_finite([param.list_grad()[0] for param in self._params(group)]) for group in groups}

    def evaluate(
        self,
        batches: Iterable[Tuple[np.ndarray, np.ndarray]],
        batch_size: int,
        topk: int = 5,
        classes: int = 0,
        inputs: Sequence[np.ndarray] = (),
    ) -> TestResult:
        """Test on (x, y) batches in inference mode. See `evaluate`."""
        try:
            return evaluate(self.net, batches, batch_size, self.devices, topk, classes, inputs)
        finally:
            plain_parameters(self.net)


def _size(param: Any) -> int:
    size = 1
    for length in param.shape:
        size *= length
    return size
