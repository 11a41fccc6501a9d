"""Names of runs, folders and classes that hold control characters, markup or bytes that are no text are shown letter by letter."""

import csv
import os

import numpy as np
import pytest

from dsonas.base import cli
from dsonas.tools import compare, count_cost, make_tables, plot_blocks, plot_flops, plot_search, report
from dsonas.tools.tables.contents import MEASURED, Table
from dsonas.tools.tables.formats import FORMATS
from dsonas.tools.using.formats import FORMATS as PREDICTIONS

from .runmaker import make_run

ODD = os.fsdecode(b'r\xff\x1b[31m|$x^$`<b>\n=')
CLASSES = ['a\x1b', '\u202eb', 'c|`d', '<b>', '=1+1', '$x_$', '\ud800', 'tab\t', 'nl\n', '@λ']


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = make_run('run', predictions=True)
    folder = ODD
    os.rename(made, folder)
    with np.load(os.path.join(folder, 'predictions.npz')) as archive:
        arrays = {**archive, 'classes': np.array(CLASSES)}
    np.savez_compressed(os.path.join(folder, 'predictions.npz'), **arrays)
    return folder


def clean(text):
    return all(letter.isprintable() or letter in '\n\xa0' for letter in text.replace('\t', ''))


@pytest.mark.parametrize(
    'command, words, target',
    [
        (report.main, ['-o', 'o.html'], 'o.html'),
        (plot_search.main, ['-o', 'o.svg'], 'o.svg'),
        (plot_blocks.main, ['-o', 'o.svg'], 'o.svg'),
        (plot_blocks.main, ['-o', 'o.dot'], 'o.dot'),
        (plot_flops.main, ['-o', 'o.svg'], 'o.svg'),
        (plot_flops.main, ['--against', 'flops', '--group', 'run', '-o', 'o.svg'], 'o.svg'),
        (make_tables.main, ['-o', 'o.md', 'o.csv', 'o.tex'], 'o.md'),
        (compare.main, [], None),
        (count_cost.main, [], None),
    ],
)
def test_tools(command, words, target, run, capsys):
    assert cli.run(command, [run, *words]) == 0
    out, err = capsys.readouterr()
    assert clean(out) and clean(err)
    if target:
        with open(target, encoding='utf-8') as stream:
            assert clean(stream.read())


def test_mistakes_are_one_line(run, capsys):
    for words in ([f'{run}\x1b[31m'], ['--tables\x1b[31m\n'], ['x' * 5000, '-o', 'a.\u202e']):
        try:
            status = cli.run(make_tables.main, ['--table', '1', *words])
        except SystemExit as end:  # of argparse
            status = end.code
        out, err = capsys.readouterr()
        assert clean(out + err) and (status == 0 or status == 2 and len(err.splitlines()[-1]) < 350)


def test_tables():
    table = Table(
        'of \x1b', ('Network', 'Error', 'Runs', 'Source'), [(name, '-', '1', MEASURED) for name in CLASSES], CLASSES
    )
    written = {kind: FORMATS[kind](table) for kind in FORMATS}
    assert all(map(clean, written.values()))
    rows = [line for line in written['md'].splitlines() if line.startswith('|')]
    assert len(rows) == len(CLASSES) + 2 and all(row.replace(r'\|', '').count('|') == 5 for row in rows)
    cells = [row[0] for row in csv.reader(written['csv'].splitlines()) if not row[0].startswith('#')][1:]
    assert len(cells) == len(CLASSES) and not any(cell[:1] in ('=', '+', '@') for cell in cells)


@pytest.mark.parametrize('kind', list(PREDICTIONS))
def test_predictions(kind, tmp_path):
    path = tmp_path / 'out'
    with open(str(path), 'w', encoding='utf-8') as stream:
        PREDICTIONS[kind]([(ODD, [(name, 0.5) for name in CLASSES])] * 3, len(CLASSES), stream)
    text = path.read_text(encoding='utf-8')
    assert clean(text) and (kind == 'json' or len(text.splitlines()) == (3 if kind == 'table' else 4))
