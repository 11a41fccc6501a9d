"""Compare searched with random networks over seeds: mean ± std of the test error, the difference, and whether chance explains it.

Only networks that were trained and tested by one recipe are pooled and compared: other epochs, budgets or images stand apart. Several
trainings of one architecture count once, by their mean, and say how much architectures differ at all; networks of unequal size are named.
Also what the searches left: of each operation's edges how many, decoys among them (operations that no network needs); and where every
block was searched on its own, how unequal their FLOPs are, by what the penalty weighs (search.penalty). Of searches with the same
settings and other seeds, how far they agree on edges and operations, against chance, and whether that is worth anything.
"""

try:
    import dsonas  # noqa: F401
except ModuleNotFoundError:
    raise SystemExit(
        "error: dsonas is not installed: run 'make install', or pip install -e '.[cpu]', in its repository"
    ) from None

import argparse
import json
from typing import Sequence

from dsonas.base import argtypes, cli, plugins
from dsonas.tools.reading import runs
from dsonas.tools.tables.agreement import DRAWS
from dsonas.tools.tables.comparison import compare, text


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = cli.parser(__doc__)
    parser.add_argument(
        'runs', nargs='+', metavar='RUN', help='run directories, or folders of them; runs inside runs are found'
    )
    parser.add_argument('--json', action='store_true', help='print JSON')
    parser.add_argument(
        '--draws',
        type=argtypes.whole(0, 10_000),
        default=DRAWS,
        metavar='N',
        help='random architectures a search that agreement is compared with; 0: no agreement (default %(default)s)',
    )
    plugins.add_flag(parser)
    return parser


def main(argv: Sequence[str]) -> int:
    """Compare and print. Returns the exit status: 1 where there was nothing to compare."""
    options = arguments().parse_args(argv)
    result = compare(runs.read_all(options.runs), options.draws)
    print(json.dumps(result, indent=1) if options.json else text(result))
    return 0 if result['errors'] or result['searches'] else 1


if __name__ == '__main__':
    cli.main(main)
