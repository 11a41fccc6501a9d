"""Where the time of a step goes: share of time by operator, from MXNet's profiler."""

import json
import os
import tempfile
from typing import Any, Dict, List, Mapping

STEPS = 2


def profile(stepper: Any) -> Dict[str, List[Dict[str, Any]]]:
    """{'w': [{'operator', 'share', 'seconds', 'calls'}], 'lambda': …} a step, the dearest first. stepper: bench_worker.Stepper, warm.

    An operator's name with '_backward_' before it is its gradient. Set MXNET_EXEC_BULK_EXEC_TRAIN=0 before MXNet is imported, or
    operators hide in bulks.
    """
    import mxnet as mx

    found = {}
    with tempfile.TemporaryDirectory() as folder:
        mx.profiler.set_config(
            profile_all=False,
            profile_symbolic=True,
            profile_imperative=True,
            aggregate_stats=True,
            filename=os.path.join(folder, 'profile.json'),
        )  # MXNet deletes what stands there: no device file
        for kind in ('w', 'lambda'):
            stepper.step(kind)
            mx.profiler.set_state('run')
            for _ in range(STEPS):
                stepper.step(kind)
            mx.profiler.set_state('stop')
            found[kind] = table(json.loads(mx.profiler.dumps(reset=True, format='json')))
    return found


def table(dumped: Mapping[str, Any]) -> List[Dict[str, Any]]:
    """Rows of the profiler's JSON, of operators alone."""
    rows = {
        name: row for name, row in dumped.get('Time', {}).get('operator', {}).items() if not name.startswith('Delete')
    }
    total = sum(row['Total'] for row in rows.values()) or 1.0
    table = [
        {
            'operator': name,
            'share': row['Total'] / total,
            'seconds': row['Total'] / 1e3 / STEPS,
            'calls': row['Count'] / STEPS,
        }
        for name, row in rows.items()
    ]
    return sorted(table, key=lambda row: -row['share'])
