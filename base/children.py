"""What processes that start others share: their output with a name in front, and their end when this process is killed."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from typing import IO, TYPE_CHECKING, Any, List, TextIO

if TYPE_CHECKING:
    Child = subprocess.Popen[bytes]
else:
    Child = subprocess.Popen

_LIBC: Any
try:
    _LIBC = ctypes.CDLL('libc.so.6')  # opened here: between fork and exec another thread's lock may be held for ever
except OSError:
    _LIBC = None  # another system than Linux


def forward(name: str, child: Child) -> List[threading.Thread]:
    """Write each line of a child's piped stdout and stderr on those of this process, as '[name] line', until both are closed.

    Returns the threads that do it.
    """
    readers = []
    for stream, out in ((child.stdout, sys.stdout), (child.stderr, sys.stderr)):
        readers.append(threading.Thread(target=_forward, args=(name, stream, out), daemon=True))
        readers[-1].start()
    return readers


def end(child: Child, number: int) -> None:
    """Send a signal to a child that was started in a session of its own, and to what it has started itself."""
    if child.poll() is None:
        try:
            os.killpg(child.pid, number)
        except ProcessLookupError:
            pass


def die_with_parent() -> None:
    """On Linux: have the process that calls this, between fork and exec, killed when its parent is."""
    if _LIBC is not None:
        _LIBC.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _forward(name: str, stream: IO[bytes], out: TextIO) -> None:
    for line in iter(stream.readline, b''):
        out.write(f'[{name}] {line.decode("utf-8", "replace")}')
        out.flush()
