"""What a run without checksums has lost is found from what its other files say; a run on its way has lost nothing."""

import json
import os

import pytest

from dsonas.base import cli
from dsonas.tools import make_tables, plot_blocks, plot_search, report
from dsonas.tools.reading import runs

from .runmaker import make_run


@pytest.mark.parametrize('state', ['new', 'searching', 'searched', 'finished'])
@pytest.mark.parametrize('kind', ['searched', 'random'])
def test_a_run_on_its_way_has_lost_nothing(state, kind, tmp_path):
    if (state, kind) != ('searching', 'random'):
        assert runs.read(make_run(tmp_path / 'run', state=state, kind=kind)).losses == []


def without(folder, *keys):
    path = os.path.join(folder, 'summary.json')
    with open(path) as stream:
        content = json.load(stream)
    with open(path, 'w') as out:
        json.dump({key: value for key, value in content.items() if key not in keys}, out)


def lines_left(folder, kept):
    path = os.path.join(folder, 'log.csv')
    with open(path) as stream:
        lines = stream.readlines()
    with open(path, 'w') as out:
        out.writelines(line for number, line in enumerate(lines) if kept(number, line))


DAMAGE = {
    'an empty log': (lambda run: open(os.path.join(run, 'log.csv'), 'w').close(), 'log.csv: damaged: it is empty'),
    'a log of its header': (lambda run: lines_left(run, lambda number, _: number == 0), 'log.csv: without the epochs of the retr'),
    'a log without search': (lambda run: lines_left(run, lambda _, line: 'search,' not in line), 'log.csv: without the epochs of the s'),
    'an epoch gone': (lambda run: lines_left(run, lambda number, _: number != 1), 'log.csv: not every epoch of stage pretrain'),
    'no log': (lambda run: os.remove(os.path.join(run, 'log.csv')), 'log.csv: missing'),
    'no config': (lambda run: os.remove(os.path.join(run, 'config.yaml')), 'config.yaml: missing'),
    'no λ': (lambda run: os.remove(os.path.join(run, 'lambda.npz')), 'lambda.npz: missing, though there was a search'),
    'no summary of the search': (lambda run: without(run, 'search'), 'summary.json: without search'),
    'no test error': (lambda run: without(run, 'test_error'), 'summary.json: without test_error'),
    'no architecture': (lambda run: os.remove(os.path.join(run, 'architecture.json')), 'architecture.json: missing'),
}  # fmt: skip


@pytest.mark.parametrize('case', list(DAMAGE))
def test_tools_name_what_is_lost(case, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    damage, message = DAMAGE[case]
    damage(make_run('run'))
    assert [line for line in runs.read('run').losses if line.startswith(message)]
    for command, words in (
        (report.main, ['-o', 'o.html']),
        (plot_search.main, ['-o', 'o.svg']),
        (plot_blocks.main, ['-o', 'o.dot']),
        (make_tables.main, []),
    ):
        assert cli.run(command, ['run', *words]) in (0, 2)
        assert f'warning: run/{message[:30]}' in capsys.readouterr().err
