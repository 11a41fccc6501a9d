"""Searched networks against others over seeds, and what the searches left by operation."""

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np
from scipy import stats

from ...symbols.architecture import Architecture
from ...symbols.cost import cost
from ...symbols.operations import OPERATIONS
from ..reading.runs import Run
from ..reading.sources import image_size_of


def errors(found: Sequence[Run]) -> Dict[str, List[float]]:
    """{kind: test errors in percent, sorted by run} of the finished runs; kind as in summary.json."""
    groups: Dict[str, List[float]] = {}
    for run in found:
        if run.state == 'finished':
            groups.setdefault(str(run.summary.get('kind')), []).append(float(run.summary['test_error']))
    return groups


def welch(searched: Sequence[float], others: Sequence[float]) -> Tuple[float, Optional[float]]:
    """(difference of means searched - others, two-sided p-value of Welch's t-test); p is None with fewer than two on either side."""
    difference = float(np.mean(searched) - np.mean(others))
    if min(len(searched), len(others)) < 2:
        return difference, None
    return difference, float(stats.ttest_ind(searched, others, equal_var=False).pvalue)


def edges_by_operation(architecture: Architecture) -> Dict[str, Tuple[int, int]]:
    """{operation: (surviving edges that leave it, all such edges)} over the block λ of an architecture."""
    space = architecture.space
    counts: Dict[str, Tuple[int, int]] = {}
    for scope in architecture.scopes:
        alive = set(architecture.block_edges(scope))
        for edge in space.block_edges():
            if edge.source.level:
                name = space.operations[edge.source.operation]
                kept, total = counts.get(name, (0, 0))
                counts[name] = (kept + (edge in alive), total + 1)
    return counts


def flops_spread(architecture: Architecture, image_size: int) -> Optional[float]:
    """Standard deviation of the FLOPs of an architecture's blocks over their mean; None where there are no FLOPs in them."""
    flops = [block.flops for block in cost(architecture, image_size=image_size).blocks if block.name.startswith('b')]
    return float(np.std(flops) / np.mean(flops)) if any(flops) else None


def compare(found: Sequence[Run]) -> Dict[str, Any]:
    """Everything that is printed, as plain data."""
    groups = errors(found)
    result: Dict[str, Any] = {
        'errors': groups,
        'mean': {kind: float(np.mean(values)) for kind, values in groups.items()},
        'std': {kind: float(np.std(values, ddof=1)) if len(values) > 1 else None for kind, values in groups.items()},
        'against': {},
        'searches': [],
        'flops_spread': {},
    }
    for kind, values in groups.items():
        if kind != 'searched' and 'searched' in groups:
            difference, p = welch(groups['searched'], values)
            result['against'][kind] = {'difference': difference, 'p': p}
    for run in found:
        if run.gates is not None and run.architecture is not None:
            result['searches'].append(
                {
                    'run': run.name,
                    'edges': {name: list(pair) for name, pair in edges_by_operation(run.architecture).items()},
                }
            )
            if not run.architecture.space.share:
                spread = flops_spread(run.architecture, image_size_of(run, run.architecture))
                result['flops_spread'].setdefault(str(run.get('search.penalty')), []).append(spread)
    result['unfinished'] = {run.name: run.why for run in found if run.state != 'finished'}
    return result


def text(result: Mapping[str, Any]) -> str:
    """The comparison as lines."""
    lines = ['test error (%) by kind of network:']
    for kind, values in sorted(result['errors'].items()):
        spread = result['std'][kind]
        mean = f'{result["mean"][kind]:.2f}' + ('' if spread is None else f' ± {spread:.2f}')
        lines.append(f'  {kind:10} {mean} over {len(values)} runs: {_two_digits(values)}')
    for kind, entry in result['against'].items():
        p = 'p is not defined below two runs each' if entry['p'] is None else f'p = {entry["p"]:.3g} (Welch)'
        lines.append(f'  searched - {kind}: {entry["difference"]:+.2f} points, {p}')
    for search in result['searches']:
        parts = []
        for name, (kept, total) in search['edges'].items():
            decoy = ' (decoy)' if OPERATIONS[name].kind == 'decoy' else ''
            parts.append(f'{name}{decoy} {kept} of {total}')
        lines.append(f'edges left in {search["run"]}, by the operation they leave: {", ".join(parts)}')
    for penalty, spreads in sorted(result['flops_spread'].items()):
        known = [spread for spread in spreads if spread is not None]
        mean = f'{np.mean(known) if known else float("nan"):.2f}'
        lines.append(
            f'FLOPs of the blocks, standard deviation over mean, search.penalty={penalty}: {mean} over {len(known)} runs: '
            f'{_two_digits(known)}'
        )
    lines += [f'not counted: {name} ({why})' for name, why in result['unfinished'].items()]
    return '\n'.join(lines)


def _two_digits(values: Sequence[float]) -> str:
    return ', '.join(f'{value:.2f}' for value in values)
