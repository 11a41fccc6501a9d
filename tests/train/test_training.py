"""Updates: only the gradients that are used, decay on weights alone, numbers that are not finite, losses against their formulas."""

import mxnet as mx
import numpy as np
import pytest

from dsonas.runfiles import checkpoint
from dsonas.symbols import known
from dsonas.symbols.architecture import Architecture
from dsonas.symbols.network import Network
from dsonas.symbols.space import SearchSpace
from dsonas.train.config.tree import Retrain, Train
from dsonas.train.deriving import retraining
from dsonas.train.deriving.stage import retrain_stage
from dsonas.train.engine import learner
from dsonas.train.engine import stage as stages
from dsonas.train.engine.losses import Loss, cross_entropy
from dsonas.train.runtime import opening, stops
from dsonas.train.runtime.devices import Devices
from dsonas.train.searching import pipeline

from .test_devices import learner_on


def batch(seed=0, size=8):
    generator = np.random.RandomState(seed)
    return generator.rand(size, 3, 16, 16).astype(np.float32), generator.randint(0, 10, size).astype(np.int32)


def test_gradients_that_are_not_used_are_not_computed():
    made = learner_on(1)
    rates = {'weights': 0.1, 'gates': 0.1}
    for update, moved in (
        ('weights', {'weights'}),
        ('gates', {'gates'}),
        ('both', {'weights', 'gates'}),
        ('weights', {'weights'}),
    ):
        before = {group: [param.data().asnumpy() for param in getattr(made, group)] for group in ('weights', 'gates')}
        made.step(update, *batch(), 8, (), rates)
        for group in ('weights', 'gates'):
            params = getattr(made, group)
            assert all((param.grad_req != 'null') == (group in moved) for param in params), (update, group)
            changed = [not np.array_equal(old, param.data().asnumpy()) for old, param in zip(before[group], params)]
            assert any(changed) if group in moved else not any(changed), (update, group)


def test_alternating_gradients_are_exact():
    """Those of a W step and of a λ step are those of one step for both."""
    made = learner_on(1)
    x, y = batch(3)
    rates = {'weights': 0.0, 'gates': 0.0}
    found = {}
    for update in ('both', 'weights', 'gates', 'weights', 'both'):
        for array, param in zip(found.get('λ', []), made.gates):
            param.set_data(array)
        made.step(update, x, y, 8, (), rates)
        for group in ('weights', 'gates'):
            if update in (group, 'both'):
                grads = [param.grad().asnumpy() for param in getattr(made, group)]
                for one, two in zip(found.setdefault(group, grads), grads):
                    np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-7)
        found.setdefault('λ', [mx.nd.ones(param.shape) for param in made.gates])
        for param in made.gates:  # γ pulls even at a zero gradient rate: put λ back
            param.set_data(mx.nd.ones(param.shape))


def test_decay_is_on_weights_alone():
    net = Network(Architecture.full(SearchSpace(channels=4, blocks=(1, 1), levels=2)), auxiliary=True, image_size=16)
    on = Devices(Train(cpus=1))
    stages.initialise(net, on, 16, 0, 'decay')
    params = list(net.collect_params().values())
    optimizer = learner.nag(params, Retrain(lr=1.0, wd=0.5, momentum=0.0))
    trainer = on.trainer([param for param in params if param.grad_req != 'null'], optimizer)
    for param in params:
        param.set_data(mx.nd.ones(param.shape))
    with mx.autograd.record():
        logits, side = net(mx.nd.ones((2, 3, 16, 16)))
        loss = (logits.sum() + side.sum()) * 0
    loss.backward()
    trainer.step(1)
    decayed = {param.name for param in params if param.grad_req != 'null' and np.all(param.data().asnumpy() != 1)}
    assert decayed == {param.name for param in params if param.name.endswith('weight')}
    assert {'network_head_bn_gamma', 'network_head_dense_bias'} <= {param.name for param in params} - decayed


def test_label_smoothing_and_auxiliary_loss():
    generator = np.random.RandomState(2)
    logits, side, labels = generator.randn(6, 5), generator.randn(6, 5), generator.randint(0, 5, 6)

    def reference(values, smoothing):
        p = np.exp(values) / np.exp(values).sum(axis=1, keepdims=True)
        target = np.full(values.shape, smoothing / 5)
        target[np.arange(6), labels] += 1 - smoothing
        return -(target * np.log(p)).sum(axis=1)

    arrays = [mx.nd.array(value) for value in (logits, side, labels)]
    for smoothing in (0.0, 0.1):
        np.testing.assert_allclose(
            cross_entropy(arrays[0], arrays[2], smoothing).asnumpy(), reference(logits, smoothing), rtol=1e-5
        )
        loss, out = Loss(smoothing, 0.4)((arrays[0], arrays[1]), arrays[2])
        np.testing.assert_allclose(
            loss.asnumpy(), reference(logits, smoothing) + 0.4 * reference(side, smoothing), rtol=1e-5
        )
        assert out is arrays[0]


@pytest.mark.parametrize(
    'stage, step, words', [('pretrain', 2, 'W step'), ('search', 2, 'λ step'), ('search', 3, 'W step')]
)
def test_bad_numbers_stop_the_run(tiny, monkeypatch, stage, step, words):
    """The message names stage, epoch, step and what; the last good checkpoint stays."""
    config = tiny(pretrain__epochs=1, search__epochs=2)
    steps, done = learner.Learner.step, [0]
    skip = 0 if stage == 'pretrain' else 3

    def broken(self, update, x, y, *arguments, **more):
        done[0] += 1
        if done[0] == skip + step:
            x = x * np.float32('nan')
        return steps(self, update, x, y, *arguments, **more)

    monkeypatch.setattr(learner.Learner, 'step', broken)
    with pytest.raises(stops.TrainingError) as info:
        pipeline.search(config, ('pretrain', 'search'))
    text = str(info.value)
    assert 'not finite at %s epoch 1, step %d of' % (stage, step) in text and words in text and '\n' not in text
    monkeypatch.undo()
    kept = checkpoint.Checkpoints(config.run + '/checkpoints').positions()
    assert [found[:3] for found in kept] == ([] if stage == 'pretrain' else [(0, 1, 0)])
    pipeline.search(config, ('pretrain', 'search'), resume=True)


def test_gradient_alone_not_finite(tiny, monkeypatch):
    config = tiny(pretrain__epochs=1)
    steps = learner.Learner.step

    def broken(self, *arguments, **more):
        figures, finite = steps(self, *arguments, **more)
        return figures, {group: flag * 0 for group, flag in finite.items()}

    monkeypatch.setattr(learner.Learner, 'step', broken)
    with pytest.raises(stops.TrainingError, match='the gradient of W is not finite at pretrain epoch 1, step 1'):
        pipeline.search(config, ('pretrain',))


def test_drop_rate_follows_progress(tiny):
    config = tiny(retrain__drop_path=0.4, retrain__epochs=4)
    data = opening.open_data(config)
    _, net, _, _ = retraining.build(config, retraining.full(), data)
    stage = retrain_stage(config, net, data, Devices(config.train))
    assert [float(stage.inputs(progress)[0][0]) for progress in (0, 0.5, 1)] == pytest.approx([0, 0.2, 0.4])
    assert stage.seeded and stage.rates['weights'](0) == 0.05


@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize('stem, size', [('cifar', 32), ('imagenet', 64)])
def test_cost_of_a_graph_is_that_of_its_architecture(seed, stem, size):
    """known.count reads MXNet's graph, cost.py the architecture: they know nothing of each other."""
    from dsonas.symbols.cost import cost

    space = SearchSpace(channels=6, blocks=(1, 2), stem=stem, share=False)
    architecture = Architecture.random(space, seed=seed)
    counted = cost(architecture, image_size=size)
    found = known.count(Network(architecture, kernels_kind='plain'), size)
    assert found == {'params': counted.params, 'flops': counted.flops, 'mac': counted.mac}


def test_cost_of_a_known_network():
    found = known.count(known.build('cifar_resnet20_v1', 10), 32)
    assert found['params'] == 272474 and found['flops'] == pytest.approx(
        40.8e6, rel=0.01
    )  # He et al.: 0.27 M parameters


def test_synchronised_batch_norm_is_batch_norm_on_one_device():
    """The operator's own graph, which several CPU devices cannot run."""
    from dsonas.symbols.supernet import Supernet

    found = []
    for kind in ('plain', 'sync:1'):
        net = Supernet(SearchSpace(channels=4, blocks=(1, 1), levels=2), kernels_kind=kind)
        stages.initialise(net, Devices(Train(cpus=1)), 16, 4, 'sync')
        x, _ = batch(5)
        with mx.autograd.record():
            loss = (net(mx.nd.array(x)) ** 2).sum()
        loss.backward()
        found.append([gate.grad().asnumpy() for gate in net.gates] + [net(mx.nd.array(x)).asnumpy()])
    for one, two in zip(*found):
        np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-6)
