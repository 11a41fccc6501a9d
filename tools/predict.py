"""Classify image files with a run's trained network: class names and probabilities, as a table, JSON or CSV.

Images are prepared as those of the test set were. A file that cannot be read is named on stderr and passed over; the exit status is then 1.

    python tools/predict.py runs/mine photo.jpg more/ --top 3
    python tools/predict.py runs/mine photos/ --format csv > classes.csv
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
import sys
from typing import Sequence

import mxnet as mx

from dsonas.base import argtypes, cli, plugins
from dsonas.base.errors import UserError
from dsonas.data.decode import BadImage
from dsonas.runfiles import checksums
from dsonas.tools.using.formats import FORMATS
from dsonas.tools.using.predictor import Predictor, find_images, ranked


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = cli.parser(__doc__)
    parser.add_argument('run', metavar='RUN', help='run directory with a retrained network')
    parser.add_argument(
        'images', metavar='IMAGE', nargs='+', help='image files, and folders, which are searched to any depth'
    )
    parser.add_argument(
        '--top', type=argtypes.POSITIVE, default=3, metavar='K', help='so many of the most probable classes'
    )
    parser.add_argument('--format', choices=tuple(FORMATS), default='table', help='how to print them')
    parser.add_argument('--batch-size', type=argtypes.BATCH, default=32, help='images at a time')
    parser.add_argument('--gpu', type=argtypes.GPU, metavar='N', help='on this GPU instead of the CPU')
    plugins.add_flag(parser)
    return parser


def main(argv: Sequence[str]) -> int:
    """Predict and print. Returns the exit status."""
    options = arguments().parse_args(argv)
    if options.gpu is not None and not options.gpu < mx.context.num_gpus():
        raise UserError(f'--gpu {options.gpu}: MXNet sees {mx.context.num_gpus()} GPUs')
    for line in checksums.changes(options.run):
        cli.tell(f'{os.path.join(options.run, "")}{line}', 'warning: ')
    predictor = Predictor(options.run, mx.gpu(options.gpu) if options.gpu is not None else None)
    top = min(options.top, len(predictor.classes))
    paths, bad = list(find_images(options.images)), []

    def failed(error: BadImage) -> None:
        bad.append(error)
        cli.tell(cli.one_line(error))

    rows = (
        (os.fspath(path), ranked(row, predictor.classes, top))
        for path, row in predictor.files(paths, options.batch_size, failed)
    )
    FORMATS[options.format](rows, top, sys.stdout)
    if bad:
        print(f'{len(bad)} of {len(paths)} images could not be read', file=sys.stderr)
    return 1 if bad else 0


if __name__ == '__main__':
    cli.main(main)
