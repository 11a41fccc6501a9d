"""Options of retraining: early stopping, averaged weights, mixup. Off they change nothing; on they are exact when a run goes on."""

import os
import re

import mxnet as mx
import numpy as np
import pytest

from dsonas.base.errors import UserError
from dsonas.data.dataset import Part
from dsonas.runfiles import checkpoint
from dsonas.runfiles.checkpoint import Checkpoints
from dsonas.runfiles.directory import RunDirectory
from dsonas.runfiles.log import read_log
from dsonas.runfiles.network import read_network, read_parameters
from dsonas.train.config import settings
from dsonas.train.deriving import evaluation, retraining
from dsonas.train.engine import patience, testing
from dsonas.train.engine.averaging import Average
from dsonas.train.engine.losses import cross_entropy
from dsonas.train.engine.mixup import Mixup
from dsonas.train.runtime import state
from dsonas.train.runtime.opening import open_data
from dsonas.train.runtime.run import Run

from .conftest import columns, same_arrays

ALL = {'retrain__ema': 0.9, 'retrain__mixup': 0.4, 'retrain__patience': 5, 'retrain__held_out': 0.3}


def newest(config):
    return Checkpoints(os.path.join(config.run, 'checkpoints')).newest(print)


def interrupted(monkeypatch, config, saves):
    """Retrain until so many checkpoints were saved, then go on."""
    save, done = Run.save, []

    def counted(run, stage, position, best=False):
        save(run, stage, position, best)
        done.append(1)
        if len(done) == saves:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Run, 'save', counted)
        retraining.retrain(config, retraining.full())
    return retraining.retrain(config, retraining.full(), resume=True)


def test_all_of_them_are_exact_when_a_run_goes_on_within_an_epoch(tiny, monkeypatch):
    whole, parts = tiny('whole', **ALL), tiny('parts', **ALL, train__checkpoint_minutes=1e-9)
    one = retraining.retrain(whole, retraining.full())
    other = interrupted(
        monkeypatch, parts, 6
    )  # 4 steps an epoch and its end, each with a checkpoint: within the second
    assert columns(whole.run) == columns(parts.run)
    assert [row['held_out_error'] for row in read_log(os.path.join(whole.run, 'log.csv'))] == [
        row['held_out_error'] for row in read_log(os.path.join(parts.run, 'log.csv'))
    ]
    assert same_arrays(newest(whole).arrays, newest(parts).arrays)
    assert one['test_error'] == other['test_error']
    described = [read_network(config.run) for config in (whole, parts)]
    assert same_arrays(*(read_parameters(config.run, text) for config, text in zip((whole, parts), described)))


def test_averages_change_no_step_and_are_what_is_tested_and_kept(tiny):
    plain, averaged = tiny('plain'), tiny('averaged', retrain__ema=0.9)
    for config in (plain, averaged):
        retraining.retrain(config, retraining.full())
    rows = [columns(config.run, ('loss', 'error')) for config in (plain, averaged)]
    assert rows[0] == rows[1]
    weights = {name: array for name, array in newest(averaged).arrays.items() if not name.startswith('ema/')}
    assert same_arrays(weights, newest(plain).arrays)
    summary = read_log(os.path.join(averaged.run, 'log.csv'))[-1]
    tested = evaluation.evaluate_run(averaged.run, cpus=1)
    assert tested['test_error'] == pytest.approx(summary['test_error'])
    best = evaluation.evaluate_run(averaged.run, best=True, cpus=1)
    assert best['test_error'] == pytest.approx(
        min(row['test_error'] for row in read_log(os.path.join(averaged.run, 'log.csv')))
    )


def test_the_average_is_its_formula():
    param = mx.gluon.Parameter('w', shape=(3, 2))
    param.initialize(ctx=[mx.cpu(0), mx.cpu(1)])
    average, expected = Average([param], 0.7), None
    for step in range(1, 30):
        value = np.random.RandomState(step).randn(3, 2).astype(np.float32)
        param.set_data(mx.nd.array(value))
        average.update()
        decay = min(0.7, (1 + step) / (10 + step))
        expected = value if expected is None else decay * expected + (1 - decay) * value
    np.testing.assert_allclose(average.values[0].asnumpy(), expected, rtol=1e-5, atol=1e-6)


def test_mixup_is_drawn_from_seed_and_position_and_keeps_sums():
    rng = np.random.RandomState(0)
    x, y = rng.rand(16, 3, 4, 4).astype(np.float32), rng.randint(0, 5, 16).astype(np.int32)
    mixed, shares = Mixup(0.4, 1, 5)(x, y, 2, 3)
    again = Mixup(0.4, 1, 5)(x, y, 2, 3)
    assert np.array_equal(mixed, again[0]) and np.array_equal(shares, again[1])
    assert not np.array_equal(mixed, Mixup(0.4, 1, 5)(x, y, 2, 4)[0])
    assert not np.array_equal(mixed, Mixup(0.4, 2, 5)(x, y, 2, 3)[0])
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(mixed.sum(axis=0), x.sum(axis=0), rtol=1e-4)  # every image is in twice, with w and 1 - w
    assert (shares[np.arange(16), y] >= 0.5 - 1e-6).all() and mixed.dtype == shares.dtype == np.float32


def test_the_loss_of_shares_is_that_of_labels_where_they_are_whole():
    rng = np.random.RandomState(0)
    logits, labels = mx.nd.array(rng.randn(6, 4)), rng.randint(0, 4, 6)
    one_hot = mx.nd.array(np.eye(4)[labels])
    for smoothing in (0.0, 0.1):
        hard = cross_entropy(logits, mx.nd.array(labels), smoothing).asnumpy()
        np.testing.assert_allclose(cross_entropy(logits, one_hot, smoothing).asnumpy(), hard, rtol=1e-5)
    shares = rng.dirichlet(np.ones(4), 6).astype(np.float32)
    log_p = np.log(np.exp(logits.asnumpy()) / np.exp(logits.asnumpy()).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(
        cross_entropy(logits, mx.nd.array(shares)).asnumpy(), -(shares * log_p).sum(axis=1), rtol=1e-4
    )


def test_held_out_images_are_of_the_training_set_and_not_learned_from(tiny):
    dataset = open_data(tiny(data__limit=240))
    before = dataset.order('train', 0)
    dataset.hold_out(0.25)
    learned, held = dataset.indices(Part.LEARNED), dataset.indices(Part.HELD_OUT)
    assert not set(learned) & set(held) and sorted([*learned, *held]) == list(dataset.indices('train'))
    assert dataset.sizes[Part.HELD_OUT] == 60 and set(dataset.labels(Part.HELD_OUT)) == set(range(10))
    assert np.array_equal(before, dataset.order('train', 0))
    x, y = next(iter(dataset.batches(Part.HELD_OUT, 20, train=False)))
    assert x.shape == (20, 3, 16, 16) and np.array_equal(y, dataset.labels(Part.HELD_OUT)[:20])


ERRORS = {1: 50.0, 2: 40.0, 3: 40.0, 4: 41.0, 5: 30.0}  # on held-out images, by epoch
PATIENT = {'retrain__patience': 2, 'retrain__held_out': 0.2, 'retrain__epochs': 5, 'retrain__test_every': 0}


@pytest.fixture
def held_out(monkeypatch):
    """Errors on held-out images as they are given, by epoch, and what the network that was tested held."""
    seen = {}

    def tested(learner, run, *arguments, title='', part=None, **options):
        assert part == Part.HELD_OUT
        epoch = int(re.search(r' (\d+)/', title).group(1))
        seen[epoch] = {name: param.list_data()[0].asnumpy() for name, param in state.parameters(learner.net).items()}
        return testing.TestResult(1.0, ERRORS[epoch], 0.0, 10)

    monkeypatch.setattr(patience, 'test', tested)
    return seen


def kept(config):
    """Parameters of the network that a run leaves, by their names there."""
    net, description, epoch = evaluation.load_network(RunDirectory(config.run), [mx.cpu()])
    return {name: param.data().asnumpy() for name, param in state.parameters(net).items()}


@pytest.mark.parametrize('more', [{'retrain__ema': 0.9}, {'train__cpus': 2}])
def test_a_retraining_ends_once_it_gets_no_better_and_keeps_its_best_epoch(more, tiny, held_out):
    config = tiny(**{**PATIENT, 'retrain__test_every': 2}, **more)
    summary = retraining.retrain(config, retraining.full())
    assert (summary['epochs'], summary['kept_epoch']) == (4, 2) and sorted(held_out) == [1, 2, 3, 4]
    assert summary['ended'] == 'the error on held-out images has not fallen below 40.00% for 2 epochs'
    assert same_arrays(kept(config), held_out[2]) and not same_arrays(held_out[2], held_out[4])
    tested = evaluation.evaluate_run(config.run, cpus=1)
    assert tested['test_error'] == pytest.approx(summary['test_error'])
    row = read_log(os.path.join(config.run, 'log.csv'))[1]
    assert row['test_error'] == pytest.approx(summary['test_error'])  # that of epoch 2


@pytest.mark.parametrize('epochs', [3])
def test_it_keeps_its_best_epoch_where_all_epochs_are_trained_too(epochs, tiny, held_out):
    config = tiny(**{**PATIENT, 'retrain__epochs': epochs})
    summary = retraining.retrain(config, retraining.full())
    assert (summary['epochs'], summary['kept_epoch'], summary['ended']) == (epochs, 2, '')
    assert same_arrays(kept(config), held_out[2])


@pytest.mark.parametrize('saves', [10, 12, 20])
def test_the_best_epoch_so_far_is_not_lost_when_a_run_goes_on(saves, tiny, held_out, monkeypatch):
    """4 steps an epoch and its end, each with a checkpoint: at the end of epoch 2, behind it, in the next, at the end of all."""
    more = {**PATIENT, 'retrain__ema': 0.9, 'train__keep': 1}
    whole, parts = tiny('whole', **more), tiny('parts', **more, train__checkpoint_minutes=1e-9)
    one = retraining.retrain(whole, retraining.full())
    other = interrupted(monkeypatch, parts, saves)
    assert all(one[name] == other[name] for name in ('test_error', 'epochs', 'kept_epoch', 'ended'))
    assert same_arrays(kept(whole), kept(parts)) and columns(whole.run) == columns(parts.run)
    assert same_arrays(newest(whole).arrays, newest(parts).arrays)


def test_a_checkpoint_of_a_version_that_kept_the_last_epoch_goes_on(tiny, held_out):
    config = tiny(**{**PATIENT, 'retrain__epochs': 3})
    retraining.retrain(config, retraining.full())
    path = newest(config).path
    stored = checkpoint.read(path)
    stored.arrays = {name: array for name, array in stored.arrays.items() if not name.startswith('kept/')}
    stored.extra['retrain.patience'].pop('epoch')
    checkpoint.write(path, stored)
    more = settings.replace(config, retrain__epochs=4)
    summary = retraining.retrain(more, retraining.full(), resume=True, allow_changes=True)
    assert summary['kept_epoch'] == 4 and same_arrays(kept(config), held_out[4])


def test_words_without_effect_and_out_of_range_are_refused():
    with pytest.raises(UserError, match='retrain.held_out=0.3 has no effect with retrain.patience=0'):
        settings.resolve('smoke', assignments=['retrain.held_out=0.3'])
    for assignment in ('retrain.ema=1', 'retrain.mixup=-1', 'retrain.patience=-1', 'retrain.held_out=1'):
        with pytest.raises(UserError, match='expected'):
            settings.resolve('smoke', assignments=[assignment])


def test_presets_have_them_off():
    for preset in settings.presets():
        retrain = settings.resolve(preset).retrain
        assert (retrain.ema, retrain.mixup, retrain.patience, retrain.init) == (0.0, 0.0, 0, ''), preset
