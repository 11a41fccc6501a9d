"""Measured time in the place of counted cost: of every operation at its own shape, for adaptive latency; of a whole network, for a budget.

Conventions. An operation's time is seconds an image of a forward pass with its batch norm, at BATCH images a pass; what the network around
it costs is in no operation's time. A network's time is seconds of a forward pass of one image (its latency, not its throughput). Both are
the median of several passes after warm-up. Times are kept in a JSON file by device, threads, MXNet's version and shape, so that each is
measured once; two machines whose devices have one name are taken for equal.
"""

import contextlib
import ctypes
import dataclasses
import hashlib
import json
import os
import statistics
import subprocess
import time
from typing import Optional

import mxnet as mx

from ..base import files, machine
from .backend.kernels import kernels
from .blocks import operation_block
from .cost import gate_graphs, stage_sizes
from .network import Network

BATCH = 16
WARM_UP, PASSES = 3, 9
FILE = 'latency.json'


@dataclasses.dataclass(frozen=True)
class Timed:
    """What stands in the place of a LayerCost in a GateGraph. latency: seconds an image."""

    latency: float


class Stopwatch:
    """Times on one device, kept in a file.

    context: the device. path: JSON file of times; None keeps them in memory alone. A damaged file is measured anew, one that cannot be
    written costs the next run its measuring and nothing else.
    """

    def __init__(self, context, path=None, passes=PASSES):
        self.context, self.path, self.passes = context, path, passes
        self.device = f'{device_name(context)} | mxnet {mx.__version__}'
        self.kernels_kind = 'plain' if context.device_type == 'gpu' else 'cpu'
        self._known = read(path) if path else {}

    def operation(self, name, channels, size):
        """Seconds an image of a registered operation with its batch norm on (BATCH, channels, size, size)."""

        def measure():
            block = operation_block(name, channels, kernels(self.kernels_kind), False, 'latency_')
            return self._forward(block, (BATCH, channels, size, size)) / BATCH

        return self.keep(f'{name} | {channels} channels | {size} pixels', measure)

    def network(self, architecture, channels, image_size):
        """Seconds in which the network of an Architecture answers for one image. channels: as for Network."""

        def measure():
            return self._forward(
                Network(architecture, widths, kernels_kind=self.kernels_kind), (1, 3, image_size, image_size)
            )

        widths = architecture.space.widths(channels)
        digest = hashlib.sha256(json.dumps(architecture.to_dict(), sort_keys=True).encode()).hexdigest()[:16]
        return self.keep(f'network {digest} | {",".join(map(str, widths))} channels | {image_size} pixels', measure)

    def widths(self, architecture, image_size):
        """The measure for budget.fit_widths: a function of one width a stage giving seconds an image."""
        return lambda widths: self.network(architecture, widths, image_size)

    def keep(self, what, measure):
        """The time that is known of `what` on this device, else what `measure()` finds, which is then known."""
        key = f'{self.device} | {what}'
        if key not in self._known:
            self._known[key] = measure()
            if self.path:
                write(self.path, dict(read(self.path), **{key: self._known[key]}))
        return self._known[key]

    def _forward(self, block, shape):
        block.initialize(ctx=self.context)
        block.hybridize(static_alloc=True, static_shape=True)
        return median_seconds(block, mx.nd.random.normal(shape=shape, ctx=self.context), self.passes)


def median_seconds(function, x, passes=PASSES):
    """Seconds of function(x), the median of several calls after warm-up; x and what comes out are NDArrays."""
    x.wait_to_read()
    times = []
    for _ in range(WARM_UP + passes):
        started = time.perf_counter()
        function(x).wait_to_read()
        times.append(time.perf_counter() - started)
    return statistics.median(times[WARM_UP:])


def shapes(space, image_size):
    """Every (operation name, channels, pixels) of a space, stage by stage."""
    return [
        (name, channels, size)
        for channels, size in zip(space.widths(), stage_sizes(space, image_size))
        for name in space.operations
    ]


def timed_graphs(space, image_size, seconds):
    """cost.gate_graphs with Timed for what operations cost: the sum over the blocks that a λ vector serves.

    seconds: {(operation name, channels, pixels): seconds an image} of all `shapes`, such as
    {shape: stopwatch.operation(*shape) for shape in shapes(space, image_size)}. The columns of R and the branches of reduction blocks
    cost nothing here.
    """
    sizes, widths = stage_sizes(space, image_size), space.widths()
    graphs = []
    for index, graph in enumerate(gate_graphs(space, image_size)):
        costs = (Timed(0.0),) * len(graph.costs)
        if index < len(space.scopes):
            stages = [space.stage_of(block) for block in range(space.num_blocks) if space.scope_index(block) == index]
            costs = tuple(
                Timed(sum(seconds[space.operations[place], widths[stage], sizes[stage]] for stage in stages))
                for _, place in space.nodes()
            )
        graphs.append(dataclasses.replace(graph, costs=costs, output_costs=(Timed(0.0),) * len(costs)))
    return graphs


def device_name(context):
    """A device's name as it stands for its speed: the GPU's, or the processor's with its threads."""
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


def read(path):
    """{key: seconds} of a file of times; {} where it is missing or damaged."""
    try:
        with open(path, encoding='utf-8') as stream:
            return {str(key): float(value) for key, value in json.load(stream).items() if float(value) > 0}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def write(path, times):
    """Write {key: seconds}, whole or not at all; nothing where the folder cannot be written to."""
    with contextlib.suppress(OSError):
        files.write_json(path, times, sort_keys=True)
