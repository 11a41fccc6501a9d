"""Removing edges in the order of λ: orders, what is tested, the supernet as it was, runs that cannot be ranked."""

import csv
import json

import mxnet as mx
import numpy as np
import pytest

from dsonas.base import cli
from dsonas.symbols.architecture import Architecture
from dsonas.symbols.space import SearchSpace
from dsonas.symbols.supernet import Supernet
from dsonas.tools import rank_edges
from dsonas.tools.reading import runs
from dsonas.tools.using import removal, supernets
from dsonas.tools.using.removal import Point, orders, removals, summary, told
from dsonas.train.config import settings
from dsonas.train.searching import pipeline

from ..train.conftest import TINY
from .runmaker import make_run

SPACE = SearchSpace.cifar10(channels=4, blocks=(1, 1), levels=2, operations=('sep_conv_3x3', 'max_pool_3x3'))
FEW = ['--points', '3', '--random', '1', '--images', '100', '--batches', '2', '--batch-size', '20']


@pytest.fixture(scope='module')
def unpruned(tmp_path_factory):
    changes = {'search.gamma': 0.0, 'search.epochs': 1, 'run': str(tmp_path_factory.mktemp('search') / 'run')}
    return pipeline.search(settings.build({**TINY, **changes}), ('pretrain', 'search'))


def made(seed=0):
    net = Supernet(SPACE)
    mx.random.seed(seed)
    net.initialize(mx.init.Xavier())
    rng = np.random.RandomState(seed)
    supernets.set_gates(net, [rng.rand(gate.shape[0]) + 0.1 for gate in net.gates])
    return supernets.compiled(net)


def test_orders():
    rng = np.random.RandomState(2)
    values = [rng.randn(len(group)) * (rng.rand(len(group)) > 0.2) for group in SPACE.gate_names()]
    block = values[0]
    found = orders(SPACE, values, 2)
    alive = set(np.flatnonzero(block))
    assert all(set(places) == alive and len(places) == len(alive) for places in found.values())  # no reduction's λ
    assert (np.diff(np.abs(block[found[removal.SMALLEST]])) >= 0).all()
    assert found[removal.LARGEST] == found[removal.SMALLEST][::-1]
    groups = np.array(SPACE.gate_groups()[0])
    share = [abs(block[place]) / np.linalg.norm(block[groups == groups[place]]) for place in found[removal.RELATIVE]]
    assert (np.diff(share) >= -1e-12).all()
    assert found['random 1'] != found['random 2'] and found['random 1'] == orders(SPACE, values, 1)['random 1']


def test_removals_measure_what_is_left_and_put_it_back():
    net = made()
    before, seen = net.gate_values(), []
    x = mx.nd.array(np.random.RandomState(1).rand(2, 3, 16, 16))

    def measure(supernet):
        left = Architecture.from_lambda(SPACE, net.gate_values())
        wanted = Supernet(SPACE, left, params=net.collect_params())
        np.testing.assert_allclose(supernet(x).asnumpy(), wanted(x).asnumpy(), rtol=1e-4, atol=1e-5)
        seen.append(removal.num_edges(left))
        return 1.0, float(removal.num_edges(left))

    points = list(removals(net, 5, 2, measure))
    edges = len(SPACE.block_edges())
    wanted = [round(edges * (1 - step / 5)) for step in range(5)]
    for order in {point.order for point in points}:
        own = [point for point in points if point.order == order]
        assert own[0].removed == 0 and own[0].edges == edges and len({point.removed for point in own}) == len(own)
        for point in own[1:]:  # the first removal that leaves as few as wanted, or fewer
            assert point.edges == point.error and point.edges <= edges - point.removed
            assert any(point.edges <= size for size in wanted)
    for order in {point.order for point in points}:
        assert (np.diff([point.edges for point in points if point.order == order]) <= 0).all()
    assert len(seen) == 1 + len(points) - 5  # the whole supernet once, for all five orders
    assert all(np.array_equal(old, new) for old, new in zip(before, net.gate_values()))


def test_a_block_without_edges_is_the_identity():
    net = made()
    values = net.gate_values()
    values[0][:] = 0
    left = Architecture.from_lambda(SPACE, values)
    cut = removal._cut(net, left, values)
    assert cut is not net and cut.architecture.is_identity(0)
    assert cut(mx.nd.zeros((1, 3, 16, 16))).shape == (1, 10)


def test_settling_moves_statistics_and_nothing_else(unpruned):
    run = runs.existing(unpruned)
    net, _ = supernets.load(run)
    before = {name: parameter.data().asnumpy() for name, parameter in net.collect_params().items()}
    supernets.settle(net, supernets.data_of(run), 20, 3)
    for name, parameter in net.collect_params().items():
        assert np.array_equal(before[name], parameter.data().asnumpy()) != ('running' in name), name


def test_the_loaded_supernet_is_that_of_the_search(unpruned):
    """Its test error, statistics recomputed, is near what the log says, whose statistics were recomputed on other batches."""
    run = runs.existing(unpruned)
    net, checkpoint = supernets.load(run)
    assert checkpoint.stage == 'search' and len(net.gate_values()) == 2
    last = list(run.gates.last().values())
    np.testing.assert_array_equal(np.concatenate(net.gate_values()), np.float32(last))
    dataset = supernets.data_of(run)
    supernets.settle(net, dataset, 40, 40)
    _, error = supernets.tested(net, dataset, 'test', 0, 50)
    assert abs(error - run.rows('search')[-1]['test_error']) < 6


def test_summary():
    points = [Point(removal.SMALLEST, k, 10 - 2 * k, 2, 0.0, 10.0 + 2 * k) for k in range(5)]
    points += [Point(f'random {n}', k, 10 - k, 2, 0.0, 10.0 + n * k) for n in (0, 3) for k in range(5)]
    result = summary(points)  # from 10 to 6 edges, where λ rises from 10 to 14 %
    assert result['mean_error'] == {removal.SMALLEST: pytest.approx(12.0)} and result['edges'] == [6, 10]
    assert result['random'] == {'mean': pytest.approx(13.0), 'std': pytest.approx(np.std([10, 16], ddof=1)), 'of': 2}
    assert result['beaten'] == {removal.SMALLEST: 1}
    assert 'below 1 of 2 random orders' in told(result)[0]
    assert 'random' not in summary(points[:5]) and len(told(summary(points[:5]))) == 1


def test_the_command(unpruned, tmp_path, capsys):
    words = [unpruned, '-o', str(tmp_path / 'f.svg'), '--csv', str(tmp_path / 'f.csv'), *FEW]
    assert rank_edges.main(words) == 0
    out = capsys.readouterr().out
    assert 'smallest λ, 0 removed' in out and 'random orders:' in out
    rows = list(csv.DictReader(open(tmp_path / 'f.csv')))
    assert 4 * 2 <= len(rows) <= 4 * 3 and set(rows[0]) == set(Point._fields)
    assert 'order-2' in (tmp_path / 'f.svg').read_text() and 'id="random-0"' in (tmp_path / 'f.svg').read_text()
    assert rank_edges.main([unpruned, '--json', '--part', 'gates', *FEW]) == 0
    result = json.loads(capsys.readouterr().out)
    assert len(result['points']) == len(rows) and result['part'] == 'gates' and result['random']['of'] == 1


def test_refusals(unpruned, tmp_path, capsys):
    without = make_run(tmp_path / 'none')
    (tmp_path / 'bad.ckpt').write_bytes(b'no checkpoint')
    pretrain = next(iter(sorted((tmp_path.__class__(unpruned) / 'checkpoints').glob('pretrain-*.ckpt'))))
    cases = [
        ([without], 'no checkpoint of a search'),
        ([unpruned, '--checkpoint', str(tmp_path / 'bad.ckpt')], 'bad.ckpt'),
        ([unpruned, '--checkpoint', str(pretrain)], 'a checkpoint of pretrain'),
        ([unpruned, '-o', str(tmp_path / 'x.txt')], 'x.txt'),
        ([str(tmp_path / 'nothing')], 'not a run directory'),
    ]
    for words, message in cases:
        assert cli.run(rank_edges.main, [*words, *FEW]) == 2
        err = [line for line in capsys.readouterr().err.splitlines() if line.startswith('error: ')]
        assert len(err) == 1 and message in err[0], (words, err)
