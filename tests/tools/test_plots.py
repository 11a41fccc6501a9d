"""Curves of a search, FLOPs by block, error against cost, and the table of costs."""

import json
import random
import re

import numpy as np
import pytest

from dsonas.base import cli
from dsonas.base.text import format_count, unit_scale
from dsonas.symbols.architecture import Architecture
from dsonas.symbols.cost import cost
from dsonas.symbols.space import SearchSpace
from dsonas.tools import count_cost, plot_flops, plot_search
from dsonas.tools.drawing import charts, figures, palette
from dsonas.tools.drawing.pareto import front
from dsonas.tools.reading import runs
from dsonas.tools.reporting import curves, flops
from dsonas.tools.reporting.timeline import timeline

from .runmaker import SMALL, make_run

FULL = SearchSpace.cifar10(share=False, channels=4, blocks=(2, 1, 2))


def no_text_overlaps(figure):
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    for axes in figure.axes:
        ticks = [
            tick.label1
            for axis in (axes.xaxis, axes.yaxis)
            for tick in axis.get_major_ticks()
            if axis.get_view_interval()[0] <= tick.get_loc() <= axis.get_view_interval()[1]
        ]
        texts = [axes.xaxis.label, axes.yaxis.label, axes.title] + axes.texts + ticks
        texts += axes.get_legend().get_texts() if axes.get_legend() else []
        boxes = [
            (text.get_text(), text.get_window_extent(renderer))
            for text in texts
            if text.get_text() and text.get_visible()
        ]
        for index, (words, box) in enumerate(boxes):
            assert box.x0 >= -1 and box.x1 <= figure.bbox.x1 + 1, words
            for other, beside in boxes[index + 1 :]:
                assert not box.overlaps(beside), (words, other)


@pytest.mark.parametrize(
    'space, epochs, state',
    [
        (SMALL, (2, 3, 2), 'finished'),
        (SMALL, (20, 300, 40), 'finished'),
        (FULL, (2, 5, 2), 'finished'),
        (SMALL, (2, 3, 2), 'searching'),
        (SMALL, (0, 4, 0), 'searched'),
    ],
)
def test_search_is_drawn_for_any_length_and_state(space, epochs, state, tmp_path):
    run = runs.read(make_run(tmp_path / 'run', space, epochs=epochs, state=state))
    with figures.styled():
        figure = curves.draw(run)
        no_text_overlaps(figure)
    assert [axes.get_ylabel() for axes in figure.axes] == ['error (%)', 'λ (root scale)', 'left of the supernet (%)']
    limits = {axes.get_xlim() for axes in figure.axes}
    assert len(limits) == 1, 'one time axis'
    assert all(axes.get_ylim()[0] == 0 for axes in figure.axes)


def test_curves_hold_what_the_log_says_one_stage_after_the_other(tmp_path):
    run = runs.read(make_run(tmp_path / 'run'))
    assert timeline(run) == [('pretrain', 0, 2, 2), ('search', 2, 3, 3), ('retrain', 5, 2, 2)]
    with figures.styled():
        axes = curves.draw(run, ['loss']).axes[0]
    lines = [line for line in axes.get_lines() if len(line.get_xdata()) and line.get_color() in palette.SERIES[:3]]
    found = sorted(point for line in lines for point in zip(line.get_xdata(), line.get_ydata()))
    before = {'pretrain': 0, 'search': 2, 'retrain': 5}
    names = ('loss', 'gate_loss', 'test_loss')
    assert found == sorted(
        (before[row['stage']] + row['epoch'], row[name]) for row in run.log for name in names if row[name] is not None
    )


def test_a_long_retraining_takes_no_more_of_the_axis_than_the_search_and_its_ticks_count_its_epochs(tmp_path):
    run = runs.read(make_run(tmp_path / 'run', epochs=(4, 6, 300)))
    spans = timeline(run)
    assert spans[-1].start == 10 and spans[-1].width == 10 and spans[-1].at(300) == spans[-1].end
    with figures.styled():
        axes = curves.draw(run, ['error']).axes[0]
    ticks = dict(zip(axes.get_xticks(), [label.get_text() for label in axes.get_xticklabels()]))
    assert ticks[20.0] == '300' and ticks[10.0] == '6'


def test_a_line_for_every_lambda_that_ends_where_it_is_gone(tmp_path):
    run = runs.read(make_run(tmp_path / 'run', epochs=(1, 8, 1)))
    with figures.styled():
        axes = curves.draw(run, ['lambda']).axes[0]
    lines = [
        line
        for line in axes.get_lines()
        if len(line.get_xdata()) and line.get_xdata()[0] == 1 and line.get_ydata()[0] == 1
    ]
    lines = [line for line in lines if len(line.get_xdata()) > 2 or line.get_xdata()[0] != line.get_xdata()[-1]]
    values = np.where(run.gates.pruned, 0, run.gates.values)
    last = len(run.gates.epochs) - 1
    ends = [min(int(np.flatnonzero(column)[-1]) + 1, last) for column in values.T]
    assert sorted(line.get_xdata()[-1] for line in lines) == sorted(1 + run.gates.epochs[end] for end in ends)
    left = (values[-1] != 0).sum()
    assert sum(line.get_color() != palette.REMOVED for line in lines) == left
    counts = [int(re.search(r'\((\d+)\)', text.get_text()).group(1)) for text in axes.get_legend().get_texts()[:-1]]
    assert sum(counts) == len(run.gates.names) and counts[0] == len(run.gates.names) - left


def test_lambda_are_on_a_root_scale_and_operations_differ_in_line_style_too(tmp_path):
    run = runs.read(make_run(tmp_path / 'run', epochs=(1, 8, 1)))
    with figures.styled():
        axes = curves.draw(run, ['lambda']).axes[0]
    ticks = {label.get_text(): place for label, place in zip(axes.get_yticklabels(), axes.get_yticks())}
    assert len(ticks) > 3 and all(place == pytest.approx(float(text) ** 0.5) for text, place in ticks.items())
    highest = max(max(line.get_ydata()) for line in axes.get_lines() if len(line.get_xdata()) > 2)
    assert highest == pytest.approx(run.gates.values.max() ** 0.5)
    kept = [line for line in axes.get_legend().get_lines() if line.get_color() not in (palette.REMOVED, palette.INK)]
    assert len(kept) > 2 and len({str(line._dash_pattern) for line in kept}) == len(kept)


def test_where_was_pruned_and_the_last_test_are_marked_in_the_file(tmp_path):
    path = make_run(tmp_path / 'run', epochs=(1, 8, 2))
    assert cli.run(plot_search.main, [path, '-o', str(tmp_path / 'x.svg')]) == 0
    text, run = (tmp_path / 'x.svg').read_text(), runs.read(path)
    pruned = [int(epoch) for epoch in curves.prunings_of(run)]
    assert pruned and [int(epoch) for epoch in re.findall(r'id="pruned-lambda-(\d+)"', text)] == pruned
    assert text.count('id="final"') == 1
    with figures.styled():
        axes = curves.draw(run).axes[0]
    (star,) = [line for line in axes.get_lines() if line.get_gid() == 'final']
    assert star.get_ydata()[0] == run.rows('retrain')[-1]['test_error']
    assert f'{star.get_ydata()[0]:.2f} %' in star.get_label()


def test_the_same_run_gives_the_same_file(tmp_path):
    path = make_run(tmp_path / 'run', epochs=(1, 8, 2))
    for name in ('a.svg', 'b.svg'):
        assert cli.run(plot_search.main, [path, '-o', str(tmp_path / name)]) == 0
    text = (tmp_path / 'a.svg').read_text()
    assert text == (tmp_path / 'b.svg').read_text() and ' at 0x' not in text


def test_what_is_left_are_shares_of_the_complete_network(tmp_path):
    run = runs.read(make_run(tmp_path / 'run', epochs=(1, 8, 1)))
    with figures.styled():
        axes = curves.draw(run, ['left']).axes[0]
    full = Architecture.full(run.architecture.space)
    lines = {line.get_label().split(':')[0]: line for line in axes.get_lines()}
    edges, flop_counts = run.columns('search', 'edges', 'flops')
    assert lines['edges'].get_ydata() == pytest.approx(100 * edges / full.num_edges)
    assert lines['FLOPs'].get_ydata() == pytest.approx(100 * flop_counts / cost(full).flops)


def test_a_run_without_an_epoch_is_a_mistake(tmp_path, capsys):
    run = make_run(tmp_path / 'run', state='new')
    assert cli.run(plot_search.main, [run, '-o', str(tmp_path / 'x.png')]) == 2
    assert cli.run(plot_search.main, [str(tmp_path / 'nope'), '-o', str(tmp_path / 'x.png')]) == 2
    assert cli.run(plot_search.main, [run, '-o', str(tmp_path / 'no' / 'x.png')]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert (
        len(lines) == 3
        and 'no epoch in log.csv' in lines[0]
        and 'not a run directory' in lines[1]
        and 'no folder' in lines[2]
    )


def test_pareto_front_against_the_definition():
    for seed in range(30):
        dice = random.Random(seed)
        points = [(dice.randint(0, 12), dice.randint(0, 12)) for _ in range(dice.randint(1, 25))]

        def dominated(point, points=points):
            return any(other != point and other[0] <= point[0] and other[1] <= point[1] for other in points)

        kept = [points[index] for index in front(points)]
        assert sorted(kept) == sorted({point for point in points if not dominated(point)}), seed
        assert kept == sorted(kept)
    assert front([]) == []


def test_flops_of_blocks_are_those_of_the_cost(tmp_path):
    path = make_run(tmp_path / 'run', FULL)
    names, values, name = flops.block_flops(path)
    run = runs.read(path)
    counted = {block.name: block.flops for block in cost(run.architecture).blocks}
    assert (
        names == ['b00', 'b01', 'b02', 'b03', 'b04'] and values == [counted[block] for block in names] and name == 'run'
    )
    with figures.styled():
        figure = charts.bars([('one', values), ('two', values)], FULL.blocks)
        no_text_overlaps(figure)
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    scale = unit_scale(values)[0]
    assert heights == [value / scale for value in values] * 2
    axes = figure.axes[0]
    assert axes.get_ylim()[0] == 0 and axes.get_ylabel().endswith('multiply-adds')
    assert len({bar.get_hatch() for bar in axes.patches}) == 2, 'told apart without colours'


def test_a_run_side_by_side_is_one_bar_a_block_whatever_baselines_it_holds(tmp_path, monkeypatch):
    path = make_run(tmp_path / 'run', FULL)
    make_run(tmp_path / 'run' / 'retrain-random-0', FULL, kind='random')
    seen = []
    monkeypatch.setattr(
        plot_flops, 'bars', lambda series, *rest: seen.append([label for label, _ in series]) or figures.new(1, 1)
    )
    for source in (path, str(tmp_path)):
        assert cli.run(plot_flops.main, [source, '-o', str(tmp_path / 'x.png')]) == 0
    assert seen == [['run'], ['run', 'run/retrain-random-0']]


@pytest.mark.parametrize('key', ['search.penalty', 'search.budget'])
def test_error_against_cost_has_each_finished_run_once_and_each_groups_front(key, tmp_path, capsys):
    for index, penalty in enumerate(['none', 'flops'] * 4):  # half of the runs with the key's old name
        name = 'search__budget' if index < 4 else 'search__penalty'
        make_run(tmp_path / 'runs' / str(index), FULL, seed=index, **{name: penalty})
    make_run(tmp_path / 'runs' / 'late', state='searched')
    found = [runs.read(path) for path in runs.find([str(tmp_path / 'runs')])]
    groups = flops.groups_of([run for run in found if run.state == 'finished'], key)
    assert {label: len(members) for label, members in groups.items()} == {'constant γ': 4, 'adaptive FLOPs': 4}
    with figures.styled():
        points = {
            label: [(run.summary['params'], run.summary['test_error']) for run in members]
            for label, members in groups.items()
        }
        names = {label: [run.name for run in members] for label, members in groups.items()}
        figure = charts.scatter(points, 'params', names=names)
        no_text_overlaps(figure)
    axes = figure.axes[0]
    lines = {line.get_gid(): line for line in axes.get_lines() if line.get_gid()}
    scale, unit = unit_scale([run.summary['params'] for run in found if run.state == 'finished'])
    for index, members in enumerate(groups.values()):
        wanted = [(run.summary['params'] / scale, run.summary['test_error']) for run in members]
        points = lines[f'points-{index}']
        assert list(zip(points.get_xdata(), points.get_ydata())) == wanted
        best = [wanted[place] for place in front(wanted)]
        drawn = lines.get(f'front-{index}')
        assert (drawn is None) == (len(best) < 2), 'one network is no front'
        if drawn is not None:
            assert list(zip(drawn.get_xdata(), drawn.get_ydata())) == best
    assert axes.get_xlim()[0] == 0 and axes.get_ylim()[0] == 0
    assert axes.get_xlabel() == f'{unit} parameters' and axes.get_ylabel() == 'test error (%)'
    written = {text.get_text() for text in axes.texts}
    assert written and written <= {run.name for run in found}
    assert cli.run(plot_flops.main, [str(tmp_path / 'runs'), '-o', str(tmp_path / 'x.svg'), '--against', 'mac']) == 0
    assert 'late (searched, not retrained)' in capsys.readouterr().err


def test_names_stand_at_their_points_and_over_nothing():
    dice = random.Random(5)
    points = {'one': [(dice.uniform(1, 9) * 1e6, dice.uniform(3, 9)) for _ in range(40)]}
    names = {'one': [f'run-{number}' for number in range(40)]}
    with figures.styled():
        figure = charts.scatter(points, 'flops', names=names)
        no_text_overlaps(figure)
    axes = figure.axes[0]
    at = dict(zip(names['one'], points['one']))
    assert len(axes.texts) > 20
    for text in axes.texts:
        assert text.xy == pytest.approx((at[text.get_text()][0] / 1e6, at[text.get_text()][1]))


def test_networks_of_one_group_where_one_beats_all_have_no_front():
    with figures.styled():
        figure = charts.scatter({'one': [(1e6, 3.0), (2e6, 4.0), (3e6, 5.0)], 'two': [(2e6, 3.5)]}, 'flops')
    assert not [line for line in figure.axes[0].get_lines() if str(line.get_gid()).startswith('front')]
    assert 'Pareto front' not in [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def test_mistakes_of_plot_flops(tmp_path, capsys):
    run = make_run(tmp_path / 'run', state='searched')
    picture = str(tmp_path / 'x.svg')
    assert cli.run(plot_flops.main, [run, '-o', picture, '--against', 'flops']) == 2
    assert 'no finished run' in capsys.readouterr().err
    assert cli.run(plot_flops.main, [run, '-o', picture, '--labels', 'a', 'b']) == 2
    assert '--labels: 2 texts for 1 curves' in capsys.readouterr().err
    assert cli.run(plot_flops.main, [run, '-o', picture]) == 0


@pytest.mark.parametrize(
    'words, channels, size',
    [([], None, 32), (['--channels', '6', '--image-size', '64'], 6, 64), (['--channels', '5,9,12'], (5, 9, 12), 32)],
)
def test_count_cost_prints_the_cost(words, channels, size, tmp_path, capsys):
    source = tmp_path / 'a.json'
    architecture = Architecture.random(FULL, 1, 0.6)
    architecture.save(str(source))
    assert cli.run(count_cost.main, [str(source), '--json'] + words) == 0
    printed = json.loads(capsys.readouterr().out)
    counted = cost(architecture, channels, size)
    assert (printed['params'], printed['flops'], printed['mac']) == (counted.params, counted.flops, counted.mac)
    for field in ('params', 'flops', 'mac'):
        assert sum(block[field] for block in printed['blocks']) == printed[field]
    assert cli.run(count_cost.main, [str(source), '--operations'] + words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2].split() == ['total'] + [f'{value:,}' for value in (counted.params, counted.flops, counted.mac)]
    assert sum(line.startswith('  L') for line in lines) == sum(
        len(architecture.operations(scope)) for scope in architecture.scopes
    )


def test_count_cost_takes_a_runs_own_widths(tmp_path, capsys):
    path = make_run(tmp_path / 'run')
    summary = json.loads((tmp_path / 'run' / 'summary.json').read_text())
    summary['budget']['widths'] = [3, 5, 7]
    (tmp_path / 'run' / 'summary.json').write_text(json.dumps(summary))
    assert cli.run(count_cost.main, [path, '--json']) == 0
    assert json.loads(capsys.readouterr().out)['widths'] == [3, 5, 7]
    mistakes = {
        'argument --channels': ['--channels', '0'],
        '3 stages': ['--channels', '1,2'],
        'argument --image-size': ['--image-size', '0'],
    }
    for named, words in mistakes.items():
        assert cli.run(count_cost.main, [path] + words) == 2
        assert named in capsys.readouterr().err


def test_colours_are_distinct_and_labels_short():
    names = [
        'sep_conv_3x3',
        'sep_conv_5x5',
        'avg_pool_3x3',
        'max_pool_3x3',
        'noise',
        'zero',
        'dil_conv_3x3',
        'conv_1x1',
        'conv_3x3',
    ]
    colours = palette.operation_colours(names)
    assert len(set(colours.values())) == len(names)
    assert (
        palette.operation_label('sep_conv_3x3') == 'sep 3×3' and palette.operation_label('max_pool_3x3', True) == 'max'
    )
    assert palette.operation_label('conv_1x1') == 'conv 1×1' and palette.operation_label('noise') == 'noise'
    assert format_count(1234567) == '1.23 M' and format_count(999) == '999' and format_count(10031002) == '10 M'
    assert palette.text_on('#ffffff') == '#000000' and palette.text_on('#0072B2') == '#ffffff'
