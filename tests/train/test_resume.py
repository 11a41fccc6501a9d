"""Equal commands give equal numbers, and a run that was killed anywhere ends as if it had not been: bit for bit on the CPU."""

import glob
import json
import os
import random
import signal

import numpy as np
import pytest

from dsonas.runfiles import checkpoint
from dsonas.train.config import settings
from dsonas.train.deriving import retraining
from dsonas.train.engine.learner import Learner
from dsonas.train.searching import pipeline

from .conftest import columns, same_arrays

KILLER = """
import os, signal, sys
from dsonas.train.searching import pipeline
from dsonas.train.deriving import retraining
from dsonas.train.config import settings
from dsonas.train.engine.learner import Learner
config, what, resume, moment, number = sys.argv[1:]
config = settings.resolve(config=config)
steps, done = Learner.step, [0]
def step(self, *arguments, **more):
    done[0] += 1
    if done[0] == int(moment):
        os.kill(os.getpid(), int(number))
    return steps(self, *arguments, **more)
Learner.step = step
from dsonas.base import cli
def main(words):
    if what == 'search':
        pipeline.search(config, ('pretrain', 'search'), resume == 'yes')
    else:
        retraining.retrain(config, retraining.searched(os.path.join(config.run, 'architecture.json'))[1], resume == 'yes', add=True)
cli.main(main)
"""
SETTINGS = dict(
    train__checkpoint_minutes=1e-9,
    search__penalty='mac',
    search__gamma=0.4,
    search__epochs=4,
    retrain__epochs=4,
    retrain__dropout=0.3,
    retrain__drop_path=0.3,
)


def whole(config):
    pipeline.search(config, ('pretrain', 'search'))
    retraining.retrain(config, searched(config), add=True)


def searched(config):
    return retraining.searched(os.path.join(config.run, 'architecture.json'))[1]


def compare(one, other):
    """All that two runs left behind, but for times."""
    assert columns(one) == columns(other)
    with np.load(os.path.join(one, 'lambda.npz')) as first, np.load(os.path.join(other, 'lambda.npz')) as second:
        assert same_arrays(dict(first), dict(second))
    for path in sorted(glob.glob(os.path.join(one, 'checkpoints', '*-00000.ckpt'))):
        (arrays, meta), (others, other_meta) = (
            checkpoint.read(os.path.join(run, 'checkpoints', os.path.basename(path))) for run in (one, other)
        )
        assert same_arrays(arrays, others) and meta == other_meta, path
    summaries = []
    for run in (one, other):
        with open(os.path.join(run, 'summary.json')) as stream:
            summaries.append(json.load(stream))
        for part in (summaries[-1], summaries[-1]['search']):
            for name in ('seconds', 'retrain_seconds', 'run'):
                part.pop(name, None)
    assert summaries[0] == summaries[1]


@pytest.fixture(scope='module')
def reference(tmp_path_factory):
    """A run that nobody disturbed, its network physically pruned on the way."""
    from .conftest import TINY

    changes = {key.replace('__', '.'): value for key, value in SETTINGS.items()}
    config = settings.build(dict(TINY, run=str(tmp_path_factory.mktemp('resume') / 'whole'), **changes))
    whole(config)
    zeros = [float(row[10] or 0) for row in columns(config.run)]
    assert any(0 < share < 0.9 for share in zeros[:-3]), 'nothing was pruned on the way: the test would say little'
    return config.run


def test_equal_commands_give_equal_numbers(reference, tiny):
    config = tiny('again', **dict(SETTINGS, train__checkpoint_minutes=0))  # and saving on the way changes nothing
    whole(config)
    compare(reference, config.run)


def test_killed_again_and_again(reference, tiny, python, tmp_path):
    """SIGKILL in every stage: in mid-epoch, between epochs, before the first checkpoint of a stage."""
    config = tiny('killed', **SETTINGS)
    file = str(tmp_path / 'killed.yaml')
    with open(file, 'w') as stream:
        stream.write(settings.dump(config))
    os.makedirs(os.path.join(config.run, 'checkpoints'))
    beside = os.path.join(config.run, 'checkpoints', 'search-0000-00001.ckpt.0123abcd.part')  # killed while writing
    open(beside, 'w').close()
    resume = 'no'
    for what, moment in (('search', 2), ('search', 4), ('search', 8), ('search', 9)):
        died = python('-c', KILLER, file, what, resume, moment, int(signal.SIGKILL))
        assert died.returncode == -signal.SIGKILL, died.stderr
        resume = 'yes'
    pipeline.search(config, ('pretrain', 'search'), resume=True)
    resume = 'no'
    for moment in (1, 3, 6):
        died = python('-c', KILLER, file, 'retrain', resume, moment, int(signal.SIGKILL))
        assert died.returncode == -signal.SIGKILL, died.stderr
        resume = 'yes' if glob.glob(os.path.join(config.run, 'checkpoints', 'retrain*')) else 'no'
    retraining.retrain(config, searched(config), resume=True, add=True)
    compare(reference, config.run)
    assert not os.path.exists(beside)


ASSASSIN = """
import os, signal, sys, threading, time
from dsonas.train.searching import pipeline
from dsonas.train.deriving import retraining
from dsonas.train.config import settings
from dsonas.runfiles.checkpoint import Checkpoints
from dsonas.train.engine.learner import Learner
config, steps_left, delay = sys.argv[1:]
config, left, step = settings.resolve(config=config), [int(steps_left)], Learner.step
def counted(self, *arguments, **more):
    left[0] -= 1
    if left[0] == 0:
        threading.Timer(float(delay), os.kill, (os.getpid(), signal.SIGKILL)).start()
    if left[0] < 0:
        time.sleep(60)   # however fast the machine is, no life lasts longer
    return step(self, *arguments, **more)
Learner.step = counted
stages = {position[0] for position in Checkpoints(os.path.join(config.run, 'checkpoints')).positions()}
if 2 not in stages:
    pipeline.search(config, ('pretrain', 'search'), bool(stages))
retraining.retrain(config, retraining.searched(os.path.join(config.run, 'architecture.json'))[1], 2 in stages, add=True)
"""


def test_killed_at_twenty_random_moments(reference, tiny, python, tmp_path):
    """SIGKILL twenty times, some milliseconds after a step has begun, so that it meets steps, saving, tests and the ends of epochs.

    51 steps; a life of 2 or 3 steps loses the last of them, or does not.
    """
    config = tiny('hunted', **SETTINGS)
    file = str(tmp_path / 'hunted.yaml')
    with open(file, 'w') as stream:
        stream.write(settings.dump(config))
    moments, stages = random.Random(20), set()
    for _ in range(20):
        died = python('-c', ASSASSIN, file, moments.choice((2, 3)), moments.uniform(0, 0.08))
        assert died.returncode == -signal.SIGKILL, died.stderr
        stages.update(
            position[0]
            for position in checkpoint.Checkpoints(os.path.join(config.run, 'checkpoints')).positions()[-1:] or [[0]]
        )
    finished = python('-c', ASSASSIN, file, 10**6, 0)
    assert finished.returncode == 0, finished.stderr
    assert stages == {0, 1, 2}, 'it was never killed in some stage'
    compare(reference, config.run)


def test_damaged_newest_checkpoint(reference, tiny, monkeypatch, capsys):
    """The one before is used, with a warning that names the file, and the end is the same."""
    config = tiny('damaged', **SETTINGS)
    stop_after(monkeypatch, 15)
    with pytest.raises(KeyboardInterrupt):
        pipeline.search(config, ('pretrain', 'search'))
    monkeypatch.undo()
    newest = checkpoint.Checkpoints(os.path.join(config.run, 'checkpoints')).positions()[-1][3]
    with open(newest, 'r+b') as stream:
        stream.truncate(os.path.getsize(newest) - 100)
    pipeline.search(config, ('pretrain', 'search'), resume=True)
    assert os.path.basename(newest) in capsys.readouterr().err
    retraining.retrain(config, searched(config), add=True)
    compare(reference, config.run)


def stop_after(monkeypatch, count):
    """Let the process fail as Ctrl-C would make it, after `count` steps."""
    steps, done = Learner.step, [0]

    def step(self, *arguments, **more):
        done[0] += 1
        if done[0] > count:
            raise KeyboardInterrupt
        return steps(self, *arguments, **more)

    monkeypatch.setattr(Learner, 'step', step)


@pytest.mark.parametrize('number, status', [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_asked_to_stop(reference, tiny, python, tmp_path, number, status):
    config = tiny('asked', **dict(SETTINGS, train__checkpoint_minutes=0))
    file = str(tmp_path / 'asked.yaml')
    with open(file, 'w') as stream:
        stream.write(settings.dump(config))
    ended = python('-c', KILLER, file, 'search', 'no', 6, int(number))
    assert ended.returncode == status, ended.stderr
    last = ended.stderr.strip().splitlines()[-1]
    assert 'search epoch 1, step 3 of 6' in last and f'--resume --run {config.run}' in last
    position = checkpoint.Checkpoints(os.path.join(config.run, 'checkpoints')).positions()[-1]
    assert position[:3] == (1, 0, 3)
    pipeline.search(config, ('pretrain', 'search'), resume=True)
    if number == signal.SIGTERM:
        died = python('-c', KILLER, file, 'retrain', 'no', 8, int(number))
        assert died.returncode == 0, died.stderr
        retraining.retrain(config, searched(config), resume=True, add=True)
        compare(reference, config.run)


def test_changed_settings_are_shown(reference, tiny):
    config = tiny('other', **SETTINGS)
    config = settings.replace(config, run=reference, search__gamma=0.5, train__keep=9)
    with pytest.raises(ValueError, match='search.gamma: 0.4 -> 0.5.*--allow-changes') as info:
        pipeline.search(config, ('pretrain', 'search'), resume=True)
    assert 'train.keep' not in str(info.value)
    with pytest.raises(ValueError, match='--resume continues it'):
        pipeline.search(settings.replace(config, search__gamma=0.4), ('pretrain', 'search'))
