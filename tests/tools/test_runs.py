"""Reading run directories: whole ones, ones on their way, and damaged ones, which are named and never believed."""

import json
import os
import shutil

import numpy as np
import pytest

from dsonas.runfiles.log import read_log
from dsonas.runfiles.predictions import read_predictions
from dsonas.symbols.architecture import Architecture
from dsonas.tools.reading import runs

from .runmaker import SMALL, make_run, write_predictions


def test_a_finished_run_is_read_whole(tmp_path):
    run = runs.read(make_run(tmp_path / 'run', error=4.25, seed=3))
    assert run.state == 'finished' and run.why == 'finished' and not run.missing and not run.damaged
    assert run.summary['test_error'] == 4.25 and run.get('seed') == 3 and run.get('search.gamma') == 0.03
    assert run.get('search.nothing', 'x') == 'x' and run.name == 'run'
    assert [row['stage'] for row in run.log] == ['pretrain'] * 2 + ['search'] * 3 + ['retrain'] * 2
    assert run.gates.names == tuple(name for group in SMALL.gate_names() for name in group)
    assert run.architecture == Architecture.load(tmp_path / 'run' / 'architecture.json')
    epochs, errors = run.columns('retrain', 'epoch', 'test_error')
    assert epochs.tolist() == [1, 2] and errors.dtype == float


@pytest.mark.parametrize(
    'state, why', [('new', 'not started'), ('searching', 'search epoch 2 of 3'), ('searched', 'not retrained')]
)
def test_a_run_on_its_way_says_how_far_it_is(state, why, tmp_path):
    run = runs.read(make_run(tmp_path / 'run', state=state))
    assert run.state == 'unfinished' and why in run.why and not run.damaged


def test_a_running_search_has_the_architecture_that_its_last_lambda_leave(tmp_path):
    run = runs.read(make_run(tmp_path / 'run', state='searching'))
    assert 'architecture.json' in run.missing
    alive = {name for name, value in run.gates.last().items() if value != 0}
    edges = {name for scope in run.architecture.scopes for name in run.architecture.edges(scope)}
    assert edges and edges <= alive


def test_a_retraining_that_goes_on_makes_the_old_result_unfinished(tmp_path):
    path = make_run(tmp_path / 'run', epochs=(1, 2, 5))
    lines = open(os.path.join(path, 'log.csv')).read().splitlines(True)
    open(os.path.join(path, 'log.csv'), 'w').writelines(lines[:-2])
    assert runs.read(path).state == 'unfinished' and 'retrain epoch 3 of 5' in runs.read(path).why


def test_a_missing_directory_is_missing(tmp_path):
    run = runs.read(tmp_path / 'nope')
    assert run.state == 'missing' and run.why == 'no such directory'
    with pytest.raises(ValueError, match='nope: not a run directory'):
        runs.existing(str(tmp_path / 'nope'))


def test_a_gluoncv_network_needs_neither_architecture_nor_flops(tmp_path):
    path = make_run(tmp_path / 'run', kind='random')
    summary = json.load(open(os.path.join(path, 'summary.json')))
    summary.update(kind='gluoncv:resnet20_v1', flops=None, mac=None)
    json.dump(summary, open(os.path.join(path, 'summary.json'), 'w'))
    os.remove(os.path.join(path, 'architecture.json'))
    assert runs.read(path).state == 'finished'


def truncate(part):
    def cut(file):
        content = open(file, 'rb').read()
        open(file, 'wb').write(content[: int(len(content) * part)])

    return cut


def change(key, value):
    def write(file):
        content = json.load(open(file))
        content[key] = value
        json.dump(content, open(file, 'w'))

    return write


def put(content):
    def write(file):
        open(file, 'wb').write(content)

    return write


DAMAGES = [
    ('summary.json', truncate(0.5)),
    ('summary.json', change('test_error', float('nan'))),
    ('summary.json', change('test_error', 123.0)),
    ('summary.json', change('params', None)),
    ('summary.json', change('flops', 'many')),
    ('architecture.json', truncate(0.7)),
    ('architecture.json', change('version', 9)),
    ('environment.json', truncate(0.5)),
    ('lambda.npz', truncate(0.6)),
    ('lambda.npz', put(b'')),
    ('config.yaml', put(b'search: [1, 2')),
    ('config.yaml', put(b'- 1\n')),
    ('config.yaml', put(b'\xff\xfe\x00')),
    ('log.csv', put(b'stage,epoch,loss\nsearch,9\n')),
    ('log.csv', put(b'a,b\n1,2\n')),
]


@pytest.mark.parametrize('name, damage', DAMAGES)
def test_damage_is_named_and_the_rest_is_read(name, damage, tmp_path):
    path = make_run(tmp_path / 'run')
    damage(os.path.join(path, name))
    run = runs.read(path)
    assert run.state == 'damaged' and len(run.damaged) == 1 and run.damaged[0].startswith(name + ': ')
    assert path not in run.damaged[0] and '\n' not in run.damaged[0]
    parts = {
        'summary.json': run.summary,
        'config.yaml': run.config,
        'environment.json': run.environment,
        'log.csv': run.log,
        'lambda.npz': run.gates,
        'architecture.json': run.architecture,
    }
    assert not parts.pop(name) and all(parts.values())


def test_lambda_of_another_space_are_damage(tmp_path):
    path = make_run(tmp_path / 'run', state='searching')
    text = open(os.path.join(path, 'config.yaml')).read()
    open(os.path.join(path, 'config.yaml'), 'w').write(text.replace('share: true', 'share: false'))
    run = runs.read(path)
    assert run.architecture is None and run.damaged == [
        'lambda.npz: lambda.npz names other edges than the space of config.yaml has'
    ]


def test_a_row_being_written_is_left_out_and_the_last_row_of_an_epoch_counts(tmp_path):
    file = tmp_path / 'log.csv'
    file.write_text('stage,epoch,loss\nsearch,1,0.5\nsearch,2,0.4\nsearch,2,0.3\nsearch,3,0.')
    assert read_log(str(file)) == [
        {'stage': 'search', 'epoch': 1, 'loss': 0.5},
        {'stage': 'search', 'epoch': 2, 'loss': 0.3},
    ]
    file.write_text('stage,epoch,loss\nsearch,1,x\n')
    with pytest.raises(ValueError, match='line 2, column loss'):
        read_log(str(file))


def test_runs_are_found_in_folders_and_inside_runs(tmp_path):
    run = make_run(tmp_path / 'a' / 'one')
    inner = make_run(tmp_path / 'a' / 'one' / 'retrain-random-0', kind='random')
    other = make_run(tmp_path / 'a' / 'two', state='new')
    os.makedirs(tmp_path / 'a' / 'no-run')
    assert runs.find([str(tmp_path / 'a'), run, str(tmp_path / 'gone')]) == [run, inner, other, str(tmp_path / 'gone')]
    assert [member.name for member in runs.read(run).subruns()] == ['one/retrain-random-0']


def test_predictions_are_checked(tmp_path):
    path = make_run(tmp_path / 'run')
    assert read_predictions(path) is None
    write_predictions(path)
    good = read_predictions(path)
    assert good['worst_images'].dtype == np.uint8 and len(good['worst_index']) == len(good['worst_images'])
    for name, array in (
        ('predicted', good['predicted'][:-1]),
        ('probabilities', good['probabilities'][:3]),
        ('worst_index', good['worst_index'] + 1000),
        ('worst_images', good['worst_images'].astype(float)),
    ):
        np.savez(os.path.join(path, 'predictions.npz'), **dict(good, **{name: array}))
        with pytest.raises(ValueError, match='predictions.npz'):
            read_predictions(path)
    shutil.copy(os.path.join(path, 'log.csv'), os.path.join(path, 'predictions.npz'))
    with pytest.raises(ValueError, match='predictions.npz: not a readable .npz archive'):
        read_predictions(path)
