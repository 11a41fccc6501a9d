"""How training ends before its end: asked to stop, or unable to go on."""

import signal
import threading
from typing import Any

from ...base.cli import INTERRUPTED
from ...base.errors import EndOfRun


class Stopped(EndOfRun):
    """A signal ended the run, after a checkpoint. `signal` is its number."""

    prefix = ''

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.signal = number
        self.status = INTERRUPTED if number == signal.SIGINT else 0


class TrainingError(EndOfRun):
    """Training cannot go on: one line with what happened, where."""


class Interrupt:
    """SIGTERM and SIGINT ask for a stop at the next step; SIGINT a second time ends the process at once."""

    def __init__(self) -> None:
        self.signal = 0

    def install(self) -> None:
        """Listen to the two signals, where this is the main thread."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._ask)
            signal.signal(signal.SIGINT, self._ask)

    def _ask(self, number: int, _frame: Any) -> None:
        if self.signal and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = int(number)
