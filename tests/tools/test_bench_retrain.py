"""The benchmark of a derived network's training step at a tiny size, and PyTorch's network equal to this project's."""

import importlib.util
import json
import os
import subprocess
import sys

import mxnet as mx
import numpy as np
import pytest

from dsonas.base import cli, machine
from dsonas.symbols.architecture import Architecture
from dsonas.symbols.backend import padding
from dsonas.symbols.budget import fit_widths
from dsonas.symbols.network import Network
from dsonas.symbols.space import SearchSpace
from dsonas.tools import bench_retrain
from dsonas.tools.timing import common, derived_worker, plans

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
    assert all((key in result) == has_torch() for key in ('torch_better', 'better', 'ratio'))
    if has_torch():
        forms = [result[name] for name in common.TORCH_FORMS]
        assert {form['params'] for form in forms} == {result['params']}
        assert result['better'] == result['torch_better']
        assert result[result['better']]['step'] == min(form['step'] for form in forms)
        assert result['ratio'] == result[result['better']]['ratio'] and {'step', 'rss_gb', 'latency'} <= set(
            result['ratio']
        )


def test_without_an_architecture_a_random_one_of_the_papers_space(capsys):
    words = ['--batch-size', '1', '--image-size', '4', '--steps', '1', '--warm-up', '0', '--threads', '1']
    words += ['--blocks', '8,8,8', '--budget', 'params=60k', '--keep', '0.1']
    assert cli.run(bench_retrain.main, words) == 0
    lines = capsys.readouterr().out.splitlines()
    fit = fit_widths(
        Architecture.random(SearchSpace.cifar10(), 1, 0.1), 'params=60k', 4, multiple=machine.width_multiple()
    )
    assert f'{fit.cost.params:,} parameters' in lines[2] and all(note in lines for note in fit.notes)
    assert lines[-1].startswith('dsonas  ' + ', '.join(map(str, fit.widths)))


@pytest.mark.parametrize(
    'budget, blocks', [('params=499999', (1, 1, 1)), ('params=0.5M', (8, 8, 8)), ('mac=9k', (8, 8, 8))]
)
def test_small_budgets_are_of_one_block_a_stage(budget, blocks):
    drawn = [
        bench_retrain.architecture_of(bench_retrain.arguments().parse_args(['--budget', budget, *words])).space.blocks
        for words in ([], ['--blocks', '2,1'])
    ]
    assert drawn == [blocks, (2, 1)]


def test_latency_needs_no_onnx(small, monkeypatch):
    missing = ('onnx', 'onnxruntime')
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None if name in missing else object())
    task = dict(
        architecture=Architecture.load(small).to_dict(), widths=[4, 8], image_size=8, gpus=0, latency=2, drop_path=0.0
    )
    net = Network(Architecture.load(small), [4, 8])
    net.initialize()
    found = derived_worker.latency(task, net)
    assert found['runtime'] == 'MXNet' and found['latency'] >= found['latency_fastest'] > 0


def test_drop_path(small, capsys):
    words = ['--architecture', small, '--widths', '5,7', '--drop-path', '0.4', '--latency', '1']
    result = measured(capsys, *words, '--torch', '--torch-python', TORCH_PYTHON)
    assert result['settings']['drop_path'] == 0.4 and result['step'] > 0 and result['latency'] > 0
    assert ('ratio' in result) == has_torch()


@pytest.mark.parametrize('flag', ['--widths', '--channels'])
def test_given_widths(flag, small, capsys):
    result = measured(capsys, '--architecture', small, flag, '5,7')
    assert result['widths'] == [5, 7] and result['budget'] == {'kind': 'none'} and 'better' not in result


@pytest.mark.parametrize(
    'wrong, named',
    [
        (['--steps', '0'], "--steps: '0'"),
        (['--keep', '0'], "--keep: '0'"),
        (['--latency', '-1'], "--latency: '-1'"),
        (['--channels', '4'], 'channels'),
        (['--widths', '8,16,32', '--any-width'], '--any-width'),
        (['--blocks', '1,1', '--widths', '8,16,32'], '8, 16, 32'),
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


def test_another_number_of_parameters_is_an_error():
    base = {'weights': 3, 'gates': 2}
    common.require_equal({'torch': dict(base, gates=1)}, base, 'weights')
    with pytest.raises(ValueError, match='torch is another network: 4 weights against 3'):
        common.require_equal({'naive': base, 'torch': dict(base, weights=4)}, base, 'weights', 'gates')


def test_a_report_refuses_another_network(small, monkeypatch):
    def another(task, **_):
        count = 7 if task['implementation'] == 'torch_channels_last' else 5
        return {'step': 1.0, 'step_processor': 1.0, 'first': 1.0, 'rss_gb': 1.0, 'params': count}

    monkeypatch.setattr(common, 'measure', another)
    monkeypatch.setattr(common, 'has_torch', lambda python: True)
    options = bench_retrain.arguments().parse_args(['--architecture', small, '--widths', '4,8', '--torch'])
    with pytest.raises(ValueError, match='torch_channels_last is another network: 7 params against 5'):
        bench_retrain.report(options)


def test_a_task_may_be_larger_than_an_argument(tmp_path):
    """Linux takes at most 128 KiB in one argument: the 24 blocks of `full` come near, with what PyTorch needs they are above it."""
    script = tmp_path / 'count.py'
    script.write_text('import json, sys\nprint(json.dumps({"length": len(json.load(sys.stdin)["text"])}))\n')
    task = {'threads': 1, 'implementation': 'dsonas', 'text': 'x' * 1_000_000}
    assert common.measure(task, script=str(script)) == {'length': 1_000_000}


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
        shape = padding.stored_shape(param)  # maps may be wider than the network
        values = rng.uniform(0.5, 1.5, shape) if name.endswith(('gamma', 'var')) else rng.normal(0, 0.3, shape)
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
