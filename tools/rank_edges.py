"""Tell whether λ rank what they keep: take edges from a search's supernet, smallest λ first, at random and in reverse, and test it.

Batch norm's statistics are recomputed after each removal; nothing is trained. A search that has pruned shows only what it kept: to see the
whole order, search with search.gamma=0 or stop before the pruning.
"""

try:
    import dsonas  # noqa: F401
    from dsonas import installed
except ModuleNotFoundError:
    raise SystemExit(
        "error: dsonas is not installed: run 'make install', or pip install -e '.[cpu]', in its repository"
    ) from None
else:
    installed.require_mxnet(__name__)

import argparse
import csv
import io
import json
from typing import Dict, List, Sequence, Tuple

from dsonas.base import argtypes, cli, files, plugins
from dsonas.base.errors import UserError
from dsonas.base.text import escaped
from dsonas.tools.drawing import figures
from dsonas.tools.drawing.removal import removal
from dsonas.tools.reading import runs
from dsonas.tools.using import supernets
from dsonas.tools.using.removal import RANDOM, Point, removals, summary, told


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = cli.parser(__doc__)
    add = parser.add_argument
    add('run', metavar='RUN', help='run directory of a search, with its checkpoints')
    add('-o', '--output', metavar='F', help='the picture to write: .svg, .png or .pdf')
    add('--csv', metavar='F', help='the table to write: a row for each order and removal')
    add('--json', action='store_true', help='print JSON')
    add('--checkpoint', metavar='FILE', help='a checkpoint of the search instead of its last one')
    add(
        '--points',
        type=argtypes.whole(2, 1000),
        default=12,
        help='sizes at which each order is tested, from all edges to nearly none',
    )
    add('--random', type=argtypes.whole(0, 100), default=3, metavar='N', help='random orders')
    add('--part', choices=('test', 'gates'), default='test', help='tested on the test set, or on the λ part')
    add('--images', type=argtypes.whole(0), default=1000, help='about so many of them; 0: all')
    add('--batches', type=argtypes.whole(1, 10_000), default=40, help='batches for the statistics of batch norm')
    add('--batch-size', type=argtypes.BATCH, default=50, help='images a batch')
    add('--data-dir', metavar='DIR', help='where the data lie now')
    plugins.add_flag(parser)
    return parser


def main(argv: Sequence[str]) -> int:
    """Remove, test and tell. Returns the exit status."""
    options = arguments().parse_args(argv)
    kind = cli.output_kind(options.output) if options.output else ''
    run = runs.existing(options.run)
    net, checkpoint = supernets.load(run, options.checkpoint)
    if sum(len(net.architecture.edges(scope)) for scope in net.architecture.scopes) < 2:
        raise UserError(f'{run.path}: fewer than two edges are left in its supernet: there is nothing to rank')
    dataset = supernets.data_of(run, options.data_dir)

    def measure(supernet: supernets.Supernet) -> Tuple[float, float]:
        supernets.settle(supernet, dataset, options.batch_size, options.batches)
        return supernets.tested(supernet, dataset, options.part, options.images, options.batch_size)

    points: List[Point] = []
    for point in removals(net, options.points, options.random, measure):
        points.append(point)
        if not options.json:
            print(
                escaped('{}, {} removed: {} edges, {} operations left, loss {:.3f}, error {:.2f} %'.format(*point)),
                flush=True,
            )
    result = summary(points)
    if options.json:
        told_points = [point._asdict() for point in points]
        print(
            json.dumps({'checkpoint': checkpoint.path, 'part': options.part, 'points': told_points, **result}, indent=1)
        )
    else:
        print('\n'.join(map(escaped, told(result))))
    write(options, kind, points)
    return 0


def write(options: argparse.Namespace, kind: str, points: Sequence[Point]) -> None:
    """Write the table and the picture that were asked for."""
    if options.csv:
        text = io.StringIO()
        table = csv.writer(text, lineterminator='\n')
        table.writerow(Point._fields)
        table.writerows(points)
        files.write_text(options.csv, text.getvalue())
    if options.output:
        by_order: Dict[str, List[Tuple[float, float]]] = {}
        for point in points:
            by_order.setdefault(point.order, []).append((point.edges, point.error))
        drawn = [by_order.pop(order) for order in list(by_order) if order.startswith(RANDOM)]
        with figures.styled():
            figures.save(
                removal({f'{order} first': line for order, line in by_order.items()}, drawn), options.output, kind
            )


if __name__ == '__main__':
    cli.main(main)
