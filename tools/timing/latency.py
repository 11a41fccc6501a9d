"""Time networks in MXNet and onnxruntime: a run's, a random one and a known one of like size."""

import dataclasses
import functools
import math
import os
import tempfile
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock

from ...base import machine
from ...base.errors import UserError
from ...runfiles import stored
from ...runfiles.network import NetworkDescription, gluoncv_name, read_network
from ...symbols import known
from ...symbols.architecture import Architecture
from ...symbols.budget import fit_widths
from ...symbols.cost import cost
from ...symbols.kinds import NetworkKind
from ...symbols.latency import device_name, median_seconds
from ...symbols.network import Network
from ...symbols.sampling import random_like
from ..exporting import onnx_file
from ..reading import runs

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
WHOLE_BLOCK = 16  # channels: the largest multiple that widths are chosen by


Make = Callable[[str], HybridBlock]  # of kernels_kind, 'plain' or 'cpu': the network with values, on the CPU


@dataclasses.dataclass(frozen=True)
class Subject:
    """A network to be timed."""

    name: str
    params: int
    flops: int
    make: Make


def subjects(folder: str, seed: int = 0, gluoncv: Optional[str] = None) -> List[Subject]:
    """Return the Subjects of a run directory: its own network, a random one and a known one of like size.

    seed: of the random one. gluoncv: name of the known one, None for the nearest in parameters. Raises UserError, OSError.
    """
    runs.import_plugins(folder)
    description = read_network(folder)
    size, classes = description.image_size, len(description.classes)

    def trained(kind: str) -> HybridBlock:
        return stored.load(folder, kernels_kind=kind)[0]

    if description.architecture is None:
        zoo_cost = known.count(known.build(gluoncv_name(description.kind) or '', classes), size)
        found = [Subject(description.kind, zoo_cost.params, zoo_cost.flops, trained)]
    else:
        architecture = Architecture.from_dict(description.architecture)
        counted = cost(architecture, description.channels, size)
        found = [
            Subject(description.kind, counted.params, counted.flops, trained),
            _random(architecture, seed, counted.params, size, functools.reduce(math.gcd, counted.widths, WHOLE_BLOCK)),
        ]
    return [*found, _known(gluoncv, classes, size, found[0].params)]


def _random(architecture: Architecture, seed: int, params: int, size: int, multiple: int) -> Subject:
    """A random architecture with as many edges, scaled to at most `params` parameters, its widths multiples as the other's are."""
    other = random_like(architecture.space, seed, architecture)
    fit = fit_widths(other, ('params', params), size, multiple=multiple)

    def make(kind: str) -> HybridBlock:
        return _initialised(Network(other, fit.widths, kernels_kind=kind), size)

    return Subject(f'random {seed}', fit.cost.params, fit.cost.flops, make)


def _known(name: Optional[str], classes: int, size: int, params: int) -> Subject:
    """The network `name` of gluoncv, by default of those that suit the image size the nearest in parameters."""
    names = (name,) if name else (LARGE if size >= LARGE_FROM else SMALL)
    counts = {candidate: known.count(known.build(candidate, classes), size) for candidate in names}
    nearest = min(counts, key=lambda candidate: abs(float(np.log(counts[candidate].params / params))))

    def make(kind: str) -> HybridBlock:
        return _initialised(known.build(nearest, classes), size)

    return Subject(str(NetworkKind.of_zoo(nearest)), counts[nearest].params, counts[nearest].flops, make)


def _initialised(net: HybridBlock, size: int) -> HybridBlock:
    net.initialize()
    net(mx.nd.zeros((1, 3, size, size))).wait_to_read()
    return net


def in_mxnet(subject: Subject, context: mx.Context, kind: str) -> Any:
    """Return the subject as a function of an NDArray on `context`."""
    net = subject.make(kind)
    net.collect_params().reset_ctx(context)
    net.hybridize(static_alloc=True, static_shape=True)
    return net


def in_onnxruntime(subject: Subject, description: NetworkDescription, threads: int) -> Any:
    """Return the subject as a function of a NumPy array. Raises ImportError, UserError where it cannot be."""
    size = description.image_size
    with tempfile.TemporaryDirectory() as workspace:
        path = os.path.join(workspace, 'network.onnx')
        net = subject.make('plain')
        net.hybridize()
        net(mx.nd.zeros((1, 3, size, size))).wait_to_read()
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
    threads = machine.threads(default=1)
    rows: List[Dict[str, Any]] = []
    left_out: List[str] = []
    for subject in subjects(folder, seed, gluoncv):
        runtimes = [_mxnet(subject, context)]
        try:
            runtimes.append(_onnxruntime(subject, description, threads))
        except (ImportError, UserError) as error:
            left_out.append(f'{subject.name} in onnxruntime: {" ".join(str(error).split())}')
        for batch in batches:
            rows += [_row(subject, runtime, batch, description.image_size, passes) for runtime in runtimes]
    about = {
        'device': device_name(context),
        'threads': threads,
        'mxnet': mx.__version__,
        'system': machine.describe()['system'],
    }
    return {
        'run': folder,
        'image_size': description.image_size,
        'machine': about,
        'rows': rows,
        'left_out': left_out,
    }


Runtime = Tuple[str, Any, Callable[[np.ndarray], Any]]  # name, the network as a function, what makes its input


def _mxnet(subject: Subject, context: mx.Context) -> Runtime:
    net = in_mxnet(subject, context, 'plain' if context.device_type == 'gpu' else 'cpu')
    return 'mxnet', net, lambda images: mx.nd.array(images, ctx=context)


def _onnxruntime(subject: Subject, description: NetworkDescription, threads: int) -> Runtime:
    session = in_onnxruntime(subject, description, threads)
    return 'onnxruntime', lambda images: _Array(session(images.array)), _Array


def _row(subject: Subject, runtime: Runtime, batch: int, size: int, passes: int) -> Dict[str, Any]:
    name, function, convert = runtime
    images = np.random.RandomState(0).randn(batch, 3, size, size).astype(np.float32)
    seconds = median_seconds(function, convert(images), passes)
    return {
        'network': subject.name,
        'params': subject.params,
        'flops': subject.flops,
        'runtime': name,
        'batch': batch,
        'ms': 1e3 * seconds,
        'images_per_second': batch / seconds,
    }


class _Array:
    """A NumPy array that can be waited for, as an NDArray can."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def wait_to_read(self) -> None:
        """Nothing: it is there."""
