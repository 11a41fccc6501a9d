"""Run the commands of an experiment side by side, as far as one does not need another's result.

A command of this project seldom fills two cores: where two can run at once, with a thread each, both are done sooner than one
after the other with two.
"""

import contextlib
import dataclasses
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence, Tuple

from ...base import children
from ...base.errors import EndOfRun
from .catalogue import ROOT
from .steps import Step

PAUSE = 0.05  # seconds between two looks at the commands that run


class Failed(EndOfRun):
    """A command of an experiment did not come to its end; where that was an error it has said which."""

    def __init__(self, words: Sequence[str], status: int, how: str) -> None:
        super().__init__(f'{shown(words)} {how}; run again, it goes on from there')
        self.status = status


def shares(steps: Sequence[Step], jobs: int, threads: int) -> Dict[Step, Tuple[int, int]]:
    """Return how many commands run at once beside each step, itself with them, and with how many threads each.

    Both follow from the whole experiment, not from what is still to be done: a command that is repeated has as many threads as
    before, and so the same numbers. jobs: the most commands at once; threads: of all of them together.
    """
    depths: Dict[Step, int] = {}
    for step in steps:  # what a step needs stands before it
        depths[step] = max([depths[other] + 1 for other in depths if _needs(step, other)], default=0)
    together = {depth: min(jobs, list(depths.values()).count(depth)) for depth in depths.values()}
    return {step: (together[depth], max(1, threads // together[depth])) for step, depth in depths.items()}


@dataclasses.dataclass
class _Work:
    """A command that runs. alone: it has the terminal to itself, and what is typed there goes to it as well."""

    child: children.Child
    words: Sequence[str]
    alone: bool
    step: Optional[Step] = None
    readers: List[threading.Thread] = dataclasses.field(default_factory=list)


class Crew:
    """Runs commands, at most `jobs` at once with `threads` threads together.

    SIGINT and SIGTERM go on to the commands, which then stop at their next step with a checkpoint.
    """

    def __init__(self, jobs: int, threads: int) -> None:
        self.jobs, self.threads = jobs, threads
        self.at_work: List[_Work] = []
        self.asked = 0

    def work(self, every: Sequence[Step], done: Callable[[Step], bool], begun: Callable[[Step], Sequence[str]]) -> None:
        """Run the steps that are not done yet. begun: is told of a step that begins, and returns its command.

        Raises Failed for the first that fails, once the others have stopped.
        """
        share = shares(every, self.jobs, self.threads)
        waiting = [step for step in every if not done(step)]
        with self._signals():
            while waiting or self.at_work:
                for step in self._ready(waiting):
                    waiting.remove(step)
                    self._begin(begun(step), *share[step], step)
                for work, status in self._ended():
                    if status == 0 and work.step and not done(work.step):
                        self._give_up(work.words, 1, 'stopped before its end')
                    self._check(work.words, status)

    def call(self, words: Sequence[str]) -> None:
        """Run one command alone, with all threads. Raises Failed."""
        with self._signals():
            self._begin(words, 1, self.threads)
            while self.at_work:
                for work, status in self._ended():
                    self._check(work.words, status)

    def _ready(self, waiting: Sequence[Step]) -> List[Step]:
        """The next steps that may begin: they need nothing that is still to be done, and there is a place for them."""
        left = [*(work.step for work in self.at_work if work.step), *waiting]
        free = [step for step in waiting if not any(_needs(step, other) for other in left)]
        return free[: self.jobs - len(self.at_work)]

    def _begin(self, words: Sequence[str], together: int, threads: int, step: Optional[Step] = None) -> None:
        alone = together == 1
        pipe, environment = None if alone else subprocess.PIPE, {**os.environ, 'OMP_NUM_THREADS': str(threads)}
        child = subprocess.Popen(
            [sys.executable, *map(found, words)],
            env=environment,
            stdout=pipe,
            stderr=pipe,
            start_new_session=not alone,
            preexec_fn=children.die_with_parent,
        )
        self.at_work.append(_Work(child, words, alone, step))
        if step and not alone:
            self.at_work[-1].readers = children.forward(os.path.basename(step.run), child)

    def _ended(self) -> List[Tuple[_Work, int]]:
        """Wait a moment, then return what has ended since, with its status. Where a signal came, wait for all and end as it demands."""
        ended = self._looked()
        if self.asked:
            while self.at_work:
                self._looked()
            if self.asked == signal.SIGINT:
                raise KeyboardInterrupt
            raise Stopped(self.asked)
        return ended

    def _looked(self) -> List[Tuple[_Work, int]]:
        time.sleep(PAUSE)
        ended = [(work, work.child.returncode) for work in self.at_work if work.child.poll() is not None]
        for work, _ in ended:
            self.at_work.remove(work)
            for reader in work.readers:
                reader.join(5)
        return ended

    def _check(self, words: Sequence[str], status: int) -> None:
        if status:
            status = status if status > 0 else 128 - status
            self._give_up(words, status, f'ended with status {status}')

    def _give_up(self, words: Sequence[str], status: int, how: str) -> None:
        """End the others, with their checkpoints, then the experiment."""
        self._pass_on(signal.SIGTERM)
        while self.at_work:
            self._looked()
        raise Failed(words, status, how)

    def _ask(self, number: int, _frame: Any = None) -> None:
        self.asked = number
        self._pass_on(number)

    def _pass_on(self, number: int) -> None:
        for work in self.at_work:
            if not work.alone:
                children.end(work.child, number)
            elif number != signal.SIGINT and work.child.poll() is None:  # SIGINT of a terminal is its own already
                work.child.send_signal(number)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """While this is entered, SIGINT and SIGTERM are passed on; where this is the main thread."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class Stopped(EndOfRun):
    """A signal ended the experiment."""

    prefix = ''

    def __init__(self, number: int) -> None:
        super().__init__(f'stopped by {signal.Signals(number).name}; run again, it goes on from there')
        self.status = 128 + number


def shown(words: Sequence[str]) -> str:
    """Return a command as one types it in the repository."""
    return ' '.join(shlex.quote(word) for word in ('python', *words))


def found(word: str) -> str:
    """Return the path of a file of the package, also where the current folder is another."""
    if word.startswith(('train/', 'tools/', 'experiments/')) and not os.path.exists(word):
        return os.path.join(ROOT, word)
    return word


def _needs(step: Step, other: Step) -> bool:
    """Whether a step reads what another one leaves: its search."""
    return other.key == 'search' and other.run in step.needs
