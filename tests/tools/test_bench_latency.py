"""What the speed benchmark times, and what it prints; not how fast anything is."""

import json

import pytest

from dsonas.symbols.architecture import Architecture
from dsonas.symbols.space import SearchSpace
from dsonas.tools import bench_latency
from dsonas.tools.timing import latency

from .trainedmaker import make_trained

SPACE = SearchSpace.cifar10(channels=8, blocks=(1, 1), levels=2)


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    return make_trained(
        tmp_path_factory.mktemp('runs') / 'run', Architecture.random(SPACE, 1, 0.5), size=16, channels=(40, 80)
    )


def test_subjects_are_of_like_size(run):
    own, random, known = latency.subjects(run, seed=3)
    assert (own.name, random.name) == ('searched', 'random 3') and known.name.startswith('gluoncv:')
    assert 0.97 * own.params <= random.params <= own.params
    for subject in (own, random, known):
        net = subject.make('cpu')
        assert sum(p.data().size for name, p in net.collect_params().items() if p.grad_req != 'null') == subject.params


def test_every_network_runtime_and_batch(run, capsys):
    assert bench_latency.main([run, '--batch', '1,2', '--passes', '1', '--json', '--gluoncv', 'cifar_resnet20_v1']) == 0
    result = json.loads(capsys.readouterr().out)
    runtimes = {row['runtime'] for row in result['rows']}
    assert 'mxnet' in runtimes and (
        runtimes == {'mxnet', 'onnxruntime'} or all('onnx' in reason for reason in result['left_out'])
    )
    assert len(result['rows']) == 3 * 2 * len(runtimes)
    for row in result['rows']:
        assert row['ms'] > 0 and row['images_per_second'] == pytest.approx(1e3 * row['batch'] / row['ms'])
    text = bench_latency.table(result)
    assert (
        len(text.splitlines()) == 2 + len(result['rows']) + len(result['left_out'])
        and 'gluoncv:cifar_resnet20_v1' in text
    )


def test_without_onnxruntime(run, monkeypatch):
    monkeypatch.setitem(__import__('sys').modules, 'onnxruntime', None)
    result = latency.measure(run, (1,), passes=1, gluoncv='cifar_resnet20_v1')
    assert {row['runtime'] for row in result['rows']} == {'mxnet'} and len(result['left_out']) == 3
    assert 'left out: searched in onnxruntime' in bench_latency.table(result)


def test_a_run_of_a_known_network(tmp_path):
    run = make_trained(tmp_path / 'run', kind='gluoncv:cifar_resnet20_v1')
    own, other = latency.subjects(run)
    assert own.name == other.name == 'gluoncv:cifar_resnet20_v1' and own.params == other.params


@pytest.mark.parametrize(
    'words, message',
    [
        (['--batch', '1,x'], "--batch: '1,x': accepted are whole numbers"),
        (['--batch', '0'], "--batch: '0'"),
        (['--passes', '0'], "--passes: '0'"),
        (['--gpu', '99'], '--gpu 99'),
        (['--gluoncv', 'resnet'], 'not in the model zoo'),
    ],
)
def test_mistakes(run, words, message):
    with pytest.raises(ValueError, match=message):
        bench_latency.main([run] + words)
