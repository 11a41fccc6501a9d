"""Parsing of edge names, from an architecture's JSON or from code, to the edges of a search space.

An edge's name may be given with its scope ('shared/out<-L1.noise') or without ('out<-L1.noise'); a reduction block's branch as
'r00/out<-conv_1x1' or 'conv_1x1'. Plain data, no MXNet.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Sequence, Tuple

from ..base.errors import UserError
from .space import INPUT, REDUCTION_BRANCHES, Edge, SearchSpace


def parse_edges(space: SearchSpace, scope: str, names: Iterable[Any]) -> List[Edge]:
    """Return the edges that `names` name in a block whose λ are those of `scope`. Raises UserError for an unknown name."""
    known = {edge.name: edge for edge in space.block_edges()}
    edges = []
    for name in names:
        plain = name[len(scope) + 1 :] if isinstance(name, str) and name.startswith(scope + '/') else name
        if not isinstance(plain, str) or plain not in known:
            raise UserError(f'block {scope}: unknown edge {name!r}; {_why_unknown(space, plain)}')
        edges.append(known[plain])
    return edges


def parse_branches(scope: str, names: Iterable[Any]) -> Tuple[str, ...]:
    """Return the branches that `names` name in the reduction block `scope`, in order; the cheapest where there are none.

    Raises UserError for an unknown name.
    """
    branches = []
    for name in names:
        branch = str(name).split('<-')[-1]
        if branch not in REDUCTION_BRANCHES or name not in (branch, f'{scope}/out<-{branch}'):
            raise UserError(f'reduction {scope}: unknown branch {name!r}; accepted are {", ".join(REDUCTION_BRANCHES)}')
        branches.append(branch)
    return tuple(branch for branch in REDUCTION_BRANCHES if branch in branches) or REDUCTION_BRANCHES[:1]


def names_by_scope(values: Dict[str, Any], key: str, scopes: Sequence[str]) -> List[List[Any]]:
    """Return the list of names that values[key] has for each scope, in order.

    Raises UserError where it is no mapping from exactly these scopes to lists.
    """
    groups = values.get(key)
    if not isinstance(groups, dict):
        raise UserError(f'"{key}" is missing or not a mapping')
    for scope in list(groups) + list(scopes):
        if scope not in scopes or scope not in groups:
            problem = 'unknown' if scope not in scopes else 'missing'
            raise UserError(f'"{key}": {problem} {scope!r}; accepted are {", ".join(scopes) or "none"}')
        if not isinstance(groups[scope], list):
            raise UserError(f'"{key}": {scope!r} is not a list of edge names')
    return [groups[scope] for scope in scopes]


def _why_unknown(space: SearchSpace, name: Any) -> str:
    """Say in one clause what is wrong with an edge's name."""
    example = space.block_edges()[-1].name
    if not isinstance(name, str) or name.count('<-') != 1:
        return f'an edge is written like {example!r}'
    nodes = ['out'] + [space.node_name(node) for node in space.nodes()]
    target, source = name.split('<-')
    for end in (target, source):
        operation = end.partition('.')[2]
        if operation and operation not in space.operations:
            return f'operations of this space are {", ".join(space.operations)}'
        if end not in nodes and end != INPUT:
            return f'levels of this space are L1 to L{space.levels}, and an edge is written like {example!r}'
    return f'no edge runs from {source} to {target}'
