"""Run directories of earlier versions (tests/old_runs) are read by every tool, and go on."""

import json
import os
import pathlib
import shutil

import numpy as np
import pytest
from PIL import Image

from dsonas.symbols.architecture import Architecture

from .conftest import ROOT, columns

OLD = pathlib.Path(ROOT) / 'tests' / 'old_runs'
VERSIONS = sorted(folder.name for folder in OLD.iterdir() if folder.is_dir())


@pytest.fixture
def old(tmp_path):
    """old(version, name) -> a copy of that run to work with."""

    def copy(version, name):
        return pathlib.Path(shutil.copytree(str(OLD / version / name), str(tmp_path / name)))

    return copy


def accepted(process):
    assert process.returncode == 0 and 'Traceback' not in process.stderr, process.stderr
    return process.stdout


@pytest.mark.slow
def test_a_search_that_lost_a_reduction_block_goes_on_to_its_end(old, python):
    """Of version 0.1.0, which had pruned both branches in one epoch."""
    run = old('0.1.0', 'stopped')
    before = columns(run)
    said = accepted(python('train/search.py', '--resume', '--run', run))
    rows = columns(run)
    assert rows[:9] == before[:9] and [row[:2] for row in rows[1:]] == [
        ('search', str(epoch)) for epoch in range(1, 31)
    ]
    assert all(np.isfinite(float(row[4])) for row in rows), 'losses'
    architecture = Architecture.load(str(run / 'architecture.json'))
    assert all(architecture.reduction_branches(number) for number in range(2)) and 'architecture.json written' in said
    accepted(python('train/retrain.py', '--run', run))
    assert json.loads((run / 'summary.json').read_text())['test_error'] < 100


@pytest.mark.parametrize('version', VERSIONS)
def test_a_retraining_goes_on(old, python, version):
    run = old(version, 'finished')
    before = columns(run)
    said = accepted(python('train/retrain.py', '--resume', '--run', run))
    rows = columns(run)
    assert [row[:3] for row in rows] == [row[:3] for row in before] and rows[:-1] == before[:-1], 'one epoch was left'
    assert float(rows[-1][4]) == pytest.approx(float(before[-1][4]), rel=1e-2), 'rounding differs between processors'
    assert 'test error' in said


@pytest.mark.slow
@pytest.mark.parametrize('version', VERSIONS)
def test_every_tool_reads_it(old, python, tmp_path, version):
    run, out = old(version, 'finished'), tmp_path / 'out'
    out.mkdir()
    image = out / 'image.png'
    Image.fromarray(np.random.RandomState(0).randint(0, 255, (20, 20, 3)).astype(np.uint8)).save(str(image))
    for words, outputs in [
        (['tools/plot_blocks.py', run, '-o', out / 'blocks.svg'], ['blocks.svg']),
        (['tools/plot_search.py', run, '-o', out / 'search.png'], ['search.png']),
        (['tools/plot_flops.py', run, '-o', out / 'flops.png'], ['flops.png']),
        (['tools/make_tables.py', run, '-o', out / 'table.md', out / 'table.csv'], ['table.md', 'table.csv']),
        (['tools/report.py', run, '-o', out / 'report.html'], ['report.html']),
        (['tools/export.py', run, '--symbol', out / 'network'], ['network-symbol.json']),
        (['tools/count_cost.py', run], []),
        (['tools/compare.py', run], []),
        (['tools/predict.py', run, image], []),
        (['train/evaluate.py', run], []),
    ]:
        said = accepted(python(*words))
        for name in outputs:
            assert os.path.getsize(str(out / name)) > 500, name
        assert said or outputs
    table = (out / 'table.md').read_text()
    assert '90.24' in table and '87.24' in table, 'the searched network and the random one'
    assert '90.24' in accepted(python('train/evaluate.py', run)).replace('90.2%', '90.24%')
