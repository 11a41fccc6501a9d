"""Run a check in a process with a limit of time, and say how it ended."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

from ...base import children
from ...base.text import clipped
from .checks import FAST_MATH, MODULE

OK, FAILED, SKIPPED = 'ok', 'failed', 'skipped'
LONGEST = 300  # characters of a reason


class Fault(Exception):
    """A check that failed; it says how."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a check ended. detail: the reason, where it is not ok; figures: what it measured, by name."""

    name: str
    status: str
    seconds: float
    detail: str = ''
    figures: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Place:
    """Where checks run. devices: flags of a command, such as ('--gpus', '0,1'); one: the same for the first device alone;
    limit: seconds that a check may take."""

    devices: Tuple[str, ...]
    one: Tuple[str, ...]
    limit: float

    @property
    def on_gpu(self) -> bool:
        return self.devices[0] == '--gpus'


def library(name: str, place: Place) -> Outcome:
    """Run a check of the training library in a process of its own."""
    return timed(name, lambda: _library(name, place))


def timed(name: str, check: Callable[[], Dict[str, Any]]) -> Outcome:
    """Run check(), a function giving the fields of an Outcome, and make one whatever becomes of it."""
    start = time.perf_counter()
    try:
        fields = check()
    except Fault as fault:
        fields = {'status': FAILED, 'detail': str(fault)}
    except Exception as error:  # of any kind: the other checks go on
        fields = {'status': FAILED, 'detail': clipped(f'{type(error).__name__}: {error}', LONGEST)}
    return Outcome(name, seconds=time.perf_counter() - start, **fields)


def _library(name: str, place: Place) -> Dict[str, Any]:
    words = ['-m', MODULE, name, *place.devices]
    settings = {} if name in FAST_MATH else {'NVIDIA_TF32_OVERRIDE': '0'}
    lines = output(words, place.limit, **settings).splitlines()
    try:
        found = json.loads(lines[-1])
        return {key: found[key] for key in ('status', 'detail', 'figures')}
    except (IndexError, ValueError, KeyError, TypeError):
        raise Fault('the check ended without a result') from None


def output(words: Sequence[str], limit: float, **environment: str) -> str:
    """Return what Python prints on stdout for these words. Raises Fault where it fails or takes longer than `limit` seconds."""
    process = subprocess.Popen(
        [sys.executable, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(os.environ, PYTHONIOENCODING='utf-8', **environment),
        start_new_session=True,  # so that what it starts itself ends with it
    )
    try:
        out, error = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        _end(process)
        raise Fault(f'took longer than {limit:g} s') from None
    except BaseException:
        _end(process)
        raise
    if process.returncode:
        raise Fault(_reason(process.returncode, error.decode('utf-8', 'replace')))
    return out.decode('utf-8', 'replace')


def _end(process: children.Child) -> None:
    children.end(process, signal.SIGKILL)
    process.communicate()


def _reason(status: int, text: str) -> str:
    lines: List[str] = [line for line in text.splitlines() if line.strip()]
    last = f': {lines[-1].strip()}' if lines else ''
    if status < 0:
        try:
            return clipped(f'the process was ended by {signal.Signals(-status).name}{last}', LONGEST)
        except ValueError:
            pass
    return clipped(f'the process ended with status {status}{last}', LONGEST)
