"""Widths in multiples of what the device keeps side by side: resolved once, kept in the run, told where people look."""

import json
import types

import pytest
import yaml

from dsonas.base import machine
from dsonas.symbols.architecture import Architecture
from dsonas.symbols.budget import fit_widths
from dsonas.tools.reading import recipe, runs
from dsonas.tools.reporting import parts
from dsonas.train import retrain
from dsonas.train.config import settings
from dsonas.train.deriving import retraining
from dsonas.train.runtime import opening
from dsonas.train.searching import pipeline

BUDGET = {'retrain__budget': 'params=6k', 'retrain__channels': (), 'retrain__epochs': 1, 'retrain__width_multiple': 0}


def here(monkeypatch, multiple):
    """Let the machine be one that keeps `multiple` channels side by side."""
    monkeypatch.setattr(machine, 'width_multiple', lambda: multiple)


def summary_of(folder):
    return json.loads((folder / 'summary.json').read_text())


def stored_multiple(folder):
    return yaml.safe_load((folder / 'config.yaml').read_text())['retrain']['width_multiple']


def test_a_run_keeps_the_multiple_of_the_machine_that_it_began_on(tiny, tmp_path, monkeypatch, capsys):
    here(monkeypatch, 8)
    config = tiny(**BUDGET)
    pipeline.search(config, ('pretrain', 'search'))
    assert stored_multiple(tmp_path / 'run') == 8
    here(monkeypatch, 16)  # the run goes on elsewhere
    retrain.main(['--run', config.run])
    summary = summary_of(tmp_path / 'run')
    budget, architecture = summary['budget'], Architecture.load(config.run + '/architecture.json')
    fit = fit_widths(architecture, 'params=6k', 16, multiple=8)
    assert budget == json.loads(json.dumps(fit.to_dict())) and budget['multiple'] == 8
    assert summary['params'] == fit.cost.params and budget['uniform']['widths'] == list(fit.uniform.widths)
    said = capsys.readouterr().out
    assert 'channels near multiples of 8, which are faster here' in said and all(note in said for note in fit.notes)
    assert ', '.join(map(str, fit.uniform.widths)) in said

    retrain.main(['--run', config.run, '--resume', '--set', 'retrain.width_multiple=0'])
    assert summary_of(tmp_path / 'run')['budget'] == budget and stored_multiple(tmp_path / 'run') == 8

    retrain.main(['--run', config.run, '--random', '1'])
    random = tmp_path / 'run' / 'retrain-random-1'
    assert stored_multiple(random) == 8 and summary_of(random)['budget']['multiple'] == 8

    page = str(parts.result(runs.read(config.run)))
    assert (
        'channels by stage, multiples of 8' in page
        and 'without that' in page
        and ', '.join(map(str, fit.widths)) in page
    )


def test_any_width_says_nothing_of_multiples(tiny, tmp_path, capsys):
    config = tiny(**dict(BUDGET, retrain__width_multiple=1))
    summary = retraining.retrain(config, retraining.full())
    assert set(summary['budget']) == {'kind', 'target', 'reached', 'distance', 'multiplier', 'widths'}
    assert 'multiples' not in capsys.readouterr().out
    assert 'multiples' not in str(parts.result(runs.read(config.run)))


def test_two_budgets_at_once(tiny, tmp_path, capsys):
    """From the command line to the summary, the report, and the recipe by which runs are compared."""
    config = tiny(**BUDGET)
    pipeline.search(config, ('pretrain', 'search'))
    retrain.main(['--run', config.run, '--budget', 'params=8k,flops=300k'])
    summary, fit = (
        summary_of(tmp_path / 'run'),
        fit_widths(Architecture.load(config.run + '/architecture.json'), 'params=8k,flops=300k', 16),
    )
    assert summary['budget'] == json.loads(json.dumps(fit.to_dict())) and summary['params'] <= 8000
    assert summary['flops'] <= 300_000 and summary['budget']['also'][0]['reached'] == summary['flops']
    said = capsys.readouterr().out
    assert 'below the budget of params=8000, ' in said and all(note in said for note in fit.notes)
    run = runs.read(config.run)
    assert 'of the budget flops = 300 k: met' in str(parts.result(run))
    assert recipe.recipe_of(run).facts['budget'] == 'params=8k,flops=300k'


def test_runs_of_versions_without_the_key_keep_any_width(tiny, tmp_path, monkeypatch):
    here(monkeypatch, 16)
    config = tiny(**BUDGET)
    (tmp_path / 'run').mkdir()
    stored = yaml.safe_load(settings.dump(config))
    del stored['retrain']['width_multiple']
    (tmp_path / 'run' / 'config.yaml').write_text(yaml.safe_dump(stored))
    devices = types.SimpleNamespace(contexts=[types.SimpleNamespace(device_type='cpu')], distributed=False, main=True)
    assert settings.build(opening.stored_config(config.run + '/config.yaml')).retrain.width_multiple == 1
    assert opening.width_multiple(config, devices, resume=True) == 1
    assert opening.width_multiple(config, devices) == 16


@pytest.mark.parametrize(
    'kind, amp, multiple', [('cpu', False, 16), ('cpu', True, 16), ('gpu', False, 1), ('gpu', True, 8)]
)
def test_what_suits_a_device(tiny, monkeypatch, kind, amp, multiple):
    here(monkeypatch, 16)
    devices = types.SimpleNamespace(contexts=[types.SimpleNamespace(device_type=kind)], distributed=False, main=True)
    assert opening.width_multiple(tiny(retrain__width_multiple=0, train__amp=amp), devices) == multiple
    assert opening.width_multiple(tiny(retrain__width_multiple=4, train__amp=amp), devices) == 4


@pytest.mark.parametrize('main', [True, False])
def test_machines_agree_on_that_of_worker_0(tiny, monkeypatch, main):
    here(monkeypatch, 16 if main else 8)
    devices = types.SimpleNamespace(
        contexts=[types.SimpleNamespace(device_type='cpu')],
        distributed=True,
        main=main,
        total=lambda values: [16.0] if values == [16 if main else 0] else values,
    )
    assert opening.width_multiple(tiny(retrain__width_multiple=0), devices) == 16


@pytest.mark.parametrize('preset', settings.presets())
def test_published_recipes_take_any_width(preset):
    """The paper's numbers are of its own channels; presets for small data take what suits the device."""
    small = preset in (
        'quickstart',
        'smoke',
        'scale_smoke',
        'control_decoys',
        'searched_against_random',
        'folder',
        'csv',
    )
    assert settings.resolve(preset).retrain.width_multiple == (0 if small else 1)
