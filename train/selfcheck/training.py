"""Steps of the stages on devices, with Learner and both optimizers, beside the same steps on the CPU or on one device."""

import functools
from typing import Any, Dict, List, Optional, Sequence, Tuple

import mxnet as mx
import numpy as np

from ...symbols.architecture import Architecture
from ...symbols.network import Network
from ...symbols.space import SearchSpace
from ...symbols.supernet import Supernet
from ..config.tree import Pretrain, Retrain, Search
from ..engine.learner import Learner, apg_nag, nag
from ..engine.losses import Loss
from ..engine.names import Update
from ..engine.stage import initialise, weights_of
from ..runtime import state
from ..runtime.devices import Devices
from .target import Figures, Mismatch, Skipped, Target, require_close

SPACE = SearchSpace.cifar10(channels=8, blocks=(1, 1), classes=5)
SIZE, BATCH, STEPS = 16, 8, 4
RATES = {Update.WEIGHTS: 0.01, Update.GATES: 0.05}
TOLERANCE = 5e-2  # of what the steps have changed in a parameter, in single precision
LOSS_TOLERANCE = 1e-3
HALF_TOLERANCE = 0.1  # of a loss in float16
GAMMA = 0.5
TURN = (Update.WEIGHTS, Update.GATES)

Batch = Tuple[np.ndarray, np.ndarray]


def searching(devices: Devices, kind: Optional[str] = None, amp: bool = False) -> Learner:
    """Make the Learner of a search, with a γ that brings some λ to zero in few steps. kind: other kernels than the devices' own."""
    net = Supernet(SPACE, kernels_kind=kind or devices.kernels_kind)
    initialise(net, devices, SIZE, 3, 'selfcheck')
    for gate in net.gates:
        gate.set_data(mx.nd.array(np.linspace(0.1, 1.0, gate.shape[0])))
    return Learner(
        net, net.gates, Loss(), devices, nag(weights_of(net), Pretrain()), apg_nag(Search(gamma=GAMMA)), amp=amp
    )


def deriving(devices: Devices, kind: Optional[str] = None, amp: bool = False) -> Learner:
    """Make the Learner of stage 3: auxiliary tower, label smoothing, drop path at the rate that a step is given."""
    architecture = Architecture.random(SPACE, seed=1, keep=0.4)
    kind = kind or devices.kernels_kind
    net = Network(architecture, auxiliary=True, drop_path=True, image_size=SIZE, kernels_kind=kind)
    initialise(net, devices, SIZE, 3, 'selfcheck', _rate(0.0))
    return Learner(net, [], Loss(0.1, 0.4), devices, nag(weights_of(net), Retrain()), amp=amp)


def _rate(value: float) -> Tuple[np.ndarray, ...]:
    return (np.array([value], np.float32),)


@functools.lru_cache(maxsize=None)
def batches(count: int = STEPS, repeat: int = 1) -> List[Batch]:
    """Draw (images, labels); repeat: so many times the same images in each batch."""
    generator = np.random.RandomState(5)
    drawn = []
    for _ in range(count):
        x = generator.standard_normal((BATCH // repeat, 3, SIZE, SIZE)).astype(np.float32)
        y = generator.randint(0, SPACE.classes, BATCH // repeat).astype(np.int32)
        drawn.append((np.concatenate([x] * repeat), np.concatenate([y] * repeat)))
    return drawn


def trained(learner: Learner, updates: Sequence[Update], repeat: int = 1) -> Tuple[Dict[str, np.ndarray], List[float]]:
    """Take STEPS turns of `updates`. Returns (what changed in each parameter of the first device, mean loss of each step).

    Raises Mismatch where the devices end with other parameters, or a gradient is not finite.
    """
    inputs = () if learner.gates else _rate(0.0)
    before, losses = values(learner), []
    for x, y in batches(STEPS, repeat):
        for update in updates:
            figures, finite = learner.step(update, x, y, BATCH, inputs, RATES)
            losses.append(sum(float(figure.asnumpy()[0]) for figure in figures) / BATCH)
            if not all(flag.asscalar() == 1 for flag in finite.values()):
                raise Mismatch(f'a gradient of the {update.symbol} step is not finite')
    mx.nd.waitall()
    for name, param in state.parameters(learner.net).items():
        arrays = [array.asnumpy() for array in param.list_data()]
        if 'running' not in name and not all(np.array_equal(arrays[0], array) for array in arrays):
            raise Mismatch(f'{name}: the devices hold other values after {len(losses)} steps')
    after = values(learner)
    return {name: after[name] - before[name] for name in after}, losses


def values(learner: Learner) -> Dict[str, np.ndarray]:
    """Return the parameters of the first device, by name."""
    mx.nd.waitall()
    return {name: param.list_data()[0].asnumpy() for name, param in state.parameters(learner.net).items()}


def _follow(found: Any, wanted: Any, what: str, statistics: bool = True) -> Figures:
    """Compare two results of `trained`; statistics: those of batch norm, too."""
    (changes, losses), (expected, expected_losses) = found, wanted
    worst = max(abs(a - b) / abs(b) for a, b in zip(losses, expected_losses))
    if not worst <= LOSS_TOLERANCE:
        raise Mismatch(f'{what}: a loss deviates by {worst:.2g}, accepted is {LOSS_TOLERANCE:g}')
    if not statistics:
        changes, expected = ({k: v for k, v in side.items() if 'running' not in k} for side in (changes, expected))
    moved = {name: change for name, change in expected.items() if np.abs(change).max() > 1e-7}
    return {
        'steps': len(losses),
        'loss deviation': worst,
        'change deviation': require_close({name: changes[name] for name in moved}, moved, TOLERANCE, what),
    }


def steps_search(target: Target) -> Figures:
    """Check W and λ steps of the search on one device beside the CPU, λ that become zero among them."""
    found, reference = searching(target.devices(), target.unlike), searching(Target(cpus=1).devices())
    figures = _follow(trained(found, TURN), trained(reference, TURN), 'search')
    zeros = [sum(int((gate.list_data()[0].asnumpy() == 0).sum()) for gate in side.gates) for side in (found, reference)]
    if abs(zeros[0] - zeros[1]) > 1 or not zeros[1]:
        raise Mismatch(f'search: {zeros[0]} λ are zero, {zeros[1]} on the CPU')
    smaller = found.net.pruned(Architecture.from_lambda(SPACE, found.net.gate_values()))
    found.replace(smaller)
    trained(found, TURN)  # over the same parameters
    return dict(figures, zeros=zeros[0])


def steps_derived(target: Target) -> Figures:
    """Check training steps and the test of a derived network on one device beside the CPU, and steps with drop path."""
    found, reference = deriving(target.devices(), target.unlike), deriving(Target(cpus=1).devices())
    figures = _follow(trained(found, [Update.WEIGHTS]), trained(reference, [Update.WEIGHTS]), 'stage 3')
    tested = [side.evaluate(batches(), BATCH, inputs=_rate(0.0)).loss for side in (found, reference)]
    if abs(tested[0] - tested[1]) > LOSS_TOLERANCE * 10 * abs(tested[1]):
        raise Mismatch(f'stage 3: test loss {tested[0]:g}, {tested[1]:g} on the CPU')
    x, y = batches()[0]
    _, finite = found.step(Update.WEIGHTS, x, y, BATCH, _rate(0.5), RATES)
    if not all(flag.asscalar() == 1 for flag in finite.values()):
        raise Mismatch('stage 3: a gradient with drop path is not finite')
    return figures


def several(target: Target, kvstore: str = 'device') -> Figures:
    """Check sums of gradients over all devices, and that two devices follow one on batches whose halves are the same images.

    With the same halves each device has the batch norm statistics of the whole batch; other halves are the sums' check.
    """
    if kvstore == 'nccl':
        target.need_gpu('nccl')
        if not mx.runtime.Features().is_enabled('NCCL'):
            raise Skipped('this MXNet is built without NCCL')
    if target.count < 2:
        raise Skipped(f'needs 2 devices; there is {target.count}')
    figures: Figures = {'devices': target.count}
    for size in (3, 1000, 10**6):
        _sums(target.devices(target.count, kvstore=kvstore), size)
    for name, make, updates in (('search', searching, TURN), ('stage 3', deriving, (Update.WEIGHTS,))):
        two = trained(make(target.devices(2, kvstore=kvstore)), updates, 2)
        one = trained(make(target.devices(1)), updates, 2)
        compared = _follow(two, one, f'{name} on two devices', statistics=False)
        figures[f'{name}: change deviation'] = compared['change deviation']
    return figures


def _sums(devices: Devices, size: int) -> None:
    """Check that the gradients of all devices, each another one, are summed on each of them."""
    param = mx.gluon.Parameter('summed', shape=(size,))
    param.initialize(ctx=devices.contexts, init='zeros')
    trainer = devices.trainer([param], mx.optimizer.create('sgd', learning_rate=0.0))
    ramp = np.arange(size, dtype=np.float32) % 97
    for number, gradient in enumerate(param.list_grad()):
        gradient[:] = mx.nd.array(ramp * (number + 1), ctx=gradient.context)
    trainer.allreduce_grads()
    wanted = ramp * sum(range(1, len(devices.contexts) + 1))
    for gradient in param.list_grad():
        if not np.array_equal(gradient.asnumpy(), wanted):
            raise Mismatch(
                f'{gradient.context}: a sum of {size} gradients over {len(devices.contexts)} devices is wrong'
            )


def sync_batch_norm(target: Target) -> Figures:
    """Check that batch norm over two devices together is that of one device with the whole batch."""
    target.need_gpu('train.sync_bn')
    two = trained(searching(target.devices(2, sync_bn=True)), TURN)
    return _follow(two, trained(searching(target.devices(1)), TURN), 'synchronised batch norm', statistics=False)


def half_precision(target: Target) -> Figures:
    """Check that mixed precision trains: finite weights, losses near those in single precision, in both kinds of stages."""
    target.need_gpu('float16 (train.amp)')
    makes = (('search', searching, TURN), ('stage 3', deriving, (Update.WEIGHTS,)))
    wanted = {name: trained(make(target.devices()), updates)[1] for name, make, updates in makes}
    figures: Figures = {}
    devices = target.devices(amp=True)  # from here on MXNet casts in every network of this process
    for name, make, updates in makes:
        learner = make(devices, amp=True)
        changes, losses = trained(learner, updates)
        worst = max(abs(a - b) / abs(b) for a, b in zip(losses, wanted[name]))
        if not worst <= HALF_TOLERANCE:
            raise Mismatch(f'{name} in float16: a loss deviates by {worst:.2g}, accepted is {HALF_TOLERANCE:g}')
        broken = [key for key, change in changes.items() if not np.isfinite(change).all()]
        if broken:
            raise Mismatch(f'{name} in float16: {broken[0]} is not finite after {len(losses)} steps')
        figures[f'{name}: loss deviation'] = worst
        figures[f'{name}: loss scale'] = learner.trainers[Update.WEIGHTS]._amp_loss_scaler.loss_scale
    return figures
