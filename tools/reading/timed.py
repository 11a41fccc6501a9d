"""The measured latency of a run's network in words: how long, run by what, and on which device."""

import re
from typing import Any, List, Mapping

from ...base.text import format_duration
from .runs import Run


def latency(run: Run) -> str:
    """Return '1.9 ms an image in MXNet (batch of 1, AMD EPYC, 1 thread)'; '' where it was not measured.

    It is of the network in MXNet and not of a file that was exported: another runtime takes another time.
    """
    seconds = run.summary.get('latency_ms')
    if seconds is None:
        return ''
    where = run.summary.get('latency')
    known = where if isinstance(where, dict) and where.get('device') else None
    parts = _measured(known) if known else _environment(run.environment)
    return f'{format_duration(seconds / 1000)} an image in MXNet ({", ".join(parts)})'


def _measured(where: Mapping[str, Any]) -> List[str]:
    """Say where it was measured, as the run has it."""
    device = re.sub(r', \d+ threads$', '', str(where['device']))
    return [f'batch of {where.get("batch") or 1}', device, *_threads(where.get('threads'))]


def _environment(environment: Mapping[str, Any]) -> List[str]:
    """Say on what a run worked whose version did not write where it measured."""
    devices = environment.get('devices') or []
    if devices and str(devices[0]).startswith('gpu'):
        return ['batch of 1', str(devices[0])]
    return ['batch of 1', str(environment.get('processor') or 'CPU'), *_threads(environment.get('threads'))]


def _threads(count: Any) -> List[str]:
    return [f'{count} thread{"s" if count > 1 else ""}'] if isinstance(count, int) and count else []
