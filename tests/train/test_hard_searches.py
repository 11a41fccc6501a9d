"""Whole searches with a γ far too large end by themselves: whatever is left lets a signal pass and can be retrained.

DSONAS_EXAMPLES=50 runs that many seeds of each kind, other ones each time.
"""

import json
import os
import random
import sys

import mxnet as mx
import numpy as np
import pytest

from dsonas.symbols.architecture import Architecture
from dsonas.symbols.network import Network
from dsonas.train.config import settings
from dsonas.train.deriving import retraining
from dsonas.train.searching import pipeline

from .conftest import TINY

EXAMPLES = int(os.environ.get('DSONAS_EXAMPLES', '0'))
SEEDS = [random.randrange(10**6) for _ in range(EXAMPLES)] or [1]
# So many small steps that the two branches of a reduction block reach zero in different epochs.
HARD = dict(
    TINY,
    **{
        'space.blocks': (1, 1, 1),
        'data.limit': 100,
        'pretrain.batch_size': 20,
        'search.batch_size': 5,
        'search.epochs': 15,
        'search.gamma': 0.2,
        'train.keep': 1,
        'retrain.epochs': 1,
    },
)
KINDS = {
    'shared': {},
    'full': {'space.share': False, 'space.blocks': (2, 1, 1)},
    'two stages, pruned seldom': {'space.blocks': (1, 1), 'search.prune_every': 4},
    'signed': {'search.nonnegative': False},
    'words of the paper': {
        'search.nonnegative': False,
        'space.searchable_reduction': False,
        'space.first_level_gates': True,
        'search.prune_every': 0,
        'search.clip_gradient': 0.0,
    },
    'all at once': {'search.gamma': 2.0},
    'large rates': {'search.gate_lr': 1.0, 'search.penalty': 'none'},
    'memory access': {'search.penalty': 'mac', 'space.first_level_gates': True},
    'more λ steps than W steps': {'search.ratio': '1:3'},
    'two devices': {'train.cpus': 2, 'search.batch_size': 6},
}
ON_TWO_THREADS = ('shared', 'signed')


def whole(folder, kind, seed):
    """Search, retrain and test; the run is in `folder`."""
    config = settings.build(dict(HARD, run=str(folder), seed=seed, **KINDS[kind]))
    pipeline.search(config, ('pretrain', 'search'))
    architecture = Architecture.load(os.path.join(str(folder), 'architecture.json'))
    assert_signal(architecture, seed)
    retraining.retrain(config, retraining.searched(os.path.join(str(folder), 'architecture.json'))[1], add=True)
    with open(os.path.join(str(folder), 'summary.json')) as stream:
        summary = json.load(stream)
    assert 0 <= summary['test_error'] <= 100 and summary['edges'] == architecture.num_edges
    print(kind, seed, architecture.num_edges)


def assert_signal(architecture, seed):
    """What goes in makes a difference to what comes out."""
    for number in range(len(architecture.space.reduction_scopes)):
        assert architecture.reduction_branches(number)
    net = Network(architecture)
    mx.random.seed(seed)
    net.initialize(mx.init.Xavier())
    with mx.autograd.train_mode():
        outputs = net(mx.nd.array(np.random.RandomState(seed).standard_normal((6, 3, 16, 16))))
    logits = (outputs[0] if isinstance(outputs, (list, tuple)) else outputs).asnumpy()
    assert np.isfinite(logits).all() and np.abs(logits - logits[0]).max() > 1e-4


@pytest.mark.slow
@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('seed', SEEDS)
def test_a_hard_search_ends(tmp_path, kind, seed):
    whole(tmp_path / 'run', kind, seed)


@pytest.mark.slow
def test_hard_searches_end_on_two_threads(tmp_path, python):
    process = python(
        '-m',
        'dsonas.tests.train.test_hard_searches',
        tmp_path,
        OMP_NUM_THREADS='2',
        OMP_WAIT_POLICY='passive',
        timeout=500,
    )
    assert process.returncode == 0 and 'ended: %d' % len(ON_TWO_THREADS) in process.stdout, process.stderr


if __name__ == '__main__':
    for number, name in enumerate(ON_TWO_THREADS):
        whole(os.path.join(sys.argv[1], str(number)), name, SEEDS[0])
    print('ended: %d' % len(ON_TWO_THREADS))
