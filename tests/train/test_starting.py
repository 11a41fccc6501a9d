"""Training that starts from another run's weights: what is taken, what is not, and what is refused."""

import os

import numpy as np
import pytest

from dsonas.base.errors import UserError
from dsonas.data.sources import digits
from dsonas.runfiles.checkpoint import Checkpoints, read
from dsonas.runfiles.summary import read_summary
from dsonas.train.deriving import retraining
from dsonas.train.engine import loop
from dsonas.train.searching import pipeline

from .conftest import columns, same_arrays


def start_of(monkeypatch, train):
    """The parameters with which a stage is about to begin, by name: of the first call of loop.train in `train`."""
    from dsonas.train.runtime.state import gather

    seen = []

    def caught(stage, run, position=None):
        seen.append(gather(stage.learner)[0])
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, 'train', caught)
    with pytest.raises(KeyboardInterrupt):
        train()
    monkeypatch.undo()
    return {name: array for name, array in seen[0].items() if name.startswith('param/0/')}


@pytest.fixture
def trained(tiny):
    """The Config of a pretrained supernet's run."""
    config = tiny('first')
    pipeline.search(config, ('pretrain',))
    return config


def test_a_supernet_starts_with_the_weights_of_another(tiny, trained, monkeypatch):
    there = Checkpoints(os.path.join(trained.run, 'checkpoints')).newest(print)
    config = tiny('second', pretrain__init=trained.run)
    here = start_of(monkeypatch, lambda: pipeline.search(config, ('pretrain', 'search')))
    assert same_arrays(here, {name: array for name, array in there.arrays.items() if name.startswith('param/0/')})
    summary = read_summary(os.path.join(config.run, 'summary.json'))['pretrain_init']
    assert summary['taken'] == len([name for name in here if not name.endswith('lambda')]) and not summary['anew']


def test_lambda_of_a_search_are_not_taken_and_what_was_pruned_begins_anew(tiny, monkeypatch):
    first = tiny('first', search__gamma=2.0)
    pipeline.search(first, ('pretrain', 'search'))
    config = tiny('second', pretrain__init=first.run)
    here = start_of(monkeypatch, lambda: pipeline.search(config, ('pretrain',)))
    assert all((array == 1).all() for name, array in here.items() if name.endswith('lambda'))
    assert set(read_summary(os.path.join(config.run, 'summary.json'))['pretrain_init']['anew']) <= {'pruned there'}


@pytest.mark.parametrize('change', [{'space__channels': 8}, {'space__levels': 3}, {'space__blocks': (2, 1)}])
def test_another_space_is_refused(tiny, trained, change):
    with pytest.raises(UserError, match='of another space .space'):
        pipeline.search(tiny('second', pretrain__init=trained.run, **change), ('pretrain',))


def test_no_run_is_refused(tiny, tmp_path):
    with pytest.raises(UserError, match='there is no run'):
        pipeline.search(tiny('second', pretrain__init=str(tmp_path / 'nothing')), ('pretrain',))


def test_a_network_starts_from_another_of_its_shape_and_resumes(tiny, monkeypatch):
    first = tiny('first')
    retraining.retrain(first, retraining.full())
    config = tiny('second', retrain__init=first.run, retrain__epochs=2)
    newest = Checkpoints(os.path.join(first.run, 'checkpoints')).newest(print)
    here = start_of(monkeypatch, lambda: retraining.retrain(config, retraining.full()))
    assert same_arrays(here, {name: array for name, array in newest.arrays.items() if name.startswith('param/0/')})
    retraining.retrain(config, retraining.full(), resume=True)
    again = tiny('again', retrain__init=first.run, retrain__epochs=2)

    def stop(stage, run, position, best=False):
        save(run, stage, position, best)
        if position.epoch == 1:
            raise KeyboardInterrupt

    from dsonas.train.runtime.run import Run

    save = Run.save
    monkeypatch.setattr(Run, 'save', lambda run, stage, position, best=False: stop(stage, run, position, best))
    with pytest.raises(KeyboardInterrupt):
        retraining.retrain(again, retraining.full())
    monkeypatch.undo()
    summary = retraining.retrain(again, retraining.full(), resume=True)
    assert columns(config.run) == columns(again.run) and summary['init']['taken'] > 10
    assert columns(config.run) != columns(first.run)


def test_classifiers_begin_anew_where_classes_are_others(tiny, monkeypatch):
    first = tiny('first', retrain__epochs=1)
    retraining.retrain(first, retraining.full())
    names = list(digits.CLASSES) if hasattr(digits, 'CLASSES') else [str(digit) for digit in range(10)]
    from dsonas.train.runtime import starting

    described = starting.known_data(first.run)
    monkeypatch.setattr(
        starting, 'known_data', lambda path: described.__class__('other', names[::-1], described.image_size)
    )
    summary = retraining.retrain(tiny('second', retrain__init=first.run, retrain__epochs=1), retraining.full())
    anew = summary['init']['anew']['other classes']
    assert sorted(anew) == ['auxiliary.dense.bias', 'auxiliary.dense.weight', 'head.dense.bias', 'head.dense.weight']


@pytest.mark.parametrize(
    'change, candidate, match',
    [
        ({'retrain__channels': (8,)}, retraining.full, r'channels 4, 8, this one 8, 16; --set retrain.channels=4,8'),
        ({}, lambda: retraining.random(1, 0.4), 'another architecture'),
        ({}, lambda: retraining.gluoncv('resnet18_v1'), 'is full, not gluoncv:resnet18_v1'),
    ],
)
def test_another_network_is_refused(tiny, change, candidate, match):
    first = tiny('first', retrain__epochs=1)
    retraining.retrain(first, retraining.full())
    with pytest.raises(UserError, match=match):
        retraining.retrain(tiny('second', retrain__init=first.run, **change), candidate())


def test_what_is_read_is_what_was_written(tiny, trained):
    """A checkpoint that is damaged is passed over with a warning, as it is on resume."""
    path = Checkpoints(os.path.join(trained.run, 'checkpoints')).positions()[-1].path
    assert np.isfinite(next(iter(read(path).arrays.values()))).all()
    with open(path, 'r+b') as file:
        file.seek(200)
        file.write(b'\0\1\2')
    with pytest.raises(UserError, match='all 1 checkpoints are damaged'):
        pipeline.search(tiny('second', pretrain__init=trained.run), ('pretrain',))
