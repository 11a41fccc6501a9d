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
import dataclasses
import json
import os
import tempfile
from typing import Any, Dict, List, Mapping, Optional, Sequence

import mxnet as mx
import numpy as np

from dsonas.base import cli, machine, plugins
from dsonas.base.errors import UserError
from dsonas.base.text import aligned
from dsonas.runfiles import stored
from dsonas.runfiles.network import gluoncv_name, read_network
from dsonas.symbols import known
from dsonas.symbols.architecture import Architecture
from dsonas.symbols.budget import fit_widths
from dsonas.symbols.cost import cost
from dsonas.symbols.kinds import NetworkKind
from dsonas.symbols.latency import device_name, median_seconds
from dsonas.symbols.network import Network
from dsonas.symbols.sampling import random_like
from dsonas.tools.exporting import onnx_file
from dsonas.tools.reading import runs

SMALL = ('cifar_resnet20_v1', 'cifar_resnet56_v1', 'cifar_resnet110_v1', 'cifar_wideresnet16_10')
LARGE = (
    'mobilenet0.25',
    'mobilenetv2_0.5',
    'mobilenet0.5',
    'mobilenetv2_1.0',
    'mobilenet1.0',
    'resnet18_v1',
    'resnet50_v1',
)
LARGE_FROM = 64  # pixels


@dataclasses.dataclass(frozen=True)
class Subject:
    """A network to be timed. make(kernels_kind): the network with values, on the CPU."""

    name: str
    params: int
    flops: int
    make: object


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = cli.parser(__doc__)
    parser.add_argument('run', metavar='RUN', help='run directory with a retrained network')
    parser.add_argument('--batch', default='1,8,32', metavar='N,...', help='images a pass')
    parser.add_argument('--random', type=int, default=0, metavar='SEED', help='seed of the random architecture')
    parser.add_argument('--gluoncv', metavar='NAME', help='the known network (default: the nearest in parameters)')
    parser.add_argument('--passes', type=int, default=15, help='passes to take the median of, after warm-up')
    parser.add_argument('--gpu', type=int, metavar='N', help='MXNet on this GPU instead of the CPU')
    parser.add_argument('--json', action='store_true', help='print JSON')
    plugins.add_flag(parser)
    return parser


def subjects(folder: str, seed: int = 0, gluoncv: Optional[str] = None) -> List[Subject]:
    """The Subjects of a run directory: its own network, a random one and a known one of like size."""
    runs.import_plugins(folder)
    description = read_network(folder)
    size, classes = description['image_size'], len(description['classes'])
    found = []

    def trained(kind):
        return stored.load(folder, kernels_kind=kind)[0]

    if description['architecture'] is not None:
        architecture = Architecture.from_dict(description['architecture'])
        counted = cost(architecture, description['channels'], size)
        found.append(Subject(description['kind'], counted.params, counted.flops, trained))
        other = random_like(architecture.space, seed, architecture)
        fit = fit_widths(other, ('params', counted.params), size)
        found.append(
            Subject(
                'random %d' % seed,
                fit.cost.params,
                fit.cost.flops,
                lambda kind: _initialised(Network(other, fit.widths, kernels_kind=kind), size),
            )
        )
    else:
        counted = known.count(known.build(gluoncv_name(description.kind) or '', classes), size)
        found.append(Subject(description['kind'], counted.params, counted.flops, trained))
    found.append(_known(gluoncv, classes, size, found[0].params))
    return found


def _known(name, classes, size, params):
    counts = {}
    for candidate in (name,) if name else (LARGE if size >= LARGE_FROM else SMALL):
        counts[candidate] = known.count(known.build(candidate, classes), size)
    name = min(counts, key=lambda candidate: abs(np.log(counts[candidate].params / params)))
    return Subject(
        str(NetworkKind.of_zoo(name)),
        counts[name].params,
        counts[name].flops,
        lambda kind: _initialised(known.build(name, classes), size),
    )


def _initialised(net, size):
    net.initialize()
    net(mx.nd.zeros((1, 3, size, size))).wait_to_read()
    return net


def in_mxnet(subject: Subject, context: mx.Context, kind: str) -> Any:
    """The subject as a function of an NDArray on `context`."""
    net = subject.make(kind)
    net.collect_params().reset_ctx(context)
    net.hybridize(static_alloc=True, static_shape=True)
    return net


def in_onnxruntime(subject: Subject, description: Mapping[str, Any], threads: int) -> Any:
    """The subject as a function of a NumPy array. Raises ImportError, UserError where it cannot be."""
    with tempfile.TemporaryDirectory() as workspace:
        path = os.path.join(workspace, 'network.onnx')
        net = subject.make('plain')
        net.hybridize()
        net(mx.nd.zeros((1, 3, description['image_size'], description['image_size']))).wait_to_read()
        onnx_file.write(net, path, description, False, workspace)
        return onnx_file.session(path, threads)


def measure(
    folder: str,
    batches: Sequence[int] = (1, 8, 32),
    seed: int = 0,
    gluoncv: Optional[str] = None,
    passes: int = 15,
    context: Optional[mx.Context] = None,
) -> Dict[str, Any]:
    """{'machine', 'rows', 'left_out'}: a row for each network, runtime and batch size; what could not be timed, and why."""
    context, description = context or mx.cpu(), read_network(folder)
    threads, size = machine.threads(default=1), description['image_size']
    rows, left_out = [], []
    kind = 'plain' if context.device_type == 'gpu' else 'cpu'
    for subject in subjects(folder, seed, gluoncv):
        runtimes = [('mxnet', in_mxnet(subject, context, kind), lambda x: mx.nd.array(x, ctx=context))]
        try:
            runtimes.append(('onnxruntime', _waiting(in_onnxruntime(subject, description, threads)), _Array))
        except (ImportError, UserError) as error:
            left_out.append('{} in onnxruntime: {}'.format(subject.name, ' '.join(str(error).split())))
        for batch in batches:
            x = np.random.RandomState(0).randn(batch, 3, size, size).astype(np.float32)
            for runtime, function, convert in runtimes:
                seconds = median_seconds(function, convert(x), passes)
                rows.append(
                    {
                        'network': subject.name,
                        'params': subject.params,
                        'flops': subject.flops,
                        'runtime': runtime,
                        'batch': batch,
                        'ms': 1e3 * seconds,
                        'images_per_second': batch / seconds,
                    }
                )
    about = {
        'device': device_name(context),
        'threads': threads,
        'mxnet': mx.__version__,
        'system': machine.describe()['system'],
    }
    return {'run': folder, 'image_size': size, 'machine': about, 'rows': rows, 'left_out': left_out}


class _Array:
    """A NumPy array that can be waited for, as an NDArray can."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def wait_to_read(self) -> None:
        """Nothing: it is there."""


def _waiting(session):
    return lambda held: _Array(session(held.array))


def table(result: Mapping[str, Any]) -> str:
    """The result as text."""
    rows = [('network', 'parameters', 'FLOPs', 'runtime', 'batch', 'ms a pass', 'images/s')]
    for row in result['rows']:
        rows.append(
            (
                row['network'],
                '{:,}'.format(row['params']),
                '{:,}'.format(row['flops']),
                row['runtime'],
                str(row['batch']),
                '{:.2f}'.format(row['ms']),
                '{:.1f}'.format(row['images_per_second']),
            )
        )
    head = '%s, MXNet %s, images of %d × %d' % (
        result['machine']['device'],
        result['machine']['mxnet'],
        result['image_size'],
        result['image_size'],
    )
    return '\n'.join([head] + aligned(rows, left=(0, 3)) + ['left out: ' + reason for reason in result['left_out']])


def main(argv: Sequence[str]) -> int:
    """Measure and print. Returns the exit status."""
    options = arguments().parse_args(argv)
    parts = [part.strip() for part in options.batch.split(',')]
    if not all(part.isdigit() and int(part) > 0 for part in parts):
        raise UserError(f'--batch {options.batch}: accepted are whole numbers above 0, as in 1,8,32')
    if options.passes < 1:
        raise UserError('--passes %d: must be at least 1' % options.passes)
    if options.gpu is not None and not 0 <= options.gpu < mx.context.num_gpus():
        raise UserError('--gpu %d: MXNet sees %d GPUs' % (options.gpu, mx.context.num_gpus()))
    context = mx.gpu(options.gpu) if options.gpu is not None else mx.cpu()
    result = measure(options.run, tuple(map(int, parts)), options.random, options.gluoncv, options.passes, context)
    print(json.dumps(result, indent=1) if options.json else table(result))
    return 0


if __name__ == '__main__':
    cli.main(main)
