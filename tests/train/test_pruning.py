"""Search beside its steps: γ before λ steps, pruning for good, the physically smaller network, and what people are told."""

import dataclasses

import numpy as np
import pytest

from dsonas.optim import sparsity
from dsonas.runfiles import checkpoint
from dsonas.symbols.architecture import Architecture
from dsonas.symbols.cost import gate_graphs
from dsonas.symbols.supernet import Supernet
from dsonas.train.config.tree import Pretrain, Search, Train
from dsonas.train.engine import learner, stage
from dsonas.train.engine.losses import Loss
from dsonas.train.runtime import opening
from dsonas.train.runtime.devices import Devices
from dsonas.train.searching import pipeline
from dsonas.train.searching.diagnosis import Diagnosis
from dsonas.train.searching.penalty import Penalty, structures
from dsonas.train.searching.pruner import Pruner

from .conftest import columns
from .test_devices import SPACE


def searching(space=SPACE, devices=1, **changes):
    search = Search(**dict(dict(gamma=0.02, epochs=9, prune_every=2), **changes))
    on = Devices(Train(cpus=devices))
    net = Supernet(space)
    stage.initialise(net, on, 16, 3, 'test')
    made = learner.Learner(
        net, net.gates, Loss(), on, learner.nag(net.weights().values(), Pretrain()), learner.apg_nag(search)
    )
    quantity = sparsity.POLICIES[search.penalty].quantity
    policy = sparsity.make(
        search.penalty, search.gamma, structures(gate_graphs(space, 16), lambda entry: getattr(entry, quantity))
    )
    pruner = Pruner(space, made, search, 16, lambda architecture: made.replace(made.net.pruned(architecture)))
    pruner.penalty = Penalty(policy, pruner)
    return pruner


def set_gates(pruner, groups):
    for gate, values in zip(pruner.learner.gates, groups):
        gate.set_data(np.array(values, np.float32))


def batch(seed=0):
    generator = np.random.RandomState(seed)
    return generator.rand(8, 3, 16, 16).astype(np.float32), generator.randint(0, 10, 8).astype(np.int32)


def test_gamma_follows_what_is_kept():
    pruner = searching(penalty='flops')
    names = SPACE.gate_names()
    optimizer = pruner.learner.trainers['gates'].optimizer
    before = optimizer.get_gamma(0)
    pruner.penalty.follow('weights')
    assert np.all(optimizer.get_gamma(0) == before)
    pruner.penalty.follow('gates')
    assert np.allclose(optimizer.get_gamma(0), 0.02) and np.allclose(optimizer.get_gamma(1), 0.02)
    values = [np.ones(len(group)) for group in names]
    values[0][[name.startswith('shared/out') for name in names[0]]] = 0  # no way to the output: eq. 9's numerator is 0
    set_gates(pruner, values)
    pruner.penalty.follow('gates')
    assert np.all(optimizer.get_gamma(0) == 0) and np.allclose(optimizer.get_gamma(1), 0.02)


def test_zero_is_gone_for_good_with_what_it_isolates():
    pruner = searching()
    names = SPACE.gate_names()[0]
    values = np.ones(len(names), np.float32)
    dead = 'shared/out<-L2.sep_conv_3x3'
    values[names.index(dead)] = 0
    set_gates(pruner, [values] + [np.ones(2)] * len(SPACE.reduction_scopes))
    row = pruner.end_of_epoch(1)
    assert not np.concatenate(pruner.pruned).any() and row['changed'] == 1  # not yet
    row = pruner.end_of_epoch(2)
    gone = [name for name, flag in zip(names, pruner.pruned[0]) if flag]
    assert sorted(gone) == sorted([dead] + [name for name in names if name.startswith('shared/L2.sep_conv_3x3<-')])
    assert row['zero_fraction'] == pytest.approx(len(gone) / 12)
    x, y = batch()
    for _ in range(3):
        pruner.penalty.follow('gates')
        pruner.learner.step('gates', x, y, 8, (), {'gates': 0.1})
    after = pruner.values()[0]
    assert np.all(after[pruner.pruned[0]] == 0) and np.all(after[~pruner.pruned[0]] != 0)


def test_physically_smaller_supernet_goes_on_alike():
    """After a rebuild, outputs, updates and optimizer states are those of the complete network with zeros."""
    values = [np.ones(len(group), np.float32) for group in SPACE.gate_names()]
    names = SPACE.gate_names()[0]
    values[0][names.index('shared/out<-L2.max_pool_3x3')] = 0
    values[0][names.index('shared/out<-L1.sep_conv_3x3')] = 0
    values[0][names.index('shared/L2.sep_conv_3x3<-L1.sep_conv_3x3')] = 0
    found = []
    for smaller in (True, False):
        pruner = searching(prune_every=1)
        for seed in range(2):
            pruner.learner.step('both', *batch(seed), 8, (), {'weights': 0.05, 'gates': 0.01})
        set_gates(pruner, values)
        if not smaller:
            pruner.rebuild = lambda architecture: None
        pruner.end_of_epoch(1)
        for seed in range(3):
            pruner.learner.step('both', *batch(seed), 8, (), {'weights': 0.05, 'gates': 0.01})
        arrays = {param.name: param.list_data()[0].asnumpy() for param in pruner.learner.weights + pruner.learner.gates}
        found.append((arrays, pruner.learner.net))
    assert len(found[0][0]) < len(found[1][0]), 'nothing was removed'
    for name, array in found[0][0].items():
        np.testing.assert_allclose(array, found[1][0][name], rtol=2e-4, atol=1e-5, err_msg=name)


def update_gates(pruner, gradients):
    """One step of APG-NAG with the same gradient for all λ of a vector."""
    pruner.learner.prepare('gates')
    for param, gradient in zip(pruner.learner.gates, gradients):
        for data, grad in zip(param.list_data(), param.list_grad()):
            grad[:] = gradient
            data._fresh_grad = True  # as a backward pass would leave it
    pruner.learner.trainers['gates'].update(1)


def with_reduction(branches):
    """λ at 1, those of the one reduction block as given."""
    return [np.ones(len(SPACE.gate_names()[0])), np.array(branches, np.float32)]


@pytest.mark.parametrize('gone', [0, 1])
@pytest.mark.parametrize('devices', [1, 2])
def test_the_last_branch_of_a_reduction_block_stays(gone, devices):
    """One branch is pruned; then the penalty does not touch the other, and a gradient that pushes it to zero leaves it where it was."""
    pruner = searching(prune_every=1, gamma=0.3, clip_gradient=0.0, devices=devices)
    branches = np.array([0.5, 0.5])
    branches[gone] = 0
    set_gates(pruner, with_reduction(branches))
    pruner.end_of_epoch(1)
    assert pruner.pruned[1].tolist() == [place == gone for place in range(2)]
    pruner.penalty.follow('gates')
    gamma = pruner.optimizer.get_gamma(1)
    assert np.all(gamma == 0) and np.all(pruner.optimizer.get_gamma(0) > 0)
    for gradient in (100.0, 100.0, 0.0):
        update_gates(pruner, [0.0, gradient])
        for data in pruner.learner.gates[1].list_data():
            assert data.asnumpy().tolist() == branches.tolist()
    set_gates(pruner, with_reduction([0, 0]))  # whatever λ become
    pruner.end_of_epoch(2)
    assert pruner.values()[1].tolist() == branches.tolist()
    assert pruner.architecture.reduction_branches(0) == (('conv_3x3',), ('conv_1x1',))[gone]


@pytest.mark.parametrize('signed', [False, True])
def test_where_both_branches_reach_zero_at_once_the_larger_stays(signed):
    pruner = searching(prune_every=1, gamma=0.3, momentum=0.0, nonnegative=not signed)
    set_gates(pruner, with_reduction([0.01, -0.02 if signed else 0.02]))
    pruner.penalty.follow('gates')
    update_gates(pruner, [0.0, 0.0])
    before = np.float32(-0.02 if signed else 0.02)
    assert pruner.values()[1].tolist() == [0, before]
    pruner.end_of_epoch(1)
    assert pruner.architecture.reduction_branches(0) == ('conv_3x3',) and pruner.pruned[1].tolist() == [True, False]


def told(pruner, epoch, groups):
    set_gates(pruner, groups)
    pruner.end_of_epoch(epoch)
    return Diagnosis(pruner, pruner.search).of_epoch() or ''


def test_what_people_are_told():
    ones = [np.ones(len(group), np.float32) for group in SPACE.gate_names()]
    zeros = [0 * group for group in ones]
    some = [group.copy() for group in ones]
    some[0][-1] = 0
    assert 'no operation is left' in told(searching(), 1, zeros) and 'search.gamma' in told(searching(), 1, zeros)
    plain = dataclasses.replace(SPACE, searchable_reduction=False)
    assert 'every λ is zero' in told(searching(plain), 1, zeros[:1])
    assert 'no λ has moved' in told(searching(), 3, ones) and not told(searching(), 2, ones)
    assert 'nothing was pruned' in told(searching(), 9, [group * 0.7 for group in ones])
    assert 'still moving' in told(searching(prune_every=0), 9, some)
    pruner = searching()
    told(pruner, 8, some)
    assert not told(pruner, 9, pruner.values()) and pruner.settled()
    diagnosis = Diagnosis(pruner, pruner.search)
    assert 'search.gamma=0.1 would' in diagnosis.reach(10) and diagnosis.reach(10000) == ''


def test_state_comes_back():
    pruner = searching(prune_every=1)
    values = [np.ones(len(group), np.float32) for group in SPACE.gate_names()]
    values[0][-1] = values[0][0] = 0
    set_gates(pruner, values)
    pruner.end_of_epoch(1)
    other = searching(prune_every=1)
    other.restore(pruner.state())
    assert all(np.array_equal(one, two) for one, two in zip(pruner.pruned, other.pruned))
    assert other.architecture == pruner.architecture and other.built == pruner.built
    assert sorted(other.learner.net.collect_params()) == sorted(pruner.learner.net.collect_params())
    set_gates(other, values)
    assert other.end_of_epoch(2)['changed'] == 0


def test_a_search_that_removes_everything_goes_on(tiny, capsys):
    """No block is left to use the λ: said in plain words, and no step fails for it."""
    config = tiny('gone', search__gamma=2.0, search__epochs=4)
    run = pipeline.search(config, ('pretrain', 'search'))
    assert 'no operation is left' in capsys.readouterr().err
    assert columns(run, ('edges', 'operations'))[-2:] == [(1, 0)] * 2
    architecture = Architecture.load(run + '/architecture.json')
    assert architecture.is_identity(0) and len(architecture.reduction_edges(0)) == 1


@pytest.mark.parametrize(
    'changes',
    [
        dict(space__share=False),
        dict(search__split=False),
        dict(search__ratio='2:1', search__batch_size=20),
        dict(pretrain__epochs=0),
        dict(search__prune_every=0),
        dict(search__nonnegative=False, search__clip_gradient=0.0),
        dict(space__searchable_reduction=False),
        dict(space__first_level_gates=True),
        dict(search__penalty='none'),
        dict(search__penalty='mac'),
        dict(search__penalty='latency'),
        dict(data__split=0.8),
    ],
)
def test_variants(tiny, changes):
    """Each variant of the search runs, leaves a valid architecture, and does the iterations that it says."""
    config = tiny('variant', **dict(dict(search__epochs=2), **changes))
    run = pipeline.search(config, ('pretrain', 'search'))
    architecture = Architecture.load(run + '/architecture.json')
    assert architecture.space.share == config.space.share
    counts = checkpoint.Checkpoints(run + '/checkpoints').newest(print).counts
    if config.search.split:
        sizes = opening.open_data(config).sizes
        n, m = (int(part) for part in config.search.ratio.split(':'))
        cycles = sizes['weights'] // config.search.batch_size // n
        assert set(counts['gates']['updates'].values()) <= {2 * cycles * m}
    else:
        assert set(counts['gates']['updates'].values()) == {2 * 6} == set(counts['weights']['updates'].values())
    with np.load(run + '/lambda.npz') as stored:
        assert stored['epochs'].tolist() == [0, 1, 2] and stored['values'].shape == (
            3,
            sum(map(len, architecture.space.gate_names())),
        )
        assert np.all(stored['values'][0] == 1)
        if config.search.nonnegative:
            assert stored['values'].min() >= 0
        assert np.all(stored['values'][stored['pruned']] == 0)
    rows = columns(run, ('stage', 'gate_loss', 'zero_fraction'))
    assert [row[0] for row in rows] == ['pretrain'] * config.pretrain.epochs + ['search'] * 2
    assert all(row[2] is not None and (row[1] is not None) == config.search.split for row in rows if row[0] == 'search')
