"""Draw how a search went on one time axis: error, every λ, and how much of the network is left.

λ are on a root scale: what is left coloured by operation, what was removed grey. Dotted lines mark where was pruned, a star the last
test. Works on a run that is still going.
"""

try:
    import dsonas  # noqa: F401
except ModuleNotFoundError:
    raise SystemExit(
        "error: dsonas is not installed: run 'make install', or pip install -e '.[cpu]', in its repository"
    ) from None


import argparse
from typing import Sequence

from dsonas.base import cli, plugins
from dsonas.tools.drawing import figures
from dsonas.tools.reading import runs
from dsonas.tools.reporting.curves import ALL_PANELS, PANELS, draw


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = cli.parser(__doc__)
    parser.add_argument('run', metavar='RUN', help='a run directory')
    parser.add_argument('-o', '--output', required=True, metavar='F', help='the picture to write: .svg, .png or .pdf')
    parser.add_argument('--stages', nargs='+', choices=runs.STAGES, default=list(runs.STAGES), help='which stages')
    parser.add_argument('--panels', nargs='+', choices=ALL_PANELS, default=list(PANELS), help='which panels')
    plugins.add_flag(parser)
    return parser


def main(argv: Sequence[str]) -> int:
    """Draw. Returns the exit status."""
    options = arguments().parse_args(argv)
    kind = cli.output_kind(options.output)
    run = runs.existing(options.run)
    with figures.styled():
        figures.save(draw(run, options.panels, options.stages), options.output, kind)
    return 0


if __name__ == '__main__':
    cli.main(main)
