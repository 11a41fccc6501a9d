"""A run knows its data: it says what they are, and goes on, is retrained and tested on others only where that is told."""

import json
import os
import pathlib
import shutil

import numpy as np
import pytest

from dsonas.base import cli
from dsonas.data import augment, registry
from dsonas.data.dataset import DataSet, Images
from dsonas.runfiles.data import read_data
from dsonas.runfiles.evaluations import evaluations_of
from dsonas.runfiles.predictions import read_predictions
from dsonas.tools.reading.runs import existing
from dsonas.tools.reporting.report import report
from dsonas.train import evaluate, retrain, search
from dsonas.train.config import settings

from .conftest import TINY

CLASSES = ('cat', 'dog', 'eel')
SETTINGS = {
    **TINY,
    'data.name': 'made_images',
    'data.limit': 0,
    'pretrain.batch_size': 12,
    'search.batch_size': 12,
    'search.epochs': 2,
    'retrain.batch_size': 12,
    'retrain.epochs': 1,
    'retrain.drop_path': 0.0,
    'retrain.auxiliary': 0.0,
}


@pytest.fixture(scope='module', autouse=True)
def registered():
    with registry.DATASETS.restored():
        registry.register('made_images', open_data, expected='images.npz')
        yield


def open_data(options):
    """Images of 16×16 pixels in DIR/images.npz, whose fingerprint is in it as text."""
    with np.load(os.path.join(options.dir, 'images.npz')) as file:
        held = {name: file[name] for name in file.files}
    mean, std = augment.statistics(held['train'])
    transform = augment.Transform(mean, std, pad=2, mirrored=True, cut=options.cutout)
    train, test = (Images(held[part], held[f'{part}_labels'], transform) for part in ('train', 'test'))
    notes = ('one file was passed over',)
    return DataSet(
        'made_images', held['classes'].tolist(), train, test, mean, std, options, None, notes, str(held['print'])
    )


def images(folder, classes=CLASSES, seed=0, each=(16, 4), fingerprint=None, bright=0):
    """Write images.npz: of each class each[0] training and each[1] test images, told by the name's brightness and by noise."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.RandomState(seed)
    held = {'classes': np.array(classes), 'print': np.array(f'{seed:08d}' * 8 if fingerprint is None else fingerprint)}
    for part, count in zip(('train', 'test'), each):
        labels = np.repeat(np.arange(len(classes)), count)
        levels = np.array([sum(map(ord, name)) % 90 for name in classes])[labels] * 2 + bright
        held[part] = (levels[:, None, None, None] + rng.randint(0, 40, (len(labels), 3, 16, 16))).astype(np.uint8)
        held[f'{part}_labels'] = labels.astype(np.int32)
    np.savez(str(folder / 'images.npz'), **held)
    return str(folder)


@pytest.fixture(scope='module')
def trained(registered, tmp_path_factory):
    """A folder with `data`, and `run`: searched, retrained, with a random baseline in it."""
    home = tmp_path_factory.mktemp('runs')
    config = settings.build(dict(SETTINGS, run=str(home / 'run'), **{'data.dir': images(home / 'data')}))
    (home / 'settings.yaml').write_text(settings.dump(config))
    search.main(['--config', str(home / 'settings.yaml')])
    retrain.main(['--run', config.run])
    retrain.main(['--run', config.run, '--random', '3'])
    return home


@pytest.fixture
def home(trained, tmp_path):
    """A copy of `trained` to work with; the data lie where they did."""
    return pathlib.Path(shutil.copytree(str(trained), str(tmp_path / 'home')))


def refused(capsys, main, *words):
    capsys.readouterr()
    status = cli.run(main, [str(word) for word in words])
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith('note: ')]
    assert status == 2 and len(lines) == 1 and lines[0].startswith('error: ') and len(lines[0]) < 300, lines
    return lines[0]


def contents(folder):
    """{path: bytes} of all files of a run."""
    found = {
        str(path.relative_to(folder)): path.read_bytes() for path in pathlib.Path(folder).rglob('*') if path.is_file()
    }
    return {name: content for name, content in found.items() if not name.endswith('.lock')}


def test_what_a_run_knows(trained, capsys):
    run = trained / 'run'
    known = read_data(str(run / 'data.json'))
    assert (known.name, tuple(known.classes), known.image_size) == ('made_images', CLASSES, 16)
    assert (
        known.dir == str(trained / 'data')
        and known.notes == ['one file was passed over']
        and known.fingerprint == '0' * 64
    )
    assert known.counts == {'train': [16] * 3, 'weights': [8] * 3, 'gates': [8] * 3, 'test': [4] * 3}
    assert read_data(str(run / 'retrain-random-3' / 'data.json')) == known


@pytest.mark.parametrize('command', ['search', 'retrain'])
def test_what_is_told_at_the_start(trained, tmp_path, capsys, command):
    words = ['--config', trained / 'settings.yaml', '--run', tmp_path / 'new', '--set', 'search.epochs=0']
    words += ['--set', 'pretrain.epochs=0'] if command == 'search' else ['--random', '1']
    (search if command == 'search' else retrain).main(list(map(str, words)))
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith('data: ')]
    assert lines == [
        f'data: made_images in {trained / "data"}: 3 classes, 48 training images (24 for W, 24 for λ), 12 test images, 16×16 pixels',
        'data: training + test images of each class: cat 16 + 4, dog 16 + 4, eel 16 + 4',
        'data: one file was passed over',
    ]


def test_names_that_cannot_be_shown(tmp_path, capsys):
    """A class whose name has a line break, an escape sequence and bytes that are no text: told in one line, kept as it is."""
    odd = 'c\n\x1b[31m\udcff'
    data, run = images(tmp_path / 'data', classes=('cat', odd)), tmp_path / 'run'
    config = settings.build(dict(SETTINGS, run=str(run), **{'data.dir': data}))
    (tmp_path / 'settings.yaml').write_text(settings.dump(config))
    retrain.main(['--config', str(tmp_path / 'settings.yaml'), '--random', '1'])
    lines = capsys.readouterr().out.splitlines()
    assert 'data: training + test images of each class: cat 16 + 4, c??[31m? 16 + 4' in lines
    assert read_data(str(run / 'data.json')).classes == ['cat', odd]
    other = images(tmp_path / 'other', classes=(odd, 'cat'))
    assert 'c??[31m?, cat' in refused(capsys, retrain.main, '--resume', '--run', run, '--data-dir', other)
    assert 'c??[31m?' in report(existing(str(run)))


OTHER_DATA = [
    (dict(classes=('cat', 'dog', 'fox')), 'classes without eel and with fox'),
    (dict(classes=('dog', 'cat', 'eel')), 'classes in another order (cat, dog, eel -> dog, cat, eel)'),
    (dict(classes=('cat', 'dog')), 'classes without eel'),
    (dict(seed=7), 'other images (fingerprint 00000000 -> 00000007)'),
    (dict(each=(16, 5)), '12 -> 15 test images'),
    (dict(each=(20, 4), fingerprint=''), '48 -> 60 training images'),
]


@pytest.mark.parametrize('other, expected', OTHER_DATA)
@pytest.mark.parametrize('main', [search.main, retrain.main])
def test_no_run_goes_on_with_other_data(home, tmp_path, capsys, main, other, expected):
    run, data = home / 'run', images(tmp_path / 'other', **other)
    before = contents(run)
    text = refused(capsys, main, '--resume', '--run', run, '--data-dir', data)
    assert 'other data than it began with' in text and expected in text and '--data-dir' in text
    assert contents(run) == before
    if 'classes' in expected:
        assert expected in refused(capsys, main, '--resume', '--allow-changes', '--run', run, '--data-dir', data)
        assert contents(run) == before


def test_other_images_are_gone_on_with_where_that_is_allowed_and_it_is_kept(home, tmp_path, capsys):
    run = home / 'run'
    retrain.main(['--resume', '--allow-changes', '--run', str(run), '--data-dir', images(tmp_path / 'other', seed=7)])
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith('warning: ') and 'other images (fingerprint 00000000 -> 00000007)' in line
    known = read_data(str(run / 'data.json'))
    assert known.fingerprint == '00000007' * 8 and 'other images' in known.notes[-1]


def test_a_baseline_by_another_recipe_is_named_when_it_is_trained(home, capsys):
    retrain.main(['--run', str(home / 'run'), '--random', '5', '--epochs', '2'])
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith('note: ')]
    assert len(lines) == 1 and 'retrain.epochs: 1 -> 2' in lines[0]
    retrain.main(['--run', str(home / 'run'), '--random', '6', '--set', 'retrain.test_every=0'])
    assert 'note: ' not in capsys.readouterr().err


def test_the_same_data_elsewhere_are_no_other_data(home, tmp_path):
    data = images(tmp_path / 'moved')
    retrain.main(['--resume', '--run', str(home / 'run'), '--data-dir', data])
    assert read_data(str(home / 'run' / 'data.json')).dir == data


REFUSALS = [
    (search.main, ['--set', 'search.gamma=0.5'], 'search.gamma'),
    (search.main, ['--allow-changes', '--set', 'space.channels=6'], 'another network'),
    (search.main, ['--allow-changes', '--set', 'space.levels=1'], 'another network'),
    (search.main, ['--allow-changes', '--batch-size', '25'], 'fewer than a batch'),
    (search.main, ['--allow-changes', '--set', 'data.split=0.05'], 'fewer than a batch'),
    (retrain.main, ['--set', 'retrain.lr=0.5'], 'retrain.lr'),
    (retrain.main, ['--allow-changes', '--set', 'retrain.channels=6'], 'another network'),
    (
        retrain.main,
        ['--allow-changes', '--set', 'retrain.schedule=linear', '--set', 'retrain.warmup=9'],
        'retrain.schedule',
    ),
    (retrain.main, ['--full'], 'no run in'),
    (retrain.main, ['--random', '4', '--keep', '0.3'], 'no run in'),
    (retrain.main, ['--cpus', '5'], 'batch_size'),
]


@pytest.mark.parametrize('main, words, expected', REFUSALS)
def test_a_refused_resume_leaves_the_run_as_it_was_and_a_plain_one_works(home, capsys, main, words, expected):
    run = home / 'run'
    if main is search.main:  # as if it had been stopped in the search
        for path in (run / 'checkpoints').glob('*retrain*'):
            path.unlink()
    before = contents(run)
    text = refused(capsys, main, '--resume', '--run', run, *words)
    assert expected in text
    assert contents(run) == before
    main(['--resume', '--run', str(run)])


def test_a_refused_resume_of_a_baseline_leaves_its_architecture(home, capsys):
    run = home / 'run'
    before = contents(run)
    text = refused(capsys, retrain.main, '--resume', '--run', run, '--random', '3', '--keep', '0.3')
    assert 'another network' in text and contents(run) == before
    retrain.main(['--resume', '--run', str(run), '--random', '3'])


def test_damaged_checkpoints_refuse_a_resume_and_change_nothing(home, capsys):
    run = home / 'run'
    for path in (run / 'checkpoints').iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    before = contents(run)
    capsys.readouterr()
    assert cli.run(retrain.main, ['--resume', '--run', str(run), '--allow-changes', '--set', 'retrain.lr=9']) == 2
    assert 'checkpoints are damaged' in capsys.readouterr().err and contents(run) == before


@pytest.mark.parametrize('words', [['--random', '3'], ['--full'], ['--gluoncv', 'cifar_resnet20_v1']])
def test_a_baseline_resumed_in_its_own_directory_stays_what_it_is(home, words):
    run = home / 'run'
    kind = {'--random': 'random-3', '--full': 'full', '--gluoncv': 'gluoncv-cifar_resnet20_v1'}[words[0]]
    if words[0] != '--random':
        retrain.main(['--run', str(run), *words])
    own = run / f'retrain-{kind}'
    before = json.loads((own / 'summary.json').read_text())
    retrain.main(['--resume', '--run', str(own)])
    after = json.loads((own / 'summary.json').read_text())
    for key in ('kind', 'test_error', 'params', 'edges'):
        assert after[key] == before[key], key
    assert json.loads((own / 'environment.json').read_text())['kind'] == before['kind'] != 'searched'
    assert not list(own.glob('retrain-*'))


def test_a_run_without_data_json_goes_on_and_gets_one(home):
    run = home / 'run'
    (run / 'data.json').unlink()
    retrain.main(['--resume', '--run', str(run)])
    assert read_data(str(run / 'data.json')).classes == list(CLASSES)


def test_a_run_without_data_json_knows_the_classes_of_its_network(home, tmp_path, capsys):
    (home / 'run' / 'data.json').unlink()
    data = images(tmp_path / 'other', classes=('cat', 'dog', 'fox'))
    assert 'with fox' in refused(capsys, retrain.main, '--resume', '--run', home / 'run', '--data-dir', data)


def test_a_search_is_retrained_on_its_own_data(home, tmp_path, capsys):
    run, data = home / 'run', images(tmp_path / 'other', seed=7)
    for path in (run / 'checkpoints').glob('*retrain*'):
        path.unlink()
    before = contents(run)
    text = refused(capsys, retrain.main, '--run', run, '--data-dir', data)
    assert 'other images' in text and '--name' in text and contents(run) == before
    retrain.main(['--run', str(run), '--data-dir', data, '--name', 'other'])
    captured = capsys.readouterr()
    assert captured.err.count('warning: other data than the run in') == 1 and 'other images' in captured.err
    assert read_data(str(run / 'retrain-other' / 'data.json')).fingerprint == '00000007' * 8
    assert contents(run)['data.json'] == before['data.json']


def result(capsys, *words):
    capsys.readouterr()
    evaluate.main([*map(str, words), '--json', '-'])
    captured = capsys.readouterr()
    return json.loads(captured.out), captured.err


def test_evaluating_the_runs_own_data(home, tmp_path, capsys):
    run = home / 'run'
    found, error = result(capsys, run)
    assert found['predictions'] and found['differs'] == [] and error == '' and found['images'] == 12
    moved, error = result(capsys, run, '--data-dir', images(tmp_path / 'moved'))
    assert moved == found and error == ''
    summary = json.loads((run / 'summary.json').read_text())
    assert found['test_error'] == pytest.approx(summary['test_error'], abs=1e-6)
    assert not (run / 'evaluations').exists()


def test_classes_are_matched_by_name(home, tmp_path, capsys):
    """The same test images in another order of classes: the same predictions by name, and nothing of the run is overwritten."""
    run = home / 'run'
    own, _ = result(capsys, run)
    before, seen = contents(run), read_predictions(str(run))
    order = ('eel', 'cat', 'dog')
    with np.load(str(home / 'data' / 'images.npz')) as file:
        held = {name: file[name] for name in file.files}
    held.update(classes=np.array(order))
    for part in ('train', 'test'):
        held[f'{part}_labels'] = np.array([1, 2, 0], np.int32)[held[f'{part}_labels']]
    (tmp_path / 'turned').mkdir()
    np.savez(str(tmp_path / 'turned' / 'images.npz'), **held)
    found, error = result(capsys, run, '--data-dir', tmp_path / 'turned')
    assert found['test_error'] == own['test_error'] and found['class_errors'] == own['class_errors']
    assert 'classes in another order' in error and error.count('\n') == 1
    kept = read_predictions(os.path.dirname(found['written']))
    assert np.array_equal(kept['predicted'], seen['predicted']) and list(kept['classes']) == list(CLASSES)
    assert {name: content for name, content in contents(run).items() if not name.startswith('evaluations')} == before


def test_a_subset_of_the_classes_and_other_images(home, tmp_path, capsys):
    run = home / 'run'
    result(capsys, run)
    before = contents(run)
    found, error = result(
        capsys, run, '--data-dir', images(tmp_path / 'some', classes=('eel', 'dog'), seed=3, each=(16, 6))
    )
    assert found['classes'] == list(CLASSES) and found['class_images'] == [0, 6, 6] and found['class_errors'][0] is None
    assert not found['predictions'] and 'classes without cat' in error and 'other images' in error
    assert {name: content for name, content in contents(run).items() if not name.startswith('evaluations')} == before
    (kept,) = evaluations_of(str(run))
    assert kept.test_error == found['test_error'] and kept.images == 12 and kept.data.fingerprint == '00000003' * 8
    evaluate.main([str(run), '--data-dir', str(tmp_path / 'some'), '--classes'])
    assert 'no test image' in capsys.readouterr().out and len(evaluations_of(str(run))) == 1
    result(capsys, run, '--data-dir', images(tmp_path / 'again', seed=4))
    assert len(evaluations_of(str(run))) == 2


def test_a_class_that_the_network_does_not_have_is_refused(home, tmp_path, capsys):
    before = contents(home / 'run')
    text = refused(
        capsys,
        evaluate.main,
        home / 'run',
        '--data-dir',
        images(tmp_path / 'other', classes=('cat', 'dog', 'fox', 'eel')),
    )
    assert 'fox' in text and 'cat, dog, eel' in text and contents(home / 'run') == before


def test_the_best_parameters_do_not_replace_the_predictions_of_the_last(home, capsys):
    run = home / 'run'
    result(capsys, run)
    before = (run / 'predictions.npz').read_bytes()
    found, error = result(capsys, run, '--best')
    assert (run / 'predictions.npz').read_bytes() == before and 'parameters of epoch' in error
    assert os.path.dirname(found['written']) == str(run / 'evaluations' / 'best')


def test_other_images_are_normalised_as_in_training(home, tmp_path, capsys):
    """The network sees the same numbers for the same pixels, whatever the other images of their data set are."""
    run = home / 'run'
    own, _ = result(capsys, run)
    with np.load(str(home / 'data' / 'images.npz')) as file:
        held = {name: file[name] for name in file.files}
    held.update(train=held['train'] // 2 + 100, print=np.array('ff' * 32))
    (tmp_path / 'pale').mkdir()
    np.savez(str(tmp_path / 'pale' / 'images.npz'), **held)
    found, _ = result(capsys, run, '--data-dir', tmp_path / 'pale')
    first, second = (read_predictions(os.path.dirname(each['written'])) for each in (own, found))
    assert first['probabilities'] == pytest.approx(second['probabilities'], abs=1e-4)
    assert np.abs(first['worst_images'].astype(int) - second['worst_images']).max(initial=0) <= 1


def test_an_old_run_keeps_the_predictions_of_its_own_test_set(home, tmp_path, capsys):
    """Without data.json its predictions.npz says which labels its test images have."""
    run = home / 'run'
    result(capsys, run)
    (run / 'data.json').unlink()
    before = (run / 'predictions.npz').read_bytes()
    found, error = result(capsys, run, '--data-dir', images(tmp_path / 'other', each=(16, 5), seed=2))
    assert not found['predictions'] and 'whose labels' in error and (run / 'predictions.npz').read_bytes() == before


def test_a_file_that_is_replaced_is_named(home, capsys):
    run = home / 'run'
    kept = len(result(capsys, run) and read_predictions(str(run))['worst_index'])
    evaluate.main([str(run), '--worst', '0'])
    printed = capsys.readouterr().out
    assert ('in place of one with %d of the most wrong images instead of 0' % kept in printed) == (kept > 0)
    with np.load(str(run / 'predictions.npz')) as file:
        held = {name: file[name] for name in file.files}
    held['predicted'] = (held['predicted'] + 1) % 3
    np.savez(str(run / 'predictions.npz'), **held)
    evaluate.main([str(run)])
    assert 'in place of one with other predictions' in capsys.readouterr().out
