"""Make the architecture on which several searches agree, by a vote on edges; retraining takes it as one that was searched."""

try:
    import dsonas  # noqa: F401
except ModuleNotFoundError:
    raise SystemExit(
        "error: dsonas is not installed: run 'make install', or pip install -e '.[cpu]', in its repository"
    ) from None

import argparse
from typing import Sequence

from dsonas.base import cli, plugins
from dsonas.symbols.consensus import ACCEPTED, consensus
from dsonas.tools.tables import voting


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = cli.parser(__doc__)
    parser.add_argument(
        'runs', nargs='+', metavar='RUN', help='run directories of searches, or folders of them; two at least'
    )
    parser.add_argument(
        '-o',
        dest='out',
        metavar='RUN_OR_FILE',
        required=True,
        help='FILE.json for the architecture alone, else a new run directory, for retrain --run',
    )
    parser.add_argument('--keep', default='majority', help=f'which edges stay: {ACCEPTED.replace("%", "%%")}')
    plugins.add_flag(parser)
    return parser


def main(argv: Sequence[str]) -> int:
    """Vote, write, and say what became of it."""
    options = arguments().parse_args(argv)
    searches = voting.searches(options.runs)
    result = consensus(
        [run.architecture for run in searches if run.architecture], options.keep, voting.strength(searches)
    )
    voting.write(options.out, result, searches, options.keep)
    for line in voting.told(result, searches, options.out):
        print(line)
    return 0


if __name__ == '__main__':
    cli.main(main)
