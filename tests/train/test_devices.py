"""Devices: which, refused ones, several following one."""

import os

import mxnet as mx
import numpy as np
import pytest

from dsonas.symbols.backend import layout
from dsonas.symbols.space import SearchSpace
from dsonas.symbols.supernet import Supernet
from dsonas.train.config import settings
from dsonas.train.config.tree import Pretrain, Search, Train
from dsonas.train.deriving import retraining
from dsonas.train.engine import bn_statistics, stage
from dsonas.train.engine import learner as learners
from dsonas.train.engine.learner import Learner, apg_nag, nag
from dsonas.train.engine.losses import Loss
from dsonas.train.engine.plan import Plan
from dsonas.train.runtime import devices, opening, state
from dsonas.train.runtime.devices import Devices, contexts, parse_gpus
from dsonas.train.searching import pipeline

from .conftest import columns

SPACE = SearchSpace(channels=4, blocks=(1, 1), levels=2, operations=('sep_conv_3x3', 'max_pool_3x3'))


def test_cpu_devices_have_spaces_of_their_own(monkeypatch):
    monkeypatch.delenv(devices.SPACES, raising=False)
    contexts(cpus=1)
    assert devices.SPACES not in os.environ
    contexts(cpus=3)
    assert os.environ[devices.SPACES] == str(3 * devices.SPACES_EACH)
    monkeypatch.setenv(devices.SPACES, '7')  # a user's own stays
    contexts(cpus=2)
    assert os.environ[devices.SPACES] == '7'


def test_gpu_numbers():
    assert parse_gpus('0-3,6') == [0, 1, 2, 3, 6] and parse_gpus('2') == [2]
    for text in ('a', '3-1', '0,0', '1,', '-1', '0-1-2'):
        with pytest.raises(ValueError, match='gpus'):
            parse_gpus(text)


def test_contexts(monkeypatch):
    assert contexts(cpus=2) == [mx.cpu(0), mx.cpu(1)]
    monkeypatch.setattr(devices, 'num_gpus', lambda: 0)
    assert contexts() == [mx.cpu(0)]
    with pytest.raises(ValueError, match='no GPU'):
        contexts('0')
    monkeypatch.setattr(devices, 'num_gpus', lambda: 4)
    assert contexts() == [mx.gpu(number) for number in range(4)] and contexts('1-2') == [mx.gpu(1), mx.gpu(2)]
    with pytest.raises(ValueError, match='GPUs 0 to 3'):
        contexts('2-4')
    with pytest.raises(ValueError, match='choose one'):
        contexts('0', 1)


@pytest.mark.parametrize(
    'settings, words',
    [
        (dict(sync_bn=True), 'SyncBatchNorm hangs'),
        (dict(amp=True), 'float16'),
        (dict(kvstore='nccl'), 'only on GPUs'),
        (dict(kvstore='dist_sync'), 'tools/launch.py'),
    ],
)
def test_what_cannot_run_is_refused(settings, words, monkeypatch):
    monkeypatch.delenv('DMLC_ROLE', raising=False)
    with pytest.raises(ValueError, match=words):
        Devices(Train(cpus=1, **settings))


@pytest.mark.parametrize('visible', [0, 2])
def test_kernels_follow_the_devices_of_the_run(visible, monkeypatch):
    """On CPU devices those for CPUs, with a GPU in sight too."""
    monkeypatch.setattr(mx.context, 'num_gpus', lambda: visible)
    assert Devices(Train(cpus=2)).kernels_kind == 'cpu'
    assert Devices(Train()).kernels_kind == ('plain' if visible else 'cpu')


def test_batches_must_divide():
    assert Devices(Train(cpus=2)).share(10) == 10
    with pytest.raises(ValueError, match='search.batch_size=9.*multiple of 2'):
        Devices(Train(cpus=2)).share(9, 'search.batch_size')


def learner_on(count, kvstore='device'):
    """A supernet with both optimizers on `count` CPU devices."""
    on = Devices(Train(cpus=count, kvstore=kvstore))
    net = Supernet(SPACE)
    stage.initialise(net, on, 16, 3, 'test')
    return Learner(net, net.gates, Loss(), on, nag(net.weights().values(), Pretrain()), apg_nag(Search(gamma=0.01)))


class Inference:
    """mx.autograd with batch norm in inference mode: gradients are recorded, statistics used and not updated."""

    def __init__(self, learner):
        self.learner = learner

    @staticmethod
    def record():
        return mx.autograd.record(train_mode=False)

    def backward(self, losses):
        mx.autograd.backward(losses, train_mode=False)
        layout.plain_parameters(
            self.learner.net
        )  # inference has left weights in another layout: bring them back before the update


@pytest.mark.parametrize('kvstore', ['local', 'device'])
@pytest.mark.parametrize('update', ['weights', 'gates', 'both'])
def test_two_devices_follow_one(kvstore, update, monkeypatch):
    generator = np.random.RandomState(5)
    batches = [
        (generator.rand(8, 3, 16, 16).astype(np.float32), generator.randint(0, 10, 8).astype(np.int32))
        for _ in range(6)
    ]
    found = []
    for count in (1, 2):
        learner = learner_on(count, kvstore)
        monkeypatch.setattr(learners, 'autograd', Inference(learner))
        for x, y in batches:
            figures, finite = learner.step(update, x, y, 8, (), {'weights': 0.001, 'gates': 0.01})
        assert all(flag.asscalar() == 1 for flag in finite.values())
        values = {
            name: [array.asnumpy() for array in param.list_data()]
            for name, param in state.parameters(learner.net).items()
        }
        found.append((values, sum(figure.asnumpy() for figure in figures)))
    one, two = found
    for name, arrays in two[0].items():
        assert all(np.array_equal(arrays[0], array) for array in arrays), name
        np.testing.assert_allclose(arrays[0], one[0][name][0], rtol=1e-4, atol=2e-6, err_msg=name)
    np.testing.assert_allclose(two[1], one[1], rtol=1e-5)


def test_two_devices_train_a_run(tiny):
    """Statistics of batch norm are each device's own in training, so numbers differ a little; a run on two repeats itself."""
    config = tiny('two', train__cpus=2, retrain__epochs=1)
    pipeline.search(config, ('pretrain', 'search'))
    summary = retraining.retrain(config, retraining.full(), add=True)
    assert 0 <= summary['test_error'] <= 100 and summary['kind'] == 'full'
    rows = columns(config.run, ('stage', 'loss'))
    one = tiny('one', retrain__epochs=1)
    pipeline.search(one, ('pretrain', 'search'))
    for (name, loss), (_, other) in zip(rows[:2], columns(one.run, ('stage', 'loss'))):
        assert abs(float(loss) - float(other)) < 0.1, name


def test_statistics_are_averaged_over_devices():
    learner = learner_on(2)
    x = np.random.RandomState(1).rand(8, 3, 16, 16).astype(np.float32)
    learner.step('weights', x, np.zeros(8, np.int32), 8, (), {'weights': 0.0})
    mx.nd.waitall()
    param = state.parameters(learner.net)['stem_bn_running_mean']
    mean = [array.asnumpy() for array in param.list_data()]
    assert not np.allclose(mean[0], mean[1])
    bn_statistics.average(learner)
    after = [array.asnumpy() for array in param.list_data()]
    np.testing.assert_allclose(after, [(mean[0] + mean[1]) / 2] * 2, rtol=1e-6)


def test_resumes_on_another_number_of_devices(tiny):
    config = tiny('more', search__epochs=1)
    pipeline.search(config, ('pretrain',))
    pipeline.search(settings.replace(config, train__cpus=2), ('pretrain', 'search'), resume=True)
    assert [row[0] for row in columns(config.run)] == ['pretrain', 'search']


def test_plan_is_the_same_for_any_number_of_workers(tiny):
    data = opening.open_data(tiny())
    pattern = (('weights', 'weights'), ('gates', 'gates'))
    assert Plan(pattern, 40, data, 40, (0, 1)).steps == Plan(pattern, 40, data, 20, (1, 2)).steps == 6
