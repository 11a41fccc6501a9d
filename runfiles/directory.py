"""Name the files of a run directory, keep two runs out of it, and sweep up after a killed one."""

from __future__ import annotations

import os
from typing import IO, Any, Optional

import portalocker

from ..base import files
from ..base.errors import UserError
from .data import FILE as DATA_FILE
from .network import DESCRIPTION, PARAMETERS
from .predictions import FILE as PREDICTIONS

CONFIG, ENVIRONMENT, LOG, GATES = 'config.yaml', 'environment.json', 'log.csv', 'lambda.npz'
ARCHITECTURE, SUMMARY, CHECKPOINTS, EVENTS = 'architecture.json', 'summary.json', 'checkpoints', 'tensorboard'


class RunDirectory:
    """Paths of a run. Nothing is created before `lock`."""

    def __init__(self, path: str) -> None:
        self.path = os.path.normpath(path)
        self.config, self.environment = self._file(CONFIG), self._file(ENVIRONMENT)
        self.data = self._file(DATA_FILE)
        self.log, self.gates = self._file(LOG), self._file(GATES)
        self.architecture, self.summary = self._file(ARCHITECTURE), self._file(SUMMARY)
        self.network, self.parameters = self._file(DESCRIPTION), self._file(PARAMETERS)
        self.predictions = self._file(PREDICTIONS)
        self.checkpoints, self.events = self._file(CHECKPOINTS), self._file(EVENTS)
        self._lock: Optional[IO[Any]] = None

    def _file(self, name: str) -> str:
        return os.path.join(self.path, name)

    def exists(self) -> bool:
        """Whether a run has been here."""
        return os.path.exists(self.config)

    def lock(self, name: str = '.lock') -> None:
        """Make the directory and take its lock until the process ends. Raises UserError where it cannot, or another has it.

        name: of the file that is locked; what runs several runs in one directory, one after the other, has a lock of its own.
        """
        try:
            os.makedirs(self.path, exist_ok=True)
            self._lock = open(self._file(name), 'a+')
        except OSError as error:
            raise UserError(f'run directory {self.path}: cannot write there: {error.strerror}') from None
        try:
            portalocker.lock(self._lock, portalocker.LOCK_EX | portalocker.LOCK_NB)
        except portalocker.LockException:
            self._lock = None
            raise UserError(
                f'run directory {self.path}: another run is working in it; wait for it, or take another directory'
            ) from None

    def unlock(self) -> None:
        """Give the lock back, if it was taken."""
        if self._lock:
            self._lock.close()
            self._lock = None

    def sweep(self) -> None:
        """Remove what a killed run had begun to write."""
        for folder in (self.path, self.checkpoints):
            files.remove_leftovers(folder)


def is_run(path: str) -> bool:
    """Whether `path` is a directory that a run wrote, or began to write."""
    return os.path.isdir(path) and any(os.path.exists(os.path.join(path, name)) for name in (CONFIG, SUMMARY, LOG))


def free_name(root: str, stem: str) -> str:
    """Return the first of root/stem-1, root/stem-2, … that does not exist."""
    number = 1
    while os.path.exists(os.path.join(root, f'{stem}-{number}')):
        number += 1
    return os.path.join(root, f'{stem}-{number}')


def is_running(path: str, name: str = '.lock') -> Optional[bool]:
    """Whether a process has the lock `name` of run directory `path`; None where nothing tells, as in a copy or on a disk without locks."""
    try:
        file = open(os.path.join(path, name))
    except OSError:
        return None
    with file:
        try:
            portalocker.lock(file, portalocker.LOCK_SH | portalocker.LOCK_NB)
        except portalocker.AlreadyLocked:
            return True
        except portalocker.LockException:
            return None
        portalocker.unlock(file)
    return False
