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
LAST_WORDS = 5.0  # seconds for what a command has said before it was stopped


class Failed(EndOfRun):
    """A command of an experiment did not come to its end; where that was an error it has said which."""

    def __init__(self, words: Sequence[str], status: int, how: str) -> None:
        super().__init__(f'{shown(words)} {how}; run again, it goes on from there')
        self.status = status


def shares(steps: Sequence[Step], jobs: int, threads: int) -> Dict[Step, Tuple[int, int]]:
    """Return how many commands run at once beside each step, itself with them, and with how many threads each.

    Both follow from the whole experiment with all of its seeds, not from what is still to be done: an experiment that goes on gives
    each command as many threads as before, and so the same numbers. jobs: the most commands at once; threads: of all of them together.
    """
    depths: Dict[Step, int] = {}
    for step in steps:  # what a step needs stands before it
        depths[step] = max([depths[other] + 1 for other in depths if _needs(step, other)], default=0)
    together = {depth: min(jobs, list(depths.values()).count(depth)) for depth in depths.values()}
    return {step: (together[depth], max(1, threads // together[depth])) for step, depth in depths.items()}


@dataclasses.dataclass
class _Work:
    """A command that runs.

    readers: of what it says, none where it is alone and says it itself; told: whether a signal was passed on to it.
    """

    child: children.Child
    words: Sequence[str]
    step: Optional[Step] = None
    readers: Sequence[children.Reader] = ()
    told: bool = False


class Crew:
    """Runs commands, at most `jobs` at once with `threads` threads together.

    SIGINT, SIGTERM and SIGHUP go on to the commands, which then stop at their next step with a checkpoint; so they do where one of
    them fails, or what they say can no longer be written. SIGTSTP (Ctrl-Z) halts them all.
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
        with self._watched():
            while waiting or self.at_work:
                for step in self._ready(waiting):
                    waiting.remove(step)
                    words = begun(step)
                    if not self.asked:
                        self._begin(words, *share[step], step)
                for work, status in self._ended():
                    _check(work.words, status)
                    if work.step and not done(work.step):
                        raise Failed(work.words, 1, 'stopped before its end')

    def call(self, words: Sequence[str]) -> None:
        """Run one command alone, with all threads. Raises Failed."""
        with self._watched():
            self._begin(words, 1, self.threads)
            while self.at_work:
                for work, status in self._ended():
                    _check(work.words, status)

    def _ready(self, waiting: Sequence[Step]) -> List[Step]:
        """The next steps that may begin: they need nothing that is still to be done, and there is a place for them."""
        left = [*(work.step for work in self.at_work if work.step), *waiting]
        free = [step for step in waiting if not any(_needs(step, other) for other in left)]
        return free[: self.jobs - len(self.at_work)]

    def _begin(self, words: Sequence[str], together: int, threads: int, step: Optional[Step] = None) -> None:
        pipe = None if together == 1 else subprocess.PIPE  # alone it has the terminal, and shows what it shows there
        child = subprocess.Popen(
            [sys.executable, *map(found, words)],
            env={**os.environ, 'OMP_NUM_THREADS': str(threads)},
            stdout=pipe,
            stderr=pipe,
            start_new_session=True,  # so that signals come from here alone, each once
            preexec_fn=children.die_with_parent,
        )
        work = _Work(child, words, step)
        self.at_work.append(work)
        if step and pipe:
            work.readers = children.forward(label(step.run), child)
        if self.asked and not work.told:  # the signal came while it was begun
            self._tell(work)

    def _ended(self) -> List[Tuple[_Work, int]]:
        """Wait a moment, then return what has ended since, with its status. Where a signal came, wait for all and end as it demands."""
        ended = self._looked()
        if self.asked:
            self._wait()
            if self.asked == signal.SIGINT:
                raise KeyboardInterrupt
            raise Stopped(self.asked)
        unread = children.failed(reader for work in self.at_work for reader in work.readers)
        if unread:
            raise unread
        return ended

    def _looked(self) -> List[Tuple[_Work, int]]:
        time.sleep(PAUSE)
        ended = [(work, work.child.returncode) for work in self.at_work if work.child.poll() is not None]
        for work, _ in ended:
            self.at_work.remove(work)
            for reader in work.readers:
                reader.join(LAST_WORDS if self.asked else None)
        return ended

    def _wait(self) -> None:
        while self.at_work:
            self._looked()

    def _ask(self, number: int, _frame: Any = None) -> None:
        self.asked = number
        for work in list(self.at_work):
            self._tell(work)

    def _tell(self, work: _Work) -> None:
        work.told = True
        children.end(work.child, signal.SIGTERM if self.asked == signal.SIGHUP else self.asked)

    def _halt(self, _number: int, _frame: Any = None) -> None:
        """Stop with all commands, and go on with them."""
        for number in (signal.SIGSTOP, signal.SIGCONT):
            for work in self.at_work:
                children.end(work.child, number)
            if number == signal.SIGSTOP:
                os.kill(os.getpid(), number)

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        """While this is entered, signals are passed on, where this is the main thread; and nothing is left behind where it fails."""
        handlers: Dict[int, Any] = {}
        if threading.current_thread() is threading.main_thread():
            handlers = {number: self._ask for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
            handlers[signal.SIGTSTP] = self._halt
        before = {number: signal.getsignal(number) for number in handlers}
        listened = [
            number for number, old in before.items() if old not in (None, signal.SIG_IGN)
        ]  # what nohup ignores stays so
        for number in listened:
            signal.signal(number, handlers[number])
        try:
            yield
        except BaseException:
            self._ask(self.asked or signal.SIGTERM)
            self._wait()
            raise
        finally:
            for number in listened:
                signal.signal(number, before[number])


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


def label(run: str) -> str:
    """Return what stands before the lines of a command: the run's last name, behind that of the run that it lies in."""
    parts = run.rstrip('/').split('/')
    return '/'.join(parts[-2:] if parts[-1].startswith('retrain-') else parts[-1:])


def _check(words: Sequence[str], status: int) -> None:
    if status:
        status = status if status > 0 else 128 - status
        raise Failed(words, status, f'ended with status {status}')


def _needs(step: Step, other: Step) -> bool:
    """Whether a step reads what another one leaves: its search."""
    return other.key == 'search' and other.run in step.needs
