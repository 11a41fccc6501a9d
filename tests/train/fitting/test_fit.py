"""From a folder to an exported network; interrupted anywhere, the same call ends with the same result."""

import json
import os
import signal

import numpy as np
import pytest

from dsonas.base import documents
from dsonas.base.errors import UserError
from dsonas.base.text import format_duration
from dsonas.data import registry
from dsonas.data.augment import Transform
from dsonas.data.dataset import DataSet, Images
from dsonas.runfiles.fit import read_fit
from dsonas.runfiles.predictions import read_predictions
from dsonas.tools.exporting import onnx_file
from dsonas.tools.reading import runs
from dsonas.tools.using import Predictor
from dsonas.train.engine.callbacks import BaseCallback
from dsonas.train.engine.losses import cross_entropy
from dsonas.train.fitting import FitSettings, engine, run_fit
from dsonas.train.fitting.planning import STAGES

from ...data import image_files
from ..conftest import columns
from .conftest import TINY

FILES = ('report.html', 'model.onnx', 'model.md', 'table.md', 'blocks.svg', 'summary.json', 'fit.json')
KILLED = """
import os, signal, sys
from dsonas.base import cli
from dsonas.train import fit
from dsonas.train.engine.learner import Learner
from dsonas.train.fitting import delivering, engine
moment, number = int(sys.argv[1]), int(sys.argv[2])
step, done, counting = Learner.step, [0], [False]
def counted(self, *arguments, **more):
    done[0] += counting[0]
    if done[0] == moment and counting[0]:
        os.kill(os.getpid(), number)
    return step(self, *arguments, **more)
Learner.step = counted
phase = engine._Fit._phase
def begun(self, name):
    counting[0] = True
    return phase(self, name)
engine._Fit._phase = begun
if moment < 0:
    def picture(run):
        os.kill(os.getpid(), number)
    delivering.picture = picture
cli.run(fit.main, sys.argv[3:])
"""


def asked(run, **changes):
    return FitSettings(minutes=10, run=str(run), overrides={**TINY, **changes})


def words(data, run):
    def text(value):
        return ','.join(map(str, value)) if isinstance(value, tuple) else str(value)

    sets = [word for key, value in TINY.items() for word in ('--set', f'{key}={text(value)}')]
    return [data, '--minutes', '10', '--run', str(run), *sets]


@pytest.fixture(scope='module')
def whole(shapes, tmp_path_factory):
    """A fit that ran through."""
    return run_fit(shapes, asked(tmp_path_factory.mktemp('whole') / 'run'), quiet=True)


def numbers(run):
    """All that a fit leaves but for times and names."""
    found = {}
    for folder in sorted(runs.find([run])):
        name = os.path.relpath(folder, run)
        summary = documents.read_json(os.path.join(folder, 'summary.json'))
        for part in (summary, summary.get('search', {})):
            for key in ('seconds', 'retrain_seconds', 'latency_ms', 'run'):
                part.pop(key, None)
        found[name] = (columns(folder), summary)
    return found


def test_leaves_its_files_and_a_result_that_they_agree_on(whole):
    assert all(os.path.getsize(os.path.join(whole, name)) for name in FILES)
    record, summary = read_fit(whole), documents.read_json(os.path.join(whole, 'summary.json'))
    assert record.finished and set(record.done) == set(record.spent) == set(record.estimates)
    assert {'test_error', 'params', 'flops', 'latency_ms', 'dataset', 'seconds', 'seed', 'search'} <= set(summary)
    assert summary['kind'] == 'searched' and summary['params'] <= 4000
    assert set(summary['latency']) == {'device', 'batch', 'threads'} and summary['latency']['batch'] == 1
    with open(os.path.join(whole, 'model.md'), encoding='utf-8') as card:
        assert f'{format_duration(summary["latency_ms"] / 1000)} an image in MXNet (batch of 1, ' in card.read()
    assert summary['test_error_low'] <= summary['test_error'] <= summary['test_error_high']
    others = [run for run in runs.read_all([whole]) if run.path != whole]
    assert sorted(run.summary['kind'].split(':')[0] for run in others) == ['gluoncv', 'random']
    assert all(run.state == 'finished' for run in runs.read_all([whole]))
    random = next(run.summary for run in others if run.summary['kind'] == 'random')
    assert random['epochs'] == summary['epochs'] and random['params'] == pytest.approx(summary['params'], rel=0.2)


def test_the_exported_network_classifies_the_test_images_as_the_trained_one(whole):
    predictions = read_predictions(whole)
    data = runs.existing(whole)
    options = dict(data.get('data'), seed=0)
    dataset = registry.load(options.pop('name'), **options)
    x = np.concatenate([x for x, _ in dataset.batches('test', 50, train=False)])
    mean, std = (np.array(values, np.float32).reshape(1, 3, 1, 1) for values in (dataset.mean, dataset.std))
    logits = onnx_file.runner(os.path.join(whole, 'model.onnx'))[0](np.rint((x * std + mean) * 255).astype(np.float32))
    assert np.array_equal(logits.argmax(1), predictions['predicted'])
    folder = options['dir']
    names = Predictor(whole).predict([os.path.join(folder, 'disc', '000.png')])
    assert names[0][0][0] in ('disc', 'square')


def test_a_finished_fit_is_shown_again_and_not_touched(whole, shapes, capsys):
    before = {name: os.stat(os.path.join(whole, name)).st_mtime_ns for name in FILES}
    assert run_fit(shapes, asked(whole)) == whole
    assert before == {name: os.stat(os.path.join(whole, name)).st_mtime_ns for name in FILES}
    text = capsys.readouterr().out
    assert 'complete' in text and 'dsonas predict' in text and 'report.html' in text
    assert max(len(line) for line in text.splitlines() if whole not in line) <= 80


@pytest.mark.parametrize(
    'moment, number',
    [
        (2, signal.SIGKILL),
        (8, signal.SIGINT),
        (11, signal.SIGKILL),
        (19, signal.SIGTERM),
        (31, signal.SIGKILL),
        (-1, signal.SIGKILL),
    ],
)
def test_ends_the_same_when_it_was_killed(moment, number, whole, shapes, tmp_path, python):
    run = tmp_path / 'run'
    done = python('-c', KILLED, str(moment), str(int(number)), *words(shapes, run), timeout=300)
    record = read_fit(str(run))
    assert record is not None and not record.finished, done.stderr
    if number != signal.SIGKILL:
        assert 'same command goes on' in done.stderr and done.stderr.count('\n') == 1
    assert run_fit(shapes, asked(run), quiet=True) == str(run)
    assert numbers(str(run)) == numbers(whole)


def test_as_a_command_with_several_seeds(shapes, tmp_path, python):
    run = tmp_path / 'run'
    done = python('train/fit.py', *words(shapes, run), '--seeds', '2', '--seed', '5', timeout=300)
    assert done.returncode == 0, done.stderr
    assert max(len(line) for line in done.stdout.splitlines() if str(run) not in line) <= 80
    found = {os.path.relpath(one.path, str(run)): one.summary for one in runs.read_all([str(run)])}
    assert {'.', 'seed-2', 'retrain-random-5', os.path.join('seed-2', 'retrain-random-6')} <= set(found)
    assert (found['.']['seed'], found['seed-2']['seed']) == (5, 6)
    assert '2 searches' in done.stdout
    with open(str(run / 'table.md'), encoding='utf-8') as stream:
        assert '±' in stream.read()


class Watching(BaseCallback):
    """Counts the epochs of each stage, and notes how long the fit is thought to take from there."""

    def __init__(self):
        self.epochs, self.left, self.noted = [], [], []

    def epoch_ends(self, course):
        self.epochs.append(str(course.stage.name))
        self.left.append(course.run.progress.left.seconds())
        fit = read_fit(course.run.config.run) or read_fit(os.path.dirname(course.run.config.run))
        self.noted.append(fit.foreseen)


class Source:
    """A data set of a caller's own: noise on two colours."""

    name, expected, recognise, read_image = 'noise', '', None, None

    @staticmethod
    def open_data(options):
        generator = np.random.RandomState(0)
        labels = np.arange(60) % 2
        pixels = (generator.randint(0, 100, (60, 3, 16, 16)) + 100 * labels[:, None, None, None]).astype(np.uint8)
        transform = Transform((0.5,) * 3, (0.25,) * 3)
        halves = [Images(pixels[part], labels[part], transform) for part in (slice(0, 40), slice(40, 60))]
        return DataSet('noise', ('dark', 'light'), *halves, (0.5,) * 3, (0.25,) * 3, options)


def test_callbacks_a_loss_and_data_of_the_caller_reach_every_stage(tmp_path):
    watching, calls = Watching(), []

    def loss(logits, labels):
        calls.append(logits.shape)
        return 2 * cross_entropy(logits, labels)

    settings = FitSettings(minutes=10, run=str(tmp_path / 'run'), overrides=TINY)
    with registry.DATASETS.restored():
        run = run_fit(Source(), settings, callbacks=[watching], loss=loss, quiet=True)
        assert set(watching.epochs) == set(STAGES)
        assert watching.epochs.count('search') == 2 and calls
        record = read_fit(run)
        first = [phase for phase in record.estimates if phase not in ('prepare', 'pretrain')]
        assert watching.left[0] > 0.2 * sum(record.estimates[phase] for phase in first)  # all that is to come counts
        assert 0 < watching.left[-1] < watching.left[0] and record.foreseen == {}
        assert [noted['phase'] for noted in watching.noted[:4]] == ['pretrain', 'search', 'search', 'retrain']
        assert all(noted['seconds'] > 0 for noted in watching.noted)
        again = run_fit(Source(), settings, quiet=True)
    assert again == run and json.load(open(os.path.join(run, 'summary.json')))['dataset'] == 'noise'


def test_a_phase_that_took_longer_shortens_the_next(shapes, tmp_path, monkeypatch):
    begun = engine._Fit._prepared

    def late(self):
        record = begun(self)
        record.spent['prepare'] = 60 * record.minutes - 1
        return record

    monkeypatch.setattr(engine._Fit, '_prepared', late)
    overrides = {key: value for key, value in TINY.items() if not key.endswith('.epochs')}
    run = run_fit(shapes, FitSettings(minutes=10, run=str(tmp_path / 'run'), overrides=overrides), quiet=True)
    record = read_fit(run)
    assert record.decided == {'pretrain': 1, 'search': 1, 'retrain': 1} and record.finished
    assert (
        record.epochs['retrain'] > 1
        and 'random' in record.left_out
        and any('left out' in remark for remark in record.remarks)
    )


def test_other_settings_or_data_are_refused_in_a_line(whole, shapes, tmp_path):
    for changed in (FitSettings(minutes=11, run=whole, overrides=TINY), asked(whole, **{'space.channels': 5})):
        with pytest.raises(UserError, match='begun with other settings') as caught:
            run_fit(shapes, changed, quiet=True)
        assert '\n' not in str(caught.value) and len(str(caught.value)) < 300
    other = image_files.shapes(tmp_path / 'other', {'disc': 40, 'square': 40}, seed=1)
    with pytest.raises(UserError, match='other data'):
        run_fit(str(other), asked(whole), quiet=True)
