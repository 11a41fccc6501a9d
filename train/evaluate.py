"""Test a run's trained network: top-1 and top-5 error and loss on the test set, by class on request.

It leaves predictions.npz, and the latency of one image in summary.json. Tests on other data than the run's own, or of the best
parameters, are kept apart, in RUN/evaluations/NAME/.

For example:

    python train/evaluate.py runs/cifar10-share-1 --classes
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
import json
import os
from typing import Optional, Sequence

from dsonas.base import argtypes, cli, files, plugins
from dsonas.base.text import escaped, format_duration
from dsonas.runfiles import checksums
from dsonas.runfiles.directory import RunDirectory
from dsonas.runfiles.summary import update_summary
from dsonas.train.deriving import evaluation
from dsonas.train.deriving.timing import timed
from dsonas.train.runtime.devices import contexts


def arguments(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = cli.parser(__doc__)
    parser.add_argument('run', metavar='RUN', help='run directory with a trained network (network.json)')
    parser.add_argument(
        '--best', action='store_true', help='the parameters of the best test error instead of the last epoch'
    )
    parser.add_argument('--classes', action='store_true', help='errors by class, the worst first')
    parser.add_argument('--json', metavar='FILE', help="write the result to FILE as JSON; '-' prints it alone")
    parser.add_argument(
        '--dataset',
        help='test on another data set; its classes are matched by name, and may be fewer or in another order',
    )
    parser.add_argument(
        '--data-dir', help="where it lies; without it the run's own folder, or for another data set gluon's place"
    )
    parser.add_argument('--batch-size', type=argtypes.BATCH, default=100, help='images a batch')
    parser.add_argument('--gpus', default='', help='GPUs such as 0-7; without it all that MXNet sees, else the CPU')
    parser.add_argument('--cpus', type=argtypes.DEVICES, default=0, help='use that many CPU devices')
    parser.add_argument(
        '--worst',
        type=argtypes.whole(0, 10_000),
        default=36,
        help='how many of the most wrong images predictions.npz keeps',
    )
    plugins.add_flag(parser)
    return parser.parse_args(argv)


def main(argv: Optional[Sequence[str]] = None) -> None:
    """Run the command."""
    given = arguments(argv)
    for line in checksums.changes(given.run):
        cli.tell(f'{os.path.join(given.run, "")}{line}', 'warning: ')
    result = evaluation.evaluate_run(
        given.run, given.best, given.dataset, given.data_dir, given.batch_size, given.gpus, given.cpus, given.worst
    )
    if result['differs']:
        cli.tell(f'not the test of the run itself, and kept apart: {"; ".join(result["differs"])}', 'note: ')
    own = result['predictions']
    latency = timed(given.run, contexts(given.gpus, given.cpus)[0]) if own else {}
    if own:
        update_summary(RunDirectory(given.run).summary, **latency)
    if given.json == '-':
        print(json.dumps(result, indent=1))
        return
    print(evaluation.table(result, given.classes))
    if own:
        milliseconds, device = latency['latency_ms'], latency['latency']['device'].replace(', 1 threads', ', 1 thread')
        print(f'latency of one image: {format_duration(milliseconds / 1000)} on {device}')
    if given.json:
        files.write_json(given.json, result)
    in_place = f', in place of one with {result["replaced"]}' if result['replaced'] else ''
    print(f'{escaped(result["written"])} written{in_place}')


if __name__ == '__main__':
    cli.main(main)
