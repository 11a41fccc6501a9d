"""What processes that start others share: their output with a name in front, and their end when this process is killed."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from typing import IO, TYPE_CHECKING, Any, Iterable, List, Optional, TextIO

if TYPE_CHECKING:
    Child = subprocess.Popen[bytes]
else:
    Child = subprocess.Popen

_LIBC: Any
try:
    _LIBC = ctypes.CDLL('libc.so.6')  # opened here: between fork and exec another thread's lock may be held for ever
except OSError:
    _LIBC = None  # another system than Linux


_WRITING = threading.Lock()  # one line at a time: a long one is written in parts


class Reader(threading.Thread):
    """Writes each line of a stream of a child on a stream of this process, as '[name] line'.

    Where that fails it reads on, so that the child does not wait for ever, and `error` says how.
    """

    def __init__(self, name: str, stream: IO[bytes], out: TextIO) -> None:
        super().__init__(daemon=True)
        self.label, self.stream, self.out = name, stream, out
        self.error: Optional[OSError] = None
        self.start()

    def run(self) -> None:
        """Read until the stream is closed."""
        for line in iter(self.stream.readline, b''):
            if self.error is None:
                try:
                    with _WRITING:
                        self.out.write(f'[{self.label}] {line.decode("utf-8", "replace").rstrip()}\n')
                        self.out.flush()
                except OSError as error:
                    self.error = error
                except ValueError:  # a stream of this process that was closed
                    self.error = BrokenPipeError()
        self.stream.close()


def forward(name: str, child: Child) -> List[Reader]:
    """Write what a child says on its piped stdout and stderr on those of this process, with its name before each line."""
    streams = ((child.stdout, sys.stdout), (child.stderr, sys.stderr))
    return [Reader(name, stream, out) for stream, out in streams if stream is not None]


def failed(readers: Iterable[Reader]) -> Optional[OSError]:
    """Return why what children say can no longer be written, as where the reader of stdout has gone; None where it can."""
    return next((reader.error for reader in readers if reader.error is not None), None)


def end(child: Child, number: int) -> None:
    """Send a signal to a child that was started in a session of its own, and to what it has started itself."""
    if child.poll() is None:
        try:
            os.killpg(child.pid, number)
        except (ProcessLookupError, PermissionError):  # the latter on macOS, of one that has just ended
            pass


def die_with_parent() -> None:
    """On Linux: have the process that calls this, between fork and exec, killed when its parent is."""
    if _LIBC is not None:
        _LIBC.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
