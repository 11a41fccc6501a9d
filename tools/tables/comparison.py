"""Searched networks against others over seeds, and what the searches left by operation."""

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np
from scipy import stats

from ...base.text import escaped
from ...runfiles.network import SEARCHED
from ...symbols.architecture import Architecture
from ...symbols.cost import cost
from ...symbols.operations import OPERATIONS
from ..reading.recipe import Recipe, alike, recipe_of, search_recipe_of, split_alike
from ..reading.runs import Run
from ..reading.sources import image_size_of


def errors(found: Sequence[Run]) -> Dict[str, List[float]]:
    """{kind: test errors in percent, sorted by run} of the finished runs; kind as in summary.json.

    Networks of a kind that were searched by other settings, or drawn from another space, are told apart: 'searched
    (search.gamma 0.01)'.
    """
    kinds: Dict[str, List[Run]] = {}
    for run in found:
        if run.state == 'finished':
            kinds.setdefault(str(run.summary.get('kind')), []).append(run)
    groups: Dict[str, List[float]] = {}
    for kind, runs in kinds.items():
        recipes = [search_recipe_of(run) for run in runs]
        parts = alike(recipes)
        for places in parts:
            label, number = kind, 1
            if len(parts) > 1:
                label = f'{kind} ({_what_differs(recipes, places, parts)})'
            while label in groups:
                number += 1
                label = f'{label.rpartition(" #")[0] or label} #{number}'
            groups[label] = [float(runs[place].summary['test_error']) for place in places]
    return groups


def _what_differs(recipes: Sequence[Recipe], places: Sequence[int], parts: Sequence[Sequence[int]]) -> str:
    """The settings of one part that are others in another part."""
    own = recipes[places[0]]
    texts = [text.split(' against ')[0] for part in parts for text in own.differences(recipes[part[0]])]
    return ', '.join(dict.fromkeys(texts)) or 'settings not known'


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


def statistics(found: Sequence[Run]) -> Dict[str, Any]:
    """{'errors', 'mean', 'std', 'against'} of runs that may stand beside each other; std is None of one run alone."""
    groups = errors(found)
    result: Dict[str, Any] = {
        'errors': groups,
        'mean': {kind: float(np.mean(values)) for kind, values in groups.items()},
        'std': {kind: float(np.std(values, ddof=1)) if len(values) > 1 else None for kind, values in groups.items()},
        'against': {},
    }
    searched = [kind for kind in groups if kind.split(' ')[0] == SEARCHED]
    for own in searched:
        for kind, values in groups.items():
            if kind not in searched:
                difference, p = welch(groups[own], values)
                label = kind if len(searched) == 1 else f'{kind}, from {own}'
                result['against'][label] = {'difference': difference, 'p': p, 'searched': own, 'other': kind}
    return result


def compare(found: Sequence[Run]) -> Dict[str, Any]:
    """Everything that is printed, as plain data.

    Numbers are of the networks that were trained and tested by one recipe (tools/reading/recipe.py): the one of most runs, of
    those with a searched network. `other_recipes` has those of the others, each with what `differs`; none are pooled or compared
    across recipes.
    """
    apart = split_alike([run for run in found if run.state == 'finished'])
    apart.sort(key=lambda members: (not any(run.summary.get('kind') == SEARCHED for run in members), -len(members)))
    result = statistics(apart[0] if apart else [])
    result['other_recipes'] = [
        {
            'differs': recipe_of(members[0]).differences(recipe_of(apart[0][0])) or ['settings or data not known'],
            'runs': [run.name for run in members],
            **statistics(members),
        }
        for members in apart[1:]
    ]
    result.update(searches=[], flops_spread={})
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
    lines = ['test error (%) by kind of network:', *_numbers(result)]
    for other in result['other_recipes']:
        runs = ', '.join(other['runs'][:3]) + (', ...' if len(other['runs']) > 3 else '')
        lines.append(f'by another recipe, not compared with the above ({"; ".join(other["differs"])}): {runs}')
        lines += _numbers(other)
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
    return '\n'.join(map(escaped, lines))


def _numbers(result: Mapping[str, Any]) -> List[str]:
    """The lines on errors by kind, and on their differences."""
    lines = []
    for kind, values in sorted(result['errors'].items()):
        spread = result['std'][kind]
        mean = f'{result["mean"][kind]:.2f}' + ('' if spread is None else f' ± {spread:.2f}')
        lines.append(f'  {kind:10} {mean} over {len(values)} runs: {_two_digits(values)}')
    for entry in result['against'].values():
        p = 'p is not defined below two runs each' if entry['p'] is None else f'p = {entry["p"]:.3g} (Welch)'
        lines.append(f'  {entry["searched"]} - {entry["other"]}: {entry["difference"]:+.2f} points, {p}')
    return lines


def _two_digits(values: Sequence[float]) -> str:
    return ', '.join(f'{value:.2f}' for value in values)
