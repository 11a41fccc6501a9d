"""What every command shares: how it ends, its `--help`, and the names of the files that it writes.

A command is a function of its words (a list of str) that returns its exit status, None for 0. A script ends with

    if __name__ == '__main__':
        cli.main(main)

Exit statuses: 0; 2 for a mistake of the user, with one line on stderr; that of an EndOfRun; 130 after SIGINT. A bug shows its
traceback, and Python exits with 1.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from typing import Any, Callable, NoReturn, Optional, Sequence

from .errors import EndOfRun, UserError

MISTAKE, INTERRUPTED = 2, 130
PICTURES = ('svg', 'png', 'pdf')

Command = Callable[[Sequence[str]], Optional[int]]


class Formatter(argparse.ArgumentDefaultsHelpFormatter):
    """Shows the default of every flag that has one to show."""

    def _get_help_string(self, action: argparse.Action) -> Optional[str]:
        if action.default in (None, False, argparse.SUPPRESS, []):
            return action.help
        return super()._get_help_string(action)


def parser(description: str, **options: Any) -> argparse.ArgumentParser:
    """Make an ArgumentParser whose --help shows every default. description: a script's docstring, of which the first line is shown."""
    return argparse.ArgumentParser(
        description=description.strip().splitlines()[0], formatter_class=Formatter, **options
    )


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


def tell(text: object, prefix: str = 'error: ') -> None:
    """Print one line on stderr."""
    print(f'{prefix}{text}', file=sys.stderr, flush=True)


def run(command: Command, words: Optional[Sequence[str]] = None, unread: int = 0) -> int:
    """Run a command with `words`, by default those of the command line, and return its exit status.

    unread: the status if nobody reads stdout any more, as behind `| head`. What is no mistake of the user and no EndOfRun is raised.
    """
    try:
        return command(sys.argv[1:] if words is None else words) or 0
    except EndOfRun as end:
        tell(one_line(end), end.prefix)
        return end.status
    except KeyboardInterrupt:
        tell('interrupted', '')
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # or Python fails when it flushes stdout at its end
        return unread
    except UserError as error:
        tell(one_line(error))
    except OSError as error:
        if error.filename is None:
            raise
        tell(one_line(error))
    return MISTAKE


def main(command: Command, unread: int = 0) -> NoReturn:
    """Run a command as `run` does, then exit with its status."""
    worker = os.environ.get('DMLC_ROLE') == 'worker'
    try:
        status = run(command, unread=unread)
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
