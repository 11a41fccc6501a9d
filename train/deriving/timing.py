"""Time a run's trained network: the latency of one image, as summary.json and the report tell it."""

from typing import Any, Dict

import mxnet as mx

from ...runfiles import stored
from ...symbols import latency


def timed(folder: str, context: Any) -> Dict[str, Any]:
    """Measure a forward pass of one image through the network of a run directory, as symbols/latency.py does.

    Returns latency_ms and latency (where it was measured), fields of summary.json. Raises UserError, OSError.
    """
    on_gpu = context.device_type == 'gpu'
    net, description = stored.load(folder, context, kernels_kind='plain' if on_gpu else 'cpu')
    net.hybridize(static_alloc=True, static_shape=True)
    size = description.image_size
    seconds = latency.median_seconds(net, mx.nd.random.normal(shape=(1, 3, size, size), ctx=context))
    threads = None if on_gpu else latency.threads()
    return {
        'latency_ms': 1e3 * seconds,
        'latency': {'device': latency.device_name(context), 'batch': 1, 'threads': threads},
    }
