"""A run small enough for tests: two blocks of two levels, 240 embedded images of 16×16 pixels; 3 steps a part and epoch."""

import os
import subprocess
import sys

import numpy as np
import pytest

from dsonas.train.config import settings

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TINY = {
    'data.name': 'digits',
    'data.image_size': 16,
    'data.limit': 240,
    'space.channels': 4,
    'space.blocks': (1, 1),
    'space.levels': 2,
    'space.operations': ('sep_conv_3x3', 'max_pool_3x3'),
    'pretrain.epochs': 1,
    'pretrain.batch_size': 40,
    'search.epochs': 3,
    'search.batch_size': 40,
    'search.gamma': 0.2,
    'search.prune_every': 1,
    'retrain.epochs': 2,
    'retrain.batch_size': 40,
    'retrain.budget': 'none',
    'retrain.channels': (4,),
    'retrain.t0': 2.0,
    'retrain.tmul': 1.0,
    'retrain.cutout': 4,
    'train.tensorboard': False,
    'train.cpus': 1,
    'train.test_batch': 200,
}


@pytest.fixture(scope='session', autouse=True)
def cache(tmp_path_factory):
    """The embedded data set is made once for all of these tests, away from the user's cache."""
    before = os.environ.get('DSONAS_CACHE')
    os.environ['DSONAS_CACHE'] = str(tmp_path_factory.mktemp('cache'))
    yield
    os.environ.pop('DSONAS_CACHE')
    if before is not None:
        os.environ['DSONAS_CACHE'] = before


@pytest.fixture
def tiny(tmp_path):
    """tiny(name, **changes) -> Config of the small run in tmp_path/name; dots of keys are written as two underscores."""

    def make(name='run', **changes):
        changes = {key.replace('__', '.'): value for key, value in changes.items()}
        return settings.build(dict(TINY, run=str(tmp_path / name), **changes))

    return make


@pytest.fixture
def python():
    """python(*words, **environment) -> CompletedProcess of an interpreter, one OpenMP thread; words may be a script of the project."""

    def run(*words, timeout=120, **environment):
        words = [
            os.path.join(ROOT, word) if str(word).startswith(('train/', 'tools/')) else str(word) for word in words
        ]
        return subprocess.run(
            [sys.executable] + words,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
            timeout=timeout,
            env={**os.environ, 'OMP_NUM_THREADS': '1', **environment},
        )

    return run


def columns(
    path,
    names=(
        'stage',
        'epoch',
        'step',
        'lr',
        'loss',
        'error',
        'gate_loss',
        'gate_error',
        'test_loss',
        'test_error',
        'zero_fraction',
        'edges',
        'flops',
        'changed',
    ),
):
    """Rows of a log.csv without what depends on the clock."""
    from dsonas.runfiles.runlog import read_log

    return [tuple(row[name] for name in names) for row in read_log(os.path.join(str(path), 'log.csv'))]


def same_arrays(one, other):
    """Whether two dicts hold the same arrays, bit for bit."""
    return sorted(one) == sorted(other) and all(np.array_equal(one[name], other[name]) for name in one)
