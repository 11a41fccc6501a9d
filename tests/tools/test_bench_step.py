"""The benchmarks at a tiny size: JSON with what others read, counts that are the network's, drawn architectures that are what they say."""

import json
import os
import subprocess
import sys

import pytest

from dsonas.base import cli
from dsonas.symbols.architecture import Architecture
from dsonas.symbols.space import SearchSpace
from dsonas.tools import bench_shrink, bench_step
from dsonas.tools.timing import common
from dsonas.tools.timing.clocks import peak_memory, summarise

TINY = [
    '--channels',
    '4',
    '--blocks',
    '1,1',
    '--batch-size',
    '2',
    '--image-size',
    '8',
    '--steps',
    '1',
    '--threads',
    '1',
    '--warm-up',
    '0',
]
KEYS = {'w_step', 'lambda_step', 'first', 'rss_gb', 'weights', 'gates'}


TORCH_PYTHON = os.environ.get('DSONAS_TORCH_PYTHON', sys.executable)  # a Python that has PyTorch


def has_torch():
    return not subprocess.run([TORCH_PYTHON, '-c', 'import torch'], stderr=subprocess.DEVNULL).returncode


def test_json_has_the_keys_that_others_read(capsys):
    assert (
        cli.run(bench_step.main, TINY + ['--naive', '--torch', '--torch-python', TORCH_PYTHON, '--profile', '--json'])
        == 0
    )
    result = json.loads(capsys.readouterr().out)
    assert KEYS <= set(result) and all(result[key] > 0 for key in KEYS)
    assert {'machine', 'versions', 'settings', 'profile'} <= set(result) and result['machine']['threads'] == 1
    naive = result['naive']
    assert KEYS <= set(naive) and (naive['weights'], naive['gates']) == (result['weights'], result['gates'])
    assert naive['ratio']['w_step'] == pytest.approx(naive['w_step'] / result['w_step'])
    assert naive['ratio']['step'] == pytest.approx(
        (naive['w_step'] + naive['lambda_step']) / (result['w_step'] + result['lambda_step'])
    )
    for rows in result['profile'].values():
        assert sum(row['share'] for row in rows) == pytest.approx(1)
        assert '_backward_Convolution' in [row['operator'] for row in rows]
    assert all((name in result) == has_torch() for name in ('torch', 'torch_channels_last', 'better', 'ratio'))
    if has_torch():
        steps = {name: result[name]['w_step'] + result[name]['lambda_step'] for name in common.TORCH_FORMS}
        assert result['better'] == min(steps, key=steps.get)
        assert result['ratio'] == result[result['better']]['ratio'] and result['ratio']['rss_gb'] > 0


@pytest.mark.parametrize(
    'more',
    [['--full', '--levels', '2'], ['--cpus', '2'], ['--kernels', 'plain', '--operations', 'sep_conv_5x5,max_pool_3x3']],
)
def test_other_spaces_and_devices_as_a_table(more, capsys):
    assert cli.run(bench_step.main, TINY + more) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith('fused') and ' weights, ' in lines[2]


def test_counts_are_those_of_the_papers_network():
    figures = common.measure(common.task(bench_step.arguments().parse_args(TINY + ['--full'])))
    assert figures['gates'] == sum(map(len, SearchSpace(share=False, channels=4, blocks=(1, 1)).gate_names()))


@pytest.mark.skipif(not has_torch(), reason='no PyTorch')
def test_pytorchs_network_is_as_large():
    task = common.task(bench_step.arguments().parse_args(TINY))
    ours = common.measure(task)
    for measurement in common.torch_measurements(task, TORCH_PYTHON, common.TORCH).values():
        theirs = measurement()
        assert (ours['weights'], ours['gates']) == (theirs['weights'], theirs['gates'])


@pytest.mark.parametrize(
    'wrong, named',
    [
        (['--batch-size', '3', '--cpus', '2'], 'batch-size 3'),
        (['--steps', '0'], "--steps: '0'"),
        (['--torch', '--torch-python', '/nowhere/python'], '/nowhere/python'),
        (['--operations', 'convolution'], 'convolution'),
    ],
)
def test_mistakes_are_one_line(wrong, named, capsys):
    assert cli.run(bench_step.main, TINY + wrong) == 2
    error = capsys.readouterr().err
    assert named in error and error.count('\n') == 1


def test_a_failing_measurement_says_why():
    task = common.task(bench_step.arguments().parse_args(TINY))
    with pytest.raises(ValueError, match='fused failed with status 1: .*no_such_kind'):
        common.measure(dict(task, kernels='no_such_kind'))


def test_shrinking_is_measured(capsys):
    assert cli.run(bench_shrink.main, TINY + ['--left', '25', '--json']) == 0
    result = json.loads(capsys.readouterr().out)
    assert [row['kind'] for row in result['rows']] == ['operations', 'edges', 'random']
    assert result['complete']['gates_left'] == 1
    for row in result['rows']:
        assert KEYS <= set(row) and row['ratio']['step'] > 0
        assert 0 < row['gates_left'] < 0.4
    assert result['rows'][0]['operations_left'] == 0.25 and result['rows'][1]['operations_left'] == 1


@pytest.mark.parametrize('wrong', [['--left', '0'], ['--left', '120'], ['--kinds', 'everything']])
def test_shrinking_refuses(wrong, capsys):
    assert cli.run(bench_shrink.main, TINY + wrong) == 2
    assert wrong[0] in capsys.readouterr().err


@pytest.mark.parametrize('share', [True, False])
@pytest.mark.parametrize('gated', [True, False])
@pytest.mark.parametrize('percent', [100, 75, 50, 25, 10, 5])
def test_drawn_architectures_are_what_they_say(percent, gated, share):
    space = SearchSpace(share=share, blocks=(2, 1), first_level_gates=gated)
    full, part = Architecture.full(space), percent / 100
    fewer = bench_shrink.operations_left(space, part, seed=1)
    for scope in space.scopes:
        assert len(fewer.operations(scope)) == max(1, round(16 * part))
        alive = set(fewer.nodes(scope)) | {(0, 0), (space.levels + 1, 0)}
        assert fewer.block_edges(scope) == tuple(
            edge for edge in full.block_edges(scope) if {edge.source, edge.target} <= alive
        )
    thinner = bench_shrink.edges_left(space, part, seed=1)
    for scope in space.scopes:
        assert thinner.operations(scope) == full.operations(scope)
        total, least = len(full.edges(scope)), 16 + 12 + 4 * gated
        assert len(thinner.edges(scope)) == max(least, round(total * part))
    assert bench_shrink.edges_left(space, part, seed=1) == thinner
    assert percent in (100, 5, 10) or bench_shrink.edges_left(space, part, seed=2) != thinner


def test_medians_and_memory():
    figures = summarise({'w': [(1.0, 2.0), (5.0, 3.0), (2.0, 9.0)]})
    assert figures == {'w_step': 2.0, 'w_step_fastest': 1.0, 'w_step_processor': 3.0}
    assert 0.005 < peak_memory() < 100
