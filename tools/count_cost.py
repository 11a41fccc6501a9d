"""Count parameters, FLOPs and memory access of every block of a network, and of the whole.

FLOPs are multiply-adds of convolutions and dense layers; memory access cost (MAC) is elements read, written, and weights read. All
for one image, and without the auxiliary tower.
"""

try:
    import dsonas  # noqa: F401
except ModuleNotFoundError:
    raise SystemExit(
        "error: dsonas is not installed: run 'make install', or pip install -e '.[cpu]', in its repository"
    ) from None

import argparse
import json
from typing import Sequence, Tuple, Union

from dsonas.base import argtypes, cli, limits, plugins
from dsonas.base.text import escaped, format_count
from dsonas.symbols.cost import cost
from dsonas.tools.reading.sources import image_size_of, load, widths_of
from dsonas.tools.tables.costs import FIELDS, as_dict, table


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = cli.parser(__doc__)
    parser.add_argument('source', metavar='RUN_OR_ARCHITECTURE', help='a run directory, or an architecture.json')
    parser.add_argument(
        '--channels',
        type=argtypes.wholes(1, limits.WIDTH, limits.STAGES),
        metavar='C[,C...]',
        help='channels of the first stage, or of each stage (default: those that the '
        "run's network was retrained with, else those of the search)",
    )
    parser.add_argument(
        '--image-size',
        type=argtypes.IMAGE_SIZE,
        metavar='PIXELS',
        help="side of the image (default: the run's, else 32, or 224 for the imagenet stem)",
    )
    parser.add_argument('--operations', action='store_true', help='a line for each operation, too')
    parser.add_argument('--json', action='store_true', help='print JSON')
    plugins.add_flag(parser)
    return parser


def widths_given(widths: Tuple[int, ...]) -> Union[int, Tuple[int, ...]]:
    """Return what --channels says: the width of the first stage alone, or one for each stage."""
    return widths[0] if len(widths) == 1 else widths


def main(argv: Sequence[str]) -> int:
    """Count and print. Returns the exit status."""
    options = arguments().parse_args(argv)
    architecture, run = load(options.source)
    channels = widths_given(options.channels) if options.channels else widths_of(run)
    size = options.image_size or image_size_of(run, architecture)
    counted = cost(architecture, channels, size)
    if options.json:
        print(json.dumps(as_dict(counted, size), indent=1))
        return 0
    widths = ', '.join(map(str, counted.widths))
    print(f'{escaped(options.source)} at {widths} channels a stage, images of {size} × {size}')
    print(table(counted, options.operations))
    params, flops, mac = (format_count(getattr(counted, field)) for field in FIELDS)
    print(f'{params} parameters, {flops}FLOPs, {mac} memory accesses')
    if counted.uncounted:
        print('not counted: ' + ', '.join(counted.uncounted))
    return 0


if __name__ == '__main__':
    cli.main(main)
