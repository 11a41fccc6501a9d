"""Whether test errors differ by more than chance: between kinds of networks, and between architectures of one kind."""

from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np
from scipy import stats

from ...symbols.architecture import Architecture
from ..reading.runs import Run


def welch(searched: Sequence[float], others: Sequence[float]) -> Tuple[float, Optional[float]]:
    """(difference of means searched - others, two-sided p-value of Welch's t-test); p is None with fewer than two on either side."""
    difference = float(np.mean(searched) - np.mean(others))
    if min(len(searched), len(others)) < 2:
        return difference, None
    return difference, float(stats.ttest_ind(searched, others, equal_var=False).pvalue)


def ranks(searched: Sequence[float], others: Sequence[float]) -> Optional[float]:
    """Two-sided p-value of the Mann-Whitney test; None with fewer than two on either side.

    One network that hardly learns sways it no more than one that is the worst.
    """
    if min(len(searched), len(others)) < 2:
        return None
    return float(stats.mannwhitneyu(searched, others, alternative='two-sided').pvalue)


def trainings(runs: Sequence[Run]) -> List[List[float]]:
    """Test errors, percent, of all trainings of each architecture. Runs whose architecture is not known stand by themselves."""
    groups: List[Tuple[Optional[Architecture], List[float]]] = []
    for run in runs:
        same = [values for known, values in groups if run.architecture is not None and known == run.architecture]
        if not same:
            groups.append((run.architecture, []))
        (same or [groups[-1][1]])[0].append(float(run.summary['test_error']))
    return [values for _, values in groups]


def by_architecture(runs: Sequence[Run]) -> List[float]:
    """Mean test error, percent, of each architecture: several trainings of one architecture say how it trains, not how others do."""
    return [float(np.mean(values)) for values in trainings(runs)]


def spread(groups: Sequence[Sequence[float]]) -> Optional[Dict[str, Any]]:
    """How much architectures differ: {'architectures', 'trainings', 'between', 'within', 'p'}; None where none can be told apart.

    groups: errors of the trainings of each architecture; those trained once are left out. within: standard deviation of trainings of
    one architecture; between: that of architectures, without what their trainings explain (one-way analysis of variance); p: of the
    F test that all architectures are alike.
    """
    groups = [values for values in groups if len(values) > 1]
    if len(groups) < 2:
        return None
    sizes = np.array([len(values) for values in groups])
    total, count = int(sizes.sum()), len(groups)
    mean = float(np.concatenate(groups).mean())
    among = sum(len(values) * (np.mean(values) - mean) ** 2 for values in groups) / (count - 1)
    within = sum(((np.array(values) - np.mean(values)) ** 2).sum() for values in groups) / (total - count)
    each = (total - (sizes**2).sum() / total) / (count - 1)  # trainings of an architecture, where all have as many
    return {
        'architectures': count,
        'trainings': total,
        'between': float(np.sqrt(max(0.0, (among - within) / each))),
        'within': float(np.sqrt(within)),
        'p': float(stats.f.sf(among / within, count - 1, total - count)) if within else None,
    }
