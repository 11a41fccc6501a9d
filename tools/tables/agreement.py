"""How far several searches agree on edges and on operations, against chance. Agreement is not merit: comparison.py has the errors.

Three kinds of chance, each answering another question; edges are those of blocks, reduction blocks apart:

- all edges alike: as many edges drawn from all, whatever they join (hypergeometric);
- architectures: random ones that a signal can pass, of as many edges a block (symbols/sampling.py), which share more;
- within groups: which operations and which groups of λ survive is taken as it is, and only which of their edges do is drawn. What is
  beyond this chance is beyond the order in which groups of λ collapse.
"""

import itertools
import random
from typing import Any, Dict, FrozenSet, List, Mapping, Sequence, Tuple

import numpy as np
from scipy import stats

from ...symbols.architecture import Architecture
from ...symbols.sampling import random_block
from ...symbols.space import BLOCK_INPUT, Edge, SearchSpace

Edges = FrozenSet[Tuple[str, Edge]]  # with the scope of each
DRAWS = 200
TOLD = 10  # pairs that are told one by one
SEED = 'dsonas.agreement'


def edges_of(architecture: Architecture) -> Edges:
    """Return the block edges of an architecture."""
    return frozenset((scope, edge) for scope in architecture.scopes for edge in architecture.block_edges(scope))


def operations_of(edges: Edges) -> FrozenSet[Tuple[str, Any]]:
    """Return the operations that edges leave."""
    return frozenset((scope, edge.source) for scope, edge in edges if edge.source != BLOCK_INPUT)


def overlap(one: FrozenSet[Any], other: FrozenSet[Any], of: int) -> Dict[str, Any]:
    """Compare two sets drawn from `of`: kept, shared, expected by chance, p of so many or more (hypergeometric), Jaccard index."""
    shared = len(one & other)
    return {
        'kept': [len(one), len(other)],
        'of': of,
        'shared': shared,
        'expected': len(one) * len(other) / of,
        'p': float(stats.hypergeom.sf(shared - 1, of, len(one), len(other))),
        'jaccard': jaccard(one, other),
    }


def jaccard(one: FrozenSet[Any], other: FrozenSet[Any]) -> float:
    """Return the share of what either has that both have; 1 where neither has anything."""
    return len(one & other) / len(one | other) if one | other else 1.0


def within_groups(space: SearchSpace, one: Edges, other: Edges) -> Dict[str, Any]:
    """Compare two sets of edges within the groups in which both have edges, among sources that both have.

    Returns {'groups', 'shared', 'expected', 'p'}; p of so many or more, where the edges of each group are drawn by themselves.
    """
    operations = operations_of(one) & operations_of(other)
    groups: Dict[Tuple[str, Any], List[Tuple[str, Edge]]] = {}
    for scope in space.scopes:
        for edge in space.block_edges():
            if edge.source == BLOCK_INPUT or (scope, edge.source) in operations:
                groups.setdefault((scope, edge.target), []).append((scope, edge))
    shared, expected, counted, distribution = 0, 0.0, 0, np.ones(1)
    for members in groups.values():
        first, second = (edges.intersection(members) for edges in (one, other))
        if not first or not second:
            continue
        counted += 1
        shared += len(first & second)
        expected += len(first) * len(second) / len(members)
        possible = np.arange(min(len(first), len(second)) + 1)
        distribution = np.convolve(distribution, stats.hypergeom.pmf(possible, len(members), len(first), len(second)))
    return {
        'groups': counted,
        'shared': shared,
        'expected': expected,
        'p': float(min(distribution[shared:].sum(), 1.0)) if counted else None,
    }


def random_edges(space: SearchSpace, like: Edges, generator: random.Random) -> Edges:
    """Draw edges that a signal can pass, in each block as many as `like` has there."""
    counts = {scope: sum(name == scope for name, _ in like) for scope in space.scopes}
    return frozenset((scope, edge) for scope, count in counts.items() for edge in random_block(space, generator, count))


def shuffled(space: SearchSpace, edges: Edges, generator: random.Random) -> Edges:
    """Draw, for each group of λ, as many edges as it has from those that leave operations that `edges` has."""
    operations, drawn = operations_of(edges), []
    for scope in space.scopes:
        groups: Dict[Any, List[Edge]] = {}
        for edge in space.block_edges():
            if edge.source == BLOCK_INPUT or (scope, edge.source) in operations:
                groups.setdefault(edge.target, []).append(edge)
        for members in groups.values():
            count = sum((scope, edge) in edges for edge in members)
            drawn += [(scope, edge) for edge in generator.sample(members, count)]
    return frozenset(drawn)


def agreement(searches: Mapping[str, Architecture], draws: int = DRAWS) -> Dict[str, Any]:
    """Compare the architectures of several searches of one space: {'runs', 'pairs', 'all'}, plain data.

    searches: {name: Architecture}, two at least. draws: random architectures a search, which bound p from below at 1 / (draws + 1).
    """
    space = next(iter(searches.values())).space
    edges = {name: edges_of(architecture) for name, architecture in searches.items()}
    generator = random.Random(SEED)
    drawn = {name: [random_edges(space, kept, generator) for _ in range(draws)] for name, kept in edges.items()}
    inside = {name: [shuffled(space, kept, generator) for _ in range(draws)] for name, kept in edges.items()}
    all_edges = len(space.block_edges()) * len(space.scopes)
    all_operations = len(space.nodes()) * len(space.scopes)
    pairs = []
    for one, other in itertools.combinations(edges, 2):
        shared = [len(a & b) for a, b in zip(drawn[one], drawn[other])]
        pairs.append(
            {
                'runs': [one, other],
                'edges': overlap(edges[one], edges[other], all_edges),
                'operations': overlap(operations_of(edges[one]), operations_of(edges[other]), all_operations),
                'random': _against(len(edges[one] & edges[other]), shared),
                'within_groups': within_groups(space, edges[one], edges[other]),
            }
        )
    return {'runs': list(searches), 'draws': draws, 'pairs': pairs, 'all': _summary(space, edges, pairs, drawn, inside)}


def _summary(
    space: SearchSpace,
    edges: Mapping[str, Edges],
    pairs: Sequence[Mapping[str, Any]],
    drawn: Mapping[str, Sequence[Edges]],
    inside: Mapping[str, Sequence[Edges]],
) -> Dict[str, Any]:
    """Means over all pairs, each with p from draws of all searches at once: pairs of one search are not independent."""

    def mean(part: str, key: str) -> float:
        return float(np.mean([pair[part][key] for pair in pairs]))

    names = list(itertools.combinations(edges, 2))
    draws = range(len(next(iter(drawn.values()))))

    def over_draws(sets: Mapping[str, Sequence[Edges]], measure: Any) -> List[float]:
        return [float(np.mean([measure(sets[a][draw], sets[b][draw]) for a, b in names])) for draw in draws]

    result = {
        'jaccard': mean('edges', 'jaccard'),
        'shared': mean('edges', 'shared'),
        'expected': mean('edges', 'expected'),
        'random': _against(mean('edges', 'shared'), over_draws(drawn, lambda a, b: len(a & b))),
        'operations': {
            'shared': mean('operations', 'shared'),
            **_against(
                mean('operations', 'shared'), over_draws(drawn, lambda a, b: len(operations_of(a) & operations_of(b)))
            ),
        },
        'in_all': len(frozenset.intersection(*edges.values())),
    }
    within = over_draws(inside, lambda a, b: len(a & b))
    result['within_groups'] = {'shared': mean('edges', 'shared'), **_against(mean('edges', 'shared'), within)}
    return result


def _against(value: float, chance: Sequence[float]) -> Dict[str, float]:
    """Return {'expected': the mean of chance, 'p': how often it reaches the value, the value itself counted in}."""
    reached = sum(drawn >= value - 1e-9 for drawn in chance)
    return {'expected': float(np.mean(chance)), 'p': (1 + reached) / (1 + len(chance))}


def lines(result: Mapping[str, Any]) -> List[str]:
    """The agreement of some searches as lines of text."""
    whole, pairs = result['all'], result['pairs']
    inside, operations = whole['within_groups'], whole['operations']
    kept = sorted(count for pair in pairs for count in pair['edges']['kept'])
    text = [
        f'agreement of {len(result["runs"])} searches ({", ".join(result["runs"])}), {kept[0]} to {kept[-1]} of '
        f'{pairs[0]["edges"]["of"]} block edges each, {whole["in_all"]} in all of them, mean Jaccard index {whole["jaccard"]:.2f}:',
        f'  edges shared by two: {whole["shared"]:.1f}; by chance {whole["expected"]:.1f}, by random architectures of as many edges '
        f'{whole["random"]["expected"]:.1f} (p = {whole["random"]["p"]:.2g})',
        f'  operations shared by two: {operations["shared"]:.1f}; by those random architectures {operations["expected"]:.1f} '
        f'(p = {operations["p"]:.2g})',
        f'  with the operations and numbers of edges in each group as they are: {inside["expected"]:.1f} edges shared by chance '
        f'(p = {inside["p"]:.2g}): {_within(whole)}',
    ]
    if 1 < len(pairs) <= TOLD:
        for pair in pairs:
            edges, within = pair['edges'], pair['within_groups']
            p = 'no group in both' if within['p'] is None else f'p = {within["p"]:.2g}'
            text.append(
                f'  {pair["runs"][0]}, {pair["runs"][1]}: {edges["shared"]} of {edges["kept"][0]} and {edges["kept"][1]} edges, chance '
                f'{edges["expected"]:.1f} (p = {edges["p"]:.2g}), random architectures {pair["random"]["expected"]:.1f} '
                f'(p = {pair["random"]["p"]:.2g}); within groups of both {within["shared"]}, chance {within["expected"]:.1f} ({p})'
            )
    return text


def _within(whole: Mapping[str, Any]) -> str:
    """Say where the agreement comes from."""
    if whole['random']['p'] > 0.05:
        return 'no more agreement than random architectures have'
    if whole['within_groups']['p'] > 0.05:
        return 'they agree on which operations and groups survive, not on the edges within them'
    return 'they agree on edges beyond which operations and groups survive'
