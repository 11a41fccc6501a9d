"""Gradients of arrays that are used often are right, or nothing is computed with."""

import os
import subprocess
import sys

import pytest

from dsonas.symbols.backend import gradient_sums

BUILD = """
from dsonas.symbols.space import SearchSpace
from dsonas.symbols.supernet import Supernet
Supernet(SearchSpace.cifar10(channels=4, blocks=(1,)), kernels_kind='cpu')
"""
TRAIN_BEFORE = """
import mxnet as mx
net = mx.gluon.nn.HybridSequential()
net.add(mx.gluon.nn.Dense(1), mx.gluon.nn.Activation('relu'))
net.initialize()
net.hybridize()
with mx.autograd.record():
    y = net(mx.nd.ones((1, 2)))
y.backward()
"""


def run(code, **environment):
    variables = {key: value for key, value in os.environ.items() if key != gradient_sums.SETTING}
    return subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', code],
        env=dict(variables, **environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_this_process_adds_up_rightly():
    gradient_sums.check()


@pytest.mark.parametrize(
    'code, environment, right',
    [
        (BUILD, {}, True),
        (BUILD, {gradient_sums.SETTING: '5000'}, True),
        (BUILD, {gradient_sums.SETTING: '8'}, False),
        (TRAIN_BEFORE + BUILD, {}, False),
        ('import dsonas.symbols.backend.kernels' + TRAIN_BEFORE + BUILD, {}, True),
    ],
    ids=['as it is', 'set higher', 'set lower', 'trained before', 'imported before'],
)
def test_a_process_that_would_add_up_wrongly_is_refused(code, environment, right):
    done = run(code, **environment)
    assert (done.returncode == 0) == right, done.stderr.decode()
    assert right or f'UserError: {gradient_sums.SETTING}' in done.stderr.decode()
