"""The measured time of every operation at its own shape, for adaptive latency: eq. 10 with time in the place of memory access.

Measured once a device: kept in the cache folder under the device's name, MXNet's version and the shape, and written to the run, which
a resumed run reads back, so that γ stays what it was.
"""
import dataclasses
import json
import os
import subprocess
import time

import mxnet as mx
import numpy as np

from ..data import cache
from ..symbols.blocks import operation_block
from ..symbols.cost import gate_graphs, stage_sizes
from ..symbols.kernels import kernels
from . import rundir
from .checkpoint import write_beside

BATCH, REPEATS = 16, 9
FILE = 'latency.json'


@dataclasses.dataclass(frozen=True)
class Timed:
    """What stands in the place of a LayerCost: seconds an image."""
    latency: float


def measure(name, channels, size, context):
    """Seconds an image of operation `name` with its batch norm, forward, on (BATCH, channels, size, size): the median of REPEATS."""
    kind = kernels('plain' if context.device_type == 'gpu' else 'cpu')
    block = operation_block(name, channels, kind, False, 'latency_')
    block.initialize(ctx=context)
    block.hybridize(static_alloc=True, static_shape=True)
    x = mx.nd.random.normal(shape=(BATCH, channels, size, size), ctx=context)
    times = []
    for turn in range(REPEATS + 2):
        started = time.perf_counter()
        block(x).wait_to_read()
        if turn > 1:
            times.append(time.perf_counter() - started)
    return float(np.median(times)) / BATCH


def device_name(context):
    """The device's name as a key: two machines with one name are taken for equal."""
    if context.device_type == 'gpu':
        try:
            found = subprocess.run(['nvidia-smi', '--query-gpu=name', '--format=csv,noheader', '-i', str(context.device_id)],
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=20)
            return found.stdout.decode('utf-8', 'replace').strip() or 'gpu'
        except (OSError, subprocess.TimeoutExpired):
            return 'gpu'
    return '%s, %s threads' % (rundir.processor() or 'cpu', os.environ.get('OMP_NUM_THREADS', '1'))


def measured(space, image_size, context, run_file=None):
    """{(operation, channels, size): seconds an image} of all shapes in a space; measured where neither run_file nor the cache has it."""
    prefix = '%s | mxnet %s | ' % (device_name(context), mx.__version__)
    cache_file = os.path.join(cache.folder(), FILE)
    known = dict(_read(cache_file), **(_read(run_file) if run_file else {}))
    sizes, widths = stage_sizes(space, image_size), space.widths()
    found, new = {}, {}
    for channels, size in zip(widths, sizes):
        for name in space.operations:
            key = '%s%s | %d channels | %d pixels' % (prefix, name, channels, size)
            if key not in known:
                known[key] = new[key] = measure(name, channels, size, context)
            found[name, channels, size] = known[key]
    if new:
        write_beside(cache_file, json.dumps(dict(_read(cache_file), **new), indent=1).encode('utf-8'))
    return found


def measured_graphs(space, image_size, devices, directory):
    """cost.gate_graphs with Timed in the place of costs: worker 0's times, on all workers. Written to the run's latency.json."""
    run_file = os.path.join(directory.path, FILE)
    sizes, widths = stage_sizes(space, image_size), space.widths()
    shapes = [(name, channels, size) for channels, size in zip(widths, sizes) for name in space.operations]
    times = np.zeros(len(shapes))
    if devices.main:
        found = measured(space, image_size, devices.contexts[0], run_file)
        times = np.array([found[shape] for shape in shapes])
        prefix = '%s | mxnet %s | ' % (device_name(devices.contexts[0]), mx.__version__)
        content = {'%s%s | %d channels | %d pixels' % ((prefix,) + shape): float(found[shape]) for shape in shapes}
        write_beside(run_file, json.dumps(content, indent=1).encode('utf-8'))
    by_shape = dict(zip(shapes, (float(value) for value in devices.total(times))))
    graphs = []
    for index, graph in enumerate(gate_graphs(space, image_size)):
        costs = (Timed(0.0),) * len(graph.costs)
        if index < len(space.scopes):
            stages = [space.stage_of(block) for block in range(space.num_blocks) if space.scope_index(block) == index]
            costs = tuple(Timed(sum(by_shape[name.split('.', 1)[1], widths[stage], sizes[stage]] for stage in stages))
                          for name in graph.operations)
        graphs.append(dataclasses.replace(graph, costs=costs, output_costs=(Timed(0.0),) * len(costs)))
    return graphs


def _read(path):
    try:
        with open(path, encoding='utf-8') as stream:
            content = json.load(stream)
        return {str(key): float(value) for key, value in content.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError, TypeError):
        return {}   # a damaged cache is measured anew
