"""Entry points without --data-dir: data in gluon's place are found, also after a run has moved; else one line says what helps."""

import json
import os
import shutil

import pytest

from dsonas.base import cli
from dsonas.train import evaluate, retrain, search
from dsonas.train.config import settings

from ..data import cifar_archive
from .conftest import TINY

SMALL = dict(
    TINY,
    **{
        'data.limit': 0,
        'pretrain.batch_size': 10,
        'search.batch_size': 10,
        'search.epochs': 1,
        'retrain.epochs': 1,
        'retrain.batch_size': 10,
        'retrain.auxiliary': 0.0,
        'retrain.drop_path': 0.0,
    },
)
SMALL.pop('data.name')


@pytest.fixture
def home(tmp_path, monkeypatch):
    """MXNET_HOME in tmp_path, with CIFAR-10 where gluon would have it; HOME elsewhere, empty."""
    monkeypatch.setenv('HOME', str(tmp_path / 'user'))
    monkeypatch.setenv('MXNET_HOME', str(tmp_path / 'home'))
    folder = tmp_path / 'home' / 'datasets' / 'cifar10'
    folder.mkdir(parents=True)
    cifar_archive.write(folder, 'binary')
    return tmp_path / 'home'


def flags(*names):
    """--set flags of the small run; names: groups or keys, all where there are none."""
    return [
        word
        for name, value in SMALL.items()
        if not names or name.split('.')[0] in names
        for word in ('--set', f'{name}={settings.show(value)}')
    ]


def stored(run):
    """(data.dir of config.yaml, data_dir of environment.json)."""
    with open(os.path.join(run, 'environment.json')) as stream:
        return settings.read_yaml(os.path.join(run, 'config.yaml'))['data.dir'], json.load(stream)['data_dir']


def refused(capsys, main, *words):
    capsys.readouterr()
    with pytest.raises(SystemExit) as info:
        cli.main(lambda _: main(list(words)))
    text = capsys.readouterr().err
    assert info.value.code == 2 and text.startswith('error: ') and text.count('\n') == 1, text
    return text


def test_a_run_finds_its_data_by_itself_and_again_where_it_has_moved(home, tmp_path, monkeypatch, capsys):
    run = str(tmp_path / 'run')
    search.main(['--dataset', 'cifar10', '--run', run] + flags())
    assert stored(run) == ('', str(home / 'datasets' / 'cifar10'))

    other = tmp_path / 'other'  # as on another machine, whose MXNET_HOME lies elsewhere
    shutil.move(str(home), str(other))
    text = refused(capsys, retrain.main, '--run', run)
    assert str(home / 'datasets' / 'cifar10') in text and 'cifar-10-binary.tar.gz' in text and '--data-dir' in text
    monkeypatch.setenv('MXNET_HOME', str(other))
    moved = str(tmp_path / 'moved')
    shutil.move(run, moved)
    retrain.main(['--run', moved])
    assert stored(moved) == ('', str(other / 'datasets' / 'cifar10'))
    retrain.main(['--run', moved, '--resume'])
    capsys.readouterr()
    evaluate.main([moved, '--json', '-'])
    assert json.loads(capsys.readouterr().out)['images'] == 20
    assert '/no/such' in refused(capsys, evaluate.main, moved, '--data-dir', '/no/such')


def test_a_folder_that_is_given_wins_and_is_kept(home, tmp_path, capsys):
    (tmp_path / 'mine').mkdir()
    text = refused(
        capsys,
        search.main,
        '--dataset',
        'cifar10',
        '--data-dir',
        str(tmp_path / 'mine'),
        '--run',
        str(tmp_path / 'run'),
    )
    assert str(tmp_path / 'mine') in text and str(home) not in text
    cifar_archive.write(tmp_path / 'mine', 'python')
    run = str(tmp_path / 'run')
    words = ['--dataset', 'cifar10', '--data-dir', str(tmp_path / 'mine'), '--run', run, '--stages', 'search']
    search.main(words + flags())
    assert stored(run) == (str(tmp_path / 'mine'),) * 2


@pytest.mark.parametrize('name, expected', [('cifar10', 'cifar-10-binary.tar.gz'), ('imagenet', 'prepare_imagenet.py')])
def test_nothing_in_the_place(tmp_path, monkeypatch, capsys, name, expected):
    monkeypatch.delenv('MXNET_HOME', raising=False)
    monkeypatch.setenv('HOME', str(tmp_path))
    text = refused(capsys, search.main, '--dataset', name, '--run', str(tmp_path / 'run'))
    assert str(tmp_path / '.mxnet' / 'datasets' / name) in text and expected in text and '--data-dir' in text
    assert not (tmp_path / 'run').exists()


def test_another_data_set_does_not_take_the_folder_of_the_first():
    """A run's data.dir is that of its own data set."""
    start = {'data.name': 'cifar10', 'data.dir': '/cifar', 'space.channels': 4}
    assert settings.resolve(start=start).data.dir == '/cifar'
    assert settings.resolve(start=start, flags={'data.name': 'cifar10'}).data.dir == '/cifar'
    assert settings.resolve(start=start, flags={'data.name': 'imagenet'}).data.dir == ''
    assert settings.resolve(start=start, flags={'data.name': 'folder', 'data.dir': '/mine'}).data.dir == '/mine'
