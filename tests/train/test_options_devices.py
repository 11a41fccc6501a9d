"""Averaged weights and mixup on several devices and workers: what one device gives; and what they give when they go on."""

import os

import mxnet as mx
import numpy as np
import pytest
from mxnet.gluon import nn

from dsonas.runfiles import checkpoint
from dsonas.runfiles.log import read_log
from dsonas.train.config.tree import Retrain, Train
from dsonas.train.engine.averaging import Average, averaged
from dsonas.train.engine.learner import Learner, nag
from dsonas.train.engine.losses import Loss
from dsonas.train.engine.mixup import Mixup
from dsonas.train.engine.stage import initialise
from dsonas.train.runtime.devices import Devices

from .conftest import ROOT, columns, same_arrays
from .test_distributed import config_file, launched

BATCH, STEPS, CLASSES = 24, 10, 5


def network():
    """A network without batch norm, whose statistics would be of each device's own images."""
    net = nn.HybridSequential()
    net.add(nn.Conv2D(6, 3, activation='relu'), nn.GlobalAvgPool2D(), nn.Flatten(), nn.Dense(CLASSES))
    return net


def learned(devices, workers=1):
    """A Learner after some steps, averaged and mixed. workers: of whose shares a process that is alone mixes each by itself."""
    net = network()
    initialise(net, devices, 8, devices.rank, 'test')  # of several workers, worker 0's values count
    learner = Learner(net, [], Loss(0.1), devices, nag(net.collect_params().values(), Retrain(lr=0.1)))
    learner.average = Average(learner.weights, 0.8)
    dice = np.random.RandomState(1)
    for step in range(STEPS):
        x = dice.rand(BATCH, 3, 8, 8).astype(np.float32)
        y = dice.randint(0, CLASSES, BATCH).astype(np.int32)
        ranks, count = ([devices.rank], devices.workers) if devices.distributed else (range(workers), workers)
        shares = [Mixup(0.4, 7, CLASSES, rank)(x[rank::count], y[rank::count], 0, step) for rank in ranks]
        mixed, labels = (np.concatenate(parts) for parts in zip(*shares))
        learner.step('weights', mixed, labels, BATCH, (), {'weights': 0.1})
    mx.nd.waitall()
    return learner


def arrays(learner):
    """Weights and their averages, in their order."""
    made = [param.list_data()[0].asnumpy() for param in learner.weights]
    return [*made, *(value.asnumpy() for value in learner.average.values)]


@pytest.mark.parametrize('count', [2, 3])
def test_several_devices_average_and_mix_as_one_does(count):
    """Gradients are added up in another order; the rest is the same."""
    one, several = (learned(Devices(Train(cpus=number))) for number in (1, count))
    assert one.average.updates == several.average.updates == STEPS
    for expected, seen in zip(arrays(one), arrays(several)):
        np.testing.assert_allclose(seen, expected, rtol=1e-4, atol=1e-6)
    weights, averages = np.split(np.array([array.sum() for array in arrays(one)]), 2)
    assert not np.allclose(weights, averages, rtol=1e-3)  # the average is not the weights
    batches = iter([(np.zeros((count, 3, 8, 8), np.float32), np.zeros(count, np.int32))] * 40)
    before = [array.asnumpy() for param in several.weights for array in param.list_data()]
    with averaged(several, batches):
        for param, value in zip(several.weights, several.average.values):
            assert all(np.array_equal(array.asnumpy(), value.asnumpy()) for array in param.list_data())
    after = [array.asnumpy() for param in several.weights for array in param.list_data()]
    assert all(map(np.array_equal, before, after))


WORKER = """
import sys
import numpy as np
from dsonas.tests.train import test_options_devices as test
from dsonas.train.config.tree import Train
from dsonas.train.runtime import state
from dsonas.train.runtime.devices import Devices
on = Devices(Train(cpus=int(sys.argv[2]), kvstore='dist_sync'))
learner = test.learned(on)
own = np.concatenate([array.ravel() for array in test.arrays(learner)])
assert on.same_everywhere(state.digest(learner)) and (on.gather(own) == own).all(), 'the workers hold different averages'
on.barrier()
if on.main:
    np.savez(sys.argv[1], *test.arrays(learner))
"""


@pytest.mark.parametrize('cpus', [1, 2])
def test_two_workers_average_and_mix_as_one_process_with_their_shares(cpus, tmp_path):
    path = str(tmp_path / 'two.npz')
    job = launched(['-n', '2', '-s', '1'], '-c', WORKER, path, str(cpus))
    out, err = job.communicate(timeout=200)
    assert job.returncode == 0, err
    expected = arrays(learned(Devices(Train(cpus=1)), workers=2))
    with np.load(path) as stored:
        for number, array in enumerate(expected):
            np.testing.assert_allclose(stored[f'arr_{number}'], array, rtol=1e-4, atol=1e-6)


def test_workers_with_all_options_go_on_as_if_they_had_not_stopped(tiny, tmp_path):
    """Bit for bit: weights, averages, the best epoch so far, each worker's statistics; with one whole run as the measure."""
    options = {
        'retrain__ema': 0.9, 'retrain__mixup': 0.4, 'retrain__patience': 3, 'retrain__held_out': 0.3, 'retrain__epochs': 3,
        'retrain__test_every': 0, 'train__kvstore': 'dist_sync', 'train__keep': 100, 'data__limit': 300,
    }  # fmt: skip
    whole = tiny('whole', **options, train__checkpoint_minutes=1e-9)
    retrained(whole, tmp_path, '--full')
    saved = checkpoint.Checkpoints(os.path.join(whole.run, 'checkpoints'))
    within = [position for position in saved.positions() if position.step]
    cut = within[len(within) // 2]
    expected, log = saved.newest(print), columns(whole.run)
    held_out = [row['held_out_error'] for row in read_log(os.path.join(whole.run, 'log.csv'))]
    for position in saved.positions():
        if position > cut:
            os.remove(position.path)
    retrained(whole, tmp_path, '--resume')
    assert cut.epoch and same_arrays(expected.arrays, saved.newest(print).arrays)
    assert {name.split('/')[0] for name in expected.arrays} >= {'ema', 'kept', 'param'}
    assert columns(whole.run) == log
    assert [row['held_out_error'] for row in read_log(os.path.join(whole.run, 'log.csv'))] == held_out


def retrained(config, folder, how):
    words = ['--config', config_file(config, folder / 'c.yaml'), '--run', config.run, how]
    job = launched(['-n', '2', '-s', '1'], os.path.join(ROOT, 'train/retrain.py'), *words)
    out, err = job.communicate(timeout=200)
    assert job.returncode == 0, err
