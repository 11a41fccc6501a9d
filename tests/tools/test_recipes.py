"""Experiments: their commands come from tables.yaml; a step is skipped when its result is there and resumed when it was stopped."""

import json
import pathlib
import subprocess
import sys

import pytest

from dsonas.base import children, cli, machine
from dsonas.base.errors import UserError
from dsonas.tools import run_experiment
from dsonas.tools.recipes import catalogue, running
from dsonas.tools.recipes.steps import Settings, Step, finishing, steps
from dsonas.train.config import settings

EXPERIMENTS = sorted(catalogue.experiments())


def commands(name, tmp_path, **variables):
    experiment = catalogue.experiments()[name]
    return [step.words for step in steps(experiment, Settings.of(experiment, dict(variables, ROOT=str(tmp_path))))]


@pytest.mark.parametrize('number', sorted(catalogue.tables()))
def test_rows_that_are_measured_are_what_their_preset_says(number):
    for row in catalogue.tables()[number].rows:
        if row.preset is None:
            assert row.published and row.name
            continue
        config = settings.resolve(row.preset)
        assert config.data.name == catalogue.tables()[number].dataset and config.space.share == (row.space == 'share')
        if number == '3':
            told = (
                config.search.split,
                bool(config.pretrain.epochs),
                config.search.ratio if config.search.split else '-',
            )
            assert (row.split, row.pretrained, row.ratio) == told
            assert config.retrain.budget == 'params={:.1f}M'.format(row.published['params'])


@pytest.mark.parametrize('name', EXPERIMENTS)
def test_what_finishes_an_experiment_is_a_script_and_leaves_the_files_that_are_named(name, tmp_path):
    experiment = catalogue.experiments()[name]
    commands = finishing(experiment, Settings.of(experiment, {'ROOT': str(tmp_path)}))
    assert all((pathlib.Path(catalogue.ROOT) / words[0]).is_file() for words in commands)
    made = {word for words in commands for word in words}
    pictures = [file for file in experiment.files if file.endswith(('.png', '.html', '.md')) and '*' not in file]
    assert all(f'{tmp_path}/{file}' in made for file in pictures)


@pytest.mark.parametrize('name', EXPERIMENTS)
def test_every_retraining_has_its_search_before_it(name, tmp_path):
    searched = set()
    for words in commands(name, tmp_path, SEEDS='2'):
        run = words[words.index('--run') + 1]
        if words[0] == 'train/search.py':
            assert run not in searched
            searched.add(run)
        elif '--architecture' in words:
            assert words[words.index('--architecture') + 1].rsplit('/', 1)[0] in searched
        else:
            assert run in searched


def test_seeds_and_gammas_multiply(tmp_path):
    found = commands('figure6_adaptive_mac', tmp_path, SEEDS='2', GAMMAS='0.1 0.2 0.3')
    assert len(found) == len(set(found)) == 2 * 3 * 2 * 2
    assert {words[-1] for words in found if words[0] == 'train/search.py'} == {
        f'search.gamma=0.{tenth}' for tenth in (1, 2, 3)
    }


def test_data_and_devices_hold_at_the_papers_scale_alone(tmp_path):
    variables = {'DATA_CIFAR10': 'cifar', 'DATA_IMAGENET': 'records', 'GPUS': '0-7'}
    for name, folder in (('table1_cifar10', 'cifar'), ('table2_imagenet', 'records')):
        for words in commands(name, tmp_path, SCALE='paper', **variables):
            if '--preset' in words:
                assert words[words.index('--data-dir') + 1] == folder and words[words.index('--gpus') + 1] == '0-7'
        assert not any('--data-dir' in words or '--gpus' in words for words in commands(name, tmp_path, **variables))
        assert not any('--data-dir' in words for words in commands(name, tmp_path, SCALE='paper'))


def test_block_of_a_given_run_is_transferred(tmp_path):
    transfer = commands('table2_imagenet', tmp_path, SCALE='paper', CIFAR='runs/mine')[-1]
    assert transfer[transfer.index('--architecture') + 1] == 'runs/mine/architecture.json'


@pytest.mark.parametrize(
    'cores, variables, jobs, threads',
    [
        (1, {}, 1, 1),
        (2, {}, 2, 2),
        (64, {}, 2, 2),
        (2, {'OMP_NUM_THREADS': '1'}, 2, 1),
        (1, {'OMP_NUM_THREADS': '1'}, 1, 1),
        (8, {'OMP_NUM_THREADS': '3,1'}, 3, 3),
        (8, {'OMP_NUM_THREADS': '8'}, 4, 8),
        (8, {'OMP_NUM_THREADS': '8', 'JOBS': '8'}, 8, 8),
        (2, {'OMP_NUM_THREADS': '0'}, 2, 2),
        (2, {'OMP_NUM_THREADS': '9' * 5000}, 2, 2),
        (2, {'SCALE': 'paper'}, 1, 2),
    ],
)
def test_jobs_and_threads(cores, variables, jobs, threads, monkeypatch):
    monkeypatch.setattr(machine, 'cores', lambda: cores)
    found = Settings.of(catalogue.experiments()['table1_cifar10'], variables)
    assert (found.jobs, found.threads) == (jobs, threads)


@pytest.mark.parametrize(
    'summary, done',
    [
        (None, False),
        ('{"search": {}}', True),
        ('{"search": null}', False),
        ('{"test_er', False),
        ('[]', False),
        ('{"test_error": 3}', False),
    ],
)
def test_a_step_is_done_when_its_result_is_in_the_summary(summary, done, tmp_path):
    if summary is not None:
        (tmp_path / 'summary.json').write_text(summary)
    assert running.is_done(Step(('x',), str(tmp_path), 'search', ('search',))) is done


@pytest.fixture
def called(monkeypatch):
    """Commands that are called, instead of running them; those with a word of `fail` end with status 3."""
    words = []

    class Process:
        fail = None

        def __init__(self, command, env, **_):
            assert command[0] == sys.executable and env['OMP_NUM_THREADS']
            words.append(command[1:])
            self.returncode = 3 if Process.fail in command else 0
            if self.returncode == 0 and '--run' in command:
                run = pathlib.Path(command[command.index('--run') + 1])
                random = command[command.index('--random') + 1] if '--random' in command else None
                result = {'search': {}} if command[1] == 'train/search.py' else {'test_error': 4.0}
                summary = run / (f'retrain-random-{random}' if random else '') / 'summary.json'
                summary.parent.mkdir(parents=True, exist_ok=True)
                summary.write_text(
                    json.dumps({**(json.loads(summary.read_text()) if summary.exists() else {}), **result})
                )

        def poll(self):
            return self.returncode

    monkeypatch.setattr(subprocess, 'Popen', Process)
    monkeypatch.setattr(children, 'forward', lambda name, child: [])
    return (words, Process)


def test_what_is_there_is_skipped_and_what_was_stopped_resumed(tmp_path, monkeypatch, called, capsys):
    monkeypatch.setenv('ROOT', str(tmp_path))
    words, _ = called
    for seed, summary, checkpoint in (
        (1, {'search': {}, 'test_error': 3.0}, ''),
        (2, {'search': {}}, 'retrain-0002-00000.ckpt'),
        (3, {}, 'pretrain-0001-00000.ckpt'),
    ):
        run = tmp_path / f'seed-{seed}'
        (run / 'checkpoints').mkdir(parents=True)
        (run / 'summary.json').write_text(json.dumps(summary))
        if checkpoint:
            (run / 'checkpoints' / checkpoint).write_text('')
    monkeypatch.setenv('SEEDS', '3')
    monkeypatch.setenv('JOBS', '1')
    assert cli.run(run_experiment.main, ['control_decoys']) == 0
    resumed = [
        (
            'search' if 'search.py' in command[0] else 'random' if '--random' in command else 'retrain',
            '--resume' in command,
        )
        for command in words[:-1]
    ]
    assert resumed == [
        ('random', False),
        ('retrain', True),
        ('random', False),
        ('search', True),
        ('retrain', False),
        ('random', False),
    ]
    assert words[-1][0].endswith('tools/compare.py') and capsys.readouterr().out.count('== there already') == 3


def test_a_command_that_fails_ends_the_experiment_with_its_status(tmp_path, monkeypatch, called, capsys):
    monkeypatch.setenv('ROOT', str(tmp_path))
    monkeypatch.setenv('JOBS', '1')
    words, process = called
    process.fail = 'train/retrain.py'
    assert cli.run(run_experiment.main, ['control_decoys']) == 3
    assert len(words) == 2 and 'ended with status 3' in capsys.readouterr().err


@pytest.mark.parametrize(
    'variables, message',
    [
        ({'SCALE': 'big'}, 'SCALE=big: accepted are smoke and paper'),
        ({'SEEDS': '0'}, 'SEEDS=0'),
        ({'SEEDS': 'two'}, 'SEEDS=two'),
        ({'JOBS': '0'}, 'JOBS=0'),
        ({'JOBS': '2', 'SCALE': 'paper'}, 'JOBS=2: accepted is 1 at SCALE=paper'),
    ],
)
def test_mistakes(variables, message):
    with pytest.raises(UserError, match=message):
        Settings.of(catalogue.experiments()['table1_cifar10'], variables)
