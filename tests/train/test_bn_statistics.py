"""Batch norm's running statistics beside training."""

import itertools
import os

import mxnet as mx
import numpy as np

from dsonas.runfiles import checkpoint
from dsonas.symbols.space import SearchSpace
from dsonas.symbols.supernet import Supernet
from dsonas.train.config.tree import Pretrain, Train
from dsonas.train.engine import bn_statistics, stage
from dsonas.train.engine.learner import Learner, nag
from dsonas.train.engine.losses import Loss
from dsonas.train.runtime.devices import Devices
from dsonas.train.searching import pipeline

from .conftest import columns, same_arrays


def learner_on(cpus):
    space = SearchSpace.cifar10(channels=4, blocks=(1, 1), levels=2, operations=('sep_conv_3x3', 'max_pool_3x3'))
    net, devices = Supernet(space), Devices(Train(cpus=cpus))
    stage.initialise(net, devices, 16, 1, 'test')
    return Learner(net, net.gates, Loss(), devices, nag(list(net.weights().values()), Pretrain()))


def held(learner):
    """All Parameters' values, by device."""
    mx.nd.waitall()
    return {
        '%s/%d' % (name, number): array.asnumpy()
        for name, param in learner.net.collect_params().items()
        for number, array in enumerate(param.list_data())
    }


def test_settled_statistics_are_the_datas_and_go_again():
    learner = learner_on(2)
    x = np.random.RandomState(3).rand(8, 3, 16, 16).astype(np.float32) + 5
    learner.step('weights', x, np.zeros(8, np.int32), 8, (), {'weights': 0.0})
    mean = next(param for name, param in learner.net.collect_params().items() if name.endswith('stem_bn_running_mean'))
    for number, array in enumerate(mean.list_data()):
        array[:] = 70 + number
    before = held(learner)
    weight = next(param for name, param in learner.net.collect_params().items() if name.endswith('stem_conv_weight'))
    images = mx.nd.Convolution(
        mx.nd.array(x), weight.list_data()[0], kernel=(3, 3), pad=(1, 1), num_filter=4, no_bias=True
    )
    with bn_statistics.settled(learner, itertools.repeat((x, np.zeros(8, np.int32)))):
        inside = held(learner)
        places = [array.asnumpy() for array in mean.list_data()]
    for place in places:
        np.testing.assert_allclose(
            place, images.mean(axis=(0, 2, 3)).asnumpy(), atol=70 * 0.9**bn_statistics.SETTLING * 1.1
        )
    assert same_arrays(before, held(learner))
    changed = {name for name in before if not np.array_equal(before[name], inside[name])}
    assert changed and all('running' in name for name in changed)


def test_a_search_goes_the_same_way_whether_it_is_tested_or_not(tiny):
    tested, alone = (
        tiny(name, pretrain__test_every=every, search__test_every=every)
        for name, every in (('tested', 1), ('alone', 0))
    )
    for config in (tested, alone):
        pipeline.search(config, ('pretrain', 'search'))
    names = ('stage', 'epoch', 'loss', 'error', 'gate_loss', 'zero_fraction', 'edges')
    assert columns(tested.run, names) == columns(alone.run, names)
    ends = [
        checkpoint.read(os.path.join(config.run, 'checkpoints', 'search-0003-00000.ckpt'))[0]
        for config in (tested, alone)
    ]
    assert same_arrays(*ends)
    assert [bool(row[0]) for row in columns(tested.run, ('test_error',))] == [True] * 4
