"""Recipes: what two of them differ in, what is not known, and which runs belong together; marked in tables, plots, report, compare."""

import dataclasses
import json
import random
import re

import pytest
import yaml

from dsonas.base import cli
from dsonas.runfiles.data import DataDescription, write_data
from dsonas.tools import compare, make_tables, plot_flops
from dsonas.tools.reading import experiments, runs
from dsonas.tools.reading.recipe import WIDTHS, Recipe, alike, recipe_of, search_recipe_of
from dsonas.tools.reporting import flops
from dsonas.tools.reporting.report import report
from dsonas.tools.tables import comparison, contents
from dsonas.tools.tables.formats import comma, latex, markdown

from .runmaker import SMALL, make_run

IMAGES = DataDescription(
    'digits', ['0', '1'], 32, counts=dict.fromkeys(('train', 'weights', 'gates', 'test'), [5, 5]), fingerprint='ab' * 32
)


def with_data(folder, **changes):
    write_data(folder, dataclasses.replace(IMAGES, **changes))
    return folder


def differences(one, other, ignore=()):
    return recipe_of(runs.read(one)).differences(recipe_of(runs.read(other)), ignore)


@pytest.mark.parametrize(
    'changes, expected',
    [
        (dict(epochs=(2, 3, 1)), 'epochs 2 against 1'),
        (dict(retrain__batch_size=20), 'batch size 50 against 20'),
        (dict(retrain__schedule='constant'), 'schedule cosine_restarts against constant'),
        (dict(retrain__lr=0.1), 'learning rate 0.05 against 0.1'),
        (dict(retrain__cutout=0), 'cutout 16 against 0'),
        (dict(retrain__auxiliary=0.4), 'weight of the auxiliary loss 0 against 0.4'),
        (dict(retrain__budget='params=100k'), 'budget params=30k against params=100k'),
        (dict(retrain__channels=[4]), 'budget params=30k against none (channels 4)'),
        (dict(retrain__budget='none'), 'budget params=30k against none (C = 8)'),
        (dict(retrain__of_the_future=3), 'retrain.of_the_future 2 against 3'),
        (dict(data__limit=500), 'most training images all against 500'),
        (dict(data__augment=False), 'augmentation on against off'),
        (dict(data__image_size=16), 'image size 32 against 16'),
        (dict(dataset='cifar10'), 'data set digits against cifar10'),
        (dict(train__amp=True), 'precision float32 against float16'),
        (dict(callbacks=['patience']), 'callbacks none against patience'),
    ],
)
def test_what_is_part_of_a_recipe_and_how_it_reads(tmp_path, changes, expected):
    usual = dict(
        retrain__auxiliary=0,
        retrain__of_the_future=2,
        data__augment=True,
        data__image_size=32,
        train__amp=False,
        callbacks=[],
    )
    one = make_run(tmp_path / 'one', **usual)
    other = make_run(tmp_path / 'other', kind='random', **{**usual, **changes})
    assert differences(one, other) == [expected]
    assert comparison.compare([runs.read(one), runs.read(other)])['against'] == {}


@pytest.mark.parametrize(
    'changes',
    [
        dict(seed=4),
        dict(data__dir='/elsewhere', data__workers=3),
        dict(search__gamma=0.5, pretrain__lr=0.3),
        dict(train__cpus=2, train__keep=9),
        dict(retrain__test_every=1),
        dict(retrain__budget='params=30000'),
        dict(retrain__budget='params = 30 K'.replace(' ', '')),
        dict(preset='quickstart', run='elsewhere'),
    ],
)
def test_what_is_no_part_of_a_recipe(tmp_path, changes):
    assert differences(make_run(tmp_path / 'one'), make_run(tmp_path / 'other', kind='random', **changes)) == []


def test_what_means_nothing_is_no_difference(tmp_path):
    alike = dict(retrain__schedule='constant', retrain__channels=[4])
    one = make_run(tmp_path / 'one', retrain__t0=3, retrain__lr_min=0.1, **alike)
    other = make_run(tmp_path / 'other', retrain__t0=5, retrain__lr_min=0.2, **alike)
    zoo = make_run(tmp_path / 'zoo', kind='gluoncv:resnet', retrain__schedule='constant', retrain__budget='params=9M')
    for path in (one, other):
        config = yaml.safe_load((tmp_path / path.split('/')[-1] / 'config.yaml').read_text())
        config['retrain']['budget'] = f'params={len(path)}k'
        (tmp_path / path.split('/')[-1] / 'config.yaml').write_text(yaml.safe_dump(config))
    assert differences(one, other) == [] and differences(one, zoo) == []


@pytest.mark.parametrize(
    'changes, expected',
    [
        ({}, []),
        (dict(fingerprint=''), []),
        (dict(dir='/elsewhere', notes=['moved'], seed=7), []),
        (dict(fingerprint='cd' * 32), ['fingerprint abababab against cdcdcdcd']),
        (dict(classes=['1', '0']), ['classes 0, 1 against 1, 0']),
        (dict(counts=dict(IMAGES.counts, test=[5, 6])), ['test images 10 against 11']),
        (dict(counts=dict(IMAGES.counts, train=[2, 2]), limit=4), ['training images 10 against 4']),
        (dict(limit=99), []),
    ],
)
def test_data_of_a_recipe(tmp_path, changes, expected):
    one, other = (make_run(tmp_path / name) for name in ('one', 'other'))
    with_data(one)
    assert differences(one, other) == [], 'a run without data.json is of unknown data'
    with_data(other, **changes)
    assert differences(one, other) == expected
    groups = experiments.group([runs.read(one), runs.read(other)])
    assert len(groups) == (2 if expected else 1)


def test_recipes_that_lack_facts_belong_to_the_one_group_that_they_fit():
    a, b, unknown, nothing = (Recipe(facts) for facts in ({'e': 1, 'f': 'x'}, {'e': 1, 'f': 'y'}, {'e': 1}, {}))
    assert alike([a, unknown, a, nothing]) == [[0, 1, 2, 3]]
    assert alike([unknown, a, b, unknown]) == [[0, 3], [1], [2]], 'it fits both'
    assert alike([a, b], ignore=('f',)) == [[0, 1]] and alike([]) == []
    recipes = [
        Recipe({name: dice.choice((0, 1)) for name in 'abc' if dice.random() < 0.7})
        for dice in [random.Random(5)]
        for _ in range(60)
    ]
    groups = alike(recipes)
    assert sorted(place for places in groups for place in places) == list(range(60))
    for places in groups:
        assert not any(recipes[one].differences(recipes[other]) for one in places for other in places)


@pytest.mark.parametrize('value', [None, {'a': 1}, 'x' * 999, float('nan'), [['x']], '\n'])
def test_settings_of_any_type_are_compared(tmp_path, value):
    """config.yaml may be written by hand: whatever stands in it, recipes are made and differences are lines."""
    plain = runs.read(make_run(tmp_path / 'run'))
    for group in ('retrain', 'data', 'space', 'search', 'pretrain', 'train', 'callbacks'):
        for name in [None, *(plain.config.get(group) or {})]:
            odd = value if name is None else {**plain.config[group], name: value}
            other = runs.Run('other', config={**plain.config, group: odd}, summary=plain.summary)
            for made in (recipe_of, search_recipe_of):
                for line in made(plain).differences(made(other)) + made(other).differences(made(plain)):
                    assert '\n' not in line and len(line) < 250
                assert len(alike([made(plain), made(other)])) in (1, 2)
            assert experiments.group([plain, other])


def test_search_recipes(tmp_path):
    one = runs.read(make_run(tmp_path / 'one'))
    other = runs.read(make_run(tmp_path / 'other', search__gamma=0.5))
    drawn = runs.read(make_run(tmp_path / 'drawn', kind='random', search__gamma=0.5))
    assert search_recipe_of(one).differences(search_recipe_of(other)) == ['search.gamma 0.03 against 0.5']
    assert search_recipe_of(one).differences(search_recipe_of(drawn)) == []


@pytest.fixture
def unfair(tmp_path):
    """A searched network of 15 epochs, and in its directory a random one of a single epoch."""
    path = make_run(tmp_path / 'run', epochs=(2, 3, 15), error=4.0)
    make_run(tmp_path / 'run' / 'retrain-random-1', kind='random', epochs=(0, 0, 1), error=30.0)
    return path


def found_in(*paths):
    return [runs.read(path) for path in runs.find([str(path) for path in paths])]


@pytest.mark.parametrize('which', ['1', '2', 'summary'])
def test_a_table_marks_what_was_trained_otherwise(unfair, tmp_path, which):
    made = contents.make(which, found_in(unfair))
    rows = {row[0]: row for row in made.rows if row[-1] == 'measured'}
    (marked,) = [label for label in rows if label.endswith(' [1]')]
    assert marked.startswith('random-share')
    (remark,) = made.remarks
    assert remark.startswith('[1] not by the recipe of DSO-NAS-share') and 'epochs 1 against 15' in remark
    for text in (markdown(made), comma(made), latex(made)):
        assert 'epochs 1 against 15' in text and '[1]' in text
    output = tmp_path / 'table.md'
    assert cli.run(make_tables.main, [unfair, '--table', which, '-o', str(output)]) == 0
    assert 'epochs 1 against 15' in output.read_text()


def test_many_differences_are_a_line_and_all_of_them_are_in_the_json(tmp_path, capsys):
    keys = ('batch_size', 'lr', 'cutout', 'auxiliary', 'wd', 'momentum', 'clip_gradient', 'label_smoothing', 'lr_min')
    usual, many = ({f'retrain__{key}': value for key in keys} for value in (1, 2))
    for number in range(2):
        make_run(tmp_path / str(number), seed=number, **usual)
    make_run(tmp_path / 'other', kind='random', dataset='cifar10', **many)
    make_run(tmp_path / 'third', kind='full', dataset='cifar10', **{**many, 'retrain__label_smoothing': 3})
    made = contents.make('summary', found_in(tmp_path))
    assert [row[0].split()[-1] for row in made.rows if row[0].endswith(']')] == [
        '[1]',
        '[2]',
    ]  # though they begin alike
    for remark in made.remarks:
        assert len(remark) < 220 and 'data set cifar10 against digits; ' in remark  # the data come first
        assert re.search(r' and \d+ more; all: dsonas compare RUN... --json$', remark)
    printed = comparison.text(comparison.compare(found_in(tmp_path)))
    assert max(map(len, printed.splitlines())) < 320 and ' more; all: ' in printed
    assert cli.run(compare.main, [str(tmp_path), '--json']) == 0
    differs = json.loads(capsys.readouterr().out)['other_recipes'][0]['differs']
    for words in ('batch size', 'learning rate', 'momentum', 'label smoothing', 'data set'):
        assert any(text.startswith(words) for text in differs), words


def test_equal_recipes_are_not_marked(tmp_path):
    path = make_run(tmp_path / 'run', error=4.0)
    make_run(tmp_path / 'run' / 'retrain-random-1', kind='random', error=5.0, seed=1)
    made = contents.make('1', found_in(path))
    assert made.remarks == [] and not [row for row in made.rows if row[0].endswith(']')]
    assert 'not comparable' not in report(runs.read(path)).lower()
    result = comparison.compare(found_in(path))
    assert result['other_recipes'] == [] and result['against']['random']['difference'] == pytest.approx(-1)


def test_the_recipe_of_most_runs_is_the_usual_one_and_one_remark_says_what_differs(tmp_path):
    make_run(tmp_path / '0', epochs=(2, 3, 1), error=4.0)
    for number in (1, 2, 3):
        make_run(tmp_path / str(number), epochs=(2, 3, 15), seed=number, error=4.0 + number)
        make_run(
            tmp_path / str(number) / 'retrain-random-1',
            kind='random',
            epochs=(0, 0, 1 + 14 * (number < 3)),
            seed=number,
        )
    made = contents.make('1', found_in(tmp_path))
    marked = [row[0] for row in made.rows if row[0].endswith('[1]')]
    assert len(marked) == 2 and len(made.remarks) == 1 and 'epochs 1 against 15' in made.remarks[0]


def test_a_setting_that_an_older_version_did_not_have_is_not_known(tmp_path):
    """A run of an older version is in the row of those whose settings are equal as far as it says."""
    make_run(tmp_path / 'old', error=4.0)
    make_run(tmp_path / 'new', error=5.0, seed=1, retrain__width_multiple=8)
    (row,) = [row for row in contents.make('1', found_in(tmp_path)).rows if row[-1] == 'measured']
    assert row[1] == '4.50 ± 0.71' and row[-2] == '2'
    make_run(tmp_path / 'newer', error=9.0, seed=2, retrain__width_multiple=16)
    rows = [row for row in contents.make('1', found_in(tmp_path)).rows if row[-1] == 'measured']
    assert sorted(row[-2] for row in rows) == ['1', '1', '1'], 'the old one fits both'


def test_rows_on_other_images_are_told_apart(tmp_path):
    for number in range(3):
        with_data(make_run(tmp_path / str(number), seed=number, error=4.0 + number), fingerprint=f'{number // 2}1' * 32)
    rows = [row for row in contents.make('1', found_in(tmp_path)).rows if row[-1] == 'measured']
    assert [(row[1], row[-2]) for row in rows] == [('4.50 ± 0.71', '2'), ('6.00', '1')]
    assert rows[0][0].endswith('(fingerprint 01010101)') and rows[1][0].endswith('(fingerprint 11111111) [1]')


def test_the_report_marks_it(unfair):
    page = report(runs.read(unfair))
    assert 'not comparable: epochs 1 against 15' in page


def test_compare_pools_nothing_of_another_recipe(unfair, tmp_path, capsys):
    for seed in (2, 3):
        make_run(tmp_path / str(seed), seed=seed, epochs=(2, 3, 15), error=5.0 + seed)
        make_run(
            tmp_path / str(seed) / 'retrain-random-1', kind='random', seed=seed, epochs=(0, 0, 15), error=9.0 + seed
        )
    result = comparison.compare(found_in(tmp_path))
    assert result['errors'] == {'searched': [7.0, 8.0, 4.0], 'random': [11.0, 12.0]}
    (other,) = result['other_recipes']
    assert (
        other['errors'] == {'random': [30.0]} and other['differs'] == ['epochs 1 against 15'] and other['against'] == {}
    )
    assert cli.run(compare.main, [str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert (
        'searched - random: ' in printed
        and 'another recipe, not compared with the above (epochs 1 against 15)' in printed
    )
    assert cli.run(compare.main, [unfair]) == 0
    printed = capsys.readouterr().out
    assert 'searched -' not in printed and 'epochs 1 against 15' in printed and '30.00' in printed


def test_compare_tells_searches_by_other_settings_apart(tmp_path):
    for number, gamma in enumerate((0.01, 0.01, 0.5, 0.5)):
        make_run(tmp_path / str(number), seed=number, search__gamma=gamma, error=4.0 + number)
    make_run(tmp_path / '0' / 'retrain-random-1', kind='random', error=9.0)
    result = comparison.compare(found_in(tmp_path))
    assert result['errors'] == {
        'searched (search.gamma 0.01)': [4.0, 5.0],
        'searched (search.gamma 0.5)': [6.0, 7.0],
        'random': [9.0],
    }
    assert sorted(entry['difference'] for entry in result['against'].values()) == [-4.5, -2.5]
    json.dumps(result)


def test_a_chart_draws_other_recipes_apart_and_widths_together(unfair, tmp_path, capsys):
    make_run(tmp_path / 'wide', epochs=(2, 3, 15), retrain__budget='params=90k', seed=5)
    made = flops.groups_of(found_in(tmp_path), 'search.penalty')
    assert {label: len(members) for label, members in made.items()} == {
        'adaptive FLOPs': 2,
        'random, epochs 1 against 15': 1,
    }
    assert cli.run(plot_flops.main, [str(tmp_path), '-o', str(tmp_path / 'x.svg'), '--against', 'params']) == 0
    error = capsys.readouterr().err
    assert error.count('drawn apart') == 1 and 'epochs 1 against 15' in error and 'retrain-random-1' in error
    assert 'budget' in WIDTHS and 'budget' not in error


def test_flops_at_other_image_sizes_are_named(tmp_path, capsys):
    paths = [make_run(tmp_path / str(size), data__image_size=size) for size in (16, 32)]
    assert cli.run(plot_flops.main, [*paths, '-o', str(tmp_path / 'x.svg')]) == 0
    error = capsys.readouterr().err
    assert error.count('\n') == 1 and 'image sizes' in error and SMALL.stem == 'cifar'
