"""How fast are they? Latency and throughput of a run's network, of a random one and a known one of like size, in MXNet and onnxruntime.

The random architecture has as many edges as the run's and is scaled to its parameters; the known network is the nearest in parameters of
those in gluoncv that suit the image size, or --gluoncv. Neither needs training to be timed. Times are the median of several passes.

    OMP_NUM_THREADS=1 python tools/bench_latency.py runs/mine --batch 1,32
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
from typing import Any, Mapping, Sequence

import mxnet as mx

from dsonas.base import argtypes, cli, limits, plugins
from dsonas.base.errors import UserError
from dsonas.base.text import aligned
from dsonas.tools.timing.latency import measure


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = cli.parser(__doc__)
    parser.add_argument('run', metavar='RUN', help='run directory with a retrained network')
    parser.add_argument(
        '--batch', type=argtypes.wholes(1, limits.BATCH), default='1,8,32', metavar='N,...', help='images a pass'
    )
    parser.add_argument(
        '--random', type=argtypes.SEED, default=0, metavar='SEED', help='seed of the random architecture'
    )
    parser.add_argument('--gluoncv', metavar='NAME', help='the known network (default: the nearest in parameters)')
    parser.add_argument(
        '--passes', type=argtypes.whole(1, 1_000_000), default=15, help='passes to take the median of, after warm-up'
    )
    parser.add_argument('--gpu', type=argtypes.GPU, metavar='N', help='MXNet on this GPU instead of the CPU')
    parser.add_argument('--json', action='store_true', help='print JSON')
    plugins.add_flag(parser)
    return parser


def table(result: Mapping[str, Any]) -> str:
    """The result as text."""
    rows = [('network', 'parameters', 'FLOPs', 'runtime', 'batch', 'ms a pass', 'images/s')]
    for row in result['rows']:
        counts = f'{row["params"]:,}', f'{row["flops"]:,}'
        times = f'{row["ms"]:.2f}', f'{row["images_per_second"]:.1f}'
        rows.append((row['network'], *counts, row['runtime'], str(row['batch']), *times))
    size, about = result['image_size'], result['machine']
    head = f'{about["device"]}, MXNet {about["mxnet"]}, images of {size} × {size}'
    return '\n'.join([head] + aligned(rows, left=(0, 3)) + [f'left out: {reason}' for reason in result['left_out']])


def main(argv: Sequence[str]) -> int:
    """Measure and print. Returns the exit status."""
    options = arguments().parse_args(argv)
    if options.gpu is not None and not options.gpu < mx.context.num_gpus():
        raise UserError(f'--gpu {options.gpu}: MXNet sees {mx.context.num_gpus()} GPUs')
    context = mx.gpu(options.gpu) if options.gpu is not None else mx.cpu()
    result = measure(options.run, options.batch, options.random, options.gluoncv, options.passes, context)
    print(json.dumps(result, indent=1) if options.json else table(result))
    return 0


if __name__ == '__main__':
    cli.main(main)
