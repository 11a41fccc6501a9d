"""The checks of devices, on CPU devices: what is right passes, what is wrong is found, and what cannot be checked says so."""

import json
import subprocess
import sys

import mxnet as mx
import numpy as np
import pytest

from dsonas.optim import apg_nag
from dsonas.symbols.backend.operators import ExactKernels
from dsonas.train.runtime.exchange import Exchange
from dsonas.train.selfcheck import networks, training
from dsonas.train.selfcheck.__main__ import outcome
from dsonas.train.selfcheck.catalogue import CHECKS
from dsonas.train.selfcheck.target import Mismatch, Skipped, Target, require_close

TWO = Target(cpus=2)
ON_GPUS_ALONE = ('kvstore-nccl', 'sync-bn', 'float16', 'speed-float16')


@pytest.mark.slow
@pytest.mark.parametrize('name', sorted(set(CHECKS) - set(ON_GPUS_ALONE)))
def test_cpu_devices_pass(name):
    found = outcome(name, TWO)
    assert found['status'] == 'ok' and found['figures'], found
    json.dumps(found)


@pytest.mark.parametrize('name', ON_GPUS_ALONE)
def test_what_is_of_gpus_alone_is_skipped_elsewhere(name):
    found = outcome(name, TWO)
    assert found['status'] == 'skipped' and 'on GPUs alone' in found['detail']


def test_two_devices_are_not_looked_for_on_one():
    assert outcome('kvstore-device', Target(cpus=1)) == {
        'status': 'skipped',
        'detail': 'needs 2 devices; there is 1',
        'figures': {},
    }
    with pytest.raises(Skipped, match='needs 3 devices; there are 2'):
        TWO.devices(3)


def failed(name, *words):
    found = outcome(name, TWO)
    assert found['status'] == 'failed' and all(word in found['detail'] for word in words), found


def test_a_wrong_operator_is_found(monkeypatch):
    right = ExactKernels.average_pool
    monkeypatch.setattr(ExactKernels, 'average_pool', lambda *words: right(*words) * 1.02)
    failed('operators', 'avg_pool_3x3', 'exact kernels', 'deviates by 0.02')


def test_a_wrong_gradient_is_found(monkeypatch):
    """An operator whose output is right."""

    def pool(self, F, x, channels, kernel):
        y = F.Pooling(x, kernel=(kernel, kernel), pad=(kernel // 2, kernel // 2), pool_type='avg')
        return F.BlockGrad(y) + 1.05 * (y - F.BlockGrad(y))

    monkeypatch.setattr(ExactKernels, 'average_pool', pool)
    failed('operators', 'avg_pool_3x3', 'gradients', 'input deviates')


def test_a_lost_gradient_of_a_device_is_found(monkeypatch):
    def first_alone(self, key, value, out=None, priority=0):
        self._write(value[0] * len(value), value if out is None else out)

    monkeypatch.setattr(Exchange, 'pushpull', first_alone)
    failed('kvstore-device', 'sum of 3 gradients over 2 devices is wrong')


@pytest.mark.slow
def test_a_wrong_step_of_lambda_is_found(monkeypatch):
    """Of the first of two learners, whose γ is another."""
    made = iter((0.7, training.GAMMA))
    monkeypatch.setattr(training, 'apg_nag', lambda settings: apg_nag.APGNAG(
        learning_rate=settings.gate_lr, momentum=settings.momentum, gamma=next(made), nonnegative=True))  # fmt: skip
    failed('steps-search', 'search: ')


def test_numbers_that_are_not_finite_are_to_be_seen(monkeypatch):
    monkeypatch.setattr(networks, 'all_finite', lambda arrays: mx.nd.ones((1,)))
    failed('finite', 'nan in array 0', 'not seen')


@pytest.mark.parametrize('number', [np.nan, np.inf])
def test_arrays_are_compared_by_name_and_finite(number):
    one = {'w': np.ones(3)}
    assert require_close(one, one, 1e-9, 'x') == 0
    for other, words in (({'v': np.ones(3)}, 'other names'), ({'w': np.array([1, number, 1])}, 'deviates by inf')):
        with pytest.raises(Mismatch, match=words):
            require_close(other, one, 0.5, 'x')


def test_an_error_is_reported_in_one_line(monkeypatch, capsys):
    def broken(target):
        raise mx.base.MXNetError('CUDA: unspecified launch failure\nStack trace: …')

    monkeypatch.setitem(CHECKS, 'device', broken)
    found = outcome('device', TWO)
    assert (found['status'], found['detail']) == ('failed', 'MXNetError: CUDA: unspecified launch failure')
    assert 'Stack trace' in capsys.readouterr().err


def test_a_check_is_a_command():
    done = subprocess.run(
        [sys.executable, '-m', 'dsonas.train.selfcheck', 'finite', '--cpus', '1'], stdout=subprocess.PIPE
    )
    assert json.loads(done.stdout.splitlines()[-1]) == outcome('finite', Target(cpus=1))
