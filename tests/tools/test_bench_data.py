"""bench_data runs every pipeline and says what it measured; no speed is asserted."""

import json

import pytest

from dsonas.base import cli
from dsonas.tools import bench_data

QUICK = ['--seconds', '0.01', '--images', '24', '--batch-size', '8']


@pytest.fixture(autouse=True)
def private_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv('DSONAS_CACHE', str(tmp_path_factory.mktemp('cache')))


def test_every_pipeline(capsys):
    assert cli.run(bench_data.main, QUICK + ['--json', '--workers', '1,2']) == 0
    result = json.loads(capsys.readouterr().out)
    assert [(row['pipeline'], row['workers']) for row in result['rows']] == [
        (name, n) for name in bench_data.PIPELINES for n in (1, 2)
    ]
    assert all(row['images_per_second'] > 0 for row in result['rows'])
    assert result['machine']['mxnet'] and result['machine']['cores'] >= 1


def test_against(capsys):
    assert (
        cli.run(
            bench_data.main,
            QUICK
            + ['--against', '--channels', '4', '--blocks', '1,1', '--workers', '1', '--pipelines', 'digits; cifar10'],
        )
        == 0
    )
    lines = capsys.readouterr().out.strip().split('\n')
    assert 'numpy' in lines[0] and 'search consumes' in lines[2] and len(lines) == 6
    cells = [cell.strip() for cell in lines[4].strip('|').split('|')]
    assert cells[0] == 'digits' and len(cells) == 8
    assert abs(float(cells[3]) / float(cells[4]) - float(cells[6])) < 0.1 * float(cells[6]) + 0.1


@pytest.mark.parametrize(
    'arguments, words',
    [
        (['--pipelines', 'nope'], 'none of digits'),
        (['--workers', '0'], "--workers: '0'"),
        (['--blocks', 'x'], "--blocks: 'x'"),
        (['--images', '9'], '--images 9'),
    ],
)
def test_refusals(arguments, words, capsys):
    assert cli.run(bench_data.main, QUICK + arguments) == 2
    error = capsys.readouterr().err.strip()
    assert words in error and '\n' not in error
