"""The benchmark of a derived network's training step at a tiny size, and PyTorch's network equal to this project's."""

import json
import os
import subprocess
import sys

import mxnet as mx
import numpy as np
import pytest

from dsonas.base import cli, machine
from dsonas.symbols.architecture import Architecture
from dsonas.symbols.budget import fit_widths
from dsonas.symbols.network import Network
from dsonas.symbols.space import SearchSpace
from dsonas.tools import bench_retrain
from dsonas.tools.timing import common, plans

TORCH_PYTHON = os.environ.get('DSONAS_TORCH_PYTHON', sys.executable)  # a Python that has PyTorch
QUICK = ['--batch-size', '2', '--image-size', '8', '--steps', '1', '--warm-up', '0', '--threads', '1']
KEYS = {
    'step',
    'images_per_second',
    'params',
    'widths',
    'rss_gb',
    'first',
    'step_processor',
    'flops',
    'budget',
    'machine',
}


def has_torch():
    return not subprocess.run([TORCH_PYTHON, '-c', 'import torch'], stderr=subprocess.DEVNULL).returncode


@pytest.fixture
def small(tmp_path):
    """An architecture file of two blocks."""
    architecture = Architecture.random(SearchSpace.cifar10(channels=4, blocks=(1, 1), classes=3), 1, 0.4)
    architecture.save(str(tmp_path / 'small.json'))
    return str(tmp_path / 'small.json')


def measured(capsys, *words):
    assert cli.run(bench_retrain.main, [*QUICK, '--json', *words]) == 0
    return json.loads(capsys.readouterr().out)


def test_json_has_the_keys_that_others_read(small, capsys):
    words = [
        '--architecture',
        small,
        '--budget',
        'params=20k',
        '--width-multiple',
        '8',
        '--any-width',
        '--latency',
        '2',
    ]
    result = measured(capsys, *words, '--torch', '--torch-python', TORCH_PYTHON, '--rounds', '2')
    architecture = Architecture.load(small)
    fit, loose = (fit_widths(architecture, 'params=20k', 8, multiple=multiple) for multiple in (8, 1))
    assert KEYS <= set(result) and (result['widths'], result['params']) == (list(fit.widths), fit.cost.params)
    assert result['images_per_second'] == pytest.approx(2 / result['step']) and result['latency'] > 0
    assert result['any_width']['widths'] == list(loose.widths) and result['any_width']['params'] == loose.cost.params
    assert result['any_width']['ratio']['step'] == pytest.approx(result['any_width']['step'] / result['step'])
    assert result['runtime'] in ('onnxruntime', 'MXNet')
    assert ('better' in result) == has_torch()
    if has_torch():
        forms = [result[name] for name in common.TORCH_FORMS]
        assert {form['params'] for form in forms} == {result['params']}
        assert result[result['better']]['step'] == min(form['step'] for form in forms)
        assert result['ratio'] == result[result['better']]['ratio'] and {'step', 'rss_gb', 'latency'} <= set(
            result['ratio']
        )


def test_without_an_architecture_a_random_one_of_the_papers_space(capsys):
    words = ['--batch-size', '1', '--image-size', '4', '--steps', '1', '--warm-up', '0', '--threads', '1']
    assert cli.run(bench_retrain.main, [*words, '--budget', 'params=60k', '--keep', '0.1']) == 0
    lines = capsys.readouterr().out.splitlines()
    fit = fit_widths(
        Architecture.random(SearchSpace.cifar10(), 1, 0.1), 'params=60k', 4, multiple=machine.width_multiple()
    )
    assert f'{fit.cost.params:,} parameters' in lines[2] and all(note in lines for note in fit.notes)
    assert lines[-1].startswith('dsonas  ' + ', '.join(map(str, fit.widths)))


def test_given_channels(small, capsys):
    result = measured(capsys, '--architecture', small, '--channels', '5,7')
    assert result['widths'] == [5, 7] and result['budget'] == {'kind': 'none'} and 'better' not in result


@pytest.mark.parametrize(
    'wrong, named',
    [
        (['--steps', '0'], "--steps: '0'"),
        (['--keep', '0'], "--keep: '0'"),
        (['--latency', '-1'], "--latency: '-1'"),
        (['--channels', '4'], 'channels'),
        (['--budget', 'params=10'], 'params=10'),
        (['--budget', '3M'], '3M'),
        (['--width-multiple', '-4'], '-4'),
        (['--torch', '--torch-python', '/nowhere/python'], '/nowhere/python'),
        (['--architecture', '/nowhere.json'], '/nowhere.json'),
    ],
)
def test_mistakes_are_one_line(wrong, named, capsys):
    assert cli.run(bench_retrain.main, QUICK + wrong) == 2
    error = capsys.readouterr().err
    assert named in error and error.count('\n') == 1


def test_the_faster_form_of_pytorch_counts():
    base = {'step': 2.0, 'step_processor': 3.0, 'first': 1.0, 'rss_gb': 0.5}
    slow, fast = dict(base, step=3.0), dict(base, step=1.0, rss_gb=1.0)
    for forms, better in (((slow, fast), 'torch_channels_last'), ((fast, slow), 'torch')):
        figures = dict(zip(common.TORCH_FORMS, forms), any_width=dict(base, step=0.1))
        found = common.compared(figures, base, bench_retrain.COMPARED)
        assert found['better'] == better and found['ratio'] == {
            'step': 0.5,
            'processor': 1.0,
            'first': 1.0,
            'rss_gb': 2.0,
        }
    assert set(common.compared({'naive': base}, base, bench_retrain.COMPARED)) == {'naive'}


def test_plans_name_what_is_not_written_in_pytorch():
    space = SearchSpace.cifar10(channels=4, blocks=(1,), operations=('noise', 'sep_conv_3x3'))
    with pytest.raises(ValueError, match='--torch: noise is not written in PyTorch'):
        plans.network_plan(Architecture.full(space), (4,))


CASES = {
    'share': (SearchSpace.cifar10(channels=4, blocks=(2, 1, 1)), (16, 24, 32), 0.3),
    'odd widths': (SearchSpace.cifar10(share=False, channels=4, blocks=(1, 2)), (5, 9), 0.15),
    'imagenet stem': (SearchSpace.imagenet(channels=4, blocks=(1, 1), classes=5), (6, 16), 0.4),
    'gated first level': (
        SearchSpace.cifar10(share=False, first_level_gates=True, channels=4, blocks=(1, 1)),
        (8, 8),
        0.3,
    ),
}


@pytest.mark.skipif(not has_torch(), reason='no PyTorch; DSONAS_TORCH_PYTHON names a Python that has it')
@pytest.mark.parametrize('channels_last', [False, True])
@pytest.mark.parametrize('case', CASES)
def test_pytorchs_network_is_the_same_function(case, channels_last, tmp_path):
    """Equal parameters give equal logits, in inference and in training."""
    space, widths, keep = CASES[case]
    architecture, rng = Architecture.random(space, 2, keep), np.random.RandomState(0)
    net = Network(architecture, widths)
    net.initialize()
    x, arrays = rng.normal(size=(3, 3, 32, 32)).astype(np.float32), {}
    for name, param in net.collect_params().items():
        values = (
            rng.uniform(0.5, 1.5, param.shape) if name.endswith(('gamma', 'var')) else rng.normal(0, 0.3, param.shape)
        )
        param.set_data(mx.nd.array(values))
        arrays[name.replace('network_', '', 1)] = values.astype(np.float32)
    np.savez(tmp_path / 'arrays.npz', x=x, **arrays)
    task = dict(plan=plans.network_plan(architecture, widths), threads=1, channels_last=channels_last)
    task.update(arrays=str(tmp_path / 'arrays.npz'), logits=str(tmp_path / 'logits.npz'), implementation='torch')
    common.measure(task, python=TORCH_PYTHON, script=bench_retrain.TORCH)
    inference = net(mx.nd.array(x)).asnumpy()
    with mx.autograd.record():
        training = net(mx.nd.array(x)).asnumpy()
    with np.load(tmp_path / 'logits.npz') as theirs:
        np.testing.assert_allclose(theirs['inference'], inference, rtol=1e-4, atol=1e-4 * np.abs(inference).max())
        np.testing.assert_allclose(theirs['training'], training, rtol=1e-4, atol=1e-4 * np.abs(training).max())
