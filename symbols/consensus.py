"""The architecture of the edges on which several architectures of one space agree: a vote, made whole so that a signal can pass.

`keep` says which edges stay: 'majority' (in more than half of the architectures), a number (in at least so many of them), or
'edges=30%' (the most voted ones, until that share of all block edges lies on a way from input to output). An edge that is isolated by
the vote goes, as everywhere. A block that the vote leaves empty, though most of the architectures have something there, takes further edges
in the order of votes until a way is open; a reduction block keeps its most voted branch at least.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ..base import documents
from ..base.errors import UserError
from ..base.text import shown
from .architecture import PROVENANCE, Architecture, connected
from .nodes import REDUCTION_BRANCHES, Edge
from .space import SearchSpace

KIND = 'consensus'
ACCEPTED = 'majority, a number of votes, or edges=30% (above 0 % and at most 100 % of the block edges)'


class Keep(NamedTuple):
    """Which edges stay: those of `votes` at least, or where that is 0, the share `share` of all."""

    votes: int
    share: float = 0.0


class Consensus(NamedTuple):
    """votes: {edge name: architectures that have it}. opened: blocks that took edges of fewer votes, since they would be empty."""

    architecture: Architecture
    votes: Dict[str, int]
    opened: Tuple[str, ...]


def parse_keep(text: str, voters: int) -> Keep:
    """Read `keep` for a vote of so many. Raises UserError."""
    word = text.strip()
    if word == 'majority':
        return Keep(voters // 2 + 1)
    if re.fullmatch('[0-9]{1,6}', word, re.ASCII) and 1 <= int(word) <= voters:
        return Keep(int(word))
    share = re.fullmatch(r'edges=([0-9]{1,3}(?:\.[0-9]{1,6})?)%', word, re.ASCII)
    if share and 0 < float(share.group(1)) <= 100:
        return Keep(0, float(share.group(1)) / 100)
    raise UserError(f'keep={shown(text)}: expected {ACCEPTED}; there are {voters} votes')


def consensus(
    architectures: Sequence[Architecture], keep: str = 'majority', strength: Optional[Mapping[str, float]] = None
) -> Consensus:
    """Return what the architectures agree on. strength: {edge name: number}, larger first among edges of equal votes.

    Raises UserError where they are not of one space, or fewer than two.
    """
    space = _common_space(architectures)
    wanted = parse_keep(keep, len(architectures))
    votes = {name: 0 for group in space.gate_names() for name in group}
    for architecture in architectures:
        for group, mask in zip(space.gate_names(), architecture.masks()):
            for name, there in zip(group, mask):
                votes[name] += there
    ranked = {scope: _ranked(space, scope, votes, strength or {}) for scope in space.scopes}
    if wanted.votes:
        counts = {
            scope: sum(votes[f'{scope}/{edge.name}'] >= wanted.votes for edge in edges)
            for scope, edges in ranked.items()
        }
    else:
        counts = _counts_of_share(space, ranked, votes, wanted.share)
    opened = []
    for scope, edges in ranked.items():
        filled = sum(not architecture.is_identity(scope) for architecture in architectures)
        if filled * 2 > len(architectures) and not connected(space, edges[: counts[scope]]):
            opened.append(scope)
            while not connected(space, edges[: counts[scope]]):
                counts[scope] += 1
    blocks = [[edge.name for edge in ranked[scope][: counts[scope]]] for scope in space.scopes]
    least = wanted.votes or len(architectures) // 2 + 1
    reductions = [_branches(scope, votes, least) for scope in space.reduction_scopes]
    return Consensus(Architecture(space, blocks, reductions), votes, tuple(opened))


def provenance_of(path: str) -> Dict[str, Any]:
    """Return what an architecture's file says of where it is from, {} where it says nothing. Raises OSError, UserError."""
    content = documents.read_json(path)
    told = content.get(PROVENANCE) if isinstance(content, dict) else None
    return dict(told) if isinstance(told, dict) else {}


def kind_of_file(path: str) -> str:
    """Return the kind of network that an architecture's file stands for: KIND, or 'searched'. Raises OSError, UserError."""
    return KIND if provenance_of(path).get('kind') == KIND else 'searched'


def _common_space(architectures: Sequence[Architecture]) -> SearchSpace:
    if len(architectures) < 2:
        raise UserError(f'a vote of {len(architectures)}: at least two architectures are needed')
    space = architectures[0].space.to_dict()
    for architecture in architectures[1:]:
        for field, value in architecture.space.to_dict().items():
            if space[field] != value:
                raise UserError(
                    f'searches of different spaces: space.{field} is {shown(space[field])} in one and {shown(value)} in another'
                )
    return architectures[0].space


def _ranked(space: SearchSpace, scope: str, votes: Mapping[str, int], strength: Mapping[str, float]) -> List[Edge]:
    """Return the edges of a block, the most voted first."""

    def rank(edge: Edge) -> Tuple[int, float]:
        name = f'{scope}/{edge.name}'
        return -votes[name], -strength.get(name, 0.0)

    return sorted(space.block_edges(), key=rank)


def _counts_of_share(
    space: SearchSpace, ranked: Mapping[str, Sequence[Edge]], votes: Mapping[str, int], share: float
) -> Dict[str, int]:
    """Return how many of its ranked edges each block takes, the most voted of all blocks first, until `share` of all is on a way."""
    order = [
        (-votes[f'{scope}/{edge.name}'], place, scope) for scope in ranked for place, edge in enumerate(ranked[scope])
    ]
    order.sort()
    wanted = max(1, round(share * len(order)))

    def counts(taken: int) -> Dict[str, int]:
        found = {scope: 0 for scope in ranked}
        for _, _, scope in order[:taken]:
            found[scope] += 1
        return found

    def left(taken: int) -> int:
        return sum(len(connected(space, ranked[scope][:count])) for scope, count in counts(taken).items())

    low, high = 0, len(order)
    while low < high:  # what is left only grows with what is taken
        middle = (low + high) // 2
        if left(middle) >= wanted:
            high = middle
        else:
            low = middle + 1
    if low and wanted - left(low - 1) <= left(low) - wanted:
        low -= 1
    return counts(low)


def _branches(scope: str, votes: Mapping[str, int], least: int) -> List[str]:
    """Return the branches of a reduction block with votes enough, or the one with the most."""
    counted = {branch: votes[f'{scope}/out<-{branch}'] for branch in REDUCTION_BRANCHES}
    return [branch for branch, count in counted.items() if count >= min(least, max(counted.values()))]
