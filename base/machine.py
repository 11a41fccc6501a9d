"""What a reader needs to know of the machine to understand numbers measured on it."""

from __future__ import annotations

import importlib
import os
import platform
from typing import Any, Dict, Optional

GIGABYTE = 1e9
BLOCKS = (('avx512f', 16), ('avx2', 8))  # flag of /proc/cpuinfo, channels of a block of oneDNN
CONTROL_GROUPS = (  # files of (the most memory, what is taken, and of what), bytes; the field of the last that can be given back
    ('/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory.current', '/sys/fs/cgroup/memory.stat', 'inactive_file'),
    (
        '/sys/fs/cgroup/memory/memory.limit_in_bytes',
        '/sys/fs/cgroup/memory/memory.usage_in_bytes',
        '/sys/fs/cgroup/memory/memory.stat',
        'total_inactive_file',
    ),
)


def processor() -> str:
    """Return the processor's name, as far as the system tells; '' where it does not."""
    return _first('/proc/cpuinfo', 'model name') or platform.processor()


def cores() -> int:
    """Return how many logical processors the machine has."""
    return os.cpu_count() or 1


def omp_num_threads() -> str:
    """Return OMP_NUM_THREADS as it is set; '' where it is not."""
    return os.environ.get('OMP_NUM_THREADS', '')


def threads(default: Optional[int] = None, text: Optional[str] = None) -> int:
    """Return the first number of OMP_NUM_THREADS, else `default`, else the number of cores. What MXNet takes unasked is not known here.

    text: another value than that of the environment.
    """
    first = (omp_num_threads() if text is None else text).split(',')[0].strip()
    number = int(first) if first.isdecimal() and len(first) < 10 else 0
    return number or default or cores()


def memory_gb() -> Optional[float]:
    """Return the machine's memory in GB (10^9 bytes); None where the system does not tell."""
    kilobytes = _first('/proc/meminfo', 'MemTotal').split()
    return round(int(kilobytes[0]) * 1024 / GIGABYTE, 1) if kilobytes and kilobytes[0].isdecimal() else None


def free_memory() -> Optional[float]:
    """Return how many bytes of memory this process may still take, also within its control group; None where the system does not tell."""
    words = _first('/proc/meminfo', 'MemAvailable').split()
    free = [int(words[0]) * 1024.0] if words and words[0].isdecimal() else []
    for most, taken, parts, cached in CONTROL_GROUPS:
        limit, used = _number(most), _number(taken)
        if limit is not None and used is not None:
            given_back = _first(
                parts, cached, ' '
            )  # of files that were read: a container that has read much is not full
            free.append(max(0.0, limit - used + (float(given_back) if given_back.isdecimal() else 0.0)))
    return min(free, default=None)


def load() -> Optional[float]:
    """Return the mean number of processes that were at work in the last minute; None where the system does not tell."""
    return round(os.getloadavg()[0], 2) if hasattr(os, 'getloadavg') else None


def width_multiple() -> int:
    """Return how many channels of single precision this processor's kernels keep side by side: 16 with AVX-512, 8 with AVX2, else 1.

    1 where the system does not tell the processor's instructions.
    """
    flags = _first('/proc/cpuinfo', 'flags').split()
    return next((channels for flag, channels in BLOCKS if flag in flags), 1)


def instructions() -> str:
    """Return the processor's kind and the sets of instructions that it has; the machine's name where the system does not tell them."""
    known = _first('/proc/cpuinfo', 'flags') or _first('/proc/cpuinfo', 'Features')
    return f'{platform.machine()} {known or platform.node()}'


def versions(*modules: str) -> Dict[str, str]:
    """Return the versions of Python and of modules, which are imported for it; those that are not installed are left out."""
    found = {'python': platform.python_version()}
    for name in modules:
        try:
            found[name] = str(getattr(importlib.import_module(name), '__version__', ''))
        except ImportError:
            continue
    return found


def describe() -> Dict[str, Any]:
    """Return processor, cores, memory_gb and system in one dict."""
    return {'processor': processor(), 'cores': cores(), 'memory_gb': memory_gb(), 'system': platform.platform()}


def _first(path: str, field: str, separator: str = ':') -> str:
    """The value of the first line 'field : value' of a file of the system; '' where there is none."""
    try:
        with open(path, encoding='utf-8', errors='replace') as stream:
            for line in stream:
                name, _, value = line.partition(separator)
                if name.strip() == field:
                    return value.strip()
    except OSError:
        pass
    return ''


def _number(path: str) -> Optional[float]:
    """The number that a file of the system holds; None where there is none, as for 'max'."""
    try:
        with open(path, encoding='ascii', errors='replace') as stream:
            text = stream.read().strip()
    except OSError:
        return None
    return float(text) if text.isascii() and text.isdecimal() else None
