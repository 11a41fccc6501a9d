"""Write what a run did as one HTML page that needs no network: result, blocks, λ over time, curves, costs, errors, settings.

Works on a run that is still going: run it again to see more.
"""

try:
    import dsonas  # noqa: F401
except ModuleNotFoundError:
    raise SystemExit(
        "error: dsonas is not installed: run 'make install', or pip install -e '.[cpu]', in its repository"
    ) from None


import argparse
from typing import Sequence

from dsonas.base import cli, files, plugins
from dsonas.tools.reading import runs
from dsonas.tools.reporting.report import report


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = cli.parser(__doc__)
    parser.add_argument('run', metavar='RUN', help='a run directory')
    parser.add_argument('-o', '--output', required=True, metavar='F', help='the page to write: .html')
    plugins.add_flag(parser)
    return parser


def main(argv: Sequence[str]) -> int:
    """Write the page. Returns the exit status."""
    options = arguments().parse_args(argv)
    cli.output_kind(options.output, ('html',))
    files.write_text(options.output, report(runs.existing(options.run)))
    return 0


if __name__ == '__main__':
    cli.main(main)
