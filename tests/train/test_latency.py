"""Latency as the budget of a retraining: measured once a run, on one machine."""

import types

import mxnet as mx
import pytest

from dsonas.base import machine
from dsonas.base.errors import UserError
from dsonas.symbols import latency
from dsonas.symbols.architecture import Architecture
from dsonas.symbols.budget import fit_widths
from dsonas.symbols.space import SearchSpace
from dsonas.train.searching.latency import fitted, summarised

SPACE = SearchSpace.cifar10(channels=4, blocks=(1, 1), levels=2)
ARCHITECTURE = Architecture.random(SPACE, 1, 0.5)


def devices(distributed=False):
    return types.SimpleNamespace(distributed=distributed, contexts=[mx.cpu()])


def test_counted_budgets_are_not_measured(tmp_path):
    directory = types.SimpleNamespace(path=str(tmp_path))
    assert fitted(ARCHITECTURE, 'params=20k', 16, devices(True), directory) == fit_widths(
        ARCHITECTURE, 'params=20k', 16
    )
    assert not list(tmp_path.iterdir())


def test_a_run_that_goes_on_has_the_widths_that_it_had(tmp_path, monkeypatch):
    directory = types.SimpleNamespace(path=str(tmp_path))
    noise = iter([1.0, 1.02, 0.99] * 100)
    monkeypatch.setattr(latency.Stopwatch, '_forward', lambda self, net, shape: sum(net.widths) * 1e-4 * next(noise))
    first = fitted(ARCHITECTURE, 'latency=6ms', 16, devices(), directory)
    assert first.kind == 'latency' and first.reached <= 0.006 and 50 < sum(first.widths) < 62
    monkeypatch.setattr(latency.Stopwatch, '_forward', lambda *arguments: pytest.fail('measured again'))
    assert fitted(ARCHITECTURE, 'latency=6ms', 16, devices(), directory) == first


def test_several_machines_cannot_agree(tmp_path):
    with pytest.raises(ValueError, match='retrain.budget=latency=6ms: .* as retrain.channels'):
        fitted(ARCHITECTURE, 'latency=6ms', 16, devices(True), types.SimpleNamespace(path=str(tmp_path)))


def test_a_latency_beyond_the_memory_is_refused(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(latency.Stopwatch, '_forward', lambda self, net, shape: asked.append(net.widths) or 1e-3)
    monkeypatch.setattr(machine, 'free_memory', lambda: 1e9)
    with pytest.raises(
        UserError, match='retrain.budget=latency=60s: .* channels .* more than the 1 GB .* lower the budget'
    ) as refused:
        fitted(ARCHITECTURE, 'latency=60s', 16, devices(), types.SimpleNamespace(path=str(tmp_path)))
    assert asked and len(str(refused.value)) < 300


def test_a_summary_says_where_latency_was_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(latency.Stopwatch, 'widths', lambda self, *_: lambda widths: 1e-4 * sum(widths))
    directory = types.SimpleNamespace(path=str(tmp_path))
    found = fitted(ARCHITECTURE, 'latency=6ms', 16, devices(), directory).to_dict()
    kept = summarised(found, devices())
    assert kept['latency_ms'] == pytest.approx(1e3 * found['reached']) and kept['latency_ms'] <= 6
    assert (
        kept['latency']['batch'] == 1 and kept['latency']['device'].endswith('threads') and kept['latency']['threads']
    )
    assert summarised({'kind': 'params', 'target': 1e6, 'reached': 9e5}, devices()) == {}
