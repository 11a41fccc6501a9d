"""Searched networks against others over seeds, and what the searches left by operation."""

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

import numpy as np

from ...base.text import escaped
from ...runfiles.network import CONSENSUS, SEARCHED
from ...symbols.architecture import Architecture
from ...symbols.cost import cost
from ...symbols.operations import OPERATIONS
from ..reading.recipe import Recipe, alike, recipe_of, search_recipe_of, split_alike, told
from ..reading.runs import Run
from ..reading.sources import image_size_of
from . import agreement
from .differences import by_architecture, ranks, spread, trainings, welch

FEWEST = 3  # architectures on either side, below which a difference is hardly told from chance
EQUAL = 0.02  # networks whose parameters or FLOPs differ by more are not of equal size


def errors(found: Sequence[Run]) -> Dict[str, List[float]]:
    """{kind: test errors in percent, sorted by run} of the finished runs; see `by_kind`."""
    return {kind: [float(run.summary['test_error']) for run in runs] for kind, runs in by_kind(found).items()}


def by_kind(found: Sequence[Run]) -> Dict[str, List[Run]]:
    """{kind: finished runs}; kind as in summary.json.

    Networks of a kind that were searched by other settings, or drawn from another space, are told apart: 'searched
    (search.gamma 0.01)'.
    """
    kinds: Dict[str, List[Run]] = {}
    for run in found:
        if run.state == 'finished':
            kinds.setdefault(str(run.summary.get('kind')), []).append(run)
    groups: Dict[str, List[Run]] = {}
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
            groups[label] = [runs[place] for place in places]
    return groups


def _what_differs(recipes: Sequence[Recipe], places: Sequence[int], parts: Sequence[Sequence[int]]) -> str:
    """The settings of one part that are others in another part."""
    own = recipes[places[0]]
    texts = [text.split(' against ')[0] for part in parts for text in own.differences(recipes[part[0]])]
    return ', '.join(dict.fromkeys(texts)) or 'settings not known'


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


def unequal_sizes(ours: Sequence[Run], others: Sequence[Run]) -> List[str]:
    """List by how much mean parameters and FLOPs differ, where it is more than EQUAL."""
    found = []
    for key, name in (('params', 'parameters'), ('flops', 'FLOPs')):
        sizes = [[run.summary[key] for run in runs if run.summary.get(key)] for runs in (ours, others)]
        if all(sizes):
            ratio = float(np.mean(sizes[0]) / np.mean(sizes[1])) - 1
            if abs(ratio) > EQUAL:
                found.append(f'{ratio:+.1%} {name}')
    return found


def statistics(found: Sequence[Run]) -> Dict[str, Any]:
    """{'errors', 'architectures', 'mean', 'std', 'spread', 'against'} of runs that may stand beside each other.

    std is None of one run alone. Differences and p are of the means by architecture; spread is of kinds of
    which several architectures were trained several times.
    """
    kinds, groups = by_kind(found), errors(found)
    means = {kind: by_architecture(runs) for kind, runs in kinds.items()}
    result: Dict[str, Any] = {
        'errors': groups,
        'architectures': means,
        'mean': {kind: float(np.mean(values)) for kind, values in groups.items()},
        'std': {kind: float(np.std(values, ddof=1)) if len(values) > 1 else None for kind, values in groups.items()},
        'spread': {kind: found for kind, runs in kinds.items() for found in [spread(trainings(runs))] if found},
        'against': {},
    }
    ours = [kind for kind in groups if kind.split(' ')[0] in (SEARCHED, CONSENSUS)]
    for own in ours:
        for kind in groups:
            if kind not in ours or (kind.startswith(CONSENSUS) and own.startswith(SEARCHED)):
                difference, p = welch(means[own], means[kind])
                notes = unequal_sizes(kinds[own], kinds[kind])
                notes = [f'not of equal size: {", ".join(notes)}'] if notes else []
                if min(len(means[own]), len(means[kind])) < FEWEST:
                    notes.append(f'fewer than {FEWEST} architectures on a side: too few to tell')
                label = kind if len(ours) == 1 else f'{kind}, from {own}'
                result['against'][label] = {
                    'difference': difference,
                    'p': p,
                    'p_ranks': ranks(means[own], means[kind]),
                    'searched': own,
                    'other': kind,
                    'notes': notes,
                }
    return result


def agreements(found: Sequence[Run], draws: int = agreement.DRAWS) -> List[Dict[str, Any]]:
    """How far searches agree that had the same space and settings and other seeds: agreement.agreement of each such group."""
    searches = [run for run in found if run.gates is not None and run.architecture is not None]
    results = []
    for places in alike([search_recipe_of(run) for run in searches]):
        spaces: Dict[Any, Dict[str, Architecture]] = {}
        same_seed = []
        seeds = set()
        for run in (searches[place] for place in places):
            architecture = run.architecture
            assert architecture is not None
            if (architecture.space, run.get('seed')) in seeds and run.get('seed') is not None:
                same_seed.append(run.name)
                continue
            seeds.add((architecture.space, run.get('seed')))
            own = spaces.setdefault(architecture.space, {})
            own[run.name if run.name not in own else run.path] = architecture
        for group in spaces.values():
            if len(group) > 1:
                results.append({**agreement.agreement(group, draws), 'same_seed': same_seed})
    return results


def compare(found: Sequence[Run], draws: int = agreement.DRAWS) -> Dict[str, Any]:
    """Everything that is printed, as plain data.

    Numbers are of the networks that were trained and tested by one recipe (tools/reading/recipe.py): the one of most runs, of
    those with a searched network. `other_recipes` has those of the others, each with what `differs`; none are pooled or compared
    across recipes. draws: random architectures of each search, of which there are several, for `agreement`; 0: none.
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
    result['agreement'] = agreements(found, draws) if draws else []
    result['unfinished'] = {run.name: run.why for run in found if run.state != 'finished'}
    return result


def text(result: Mapping[str, Any]) -> str:
    """The comparison as lines."""
    lines = ['test error (%) by kind of network:', *_numbers(result)]
    for other in result['other_recipes']:
        runs = ', '.join(other['runs'][:3]) + (', ...' if len(other['runs']) > 3 else '')
        lines.append(f'by another recipe, not compared with the above ({told(other["differs"])}): {runs}')
        lines += _numbers(other)
    for search in result['searches']:
        parts = []
        for name, (kept, total) in search['edges'].items():
            decoy = ' (decoy)' if OPERATIONS[name].kind == 'decoy' else ''
            parts.append(f'{name}{decoy} {kept} of {total}')
        lines.append(f'edges left in {search["run"]}, by the operation they leave: {", ".join(parts)}')
    for group in result['agreement']:
        lines += agreement.lines(group)
        if group['same_seed']:
            lines.append(f'  left out, since another search here has their seed: {", ".join(group["same_seed"])}')
    if result['agreement']:
        lines.append(_merit(result))
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
        count = len(result['architectures'][kind])
        of = '' if count == len(values) else f' of {count} architectures'
        lines.append(f'  {kind:10} {mean} over {len(values)} runs{of}: {_two_digits(values)}')
    for kind, found in sorted(result['spread'].items()):
        p = 'not defined' if found['p'] is None else f'{found["p"]:.3g}'
        lines.append(
            f'  {kind}: {found["architectures"]} architectures trained several times each: standard deviation {found["between"]:.2f} '
            f'between architectures, {found["within"]:.2f} between trainings of one; that all are alike: p = {p} (F test)'
        )
    for entry in result['against'].values():
        p = 'p is not defined below two runs each'
        if entry['p'] is not None:
            p = f'p = {entry["p"]:.3g} (Welch), {entry["p_ranks"]:.3g} (ranks)'
        lines.append(
            f'  {entry["searched"]} - {entry["other"]}: {"; ".join([_points(entry) + ", " + p, *entry["notes"]])}'
        )
    return lines


def _points(entry: Mapping[str, Any]) -> str:
    return f'{entry["difference"]:+.2f} points'


def _merit(result: Mapping[str, Any]) -> str:
    """Say beside an agreement whether what was found is better than what was drawn at random."""
    told = [entry for entry in result['against'].values() if entry['other'].split(' ')[0] == 'random']
    if not told:
        return (
            '  whether what they agree on is worth anything is another question: nothing here says it without random networks, '
            'trained by the same recipe'
        )
    parts = []
    for entry in told:
        p = 1.0 if entry['p'] is None else entry['p']
        verdict = 'not told apart from random'
        if p < 0.05:
            verdict = 'better than random' if entry['difference'] < 0 else 'worse than random'
        parts.append(f'{entry["searched"]} networks are {verdict} ({"; ".join([_points(entry), *entry["notes"]])})')
    return f'  whether what they agree on is worth anything: {"; ".join(parts)}'


def _two_digits(values: Sequence[float]) -> str:
    return ', '.join(f'{value:.2f}' for value in values)
