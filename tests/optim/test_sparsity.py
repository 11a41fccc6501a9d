"""Policies: γ by hand for eq. 9 and 10, and kept operations against a graph search that removes one operation at a time."""

import numpy as np
import pytest

from dsonas.optim.sparsity import OUTSIDE, POLICIES, Structure, kept_cost, kept_operations, make


def block(levels, operations, cost, first_gated=False, **kwargs):
    """Completely connected: every operation reads all of the earlier levels and the block input, and feeds the block output."""
    edges = []
    for target in range(levels * operations):
        level = target // operations
        edges += [(OUTSIDE, target)] if level or first_gated else []
        edges += [(source, target) for source in range(level * operations)]
    edges += [(source, OUTSIDE) for source in range(levels * operations)]
    source, target = zip(*edges)
    return Structure(source, target, cost, ungated=() if first_gated else range(operations), **kwargs)


def naive(structure, lam):
    """Remove an operation without a surviving output or input, again and again."""
    n = len(structure.cost)
    edges = [(s, t) for s, t, value in zip(structure.source, structure.target, lam) if value != 0]
    edges += [(OUTSIDE, operation) for operation in structure.ungated]
    alive = set(range(n))
    while True:
        for operation in sorted(alive):
            fed = any(t == operation and (s == OUTSIDE or s in alive) for s, t in edges)
            used = any(s == operation and (t == OUTSIDE or t in alive) for s, t in edges)
            if not (fed and used):
                alive.remove(operation)
                break
        else:
            return [operation in alive for operation in range(n)]


@pytest.mark.parametrize(
    'levels, operations, first_gated',
    [(4, 4, False), (4, 4, True), (1, 3, False), (1, 1, True), (7, 2, False), (9, 1, True)],
)
def test_kept_operations_against_graph_search(levels, operations, first_gated):
    random = np.random.RandomState(17)
    structure = block(levels, operations, np.ones(levels * operations), first_gated)
    partial = 0
    for density in (0, 0.02, 0.05, 0.1, 0.2, 0.4, 1):
        for _ in range(15):
            lam = np.where(
                random.rand(len(structure.source)) < density, random.standard_normal(len(structure.source)), 0
            ).astype('float32')
            kept = kept_operations(structure, lam)
            assert kept.dtype == bool and kept.tolist() == naive(structure, lam)
            partial += 0 < kept.sum() < len(kept)
    assert partial or levels * operations == 1


def test_size_of_the_published_block():
    assert len(block(4, 4, np.ones(16)).source) == 124


# Two levels of two operations a, b | c, d. λ: in→c, a→c, b→c, in→d, a→d, b→d, a→out, b→out, c→out, d→out. FLOPs 10, 20, 30, 40.
TWO = dict(levels=2, operations=2, cost=[10, 20, 30, 40])


@pytest.mark.parametrize(
    'lam, kept',
    [
        ([1, 1, 1, 1, 1, 1, 1, 1, 1, 1], 100),
        ([0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0),
        ([1, 1, 1, 1, 1, 1, 0, 0, 0, 0], 0),  # nothing reaches the output
        ([0, 0, 0, 0, 0, 0, 1, 1, 1, 1], 30),  # c and d have no input
        ([0, 1, 0, 0, 0, 0, 0, 0, 1, 0], 40),  # in → a → c → out; b and d are isolated
        ([0, 1, 0, 1, 0, 0, 0, 0, 1, 0], 40),  # d has an input, but no output
        ([0, 1, 0, 0, 0, 1, 0, 1, 0, 1], 60),  # b and d; a feeds only c, which goes nowhere
        ([-1, 0, 0, 0, 0, 0, 0, 0, -1, 0], 30),
    ],
)  # signed λ
def test_adaptive_flops_by_hand(lam, kept):
    structure = block(**TWO)
    (gamma,) = make('flops', 0.5, [structure])([np.array(lam)])
    assert kept_cost(structure, lam) == kept
    assert gamma.dtype == np.float64 and gamma.shape == (10,)
    np.testing.assert_allclose(gamma, 0.5 * kept / 100, rtol=1e-6)


def test_an_edge_to_the_output_costs_while_it_is_there():
    # Two operations in a row; edges: 0 -> 1, 0 -> out, 1 -> out. R's columns cost 10 for each operation that reaches it.
    structure = Structure([0, 0, 1], [1, OUTSIDE, OUTSIDE], [100, 200], ungated=(0,), output_cost=[10, 10])
    assert kept_cost(structure, np.array([1.0, 1.0, 1.0])) == 320
    assert kept_cost(structure, np.array([1.0, 0.0, 1.0])) == 310
    assert kept_cost(structure, np.array([0.0, 1.0, 1.0])) == 110  # operation 1 is isolated, and so is its edge
    assert kept_cost(structure, np.array([1.0, 0.0, 0.0])) == 0
    (gamma,) = make('flops', 0.5, [structure])([np.array([1.0, 0.0, 1.0])])
    np.testing.assert_allclose(gamma, 0.5 * 310 / 320, rtol=1e-6)


def test_adaptive_flops_block_by_block():
    """Each block has its own ratio, whatever its cost beside the others'."""
    structures = [block(**TWO), block(2, 2, [1000, 2000, 3000, 4000])]
    policy = make('flops', 0.01, structures)
    first, second = policy([np.ones(10), [0, 1, 0, 0, 0, 0, 0, 0, 1, 0]])
    assert policy.moves
    np.testing.assert_allclose(first, 0.01, rtol=1e-6)
    np.testing.assert_allclose(second, 0.004, rtol=1e-6)


@pytest.mark.parametrize('name', ['mac', 'latency'])
@pytest.mark.parametrize('output_costs', [None, (0, 0, 0, 0), (4, 3, 2, 1)])
def test_adaptive_mac_by_hand(name, output_costs):
    """λ into an operation have its cost; those to the block output an own one, or where there is none that of the operation before."""
    first, second = (
        block(**TWO, output_cost=output_costs),
        block(2, 2, [50, 5, 5, 5]),
    )  # the largest cost is another block's
    policy = make(name, 0.1, [first, second])
    lams = [np.ones(10), np.zeros(10)]
    one, two = policy(lams)
    c, d = 30, 40
    expected = [c, c, c, d, d, d] + (list(output_costs) if any(output_costs or ()) else [10, 20, 30, 40])
    np.testing.assert_allclose(one, np.array(expected) / 50 * 0.1, rtol=1e-12)
    np.testing.assert_allclose(two, [0.01] * 6 + [0.1, 0.01, 0.01, 0.01], rtol=1e-12)
    assert (
        not policy.moves
        and all((x == y).all() for x, y in zip(policy(lams[::-1]), [one, two]))
        and one.dtype == np.float64
    )


def test_the_largest_cost_may_be_an_output_cost():
    (gamma,) = make('mac', 1.0, [block(1, 2, [10, 20], output_cost=[40, 5])])([np.ones(2)])
    np.testing.assert_allclose(gamma, [1, 0.125])


def test_gated_first_level_pays_for_what_it_enters():
    structure = block(1, 2, [10, 20], first_gated=True)  # in→a, in→b, a→out, b→out
    (gamma,) = make('mac', 1.0, [structure])([np.ones(4)])
    np.testing.assert_allclose(gamma, [0.5, 1, 0.5, 1])


@pytest.mark.parametrize('adaptive', [True, False])
def test_reduction_block(adaptive):
    """Two operations straight to the output, a λ each: like any other, or left at the constant γ and out of MAC_max."""
    reduction = Structure([0, 1], [OUTSIDE, OUTSIDE], [100, 900], ungated=(0, 1), adaptive=adaptive)
    structures, lams = [block(**TWO), reduction], [np.ones(10), np.array([0.0, 1.0])]
    np.testing.assert_allclose(make('flops', 1, structures)(lams)[1], [0.9, 0.9] if adaptive else [1, 1])
    mac = make('mac', 1, structures)(lams)
    np.testing.assert_allclose(mac[1], [1 / 9, 1] if adaptive else [1, 1], rtol=1e-6)
    np.testing.assert_allclose(mac[0].max(), 40 / 900 if adaptive else 1, rtol=1e-6)


def test_constant_ignores_costs():
    gammas = make('constant', 0.003, [block(2, 2, np.zeros(4)), block(1, 1, [1])])([np.zeros((1, 10)), np.ones(1)])
    assert [g.shape for g in gammas] == [(1, 10), (1,)] and all((g == 0.003).all() for g in gammas)


def test_refused():
    with pytest.raises(ValueError, match='unknown sparsity policy .*none, flops, mac, latency'):
        make('energy', 0.1, [])
    for name in POLICIES:
        with pytest.raises(ValueError, match='gamma'):
            make(name, -0.1, [])
        with pytest.raises(ValueError, match='entries'):
            make(name, 0.1, [block(**TWO)])([np.ones(9)])
    for name in ('flops', 'mac', 'latency'):
        with pytest.raises(ValueError, match='cost'):
            make(name, 0.1, [block(2, 2, np.zeros(4))])
    with pytest.raises(ValueError, match='10'):
        kept_operations(block(**TWO), np.ones(11))
    for arguments, word in [
        (([0], [1, 1], [1, 1]), 'entries'),
        (([0], [2], [1, 1]), '0 to 1'),
        (([-2], [0], [1]), '-2'),
        (([OUTSIDE], [OUTSIDE], [1]), 'start or end'),
        (([0, 0], [1, 1], [1, 1]), 'same operations'),
        (([0, 1], [1, 0], [1, 1]), 'cycle'),
        (([0], [1], [1, -1]), 'costs'),
        (([0], [1], [1, np.nan]), 'costs'),
        (([OUTSIDE], [0], [1], (0,)), 'same operations'),
    ]:
        with pytest.raises(ValueError, match=word):
            Structure(*arguments)
