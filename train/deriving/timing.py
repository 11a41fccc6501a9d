"""Time a run's trained network: the latency of one image, as summary.json and the report tell it.

It is timed in a process of its own, which has done nothing before: after a test in the same process small operators took ten times as
long, with more than one thread (two OpenMP pools wait for each other's cores).

    python -m dsonas.train.deriving.timing RUN cpu 0
"""

import json
import os
import subprocess
import sys
from typing import Any, Dict

from ...base import plugins

SECONDS = 600  # that a measurement may take


def timed(folder: str, context: Any) -> Dict[str, Any]:
    """Measure a forward pass of one image through the network of a run directory, as symbols/latency.py does.

    Returns latency_ms and latency (where it was measured), fields of summary.json. Raises UserError, OSError.

    Where the other process does not get through, as with operations that only this one knows, it is measured here.
    """
    device = [context.device_type, str(context.device_id)]
    command = [sys.executable, '-m', __name__, os.path.abspath(folder), *device, *plugins.loaded()]
    try:
        run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=SECONDS)
        found: Dict[str, Any] = json.loads(run.stdout.splitlines()[-1]) if run.returncode == 0 else {}
    except (subprocess.TimeoutExpired, ValueError, IndexError):
        found = {}
    return found or measure(folder, context.device_type, context.device_id)


def measure(folder: str, device_type: str, device_id: int) -> Dict[str, Any]:
    """Measure in this process; the fields that `timed` returns. Raises UserError, OSError."""
    import mxnet as mx

    from ...runfiles import stored
    from ...symbols import latency
    from ..searching.latency import where

    on_gpu, context = device_type == 'gpu', mx.Context(device_type, device_id)
    net, description = stored.load(folder, context, kernels_kind='plain' if on_gpu else 'cpu')
    net.hybridize(static_alloc=True, static_shape=True)
    size = description.image_size
    seconds = latency.median_seconds(net, mx.nd.random.normal(shape=(1, 3, size, size), ctx=context))
    return {'latency_ms': 1e3 * seconds, 'latency': where(context)}


if __name__ == '__main__':
    plugins.load(sys.argv[4:])
    print(json.dumps(measure(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
