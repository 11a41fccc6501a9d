"""Show what a command is doing: one line on a terminal, a bar in a notebook, else a line every half minute.

What is shown is a function that gives the parts of the line, asked whenever the line is drawn by a thread of its own, so that
it stays alive while the command waits for something else. A part has a rank: where the terminal is narrow, parts of the highest
rank are left out first. The line never wraps, and nothing is drawn by carriage returns where there is no terminal.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
import unicodedata
from typing import Any, Callable, Iterator, List, Optional, Sequence, TextIO, Tuple

from .terminal import ERRORS
from .text import escaped, format_duration

Part = Tuple[int, str]  # (rank, text); rank 0 is always shown
Parts = Callable[[], Sequence[Part]]
TICK = 0.25  # seconds between two drawings
EVERY = 30.0  # seconds between two lines where there is no terminal
COLUMNS = 80  # of a terminal that does not say


class Progress:
    """What a command is doing. Messages go to stdout, above the line.

    shown: False prints nothing at all. apart: where there is no terminal, print on stderr, for commands whose stdout is a result.
    """

    def __init__(self, shown: bool = True, apart: bool = False) -> None:
        self.shown, self.apart = shown, apart
        self._stack: List[Parts] = []
        self._lock = threading.RLock()
        self._thread: Optional[threading.Thread] = None
        self._ended = threading.Event()
        self._drawn = False
        self._bar: Any = None
        self._printed = time.monotonic()

    def watch(self, parts: Parts) -> None:
        """Show what a function gives, on top of what is shown already. It is called from another thread, and must not wait."""
        with self._lock:
            self._stack.append(parts)
            if self.shown and self._thread is None:
                self._ended, self._printed = threading.Event(), time.monotonic()
                self._thread = threading.Thread(target=self._run, args=(self._ended,), daemon=True, name='progress')
                self._thread.start()

    def unwatch(self, parts: Parts) -> None:
        """Show no longer what `watch` was given, and what was put on top of it."""
        with self._lock:
            if parts in self._stack:
                del self._stack[self._stack.index(parts) :]
            last = not self._stack
        if last:
            self.end()

    @contextlib.contextmanager
    def phase(self, text: str, count: Optional[Callable[[], str]] = None) -> Iterator[None]:
        """While something long goes on: show what it is, how long it has taken, and what `count` says of it."""
        started = time.monotonic()

        def parts() -> Sequence[Part]:
            number = count() if count else ''
            counted = [(1, number)] if number else []
            return [(0, text), *counted, (2, clock(time.monotonic() - started)), *self.further()]

        self.watch(parts)
        try:
            yield
        finally:
            self.unwatch(parts)

    def further(self) -> Sequence[Part]:
        """Return what is shown behind every phase."""
        return []

    def end(self) -> None:
        """Remove the line, whatever is shown."""
        with self._lock:
            self._stack.clear()
            self._ended.set()
            thread, self._thread = self._thread, None
            self._clear()
            if self._bar is not None:
                self._bar.close()
                self._bar = None
        if thread is not None and thread is not threading.current_thread():
            thread.join(1)

    def say(self, line: str) -> None:
        """Print a line above what is shown."""
        if self.shown:
            with self.aside():
                print(escaped(line, keep='\n'), flush=True)
            self._printed = time.monotonic()

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """While something is printed: take the line away; it is drawn anew soon after."""
        with self._lock:
            self._clear()
            yield

    # Drawing. All of it with the lock held.

    def _run(self, ended: threading.Event) -> None:
        while not ended.wait(TICK):
            with self._lock:
                if ended.is_set() or not self._stack:
                    continue
                try:
                    self._tick()
                except (OSError, ValueError):  # a stream that is closed or full ends no command
                    return

    def _tick(self) -> None:
        if in_notebook():
            self._draw_bar()
        elif _terminal():
            self._draw()
        elif time.monotonic() - self._printed >= EVERY:
            self._printed = time.monotonic()
            line = escaped(', '.join(text for _, text in self._stack[-1]() if text))
            print(line, file=sys.stderr if self.apart else sys.stdout, flush=True)

    def _draw(self) -> None:
        stream = sys.stderr
        text = fitted(self._stack[-1](), columns(stream) - 1, lambda part: _as_written(part, stream))
        stream.write(f'\r{text}\x1b[K')
        stream.flush()
        self._drawn = True

    def _clear(self) -> None:
        if self._drawn:
            with contextlib.suppress(OSError, ValueError):
                sys.stderr.write('\r\x1b[K')
                sys.stderr.flush()
            self._drawn = False

    def _draw_bar(self) -> None:
        if self._bar is None:
            from tqdm.auto import tqdm

            self._bar = tqdm(bar_format='{desc}', leave=False)
        self._bar.set_description_str(fitted(self._stack[-1](), 2 * COLUMNS))


def fitted(parts: Sequence[Part], width: int, written: Callable[[str], str] = escaped, gap: str = '  ') -> str:
    """Write parts in their order, `gap` between them, in at most `width` columns: those of the highest rank are left out first."""
    texts = [(rank, written(text)) for rank, text in parts if text]
    while len(texts) > 1 and span(gap.join(text for _, text in texts)) > width:
        worst = max(rank for rank, _ in texts)
        if worst == 0:
            break
        place = max(index for index, (rank, _) in enumerate(texts) if rank == worst)
        del texts[place]
    line = gap.join(text for _, text in texts)
    while span(line) > width and line:
        line = line[:-1]
    return line


def span(text: str) -> int:
    """Count the columns that a text takes."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in 'WF' else 1
        for character in text
    )


def columns(stream: TextIO) -> int:
    """Return the columns of the terminal behind a stream."""
    try:
        return os.get_terminal_size(stream.fileno()).columns or COLUMNS
    except (OSError, ValueError):
        return COLUMNS


def clock(seconds: float) -> str:
    """Write seconds that pass: '7 s', '1:15' (minutes, seconds), '1:02:03'."""
    whole = int(seconds)
    minutes, rest = divmod(whole, 60)
    if whole < 60:
        return f'{whole} s'
    return f'{minutes}:{rest:02d}' if minutes < 60 else f'{minutes // 60}:{minutes % 60:02d}:{rest:02d}'


def left(seconds: Optional[float]) -> str:
    """Write how long something will take: '45 s left', '12 min left'; '' where it is not known, or nothing."""
    if not seconds:
        return ''
    whole = max(1.0, float(round(seconds)))
    if 100 <= whole < 5400:
        return f'{whole / 60:.0f} min left'
    return f'{format_duration(whole) if whole >= 5400 else f"{whole:.0f} s"} left'


def in_notebook() -> bool:
    """Whether this is a notebook's process."""
    shell = sys.modules.get('IPython')
    return 'ipykernel' in sys.modules and shell is not None and shell.get_ipython() is not None


def _terminal() -> bool:
    try:
        return sys.stderr.isatty() and os.environ.get('TERM') != 'dumb'
    except (AttributeError, ValueError):
        return False


def _as_written(text: str, stream: TextIO) -> str:
    encoding = stream.encoding or 'utf-8'
    return escaped(text).encode(encoding, ERRORS).decode(encoding)
