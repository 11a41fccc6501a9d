"""Measured time in the place of counted cost: of each operation at its own shape, for adaptive latency; of a network, for a budget.

Conventions. An operation's time is seconds an image of a forward pass with its batch norm, at BATCH images a pass; the network around
it is in no operation's time. A network's time is seconds of a forward pass of one image (its latency, not its throughput). Both are
the median of several passes after warm-up. Times are kept in a JSON file by device, threads, MXNet's version and shape, so that each is
measured once; two machines whose devices have the same name are taken for equal.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import hashlib
import json
import os
import statistics
import subprocess
import time
from typing import Callable, Dict, List, Mapping, Optional, Tuple

import mxnet as mx

from ..base import cli, documents, files, machine
from ..base.errors import UserError
from ..base.fields import is_number
from ..base.text import shown
from .architecture import Architecture
from .backend.kernels import kernels
from .backend.types import Block, Context, NDArray, Shape
from .blocks import operation_block
from .cost import GateGraph, Part, gate_graphs, stage_sizes, stages_served
from .multiples import Measure
from .network import Network
from .space import Channels, SearchSpace

BATCH = 16
WARM_UP, PASSES = 3, 9
FILE = 'latency.json'
LONGEST = 1e5  # seconds


@dataclasses.dataclass(frozen=True)
class Timed:
    """The measured time of an operation, in the place of a LayerCost in a GateGraph. latency: seconds an image."""

    latency: float


class Stopwatch:
    """Measurement of times on one device, kept in a file.

    context: the device. path: JSON file of times; None keeps them in memory alone. A damaged file is measured again; where it
    cannot be written, the next run measures again.
    """

    def __init__(self, context: Context, path: Optional[str] = None, passes: int = PASSES) -> None:
        self.context, self.path, self.passes = context, path, passes
        self.device = f'{device_name(context)} | mxnet {mx.__version__}'
        self.kernels_kind = 'plain' if context.device_type == 'gpu' else 'cpu'
        self._known = read(path) if path else {}

    def operation(self, name: str, channels: int, size: int) -> float:
        """Return the seconds an image of a registered operation with its batch norm on (BATCH, channels, size, size)."""

        def measure() -> float:
            block = operation_block(name, channels, kernels(self.kernels_kind), False, 'latency_')
            return self._forward(block, (BATCH, channels, size, size)) / BATCH

        return self.keep(f'{name} | {channels} channels | {size} pixels', measure)

    def network(self, architecture: Architecture, channels: Optional[Channels], image_size: int) -> float:
        """Return the seconds of a forward pass of the network of an architecture on one image. channels: as for Network."""

        def measure() -> float:
            return self._forward(
                Network(architecture, widths, kernels_kind=self.kernels_kind), (1, 3, image_size, image_size)
            )

        widths = architecture.space.widths(channels)
        digest = hashlib.sha256(json.dumps(architecture.to_dict(), sort_keys=True).encode()).hexdigest()[:16]
        return self.keep(f'network {digest} | {",".join(map(str, widths))} channels | {image_size} pixels', measure)

    def widths(self, architecture: Architecture, image_size: int) -> Measure:
        """Return the measure for budget.fit_widths: a function of one width a stage giving seconds an image."""
        return lambda widths: self.network(architecture, widths, image_size)

    def keep(self, subject: str, measure: Callable[[], float]) -> float:
        """Return the known time of `subject` on this device, else the result of `measure()`, which is kept."""
        key = f'{self.device} | {subject}'
        if key not in self._known:
            self._known[key] = measure()
            if self.path:
                write(self.path, dict(read(self.path), **{key: self._known[key]}))
        return self._known[key]

    def _forward(self, block: Block, shape: Shape) -> float:
        block.initialize(ctx=self.context)
        block.hybridize(static_alloc=True, static_shape=True)
        return median_seconds(block, mx.nd.random.normal(shape=shape, ctx=self.context), self.passes)


def median_seconds(function: Callable[[NDArray], NDArray], x: NDArray, passes: int = PASSES) -> float:
    """Return the seconds of function(x), the median of several calls after warm-up; x and the result are NDArrays."""
    x.wait_to_read()
    times = []
    for _ in range(WARM_UP + passes):
        started = time.perf_counter()
        function(x).wait_to_read()
        times.append(time.perf_counter() - started)
    return statistics.median(times[WARM_UP:])


def shapes(space: SearchSpace, image_size: int) -> List[Tuple[str, int, int]]:
    """List every (operation name, channels, pixels) of a space, stage by stage."""
    return [
        (name, channels, size)
        for channels, size in zip(space.widths(), stage_sizes(space, image_size))
        for name in space.operations
    ]


def timed_graphs(
    space: SearchSpace, image_size: int, seconds: Mapping[Tuple[str, int, int], float]
) -> List[GateGraph[Timed]]:
    """Return cost.gate_graphs with each operation's cost as a Timed: the sum over the blocks that a λ vector serves.

    seconds: {(operation name, channels, pixels): seconds an image} of all `shapes`, such as
    {shape: stopwatch.operation(*shape) for shape in shapes(space, image_size)}. The columns of R and the branches of reduction blocks
    cost nothing here.
    """
    sizes, widths = stage_sizes(space, image_size), space.widths()
    graphs = []
    for index, graph in enumerate(gate_graphs(space, image_size)):
        nothing = (Timed(0.0),) * len(graph.costs)
        costs = nothing
        if graph.part is Part.BLOCK:
            stages = stages_served(space, index)
            names = [space.operations[node.operation] for node in space.nodes()]
            costs = tuple(Timed(sum(seconds[name, widths[stage], sizes[stage]] for stage in stages)) for name in names)
        fields = (graph.name, graph.part, graph.source, graph.target, graph.ungated, graph.operations)
        graphs.append(GateGraph(*fields, costs=costs, output_costs=nothing))
    return graphs


def device_name(context: Context) -> str:
    """Return the name of a device by which times are kept: the GPU's, or the processor's with its threads."""
    if context.device_type == 'gpu':
        try:
            found = subprocess.run(
                ['nvidia-smi', '--query-gpu=name', '--format=csv,noheader', '-i', str(context.device_id)],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=20,
            )
            return found.stdout.decode('utf-8', 'replace').strip() or 'gpu'
        except (OSError, subprocess.TimeoutExpired):
            return 'gpu'
    return f'{machine.processor() or "cpu"}, {threads() or machine.omp_num_threads() or 1} threads'


def threads() -> Optional[int]:
    """Count the threads that share an operator of MXNet on the CPU, as its OpenMP library has it; None where that cannot be asked.

    It is OMP_NUM_THREADS where that is set.  Else MXNet takes half of the cores that it may use (all, but on x86), and at most
    MXNET_OMP_MAX_THREADS.
    """
    try:
        count = ctypes.CDLL(mx.libinfo.find_lib_path()[0]).omp_get_max_threads()
    except (OSError, AttributeError, IndexError):
        return None
    limit = os.environ.get('MXNET_OMP_MAX_THREADS')
    return min(count, int(limit)) if limit and not os.environ.get('OMP_NUM_THREADS') else count


def read(path: str) -> Dict[str, float]:
    """Read {key: seconds} from a file of times; {} where it is missing or, with a line on stderr, damaged."""
    if not os.path.exists(path):
        return {}
    try:
        times = documents.read_json(path)
        if not isinstance(times, dict):
            raise UserError(f'{path}: holds no times by name')
        for key, value in times.items():
            if not is_number(value) or not 0 < value < LONGEST:
                raise UserError(f'{path}: {shown(key)} is {shown(value)}; accepted is a number of seconds')
    except (UserError, OSError) as error:
        cli.tell(f'{cli.one_line(error)}. Its times are measured anew', 'warning: ')
        return {}
    return times


def write(path: str, times: Mapping[str, float]) -> None:
    """Write {key: seconds}, whole or not at all; nothing where the folder cannot be written to."""
    with contextlib.suppress(OSError):
        files.write_json(path, times, sort_keys=True)
