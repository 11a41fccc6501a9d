"""What every command shares: how it ends, its `--help`, and the names of the files that it writes.

A command is a function of its words (a list of str) that returns its exit status, None for 0. A script ends with

    if __name__ == '__main__':
        cli.main(main)

Exit statuses: 0; 2 for a mistake of the user, with one line on stderr; that of an EndOfRun; 130 after SIGINT; 141 without a word
where the reader of stdout or stderr has gone, as behind `| head`: what a shell reports of a tool that SIGPIPE ends, so that nobody
takes for done what was cut. A bug shows its traceback, and Python exits with 1.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import select
import sys
import traceback
from typing import Any, Callable, List, NoReturn, Optional, Sequence, TextIO

from . import files
from .errors import EndOfRun, UserError
from .terminal import any_terminal
from .text import clipped, escaped

MISTAKE, INTERRUPTED, UNREAD = 2, 130, 141
PICTURES = ('svg', 'png', 'pdf')
LONGEST = 298  # characters of a message
LONGEST_END = 10_000  # of what a stopped run says, which holds a command to be repeated

Command = Callable[[Sequence[str]], Optional[int]]


class Parser(argparse.ArgumentParser):
    """Takes a mistake in the words of a command line as any other mistake of the user: one line, without the usage before it."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f'{message}; see --help')

    def _print_message(self, message: str, file: Any = None) -> None:
        """Print, and say so where that fails: argparse would pass over it."""
        if message:
            print(message, end='', file=file or sys.stderr)

    def _get_values(self, action: argparse.Action, arg_strings: List[str]) -> Any:
        if action.option_strings and action.nargs in (None, '+') and arg_strings == ['--']:  # else taken for no value
            self.error(f'argument {"/".join(action.option_strings)}: expected a value, not --')
        return super()._get_values(action, arg_strings)


class Formatter(argparse.ArgumentDefaultsHelpFormatter):
    """Shows the default of every flag that has one to show."""

    def _get_help_string(self, action: argparse.Action) -> Optional[str]:
        if action.default in (None, False, argparse.SUPPRESS, []):
            return action.help
        return super()._get_help_string(action)


def parser(description: str, **options: Any) -> argparse.ArgumentParser:
    """Make an ArgumentParser whose --help shows every default. description: a script's docstring, of which the first line is shown."""
    return Parser(description=description.strip().splitlines()[0], formatter_class=Formatter, **options)


def output_kind(path: str, accepted: Sequence[str] = PICTURES) -> str:
    """Return the kind of file that `path` names: its suffix in lower case, without the dot.

    Raises UserError, naming what is accepted, for another suffix and for a folder that does not exist.
    """
    kind = os.path.splitext(path)[1].lstrip('.').lower()
    if kind not in accepted:
        raise UserError(f'{path}: accepted are files that end in {", ".join("." + name for name in accepted)}')
    folder = os.path.dirname(path) or '.'
    if not os.path.isdir(folder):
        raise UserError(f'{path}: there is no folder {folder} to write it to')
    return kind


def one_line(error: BaseException) -> str:
    """Return the text of an error as one line, which names the file of an OSError first."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f'{_name(error.filename)}: {error.strerror}'
    return ' '.join(str(error).split())


def _name(file: Any) -> str:
    return os.fsdecode(file) if isinstance(file, (str, bytes)) else str(file)


def line(text: object, prefix: str = '', longest: int = LONGEST) -> str:
    """Return text as one line without control characters, of at most `longest` characters with its prefix."""
    return prefix + clipped(escaped(text), longest - len(prefix))


def tell(text: object, prefix: str = 'error: ', longest: int = LONGEST) -> None:
    """Print one line on stderr."""
    print(line(text, prefix, longest), file=sys.stderr, flush=True)


def run(command: Command, words: Optional[Sequence[str]] = None) -> int:
    """Run a command with `words`, by default those of the command line, and return its exit status.

    What is no mistake of the user, no EndOfRun and no reader that has gone is raised.
    """
    any_terminal()
    try:
        return _status(command, sys.argv[1:] if words is None else words)
    except BrokenPipeError:
        if not _forget_unread():  # another pipe than those, such as one to a process
            raise
        return UNREAD


def _status(command: Command, words: Sequence[str]) -> int:
    try:
        try:
            status = command(words) or 0
        except SystemExit:  # as after --help
            sys.stdout.flush()
            raise
        with files.named('stdout'):
            sys.stdout.flush()
        return status
    except EndOfRun as end:
        tell(one_line(end), end.prefix, LONGEST_END)
        return end.status
    except KeyboardInterrupt:
        tell('interrupted', '')
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except UserError as error:
        tell(one_line(error))
    except OSError as error:
        if error.filename is None and not _is_of_stdout(error):
            raise
        if error.filename in (None, 'stdout'):
            error.filename = 'stdout'
            _forget(sys.stdout)
        tell(one_line(error))
    return MISTAKE


def _is_of_stdout(error: OSError) -> bool:
    """Whether it is stdout that cannot be written to: what is left to write, or one more newline, then fails alike."""
    if error.errno is None:
        return False
    try:
        sys.stdout.flush()
        os.write(sys.stdout.fileno(), b'\n')
    except OSError as again:
        return again.errno == error.errno
    except ValueError:  # a stream without a file behind it
        pass
    return False


def _forget_unread() -> bool:
    """Have stdout and stderr go nowhere where their reader has gone; what the other one still holds is written. False for neither."""
    unread = []
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
            gone = _has_no_reader(stream)
        except BrokenPipeError:
            gone = True
        except (OSError, ValueError):
            continue
        if gone:
            unread.append(stream)
            _forget(stream)
    return bool(unread)


def _has_no_reader(stream: TextIO) -> bool:
    poll = select.poll()
    poll.register(stream.fileno(), 0)  # that its reader has gone is told unasked
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def _forget(stream: TextIO) -> None:
    """Have what is still to be written to a stream go nowhere, or Python fails when it flushes it at its end."""
    with contextlib.suppress(OSError, ValueError):  # a stream without a file behind it
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def main(command: Command) -> NoReturn:
    """Run a command as `run` does, then exit with its status."""
    worker = os.environ.get('DMLC_ROLE') == 'worker'
    try:
        status = run(command)
    except Exception:
        if not worker:
            raise
        traceback.print_exc()
        status = 1
    if status and worker:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)  # MXNet would wait for the other workers before it ends
    sys.exit(status)
