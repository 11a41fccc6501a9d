"""Files that are written whole or not at all: written beside, synced, renamed, and the folder synced.

A reader sees the old content or the new. What a killed write leaves is called NAME.<8 hex digits>.part: the next write of NAME
removes it once it is old, `remove_leftovers` at once. An OSError that comes out of here names the file.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import re
import secrets
import time
from typing import IO, Any, Iterator, List, Union

from .errors import UserError
from .terminal import ERRORS

SUFFIX = '.part'
CHUNK = 1 << 24  # bytes read at once
OLD = 3600.0  # seconds after which nobody is writing a leftover any more

Bytes = Union[bytes, bytearray, memoryview]


@contextlib.contextmanager
def replacing(path: str, text: bool = False) -> Iterator[IO[Any]]:
    """Open a stream, of bytes or of UTF-8 text, whose content takes the place of `path` when the block ends well.

    Otherwise `path` stays as it was. Two processes may do so at once: the last rename wins. A device or a pipe is written to directly.
    """
    with named(path):
        if _is_special(path):
            with _opened(path, text) as stream:
                yield stream
            return
        with _renamed(path) as beside, _opened(beside, text) as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())


@contextlib.contextmanager
def replacement(path: str) -> Iterator[str]:
    """Give the name of a file beside `path`, for a library that writes by name; its content takes the place of `path` as in `replacing`."""
    with named(path), _renamed(path) as beside:
        try:
            yield beside
        except OSError:
            raise
        except Exception as error:  # of a library that does not say why it could not write
            if _is_full(os.path.dirname(beside)):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path) from error
            raise
        with open(beside, 'rb') as stream:
            os.fsync(stream.fileno())


def write_bytes(path: str, *chunks: Bytes) -> None:
    """Write bytes to `path`, whole or not at all. Raises OSError."""
    with replacing(path) as stream:
        for chunk in chunks:
            stream.write(chunk)


def write_text(path: str, content: str) -> None:
    """Write UTF-8 text to `path`, whole or not at all; what is no character is written as its escape. Raises OSError."""
    write_bytes(path, content.encode('utf-8', ERRORS))


def write_json(path: str, content: Any, **options: Any) -> None:
    """Write plain data to `path` as JSON, whole or not at all; numbers that are not finite as null. options: of json.dumps.

    Raises OSError.
    """
    write_text(path, json_text(content, **options))


def json_text(content: Any, **options: Any) -> str:
    """Return what `write_json` writes."""
    return json.dumps(_finite(content), **dict({'indent': 1}, **options)) + '\n'


@contextlib.contextmanager
def opened(path: str) -> Iterator[IO[bytes]]:
    """Open a file for reading bytes; an OSError names it. Raises UserError for a device or a pipe, where reading may never end.

    A pipe that the system names (/dev/stdin, /dev/fd/63) is opened.
    """
    with named(path):
        if not (os.path.isfile(path) or os.path.isdir(path) or is_open_stream(path)) and os.path.exists(path):
            raise UserError(f'{path}: it is a device or a pipe, not a file')
        with open(path, 'rb') as stream:
            yield stream


def read_bytes(path: str, largest: int) -> bytes:
    """Read a file of at most `largest` bytes. Raises OSError, UserError naming the file."""
    chunks: List[bytes] = []
    left = largest
    with opened(path) as stream:
        while left >= 0:
            chunk = stream.read(CHUNK)
            if not chunk:
                return b''.join(chunks)
            chunks.append(chunk)
            left -= len(chunk)
    raise UserError(f'{path}: more than {largest} bytes; accepted are smaller files')


def beside(path: str) -> str:
    """Return a new name beside `path`, which `remove_leftovers` recognises."""
    return f'{path}.{secrets.token_hex(4)}{SUFFIX}'


def remove_leftovers(folder: str, older_than: float = 0.0) -> None:
    """Remove what killed writes left in a folder. older_than: seconds; 0 only where nobody else writes there."""
    for name in os.listdir(folder) if os.path.isdir(folder) else ():
        if name.endswith(SUFFIX):
            _remove_old(os.path.join(folder, name), older_than)


def sync_folder(folder: str) -> None:
    """Make renames within a folder safe from a loss of power, where the file system can."""
    try:
        handle = os.open(folder or '.', os.O_RDONLY)
    except PermissionError:  # to write in it is allowed, to read it is not
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


@contextlib.contextmanager
def named(path: str) -> Iterator[None]:
    """Give an OSError that names no file, such as that of a full disk, the name `path`."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            error.filename = path
        raise


@contextlib.contextmanager
def _renamed(path: str) -> Iterator[str]:
    path = os.path.realpath(path)  # what a link points to is replaced, not the link
    own = beside(path)
    try:
        yield own
        os.replace(own, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.remove(own)
        raise
    sync_folder(os.path.dirname(path))
    _clean(path)


def _clean(path: str) -> None:
    folder, own = os.path.split(path)
    pattern = re.compile(rf'{re.escape(own)}\.[0-9a-f]{{8}}{re.escape(SUFFIX)}')
    with contextlib.suppress(OSError):  # what was to be written is written
        for name in os.listdir(folder or '.'):
            if pattern.fullmatch(name):
                _remove_old(os.path.join(folder, name), OLD)


def _remove_old(path: str, age: float) -> None:
    with contextlib.suppress(FileNotFoundError):
        if not age or time.time() - os.path.getmtime(path) > age:
            os.remove(path)


def _finite(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def _is_full(folder: str) -> bool:
    return hasattr(os, 'statvfs') and os.statvfs(folder or '.').f_bavail == 0


def _opened(path: str, text: bool) -> IO[Any]:
    return open(path, 'w', encoding='utf-8', errors=ERRORS) if text else open(path, 'wb')


def _is_special(path: str) -> bool:
    return is_open_stream(path) or (os.path.exists(path) and not os.path.isfile(path))


def is_open_stream(path: str) -> bool:
    """Tell whether a path names what the process has open (/dev/stdout, /dev/fd/63), which may be a file or a pipe."""
    return os.path.abspath(path).startswith(('/dev/std', '/dev/fd/', '/proc/'))
