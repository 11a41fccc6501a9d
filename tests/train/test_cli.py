"""The command line: what works, and a user's mistakes as status 2 and one line."""

import json
import os

import numpy as np
import pytest

from dsonas.base import cli
from dsonas.runfiles.directory import RunDirectory
from dsonas.runfiles.log import COLUMNS
from dsonas.runfiles.summary import read_summary
from dsonas.train import retrain, search
from dsonas.train.config import settings
from dsonas.train.deriving import retraining
from dsonas.train.searching import pipeline


def failing(capsys, main, *words):
    """Status and the one line on stderr of a command line."""
    return cli.run(main, [str(word) for word in words]), capsys.readouterr().err


def refused(capsys, main, *words):
    status, text = failing(capsys, main, *words)
    assert status == 2 and text.startswith('error: ') and text.count('\n') == 1, text
    return text


def tiny_flags(config):
    """A Config as --set flags, for what differs from the preset."""
    words = []
    for line in settings.differences(settings.resolve(), config, ('run', 'preset')):
        name, _, value = line.partition(': ')
        words += ['--set', '%s=%s' % (name, value.split(' -> ')[1])]
    return words


@pytest.mark.parametrize(
    'words, expected',
    [
        (['--set', 'search.gama=1'], 'search.gamma'),
        (['--dataset', 'nope'], 'digits, cifar10'),
        (['--stages', 'serch'], 'pretrain'),
        (['--preset', 'nope'], 'published'),
        (['--config', '/no/such/file.yaml'], '/no/such/file.yaml'),
        (['--resume'], '--run'),
        (['--resume', '--run', '/no/such'], 'no run in /no/such'),
        (['--gpus', '0-x'], 'train.gpus'),
        (['--dataset', 'cifar10'], 'cifar10'),
        (['--dataset', 'cifar10', '--data-dir', '/no/such/data'], '/no/such/data'),
        (['--dataset', 'digits', '--batch-size', '3001'], '3001'),
        (['--dataset', 'digits', '--set', 'pretrain.warmup=120'], 'pretrain.schedule'),
        (['--gamma', '-1'], 'search.gamma'),
        (['--space', 'share', '--set', 'space.operations=nope', '--dataset', 'digits'], 'nope'),
    ],
)
def test_mistakes_in_search(words, expected, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('MXNET_HOME', str(tmp_path / 'mxnet'))
    monkeypatch.setattr('dsonas.train.runtime.devices.num_gpus', lambda: 0)
    assert expected in refused(capsys, search.main, *words)
    assert not os.path.exists('runs'), 'a mistake left a run behind'


def test_mistakes_in_retrain(capsys, tmp_path, tiny):
    assert 'architecture.json' in refused(capsys, retrain.main, '--run', tmp_path / 'none')
    assert 'no --run' in refused(capsys, retrain.main)
    with pytest.raises(ValueError, match='not a path'):
        retraining.place('run', 'searched', '../other')
    broken = tmp_path / 'broken.json'
    from dsonas.symbols.architecture import Architecture

    content = Architecture.full(settings_space()).to_dict()
    content['blocks']['shared'][0] = 'shared/L2.nope<-in'
    broken.write_text(json.dumps(content))
    text = refused(capsys, retrain.main, '--architecture', broken, '--run', tmp_path / 'r', '--dataset', 'digits')
    assert 'broken.json' in text and 'sep_conv_3x3' in text
    Architecture.full(settings_space()).save(str(broken))
    words = tiny_flags(tiny()) + ['--architecture', broken, '--run', tmp_path / 'r']
    assert 'budget' in refused(capsys, retrain.main, *words, '--set', 'retrain.channels=[]', '--budget', 'params=1')
    assert 'budget' in refused(capsys, retrain.main, *words, '--set', 'retrain.channels=[]', '--budget', 'weight=1k')
    assert 'cifar_resnet20_v1' in refused(capsys, retrain.main, '--gluoncv', 'cifar_resnet20', '--run', tmp_path / 'r')


def settings_space(**fields):
    from dsonas.symbols.space import SearchSpace

    return SearchSpace(
        **dict(dict(channels=4, blocks=(1, 1), levels=2, operations=('sep_conv_3x3', 'max_pool_3x3')), **fields)
    )


def test_help_and_keys(capsys):
    for words, expected in (
        (['--help'], ['--gamma', '--resume', 'cifar10']),
        (['--keys'], ['search.prune_every', 'retrain.drop_path']),
    ):
        with pytest.raises(SystemExit) as info:
            search.main(words)
        text = capsys.readouterr().out
        assert info.value.code == 0 and all(word in text for word in expected)


def test_a_run_is_not_overwritten_and_two_do_not_meet(capsys, tiny):
    config = tiny(search__epochs=1, pretrain__epochs=0)
    pipeline.search(config, ('search',))
    capsys.readouterr()
    assert '--resume continues it' in refused(capsys, search.main, *tiny_flags(config), '--run', config.run)
    directory = RunDirectory(config.run)
    directory.lock()
    import subprocess
    import sys

    script = 'from dsonas.base import cli\nfrom dsonas.train import search\ncli.main(lambda _: search.main(%r))' % (
        ['--resume', '--run', config.run],
    )
    other = subprocess.run([sys.executable, '-c', script], stderr=subprocess.PIPE, universal_newlines=True)
    directory.unlock()
    assert other.returncode == 2 and 'another run is working in it' in other.stderr and other.stderr.count('\n') == 1, (
        other.stderr
    )


def test_a_search_does_not_go_on_under_its_retraining(capsys, tiny):
    config = tiny(
        pretrain__epochs=0, search__epochs=1, retrain__epochs=1, retrain__auxiliary=0.0, retrain__drop_path=0.0
    )
    pipeline.search(config, ('search',))
    retrain.main(['--run', config.run])
    before = {
        name: os.path.getmtime(os.path.join(config.run, name)) for name in ('log.csv', 'summary.json', 'config.yaml')
    }
    capsys.readouterr()
    words = ('--resume', '--run', config.run, '--stages', 'search')
    assert 'retraining' in refused(capsys, search.main, *words, '--allow-changes', '--set', 'search.epochs=2')
    assert before == {name: os.path.getmtime(os.path.join(config.run, name)) for name in before}
    search.main(list(words))  # nothing left to do is no mistake
    assert 'test_error' in summary(config.run) and summary(config.run)['search']['epochs'] == 1


@pytest.mark.parametrize(
    'file, content, expected',
    [
        ('log.csv', b'\xb4\x00\xff', 'damaged'),
        ('log.csv', ','.join(COLUMNS).encode() + b'\nsearch,one,,,\n', 'line 2'),
        ('summary.json', b'[1]', 'mapping'),
        ('summary.json', b'{"a', 'not JSON'),
        ('config.yaml', b'seed: [1', 'not YAML'),
    ],
)
def test_a_damaged_file_of_a_run_is_named(file, content, expected, capsys, tmp_path):
    settings_file = tmp_path / 'config.yaml'
    settings_file.write_text(
        settings.dump(settings.build({'run': str(tmp_path), 'data.name': 'digits'})), encoding='utf-8'
    )
    (tmp_path / file).write_bytes(content)
    if file == 'summary.json':
        with pytest.raises(ValueError, match='summary.json: .*' + expected):
            read_summary(RunDirectory(str(tmp_path)).summary)
    else:
        text = refused(capsys, search.main, '--resume', '--run', tmp_path)
        assert file in text and expected in text


def test_a_directory_that_cannot_be_written(capsys, tiny):
    assert 'cannot write there' in refused(capsys, search.main, *tiny_flags(tiny()), '--run', '/proc/none')


def test_a_full_disk(capsys, tiny, monkeypatch):
    config = tiny()

    def full(_):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, 'fsync', full)
    text = refused(capsys, search.main, *tiny_flags(config), '--run', config.run)
    assert os.path.join(config.run, 'config.yaml') + ': No space left' in text


@pytest.fixture(scope='module')
def searched(tmp_path_factory):
    from .conftest import TINY

    config = settings.build(dict(TINY, run=str(tmp_path_factory.mktemp('cli') / 'run')))
    config = settings.replace(
        config, search__gamma=0.02, retrain__epochs=1, retrain__auxiliary=0.0, retrain__drop_path=0.0
    )
    pipeline.search(config, ('pretrain', 'search'))
    return config


def summary(path):
    with open(os.path.join(str(path), 'summary.json')) as stream:
        return json.load(stream)


def test_retraining_and_baselines(searched, capsys):
    run = searched.run
    retrain.main(['--run', run])
    found = summary(run)
    assert found['kind'] == 'searched' and found['search']['zero_fraction'] is not None and found['run'] == 'run'
    assert {'test_error', 'top5_error', 'params', 'flops', 'mac', 'seconds', 'budget', 'seed', 'dataset'} <= set(found)
    assert 'holds a retraining' in refused(capsys, retrain.main, '--run', run)
    retrain.main(['--run', run, '--random', '3', '--set', 'retrain.channels=[]', '--budget', 'params=4k'])
    found = summary(os.path.join(run, 'retrain-random-3'))
    assert found['kind'] == 'random' and 0 <= found['budget']['distance'] < 0.05 and found['params'] <= 4000
    assert found['params'] == found['budget']['reached']
    retrain.main(['--run', run, '--full', '--name', 'all'])
    assert summary(os.path.join(run, 'retrain-all'))['kind'] == 'full'
    retrain.main(['--run', run, '--full', '--name', 'all', '--resume'])
    retrain.main(['--run', run, '--gluoncv', 'cifar_resnet20_v1'])
    found = summary(os.path.join(run, 'retrain-gluoncv-cifar_resnet20_v1'))
    assert found['kind'] == 'gluoncv:cifar_resnet20_v1' and found['params'] == 272474
    assert summary(run)['kind'] == 'searched'


def test_transfer_to_another_network(searched, tmp_path):
    run = tmp_path / 'transfer'
    retrain.main(
        [
            '--architecture',
            os.path.join(searched.run, 'architecture.json'),
            '--run',
            str(run),
            '--config',
            os.path.join(searched.run, 'config.yaml'),
            '--set',
            'space.stem=imagenet',
            '--set',
            'space.blocks=1,2,1',
            '--set',
            'data.image_size=32',
            '--set',
            'retrain.auxiliary=0.4',
        ]
    )
    from dsonas.symbols.architecture import Architecture

    architecture = Architecture.load(str(run / 'architecture.json'))
    assert architecture.space.blocks == (1, 2, 1) and architecture.space.stem == 'imagenet'
    assert architecture.edges(0) == Architecture.load(os.path.join(searched.run, 'architecture.json')).edges(0)


def test_random_as_sparse_as_searched():
    space = settings_space(levels=3, share=False)
    from dsonas.symbols.architecture import Architecture

    like = Architecture.random(space, seed=5, keep=0.5)

    def edges(architecture):
        return sum(len(architecture.edges(scope)) for scope in architecture.scopes)

    for seed in range(4):
        found = retraining.random_like(space, seed, like)
        assert edges(like) <= edges(found) <= edges(like) + 6 and found == retraining.random_like(space, seed, like)


def test_evaluate(searched, tmp_path, capsys):
    from dsonas.train import evaluate
    from dsonas.train.deriving import evaluation

    run = str(tmp_path / 'evaluated')
    retrain.main(
        [
            '--architecture',
            os.path.join(searched.run, 'architecture.json'),
            '--run',
            run,
            '--config',
            os.path.join(searched.run, 'config.yaml'),
            '--set',
            'retrain.drop_path=0.2',
            '--set',
            'retrain.auxiliary=0.4',
        ]
    )
    found = summary(run)
    capsys.readouterr()
    evaluate.main([run, '--json', '-', '--batch-size', '64'])
    result = json.loads(capsys.readouterr().out)
    assert result['test_error'] == pytest.approx(found['test_error'], abs=0.05) and result['images'] == 5000
    assert result['top5_error'] == pytest.approx(found['top5_error'], abs=0.05)
    assert sum(result['class_images']) == 5000
    weighted = sum(error * count for error, count in zip(result['class_errors'], result['class_images'])) / 5000
    assert weighted == pytest.approx(result['test_error'])
    with np.load(os.path.join(run, 'predictions.npz')) as stored:
        assert 100 * (stored['predicted'] != stored['labels']).mean() == pytest.approx(result['test_error'])
        assert stored['worst_images'].shape == (36, 16, 16, 3) and stored['worst_images'].dtype == np.uint8
        worst = stored['worst_index']
        assert (stored['predicted'][worst] != stored['labels'][worst]).all()
    timed = summary(run)
    assert timed['latency_ms'] > 0 and timed['latency']['batch'] == 1 and timed['latency']['device']
    assert {key: timed[key] for key in found} == found, 'the rest of the summary stays'
    evaluate.main([run, '--classes', '--best'])
    assert 'top-1 error' in capsys.readouterr().out
    with open(os.path.join(run, 'network.params'), 'r+b') as stream:
        stream.seek(300)
        stream.write(b'\x00\xff\x00\xff')
    assert 'network.params' in refused(capsys, evaluate.main, run)
    assert 'network.json' in refused(capsys, evaluate.main, tmp_path)
    for words, expected in (
        (['--batch-size', '0'], 'from 1 to'),
        (['--worst', '-1'], 'from 0 to'),
        (['--cpus', '-1'], '--cpus'),
    ):
        assert expected in refused(capsys, evaluate.main, run, *words)
    assert evaluation.table(result, True).count('%') >= 12


def test_internal_errors_are_not_hidden():
    def entry(words):
        np.zeros(3).reshape(2, 2)

    with pytest.raises(ValueError, match='reshape'):
        cli.run(entry, [])


@pytest.mark.slow
def test_smoke_preset_end_to_end(tmp_path, python):
    run = str(tmp_path / 'smoke')
    done = python('train/search.py', '--preset', 'smoke', '--run', run, '--cpus', '1')
    assert done.returncode == 0, done.stderr
    done = python('train/retrain.py', '--run', run)
    assert done.returncode == 0, done.stderr
    done = python('train/evaluate.py', run)
    assert done.returncode == 0 and 'top-1 error' in done.stdout, done.stderr
    with open(os.path.join(run, 'environment.json')) as stream:
        assert {'mxnet', 'numpy', 'python', 'devices', 'commit', 'seed'} <= set(json.load(stream))
    config = settings.resolve(config=os.path.join(run, 'config.yaml'))
    assert config.run == run and config.data.image_size == 32
