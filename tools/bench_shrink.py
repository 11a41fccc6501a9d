"""Measure how a step of the search gets cheaper as λ reach zero: step times and memory against what is left, from 100 % to 5 %.

Architectures are drawn at random in three ways. operations: operations go, and the edges of those that are left stay. edges: edges go,
but every operation stays, down to one edge in and one out. random: edges go, and operations that this isolates.
Each is measured in a process of its own; ratios are to the complete supernet.
"""

try:
    from dsonas import installed
except ModuleNotFoundError:
    raise SystemExit(
        "error: dsonas is not installed: run 'make install', or pip install -e '.[cpu]', in its repository"
    ) from None
else:
    installed.require_mxnet(__name__)

import argparse
import functools
import random
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from dsonas.base import argtypes, cli
from dsonas.base.errors import UserError
from dsonas.base.text import aligned
from dsonas.symbols.architecture import Architecture
from dsonas.symbols.space import Edge, SearchSpace
from dsonas.tools.timing import common

LEFT = (75, 50, 25, 10, 5)


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = cli.parser(__doc__)
    common.add_space(parser)
    parser.add_argument(
        '--kinds',
        type=lambda text: tuple(text.split(',')),
        default=tuple(DRAWN),
        metavar='KIND,…',
        help=f'what goes: {", ".join(DRAWN)}',
    )
    parser.add_argument(
        '--left', type=argtypes.wholes(1, 100), default=LEFT, metavar='N,N,…', help='percent that are left'
    )
    parser.add_argument('--seed', type=argtypes.SEED, default=0, help='of the draws')
    return parser


def operations_left(space: SearchSpace, share: float, seed: int) -> Architecture:
    """An Architecture of `share` of each block's operations, at least one, with all edges among them."""
    edges, generator = space.block_edges(), random.Random(f'operations:{seed}')
    nodes = sorted({edge.source for edge in edges if edge.source[0]})
    blocks = []
    for _ in space.scopes:
        alive = set(generator.sample(nodes, max(1, round(share * len(nodes)))))
        blocks.append(
            [
                edge.name
                for edge in edges
                if (edge.source in alive or edge.source[0] == 0) and (edge.target in alive or _last(space, edge))
            ]
        )
    return Architecture(space, blocks)


def edges_left(space: SearchSpace, share: float, seed: int) -> Architecture:
    """An Architecture of `share` of each block's edges in which every operation is alive; more than `share` where that needs it."""
    edges, generator = space.block_edges(), random.Random(f'edges:{seed}')
    blocks = []
    for _ in space.scopes:
        needed = {edge for edge in edges if _last(space, edge)}
        for target in sorted({edge.target for edge in edges if not _last(space, edge)}):
            needed.add(generator.choice([edge for edge in edges if edge.target == target]))
        others = [edge for edge in edges if edge not in needed]
        needed.update(generator.sample(others, max(0, round(share * len(edges)) - len(needed))))
        blocks.append([edge.name for edge in edges if edge in needed])
    return Architecture(space, blocks)


DRAWN = {
    'operations': operations_left,
    'edges': edges_left,
    'random': lambda space, share, seed: Architecture.random(space, seed, share),
}


def _last(space: SearchSpace, edge: Edge) -> bool:
    return edge.target.level == space.levels + 1


def rows(options: argparse.Namespace) -> Tuple[Dict[str, Any], List[Dict[str, Any]]]:
    """The complete supernet's figures, and a dict for each architecture that was drawn: 'kind', 'asked', 'gates', 'operations', figures."""
    task = common.task(options)
    for kind in options.kinds:
        if kind not in DRAWN:
            raise UserError(f'--kinds {kind}: accepted are {", ".join(DRAWN)}')
    if not all(0 < percent <= 100 for percent in options.left):
        given = ','.join(map(str, options.left))
        raise UserError(f'--left {given}: percents are above 0 and at most 100')
    space = SearchSpace.from_dict(task['space'])
    full = Architecture.full(space)
    drawn = [
        (percent / 100, kind, DRAWN[kind](space, percent / 100, options.seed))
        for percent in options.left
        for kind in options.kinds
    ]
    tasks = [task] + [dict(task, architecture=architecture.to_dict()) for _, _, architecture in drawn]
    complete, *figures = common.in_turn([functools.partial(common.measure, task) for task in tasks], options.rounds)
    measured = [
        dict(found, kind=kind, asked=asked, ratio=common.ratios(found, complete), **left(architecture, full))
        for found, (asked, kind, architecture) in zip(figures, drawn)
    ]
    return dict(complete, **left(full, full)), measured


def left(architecture: Architecture, full: Architecture) -> Dict[str, float]:
    """{'gates_left', 'operations_left'}: shares of the complete supernet's λ and operations."""
    counts = [sum(len(arch.operations(scope)) for scope in arch.scopes) for arch in (architecture, full)]
    return {'gates_left': architecture.num_edges / full.num_edges, 'operations_left': counts[0] / counts[1]}


def show(result: Mapping[str, Any]) -> None:
    """The report as a table."""
    common.show_machine(result['machine'], result['complete']['versions'])
    rows = [['what goes', 'λ', 'ops', 'W step s', 'λ step s', 'step', 'CPU', 'peak GB', 'memory']]
    complete = dict(result['complete'], kind='nothing', ratio={'step': 1, 'processor': 1, 'rss_gb': 1})
    for row in [complete, *result['rows']]:
        rows.append(
            [
                row['kind'],
                *(f'{row[key]:.0%}' for key in ('gates_left', 'operations_left')),
                f'{row["w_step"]:.3f}',
                f'{row["lambda_step"]:.3f}',
                *(f'{row["ratio"][key]:.0%}' for key in ('step', 'processor')),
                f'{row["rss_gb"]:.2f}',
                f'{row["ratio"]["rss_gb"]:.0%}',
            ]
        )
    print('\n'.join(aligned(rows)))


def main(argv: Sequence[str]) -> None:
    """Measure and print."""
    options = arguments().parse_args(argv)
    complete, measured = rows(options)
    result = {'complete': complete, 'rows': measured, 'machine': common.machine(options.threads), 'seed': options.seed}
    common.tell(result, options, show)


if __name__ == '__main__':
    cli.main(main)
