"""The W part and the lambda part: disjoint, complete, stratified, seeded; `limit` likewise."""

import numpy as np
import pytest

from dsonas.data import split

LABELS = np.random.RandomState(3).choice(7, 1000, p=[0.3, 0.2, 0.2, 0.1, 0.1, 0.07, 0.03])


@pytest.mark.parametrize('fraction', [0.05, 0.2, 0.5, 0.8, 0.97])
def test_two_parts(fraction):
    weights, gates = split.two_parts(LABELS, fraction, seed=1)
    assert not set(weights) & set(gates)
    assert sorted(set(weights) | set(gates)) == list(range(len(LABELS)))
    for label in range(7):
        count, kept = np.sum(LABELS == label), np.sum(LABELS[weights] == label)
        assert 1 <= kept < count
        assert abs(kept - fraction * count) <= 1 or kept in (1, count - 1)


def test_totals_are_exact_where_classes_are_large():
    weights, gates = split.two_parts(np.repeat(np.arange(10), 33), 0.5, seed=0)
    assert (len(weights), len(gates)) == (165, 165)


def test_seed_decides():
    first, again, other = (split.two_parts(LABELS, 0.5, seed)[0] for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


@pytest.mark.parametrize('fraction', [0, 1, -0.5, 1.5])
def test_fraction_is_checked(fraction):
    with pytest.raises(ValueError, match='data.split'):
        split.two_parts(LABELS, fraction, 0)


def test_single_images_go_to_the_first_part():
    weights, gates = split.two_parts([0, 0, 0, 0, 1], 0.5, 0)
    assert 4 in weights and 4 not in gates


@pytest.mark.parametrize('total', [7, 8, 50, 333, 999, 1000])
def test_shares(total):
    counts = np.bincount(LABELS)
    take = split.shares(counts, total)
    assert take.sum() == total and (take <= counts).all() and (take >= 1).all()
    if total > 100:
        assert (np.abs(take - counts * total / counts.sum()) <= 1).all()


def test_limited():
    kept = split.limited(LABELS, 100, seed=5)
    assert len(kept) == len(set(kept)) == 100 and len(np.unique(LABELS[kept])) == 7
    assert len(split.limited(LABELS, 0, 5)) == len(split.limited(LABELS, 5000, 5)) == 1000
    with pytest.raises(ValueError, match='data.limit=6.*7 classes'):
        split.limited(LABELS, 6, 5)
