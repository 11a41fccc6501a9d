"""Tables: means and deviations are right, published rows are the paper's and marked, nothing unfinished or damaged is a number."""

import csv
import os
import re
import shutil
import statistics

import pytest
import yaml

from dsonas.base import cli
from dsonas.symbols.space import SearchSpace
from dsonas.tools import make_tables
from dsonas.tools.reading import experiments, runs
from dsonas.tools.recipes import catalogue
from dsonas.tools.tables import contents
from dsonas.tools.tables.formats import comma, latex, markdown, tex

from .runmaker import SMALL, make_run

FULL = SearchSpace.cifar10(share=False, channels=8, blocks=(1, 1, 1))


def table(which, *paths, **options):
    return contents.make(which, [runs.read(path) for path in runs.find([str(path) for path in paths])], **options)


def measured(made):
    return [row for row in made.rows if row[-1] == 'measured']


def test_mean_and_sample_deviation_over_seeds(tmp_path):
    errors = [4.1, 4.6, 5.3, 4.4, 4.9]
    for seed, error in enumerate(errors):
        make_run(tmp_path / str(seed), seed=seed, error=error)
    rows = measured(table('1', tmp_path))
    assert len(rows) == 1 and rows[0][0] == 'DSO-NAS-share + c/o' and rows[0][-2] == '5'
    assert rows[0][1] == f'{statistics.mean(errors):.2f} ± {statistics.stdev(errors):.2f}'
    assert experiments.mean_std([2.0]) == (2.0, None) and experiments.plus_minus(2.0, None) == '2.00'


def test_runs_with_other_settings_are_other_rows_and_named_apart(tmp_path):
    make_run(tmp_path / 'a', seed=0, search__gamma=0.01)
    make_run(tmp_path / 'b', seed=1, search__gamma=0.01, data__dir='/elsewhere')
    make_run(tmp_path / 'c', seed=0, search__gamma=0.05)
    make_run(tmp_path / 'd', FULL)
    made = measured(table('1', tmp_path))
    assert [(row[0], row[-2]) for row in made] == [
        ('DSO-NAS-share + c/o (search.gamma=0.01)', '2'),
        ('DSO-NAS-share + c/o (search.gamma=0.05)', '1'),
        ('DSO-NAS-full + c/o', '1'),
    ]


def test_random_baselines_are_rows_of_their_own_whatever_the_search_was(tmp_path):
    for seed in range(2):
        make_run(tmp_path / str(seed), seed=seed)
        make_run(
            tmp_path / str(seed) / 'retrain-random-0',
            kind='random',
            seed=seed,
            error=6.0 + seed,
            search__gamma=0.1 * seed,
        )
    rows = {row[0]: row for row in measured(table('1', tmp_path))}
    assert rows['random-share + c/o'][1] == '6.50 ± 0.71' and rows['random-share + c/o'][3:5] == ('-', '-')


@pytest.mark.parametrize('which', ['1', '2', '3', 'summary'])
@pytest.mark.parametrize('case', ['unfinished', 'damaged', 'missing'])
def test_nothing_but_finished_runs_gives_numbers(which, case, tmp_path):
    path = tmp_path / 'run'
    if case == 'unfinished':
        make_run(path, state='searched')
    elif case == 'damaged':
        make_run(path)
        (path / 'summary.json').write_text('{"test_error": 3.1')
    made = table(which, path)
    (row,) = measured(made)
    cells = [cell for head, cell in zip(made.heads, row) if 'rror' in head or 'arams' in head or 'FLOPs' in head]
    assert set(cells) == {case} and row[-2] == '0 of 1'
    assert len(made.notes) == 1 and case in made.notes[0] and str(path) in made.notes[0]
    for text in (markdown(made), comma(made), latex(made)):
        assert case in text and '3.1' not in re.sub('|'.join(['3.1[0-9]', '33.1']), '', text)


def test_damaged_and_unfinished_runs_leave_the_others_mean_alone(tmp_path):
    for seed, error in enumerate([4.0, 5.0, 99.0, 98.0]):
        make_run(tmp_path / str(seed), seed=seed, error=error)
    (tmp_path / '2' / 'architecture.json').write_text('{}')
    os.remove(tmp_path / '3' / 'summary.json')
    made = table('1', tmp_path, seeds=5)
    (row,) = measured(made)
    assert row[1] == '4.50 ± 0.71' and row[-2] == '2 of 5'
    assert [note.split(': ')[1].split(' ')[0] for note in made.notes] == ['damaged', 'unfinished']


def test_search_cost_is_in_days_of_the_devices_that_did_it(tmp_path):
    path = make_run(tmp_path / 'run')
    assert measured(table('1', path))[0][3] == '0.0028 CPU days'  # 240 s
    file = tmp_path / 'run' / 'environment.json'
    file.write_text(file.read_text().replace('"cpu(0)"', '"gpu(0)", "gpu(1)"').replace('"workers": 1', '"workers": 9'))
    assert measured(table('1', path))[0][3] == '0.05 GPU days'  # 240 s · 18 devices


def test_table_3_tells_settings(tmp_path):
    make_run(tmp_path / 'a', epochs=(0, 3, 2))
    make_run(tmp_path / 'b', search__split=False)
    make_run(tmp_path / 'c', FULL, search__ratio='4:1')
    make_run(tmp_path / 'd', kind='random')
    rows = [row[:4] for row in measured(table('3', tmp_path))]
    assert rows == [('share', '✓', '', '1:1'), ('share', '', '✓', '-'), ('full', '✓', '✓', '4:1')]


def test_table_3_says_how_images_are_divided_only_where_nothing_else_tells(tmp_path):
    make_run(tmp_path / 'a')
    make_run(tmp_path / 'b', data__split=0.8, search__ratio='4:1')
    assert [row[0] for row in measured(table('3', tmp_path))] == ['share', 'share']
    make_run(tmp_path / 'c', data__split=0.7)
    names = ['share (data.split=0.5)', 'share', 'share (data.split=0.7)']
    assert [row[0] for row in measured(table('3', tmp_path))] == names


def test_a_search_for_a_transferred_block_is_no_row(tmp_path):
    make_run(tmp_path / 'source', state='searched')
    made = table('2', tmp_path)
    assert len(measured(made)) == len(made.notes) == 1  # alone it is an unfinished row
    make_run(tmp_path / 'moved', kind='random')
    summary = tmp_path / 'moved' / 'summary.json'
    summary.write_text(summary.read_text().replace('"random"', '"searched"'))
    assert len(measured(table('2', tmp_path))) == 2  # of another block
    shutil.copy(tmp_path / 'source' / 'architecture.json', tmp_path / 'moved')
    made = table('2', tmp_path)
    assert [row[0] for row in measured(made)] == ['DSO-NAS*'] and made.notes == []


def test_smoke_scale_stands_in_the_caption_and_paper_scale_does_not(tmp_path):
    make_run(tmp_path / 'small')
    caption = table('1', tmp_path / 'small').caption
    assert (
        'SMOKE SCALE' in caption
        and 'digits instead of cifar10' in caption
        and 'search.epochs 3 instead of 120' in caption
    )
    make_run(tmp_path / 'paper', SearchSpace.cifar10(), dataset='cifar10', epochs=(120, 120, 630))
    assert 'SMOKE' not in table('1', tmp_path / 'paper').caption
    make_run(tmp_path / 'limited', SearchSpace.cifar10(), dataset='cifar10', epochs=(120, 120, 630), data__limit=500)
    assert 'at most 500 training images' in table('1', tmp_path / 'limited').caption
    assert 'SMOKE' in table('2', tmp_path / 'paper').caption


def test_summary_shows_the_supernet_beside_its_networks(tmp_path):
    path = make_run(tmp_path / 'run')
    rows = measured(table('summary', path))
    assert [row[0] for row in rows] == [
        'DSO-NAS-share',
        'supernet of DSO-NAS-share, completely connected',
        'supernet of DSO-NAS-share, after search',
    ]
    last = runs.read(path).columns('pretrain', 'test_error')[0][-1]
    assert rows[1][1] == f'{last:.2f}'


def test_published_rows_are_the_papers_and_marked():
    made = contents.make('1', [])
    assert {row[-1] for row in made.rows} == {'published'} and 'not measured here' in made.caption
    assert ('DSO-NAS-share + c/o', '2.84 ± 0.07', '3.0', '1 GPU days', 'gradient', '', 'published') in made.rows
    assert [len(catalogue.tables()[number].rows) for number in '123'] == [11, 12, 8]
    assert ('share', '✓', '✓', '1:1', '3.0', '2.86 ± 0.09', '', 'published') in contents.make('3', []).rows
    assert ('DSO-NAS-share', '25.4', '8.4', '4.8', '586', '6 GPU days', '', 'published') in contents.make('2', []).rows
    assert contents.make('1', [], with_published=False).rows == []


def test_formats_hold_the_same_cells(tmp_path):
    make_run(tmp_path / 'run')
    made = table('2', tmp_path, tmp_path / 'gone')
    lines = list(csv.reader(line for line in comma(made).splitlines() if not line.startswith('#')))
    assert [tuple(line) for line in lines] == [made.heads] + made.rows
    text = markdown(made)
    assert text.count('\n| ') == len(made.rows) + 2 and '*published*' in text
    rows = latex(made).split(r'\midrule')
    assert len(rows) == 3 and r'\textit{25.4}' in rows[1] and r'\textit' not in rows[2]
    for line in latex(made).splitlines():
        if line.endswith(r'\\'):
            assert len(re.findall(r'(?<!\\)&', line)) == len(made.heads) - 1
    assert tex('50 % of a_b & γ ± 1') == r'50 \% of a\_b \& $\gamma$ $\pm$ 1'


def test_kind_of_a_network_that_is_still_trained_comes_from_its_command():
    def kind(*command):
        return experiments.kind(runs.Run('x', environment={'command': list(command)}))

    assert kind('train/search.py') == 'searched' and kind('train/retrain.py', '--random', '3') == 'random'
    assert kind('train/retrain.py', '--full') == 'full'
    assert kind('train/retrain.py', '--gluoncv=cifar_resnet20_v1') == 'gluoncv:cifar_resnet20_v1'


def test_command_line(tmp_path, capsys):
    make_run(tmp_path / 'run')
    files = [str(tmp_path / name) for name in ('t.md', 't.csv', 't.tex')]
    assert cli.run(make_tables.main, [str(tmp_path / 'run'), '--table', '1', '-o'] + files) == 0
    assert all(os.path.getsize(file) for file in files) and SMALL.share
    assert cli.run(make_tables.main, [str(tmp_path / 'run'), '-o', 't.docx']) == 2
    error = capsys.readouterr().err
    assert error.count('\n') == 1 and '.md, .csv, .tex' in error
    assert cli.run(make_tables.main, [str(tmp_path / 'run')]) == 0
    assert capsys.readouterr().out.startswith('**Networks of these runs.')


def test_a_run_with_the_old_name_of_a_setting_belongs_to_those_with_the_new(tmp_path):
    found = []
    for name in ('budget', 'penalty'):
        path = tmp_path / name
        path.mkdir()
        config = {'seed': len(found), 'search': {'gamma': 0.1, name: 'flops'}}
        (path / 'config.yaml').write_text(yaml.safe_dump(config))
        found.append(runs.read(str(path)))
    assert experiments.group(found) == [found] and experiments.differing(found) == []
    assert [run.config['search'] for run in found] == [{'gamma': 0.1, 'penalty': 'flops'}] * 2
