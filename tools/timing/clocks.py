"""Times and memory. Nothing but the standard library, for a Python that has nothing else."""

import statistics
import sys
import time
from typing import Dict, Mapping, Optional, Sequence, Tuple

GIGABYTE = 1e9


def _status(field: str) -> Optional[float]:
    try:
        with open('/proc/self/status', encoding='ascii', errors='replace') as stream:
            for line in stream:
                if line.startswith(field + ':'):
                    return int(line.split()[1]) * 1024 / GIGABYTE
    except OSError:
        pass
    return None


def peak_memory() -> float:
    """The largest resident memory of this process so far, in GB."""
    peak = _status('VmHWM')  # unlike ru_maxrss it does not begin with what the parent had
    if peak is None:
        import resource

        unit = 1 if sys.platform == 'darwin' else 1024
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / GIGABYTE
    return peak


def resident_memory() -> float:
    """Resident memory of this process now, in GB; the largest so far where the system does not say."""
    now = _status('VmRSS')
    return peak_memory() if now is None else now


def clocks() -> Tuple[float, float]:
    """(seconds, processor seconds of all threads)."""
    return time.perf_counter(), time.process_time()


def since(start: Tuple[float, float]) -> Tuple[float, float]:
    """The same, from `start` on."""
    seconds, busy = clocks()
    return seconds - start[0], busy - start[1]


def summarise(times: Mapping[str, Sequence[Tuple[float, float]]]) -> Dict[str, float]:
    """{'w_step', 'lambda_step', …} from [(seconds, processor seconds)] by kind: medians, the fastest, and the processor's time.

    The processor's time, of all threads together, is what other programs on the same machine disturb least.
    """
    figures: Dict[str, float] = {}
    for kind, values in times.items():
        figures.update(medians(f'{kind}_step', values))
    return figures


def medians(name: str, times: Sequence[Tuple[float, float]]) -> Dict[str, float]:
    """{name, name_fastest, name_processor} from [(seconds, processor seconds)]: median, least, and the processor's median."""
    seconds, busy = zip(*times)
    return {
        name: statistics.median(seconds),
        f'{name}_fastest': min(seconds),
        f'{name}_processor': statistics.median(busy),
    }
