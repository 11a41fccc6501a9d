"""Measure latency in a run, for γ and for the budget of the derived network: the times of symbols/latency.py, the same on all workers and
whenever the run goes on.

Times are kept in the cache folder, where every run on this machine finds them, and written to the run's latency.json; a resumed run
reads them from there, so that γ and widths stay what they were.
"""

import functools
import os
from typing import Any, Dict, Mapping, Optional

import numpy as np

from ...base import cache
from ...base.errors import UserError
from ...base.text import format_bytes
from ...runfiles.directory import RunDirectory
from ...symbols import latency
from ...symbols.architecture import Architecture
from ...symbols.budget import Fit, fit_widths, parse_budgets
from ...symbols.memory import network_bytes
from ...symbols.multiples import Widths
from ...symbols.space import SearchSpace
from ..engine.checks import free_memory
from ..runtime.devices import Devices

FILE = latency.FILE


def measured_graphs(space: SearchSpace, image_size: int, devices: Devices, directory: RunDirectory) -> Any:
    """Return cost.gate_graphs with worker 0's times in the place of costs, on all workers. Leaves the run's latency.json."""
    shapes = latency.shapes(space, image_size)
    seconds: Any = np.zeros(len(shapes))
    if devices.main:
        cached = latency.Stopwatch(devices.contexts[0], os.path.join(cache.folder(), FILE))
        own = latency.Stopwatch(devices.contexts[0], os.path.join(directory.path, FILE))
        seconds = [
            own.keep('%s | %d channels | %d pixels' % shape, functools.partial(cached.operation, *shape))
            for shape in shapes
        ]
    shared = devices.total(seconds) if devices.distributed else seconds
    return latency.timed_graphs(space, image_size, dict(zip(shapes, (float(value) for value in shared))))


def summarised(budget: Mapping[str, Any], devices: Devices) -> Dict[str, Any]:
    """Return what summary.json holds of a network's latency: nothing where the budget is another. budget: a BudgetSummary."""
    if budget['kind'] != 'latency':
        return {}
    return {'latency_ms': 1e3 * budget['reached'], 'latency': where(devices.contexts[0])}


def where(context: Any) -> Dict[str, Any]:
    """Return where the latency of one image is measured, as summary.json has it (LatencySummary). context: the device."""
    threads = latency.threads() if context.device_type == 'cpu' else None
    return {'device': latency.device_name(context), 'batch': 1, 'threads': threads}


def fitted(
    architecture: Architecture,
    budget: str,
    image_size: int,
    devices: Devices,
    directory: RunDirectory,
    multiple: Optional[int] = None,
) -> Fit:
    """Fit widths as budget.fit_widths does, for a budget of any kind; latency is measured on the first device. Raises UserError."""
    if parse_budgets(budget)[0][0] != 'latency':
        return fit_widths(architecture, budget, image_size, multiple=multiple)
    if devices.distributed:
        raise UserError(
            f'retrain.budget={budget}: workers would measure different times; fit it on one machine, then give the widths that its '
            'summary.json names as retrain.channels'
        )
    own = latency.Stopwatch(devices.contexts[0], os.path.join(directory.path, FILE))
    seconds = own.widths(architecture, image_size)

    def measure(widths: Widths) -> float:
        needed, (free, where) = network_bytes(architecture, widths, 1, image_size), free_memory(devices.contexts)
        if free is not None and needed > free:
            raise UserError(
                f'retrain.budget={budget}: a network of {", ".join(map(str, widths))} channels is still to be measured, which takes about '
                f'{format_bytes(needed)}, more than the {format_bytes(free)} that are free {where}; lower the budget'
            )
        return seconds(widths)

    return fit_widths(architecture, budget, image_size, measure, multiple)
