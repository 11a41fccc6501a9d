"""A terminal to run commands in: what stands on it, at every moment that something was drawn."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time


class Screen:
    """Draws what a command writes: text, line ends, carriage returns, and `erase to the end of the line`. It wraps as terminals do.

    rows: the lines; history: the line of the cursor whenever output paused there; wrapped: whether any line was too long.
    """

    def __init__(self, columns):
        self.columns, self.rows, self.history = columns, [''], []
        self.column, self.wrapped, self.returns = 0, False, 0

    def write(self, text):
        at = 0
        while at < len(text):
            character = text[at]
            if text.startswith('\x1b[K', at):
                self.rows[-1] = self.rows[-1][: self.column]
                at += 3
                continue
            assert character != '\x1b', f'an escape sequence that no one knows: {text[at : at + 8]!r}'
            if character == '\n':
                self.rows.append('')
            elif character == '\r':
                self.column = 0
                self.returns += 1
            else:
                if self.column == self.columns:
                    self.rows.append('')
                    self.column, self.wrapped = 0, True
                row = self.rows[-1]
                self.rows[-1] = row[: self.column].ljust(self.column) + character + row[self.column + 1 :]
                self.column += 1
            at += 1
        if self.rows[-1] and self.rows[-1:] != self.history[-1:]:
            self.history.append(self.rows[-1])


def run(words, columns=80, timeout=300, environment=None, folder=None):
    """Run a command in a terminal of so many columns. Returns (exit status, Screen)."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
    process = subprocess.Popen(
        words,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=folder,
        env={**os.environ, 'TERM': 'xterm', 'OMP_NUM_THREADS': '1', **(environment or {})},
    )
    os.close(slave)
    screen, pending, end = Screen(columns), b'', time.monotonic() + timeout
    while time.monotonic() < end:
        if not select.select([master], [], [], 1)[0]:
            continue
        try:
            read = os.read(master, 65536)
        except OSError:  # the command has ended
            break
        if not read:
            break
        pending += read
        whole = pending.rfind(b'\x1b') if b'\x1b' in pending[-3:] and not pending.endswith(b'\x1b[K') else len(pending)
        part, pending = pending[:whole], pending[whole:]
        try:
            screen.write(part.decode())
        except UnicodeDecodeError as error:
            screen.write(part[: error.start].decode())
            pending = part[error.start :] + pending
    os.close(master)
    if time.monotonic() >= end:
        process.kill()
    return process.wait(), screen
