"""Measured times: what is measured, that it is measured once, and the shape in which penalties take it."""

import json
import os
import types

import mxnet as mx
import pytest

from dsonas.base import machine
from dsonas.symbols import latency
from dsonas.symbols.architecture import Architecture
from dsonas.symbols.budget import fit_widths
from dsonas.symbols.cost import gate_graphs
from dsonas.symbols.space import SearchSpace

SPACE = SearchSpace.cifar10(channels=4, blocks=(2, 1), levels=2, operations=('sep_conv_3x3', 'max_pool_3x3'), classes=3)


def test_an_operation_is_measured_once(tmp_path, monkeypatch):
    path = str(tmp_path / 'latency.json')
    seconds = latency.Stopwatch(mx.cpu(), path, passes=3).operation('sep_conv_3x3', 4, 8)
    assert 0 < seconds < 1
    [key] = json.load(open(path))
    for part in ('sep_conv_3x3', '4 channels', '8 pixels', 'mxnet ' + mx.__version__, 'threads', machine.processor()):
        assert part in key
    monkeypatch.setattr(latency, 'median_seconds', lambda *arguments: pytest.fail('measured again'))
    assert latency.Stopwatch(mx.cpu(), path).operation('sep_conv_3x3', 4, 8) == seconds


def test_another_device_thread_count_and_shape_are_measured_anew(tmp_path, monkeypatch):
    path = str(tmp_path / 'latency.json')
    times = iter(range(1, 100))
    monkeypatch.setattr(latency, 'median_seconds', lambda *arguments: latency.BATCH * next(times))
    monkeypatch.setattr(latency, 'threads', lambda: 1)
    assert latency.Stopwatch(mx.cpu(), path).operation('max_pool_3x3', 4, 8) == 1
    assert latency.Stopwatch(mx.cpu(), path).operation('max_pool_3x3', 4, 9) == 2
    monkeypatch.setattr(latency, 'threads', lambda: 2)
    assert latency.Stopwatch(mx.cpu(), path).operation('max_pool_3x3', 4, 8) == 3
    monkeypatch.setattr(latency, 'threads', lambda: 1)
    monkeypatch.setattr(machine, 'processor', lambda: 'another')
    assert latency.Stopwatch(mx.cpu(), path).operation('max_pool_3x3', 4, 8) == 4
    assert len(json.load(open(path))) == 4


@pytest.mark.parametrize('content', ['{"a": ', '[]', '{"a": "b"}', '{"a": null}', ''])
def test_a_damaged_file_is_measured_anew(content, tmp_path, capsys):
    path = tmp_path / 'latency.json'
    path.write_text(content)
    assert latency.Stopwatch(mx.cpu(), str(path), passes=1).operation('max_pool_3x3', 2, 4) > 0
    assert len(json.loads(path.read_text())) == 1 and os.listdir(str(tmp_path)) == ['latency.json']
    assert capsys.readouterr().err.startswith(f'warning: {path}: ')


def test_a_folder_that_cannot_be_written_to_does_not_stop_it(tmp_path):
    assert (
        latency.Stopwatch(mx.cpu(), str(tmp_path / 'no' / 'latency.json'), passes=1).operation('max_pool_3x3', 2, 4) > 0
    )


def test_median_after_warm_up(monkeypatch):
    clock = iter([0, 100] * latency.WARM_UP + [0, 1, 0, 9, 0, 2])
    monkeypatch.setattr(latency, 'time', types.SimpleNamespace(perf_counter=lambda: next(clock)))
    assert latency.median_seconds(lambda x: x, mx.nd.zeros(1), passes=3) == 2


@pytest.mark.parametrize('share', [True, False])
def test_graphs_have_times_in_the_place_of_costs(share):
    space = SearchSpace.from_dict(dict(SPACE.to_dict(), share=share))
    assert latency.shapes(space, 8) == [
        ('sep_conv_3x3', 4, 8),
        ('max_pool_3x3', 4, 8),
        ('sep_conv_3x3', 8, 4),
        ('max_pool_3x3', 8, 4),
    ]
    seconds = dict(zip(latency.shapes(space, 8), (1.0, 10.0, 100.0, 1000.0)))
    found, counted = latency.timed_graphs(space, 8, seconds), gate_graphs(space, 8)
    for graph, other in zip(found, counted):
        assert (graph.name, graph.source, graph.target, graph.operations, graph.ungated) == (
            other.name,
            other.source,
            other.target,
            other.operations,
            other.ungated,
        )
        assert len(graph.costs) == len(graph.output_costs) == len(other.costs)
    times = [[cost.latency for cost in graph.costs] for graph in found]
    assert times == (
        [[102, 1020, 102, 1020], [0, 0]] if share else [[1, 10, 1, 10], [1, 10, 1, 10], [100, 1000, 100, 1000], [0, 0]]
    )


def test_a_networks_time_bounds_its_widths(monkeypatch):
    architecture = Architecture.random(SPACE, 1, 0.5)
    watch = latency.Stopwatch(mx.cpu(), passes=1)
    assert 0 < watch.network(architecture, (3, 5), 8) < 10
    monkeypatch.setattr(
        latency.Stopwatch, '_forward', lambda self, net, shape: sum(net.widths) * 1e-3 if shape == (1, 3, 8, 8) else 0
    )
    fit = fit_widths(architecture, 'latency=30ms', 8, watch.widths(architecture, 8), multiple=1)
    assert sum(fit.widths) == 30 and fit.kind == 'latency' and fit.reached == pytest.approx(0.03)
