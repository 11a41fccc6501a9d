"""Callbacks: when they are called, their columns and state, and stages that they end."""

import os

import pytest

from dsonas.runfiles import checkpoint
from dsonas.runfiles.log import COLUMNS, SPREAD, read_log
from dsonas.tools.reading.runs import read
from dsonas.train.config import settings
from dsonas.train.deriving import retraining
from dsonas.train.engine import callbacks
from dsonas.train.engine.callbacks import CALLBACKS, BaseCallback
from dsonas.train.engine.learner import Learner
from dsonas.train.searching import pipeline

from .conftest import columns


@pytest.fixture(autouse=True)
def registry():
    with CALLBACKS.restored():
        yield


def rows(config):
    return read_log(os.path.join(config.run, 'log.csv'))


class Counting(BaseCallback):
    """Counts steps over the whole stage, and keeps what it was called for."""

    columns = ('steps_seen',)
    calls = []

    def __init__(self, config):
        self.steps = 0

    def stage_begins(self, course):
        self.calls.append(f'{course.stage.name} begins')

    def epoch_begins(self, course):
        self.calls.append(f'epoch {course.epoch}')

    def before_step(self, course):
        self.calls.append(f'before {course.update}')

    def step_ends(self, course):
        self.steps += 1

    def epoch_ends(self, course):
        self.calls.append(f'{course.epoch} done')
        course.row['steps_seen'] = self.steps

    def stage_ends(self, course):
        self.calls.append(f'{course.stage.name} ends')

    def state(self):
        return {'steps': self.steps}

    def restore(self, state):
        self.steps = state['steps']


def test_calls_come_in_order(tiny):
    CALLBACKS.register('counting', Counting)
    Counting.calls = []
    config = tiny(callbacks=('counting',), search__epochs=1)
    pipeline.search(config, ('pretrain', 'search'))
    turn = ['before weights', 'before gates']
    pretrain = ['pretrain begins', 'epoch 0', *turn[:1] * 3, '1 done', 'pretrain ends']
    assert Counting.calls == pretrain + ['search begins', 'epoch 0', *turn * 3, '1 done', 'search ends']
    assert list(rows(config)[0]) == [*COLUMNS, 'steps_seen', *SPREAD]
    assert [row['steps_seen'] for row in rows(config)] == [3, 6]


def test_a_callback_changes_no_number_and_resumes(tiny, monkeypatch):
    """A run that was interrupted within an epoch of search counts on, and its numbers are those of a run without callbacks."""
    CALLBACKS.register('counting', Counting)
    plain, counted = tiny('plain'), tiny('counted', callbacks=('counting',), train__checkpoint_minutes=1e-9)
    pipeline.search(plain, ('pretrain', 'search'))
    steps, done = Learner.step, []

    def step(self, *arguments, **options):
        done.append(1)
        if len(done) == 12:
            raise KeyboardInterrupt
        return steps(self, *arguments, **options)

    monkeypatch.setattr(Learner, 'step', step)
    with pytest.raises(KeyboardInterrupt):
        pipeline.search(counted, ('pretrain', 'search'))
    monkeypatch.undo()
    pipeline.search(counted, ('pretrain', 'search'), resume=True)
    assert columns(plain.run) == columns(counted.run)
    assert [row['steps_seen'] for row in rows(counted)] == [3, 6, 12, 18]


@pytest.mark.parametrize('moment', ['step_ends', 'epoch_ends'])
def test_a_stage_ends_early_with_its_test_and_stays_ended(tiny, moment, capsys):
    class Early(BaseCallback):
        def __init__(self, config):
            pass

    def stop(self, course):
        if course.stage.name != 'pretrain' and course.epoch == (0 if moment == 'step_ends' else 1):
            course.stop('enough is known')

    setattr(Early, moment, stop)
    CALLBACKS.register('early', Early)
    config = tiny(callbacks=('early',), retrain__test_every=0, retrain__epochs=3, train__checkpoint_minutes=1e-9)
    pipeline.search(config, ('pretrain', 'search'))
    assert 'search ends after epoch 1: enough is known' in capsys.readouterr().out
    assert [row['stage'] for row in rows(config)] == ['pretrain', 'search'] and rows(config)[-1]['test_error']
    pipeline.search(config, ('search',), resume=True)
    candidate = retraining.searched(os.path.join(config.run, 'architecture.json'))[1]
    summary = retraining.retrain(config, candidate, add=True)
    assert summary['epochs'] == 1 and summary['search']['epochs'] == 1
    assert summary['ended'] == 'enough is known' and read(config.run).state == 'finished'
    assert [row['stage'] for row in rows(config)] == ['pretrain', 'search', 'retrain']
    pipeline.search(config, ('search',), resume=True)  # nothing is left to do, so no retraining is belied
    assert retraining.retrain(config, candidate, resume=True, add=True)['epochs'] == 1


def test_columns_have_to_be_declared(tiny):
    class Careless(Counting):
        columns = ()

    CALLBACKS.register('careless', Careless)
    with pytest.raises(ValueError, match='steps_seen'):
        pipeline.search(tiny(callbacks=('careless',)), ('pretrain',))


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match='callbacks=.*that plugins register'):
        settings.resolve(assignments=['callbacks=nothing'])
    CALLBACKS.register('counting', Counting)
    with pytest.raises(ValueError, match='did you mean counting'):
        settings.resolve(assignments=['callbacks=countin'])
    assert settings.resolve(assignments=['callbacks=counting']).callbacks == ('counting',)


def test_checkpoints_of_the_first_version_hold_the_state_of_pruning_alone():
    class Pruning(BaseCallback):
        name = 'search.pruning'

        def restore(self, state):
            self.restored = state

    pruning = Pruning()
    callbacks.restore([BaseCallback(), pruning], {'pruned': [[1]], 'epoch': 3})
    assert pruning.restored == {'pruned': [[1]], 'epoch': 3}
    callbacks.restore([BaseCallback(), pruning], {'search.pruning': {'epoch': 4}})
    assert pruning.restored == {'epoch': 4}
    assert callbacks.states([BaseCallback(), pruning]) == {}
    assert checkpoint.STAGES == ('pretrain', 'search', 'retrain')


def test_a_callers_callbacks_are_taken_as_they_are_or_made_for_each_stage(tiny):
    config, own = tiny(), Counting.__new__(Counting)
    made = callbacks.given([own, lambda config: Counting(config)], config)
    assert (
        made[0] is own
        and isinstance(made[1], Counting)
        and [callback.name for callback in made] == ['Counting', 'Counting-2']
    )
