"""Make a table of the paper from run directories, measured numbers beside the published ones: Markdown, CSV, LaTeX.

Runs that differ in their seed alone are one row, mean ± standard deviation. A run that is missing, unfinished or damaged shows as
such and never as a number.
"""

try:
    import dsonas  # noqa: F401
except ModuleNotFoundError:
    raise SystemExit(
        "error: dsonas is not installed: run 'make install', or pip install -e '.[cpu]', in its repository"
    ) from None


import argparse
from typing import Sequence

from dsonas.base import argtypes, cli, files, plugins
from dsonas.tools.reading import runs
from dsonas.tools.tables import contents
from dsonas.tools.tables.formats import FORMATS, markdown


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = cli.parser(__doc__)
    parser.add_argument('runs', nargs='*', metavar='RUN', help='run directories, or folders of them')
    parser.add_argument(
        '--table', choices=list(contents.HEADS), default='summary', help="the paper's table, or a summary of these runs"
    )
    parser.add_argument(
        '-o',
        '--output',
        nargs='+',
        default=[],
        metavar='F',
        help='files to write: .md, .csv, .tex (none: print Markdown)',
    )
    parser.add_argument(
        '--seeds',
        type=argtypes.whole(0, 1_000_000),
        default=0,
        metavar='N',
        help='runs that each measured row should have; 0: not known',
    )
    parser.add_argument('--no-published', action='store_true', help='leave the published rows out')
    plugins.add_flag(parser)
    return parser


def main(argv: Sequence[str]) -> int:
    """Make the table. Returns the exit status."""
    options = arguments().parse_args(argv)
    kinds = [cli.output_kind(path, tuple(FORMATS)) for path in options.output]
    found = runs.read_all(options.runs)
    table = contents.make(options.table, found, options.seeds, not options.no_published)
    for path, kind in zip(options.output, kinds):
        files.write_text(path, FORMATS[kind](table))
    if not options.output:
        print(markdown(table), end='')
    return 0


if __name__ == '__main__':
    cli.main(main)
