"""Searched against random: means, Welch's test, edges by operation."""

import itertools

import numpy as np
import pytest

from dsonas.symbols.architecture import Architecture
from dsonas.symbols.space import SearchSpace
from dsonas.tools.reading.runs import Run
from dsonas.tools.tables.comparison import compare, edges_by_operation, flops_spread, text
from dsonas.tools.tables.differences import ranks, spread, welch


def test_welch_against_its_formula():
    generator = np.random.RandomState(3)
    a, b = generator.normal(5, 1, 6), generator.normal(7, 2, 4)
    va, vb = a.var(ddof=1) / 6, b.var(ddof=1) / 4
    t = (a.mean() - b.mean()) / np.sqrt(va + vb)
    freedom = (va + vb) ** 2 / (va**2 / 5 + vb**2 / 3)
    draws = np.abs(np.random.RandomState(0).standard_t(freedom, 2000000))
    difference, p = welch(list(a), list(b))
    assert difference == pytest.approx(a.mean() - b.mean())
    assert p == pytest.approx((draws >= abs(t)).mean(), abs=2e-3)
    assert welch([1.0], [2.0, 3.0]) == (-1.5, None)


def test_ranks_against_counting():
    """All ways to deal seven ranks to groups of 3 and 4: the share at least as far from even as the one found."""
    a, b = [1.0, 2.5, 4.0], [3.0, 5.0, 6.0, 99.0]
    values = sorted(a + b)

    def wins(chosen):
        return sum(x > y for x in chosen for y in values if y not in chosen)

    found = [abs(wins(choice) - 6) for choice in itertools.combinations(values, 3)]
    assert ranks(a, b) == pytest.approx(np.mean([value >= abs(wins(a) - 6) for value in found]))
    assert ranks(a, b[:-1] + [7.0]) == ranks(a, b) and ranks([1.0], b) is None


def test_spread_finds_what_was_put_in():
    """Architectures of standard deviation 1 trained with standard deviation 0.5, and some that are all alike."""
    generator = np.random.RandomState(1)

    def made(between):
        return spread([list(generator.normal(generator.normal(9, between), 0.5, 3)) for _ in range(12)])

    many = [made(1.0) for _ in range(200)]
    assert np.mean([found['between'] for found in many]) == pytest.approx(1.0, abs=0.06)
    assert np.mean([found['within'] for found in many]) == pytest.approx(0.5, abs=0.02)
    assert np.mean([found['p'] < 0.05 for found in many]) > 0.99
    alike = [made(0.0) for _ in range(400)]
    assert np.mean([found['p'] < 0.05 for found in alike]) == pytest.approx(0.05, abs=0.03)
    assert {(found['architectures'], found['trainings']) for found in many} == {(12, 36)}


def test_spread_of_unequal_counts():
    """By hand: means 2, 5 and 8 of 3, 2 and 1 trainings, of which the last says nothing."""
    found = spread([[1.0, 2.0, 3.0], [4.0, 6.0], [8.0]])
    within = (2 + 2) / 3
    mean = 16 / 5
    among = 3 * (2 - mean) ** 2 + 2 * (5 - mean) ** 2
    assert found['within'] == pytest.approx(within**0.5) and found['trainings'] == 5
    assert found['between'] == pytest.approx(((among - within) / (5 - 13 / 5)) ** 0.5)
    assert spread([[1.0], [2.0, 3.0]]) is None and spread([]) is None
    assert spread([[1.0, 1.0], [2.0, 2.0]])['p'] is None


def test_edges_by_operation():
    space = SearchSpace.cifar10(operations=('sep_conv_3x3', 'noise', 'max_pool_3x3'), blocks=(1,), levels=3)
    counts = edges_by_operation(Architecture.full(space))
    # Each operation of level 1 feeds 3 + 3 operations and the output, of level 2 three and the output, of level 3 the output.
    assert counts == {name: (7 + 4 + 1, 12) for name in space.operations}
    kept = Architecture(space, [['L2.max_pool_3x3<-L1.sep_conv_3x3', 'out<-L2.max_pool_3x3', 'out<-L1.sep_conv_3x3']])
    assert edges_by_operation(kept) == {'sep_conv_3x3': (2, 12), 'noise': (0, 12), 'max_pool_3x3': (1, 12)}


def test_spread_of_flops():
    """At C channels, 8x8 pixels: a separable convolution of 3x3 has 64·(9C + C²), R's 1x1 of one operation 64·C²."""
    space = SearchSpace.cifar10(share=False, channels=4, blocks=(2,))
    one, two = ['out<-L1.sep_conv_3x3'], ['out<-L1.sep_conv_3x3', 'out<-L1.max_pool_3x3']
    alike = [64 * (36 + 16 + 16), 64 * (36 + 16 + 32)]
    shortcut = 64 * 16
    for blocks in ([one, one], [one, two]):
        flops = np.array([alike[len(edges) - 1] for edges in blocks]) + [shortcut, 0]
        assert flops_spread(Architecture(space, blocks), 8) == pytest.approx(flops.std() / flops.mean())
    assert flops_spread(Architecture(space, [[], []]), 8) is None


def run(kind, error, **fields):
    made = Run(f'runs/{kind}-{error:g}', summary={'kind': kind, 'test_error': error}, **fields)
    return made


def test_only_finished_runs_count(tmp_path):
    found = []
    for place, (kind, error) in enumerate(
        [('searched', 5.0), ('searched', 7.0), ('random', 8.0), ('random', 9.0), ('random', None)]
    ):
        made = run(kind, error or 0.0)
        made.path = str(tmp_path / str(place))
        (tmp_path / str(place)).mkdir()
        if error is None:
            made.summary.pop('test_error')
        found.append(made)
    result = compare(found)
    assert result['errors'] == {'searched': [5.0, 7.0], 'random': [8.0, 9.0]}
    assert result['mean']['searched'] == 6.0 and result['std']['searched'] == pytest.approx(np.sqrt(2))
    assert result['against']['random']['difference'] == pytest.approx(-2.5)
    assert list(result['unfinished']) == ['4']
    assert 'searched - random: -2.50 points, p = ' in text(result)
