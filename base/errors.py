"""What a command reports in one line, without a traceback.

`UserError` is a mistake of the user, raised on purpose where it is found; `EndOfRun` ends a command before its work is done, and
says with which exit status. Anything else that reaches `cli.main`, except an OSError that names its file, is a bug.
"""

from __future__ import annotations

from typing import Any, Optional

_NOT_GIVEN: Any = object()


class UserError(ValueError):
    """A mistake in what the user gave: a flag, a setting, a file, data. Its text is one line that names it and what is accepted.

    UserError('--keep 2: expected a share from 0 to 1') takes the line as it is;
    UserError('keep', value=2, accepted='a share from 0 to 1', path='config.yaml') writes
    'config.yaml: keep: 2 is not a share from 0 to 1'. path, value and accepted may each be left out.

    A ValueError, so that code outside the package which catches ValueError still does; a ValueError that is no UserError is a bug.
    """

    def __init__(
        self, message: str, *, value: Any = _NOT_GIVEN, accepted: Optional[str] = None, path: Optional[str] = None
    ) -> None:
        self.path, self.accepted = path, accepted
        self.value = None if value is _NOT_GIVEN else value
        parts = [] if path is None else [str(path)]
        parts.append(message)
        if value is not _NOT_GIVEN:
            parts.append(f'{value!r} is not {accepted}' if accepted else repr(value))
        elif accepted:
            parts.append(f'expected {accepted}')
        super().__init__(': '.join(parts))


class EndOfRun(Exception):
    """The end of a command before its work is done, reported in one line.

    status: the exit status. prefix: what stands before the line; '' where nothing went wrong.
    """

    status = 1
    prefix = 'error: '
