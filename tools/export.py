"""Export a run's trained network to ONNX or to MXNet's symbol format, checked on real images, with a model card beside it.

The file takes batches of any size and gives logits. The auxiliary tower, dropout and drop path stay behind. It is written only if its
logits are those of the trained network.

    python tools/export.py runs/mine --onnx mine.onnx
    python tools/export.py runs/mine --symbol mine --normalise
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
import os
from typing import Sequence

from dsonas.base import argtypes, cli, plugins
from dsonas.base.errors import UserError
from dsonas.base.progress import Progress
from dsonas.base.text import escaped
from dsonas.tools.exporting import checking
from dsonas.tools.exporting.delivery import export_onnx, export_symbol, source


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = cli.parser(__doc__)
    parser.add_argument('run', metavar='RUN', help='run directory with a retrained network')
    parser.add_argument('--onnx', metavar='F', help='write ONNX to this file, .onnx')
    parser.add_argument('--symbol', metavar='PREFIX', help='write PREFIX-symbol.json and PREFIX-0000.params')
    parser.add_argument(
        '--normalise', action='store_true', help='normalisation inside: the input is then RGB pixels from 0 to 255'
    )
    parser.add_argument(
        '--data-dir',
        metavar='DIR',
        help="where the data set lies; without it the run's data.dir, or gluon's place where that is empty",
    )
    parser.add_argument('--images', metavar='FOLDER', help='check on the images of this folder instead of the test set')
    parser.add_argument(
        '--tolerance',
        type=argtypes.TOLERANCE,
        default=1e-4,
        help='largest difference of a logit, as a share of the largest logit',
    )
    plugins.add_flag(parser)
    return parser


def main(argv: Sequence[str]) -> int:
    """Export. Returns the exit status: 1 where the file would not compute what the network does."""
    options = arguments().parse_args(argv)
    if not options.onnx and not options.symbol:
        raise UserError('nothing to write: accepted are --onnx F and --symbol PREFIX')
    if options.onnx:
        cli.output_kind(options.onnx, ('onnx',))
    if options.symbol and not os.path.isdir(os.path.dirname(options.symbol) or '.'):
        raise UserError(
            f'--symbol {options.symbol}: there is no folder {os.path.dirname(options.symbol)} to write it to'
        )
    progress = Progress(apart=True)
    with progress.phase('reading the network and images to check it on'):
        opened = source(options.run, options.normalise, options.data_dir, options.images, options.tolerance)
    for target, export in ((options.onnx, export_onnx), (options.symbol, export_symbol)):
        if target:
            try:
                with progress.phase(f'exporting and checking {os.path.basename(target)}'):
                    paths, checked = export(opened, target)
            except checking.Mismatch as error:
                cli.tell(f'nothing written: {error}')
                return 1
            print('\n'.join(map(escaped, paths)))
            difference = f'largest difference {checked.difference:.2g}'
            print(f'checked on {checked.images} images with {checked.runtime}: {difference}')
    return 0


if __name__ == '__main__':
    cli.main(main)
