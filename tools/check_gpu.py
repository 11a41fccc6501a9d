"""Check that this machine's GPUs compute what the CPU computes, and measure memory and speed, in about five minutes.

Kernels forward and backward, steps of the search and of the derived network, exchange of gradients between devices, mixed precision,
and a run from search to export are each a check of its own, whose failure leaves the others going. The last line is to be pasted
into a report. Exit status: 0; 1 where a check failed; 2 where there is no GPU.

    python tools/check_gpu.py                  # all GPUs
    python tools/check_gpu.py --gpus 0 --json
    python tools/check_gpu.py --cpu            # the same checks on CPU devices, as far as they can be made there
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
import collections
from typing import Dict, List, Sequence, Tuple

import mxnet as mx

from dsonas.base import argtypes, cli
from dsonas.base.errors import UserError
from dsonas.base.text import shown
from dsonas.symbols.latency import device_name
from dsonas.tools.selfcheck import commands, report, running
from dsonas.tools.selfcheck.checks import ALL, COMMANDS

CPU_DEVICES = 2
LIMIT = 300.0  # seconds of a check
FEATURES = ('CUDA', 'CUDNN', 'NCCL', 'MKLDNN')
BY_COMMAND = {'run': commands.run, 'processes': commands.processes}


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = cli.parser(__doc__)
    devices = parser.add_mutually_exclusive_group()
    devices.add_argument('--gpus', metavar='N,N,…', type=argtypes.wholes(0, 63), help='GPUs such as 0,2 (default: all)')
    devices.add_argument('--cpu', action='store_true', help=f'{CPU_DEVICES} CPU devices in the place of GPUs')
    parser.add_argument('--only', metavar='NAME,…', help=f'these checks alone, of: {", ".join(ALL)}')
    parser.add_argument('--limit', type=argtypes.SECONDS, default=LIMIT, help='seconds that one check may take')
    parser.add_argument('--json', action='store_true', help='print JSON instead of a table')
    return parser


def place(gpus: Sequence[int], cpu: bool, limit: float) -> running.Place:
    """Return where to run: the GPUs named, all of them, or CPU devices. Raises UserError where there is no such GPU."""
    if cpu:
        return running.Place(('--cpus', str(CPU_DEVICES)), ('--cpus', '1'), limit)
    seen = gpus_seen()
    if not seen:
        build = 'built for GPUs; is there a driver?' if 'CUDA' in features() else 'built for CPUs'
        raise UserError(f'this MXNet sees no GPU ({build}); --cpu runs the same checks on CPU devices')
    wanted = list(dict.fromkeys(gpus)) or list(range(seen))
    if max(wanted) >= seen:
        raise UserError(f'--gpus {",".join(map(str, gpus))}: MXNet sees GPUs 0 to {seen - 1} here')
    return running.Place(('--gpus', ','.join(map(str, wanted))), ('--gpus', str(wanted[0])), limit)


def gpus_seen() -> int:
    """Count the GPUs that MXNet sees; 0 without a driver."""
    try:
        return int(mx.context.num_gpus())
    except mx.base.MXNetError:
        return 0


def features() -> List[str]:
    """Return which of CUDA, cuDNN, NCCL and oneDNN this MXNet is built with, by MXNet's names."""
    enabled = mx.runtime.Features()
    return [name for name in FEATURES if name in enabled and enabled.is_enabled(name)]


def chosen(only: str) -> List[str]:
    """Return the names of the checks to run, in their order. Raises UserError."""
    names = [name.strip() for name in only.split(',')] if only else list(ALL)
    for name in names:
        if name not in ALL:
            raise UserError(f'--only {shown(only)}: {shown(name)} is no check; there are {", ".join(ALL)}')
    return [name for name in ALL if name in names]


def device_names(where: running.Place) -> List[str]:
    """Return '2 × NAME' for each kind of device that is looked at."""
    if not where.on_gpu:
        return [f'{where.devices[1]} CPU devices of {device_name(mx.cpu(0))}']
    counts: Dict[str, int] = collections.Counter(
        device_name(mx.gpu(int(number))) for number in where.devices[1].split(',')
    )
    return [f'{count} × {name}' for name, count in counts.items()]


def run(names: Sequence[str], where: running.Place, quiet: bool) -> Tuple[running.Outcome, ...]:
    """Run the checks, each with its row as it ends."""
    outcomes = []
    for name in names:
        outcome = BY_COMMAND[name](where) if name in COMMANDS else running.library(name, where)
        outcomes.append(outcome)
        if not quiet:
            print(report.row(outcome), flush=True)
    return tuple(outcomes)


def main(argv: Sequence[str]) -> int:
    """Run the checks and report. Returns 1 where one failed."""
    options = arguments().parse_args(argv)
    names = chosen(options.only)
    where = place(options.gpus or (), options.cpu, options.limit)
    if not options.json:
        print(report.heading())
    outcomes = run(names, where, options.json)
    described = report.describe(device_names(where), features())
    print(report.as_json(outcomes, described) if options.json else report.last_line(outcomes, described))
    return int(any(outcome.status == running.FAILED for outcome in outcomes))


if __name__ == '__main__':
    cli.main(main)
