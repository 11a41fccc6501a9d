"""Chosen files of an archive that is on disk, read without extracting it: tar, plain or compressed, or zip.

What an archive is, its first bytes say, and not its name. What it declares is not believed: sizes are counted while they are
unpacked, and reading ends with an error once they are beyond what is allowed.
"""

import bz2
import gzip
import lzma
import os
import struct
import tarfile
import zipfile
import zlib
from typing import IO, Any, Callable, Dict

from ...base.errors import UserError
from .. import heads

MEMBER = 1 << 28  # bytes of one file: CIFAR-100's largest has 155 MB
TOTAL = 1 << 29  # bytes of everything that comes before the end of the archive
HEADER = 1 << 20  # bytes of a header that extends another: a long name, attributes
KINDS = ((b'\x1f\x8b', 'gzip'), (b'BZh', 'bzip2'), (b'\xfd7zXZ\0', 'xz'), (b'PK\3\4', 'zip'))
OPENERS: Dict[str, Callable[[Any], Any]] = {'gzip': gzip.open, 'bzip2': bz2.open, 'xz': lzma.open}
EXTENDING = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    lzma.LZMAError,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    LookupError,
    RuntimeError,  # an encrypted file; headers nested too deep
)  # what the readers of damaged archives raise


class Header(tarfile.TarInfo):
    """A member's header. Raises UserError where it would have a huge extension read into memory."""

    @classmethod
    def frombuf(cls, buf: Any, encoding: str, errors: str) -> 'Header':
        header = super().frombuf(buf, encoding, errors)
        if header.type in EXTENDING and header.size > HEADER:
            raise UserError(f'a header of {header.size} bytes, expected at most {HEADER}')
        return header


def kind(path: str) -> str:
    """Tell what an archive is by its first bytes: 'tar', 'gzip', 'bzip2', 'xz', 'zip', or '' for no archive."""
    with open(path, 'rb') as stream:
        head = stream.read(512)
    for magic, name in KINDS:
        if head.startswith(magic):
            return name
    return 'tar' if is_tar_header(head) else ''


def other(path: str) -> str:
    """Say what a file is that is no archive: 'a web page, …', as of heads.really; '' where that is not known."""
    try:
        with open(path, 'rb') as stream:
            return heads.really(stream)
    except OSError:
        return ''


def is_tar_header(block: bytes) -> bool:
    """Tell whether 512 bytes are the header of a tar's member, of any of its formats: its checksum is right."""
    try:
        return len(block) == 512 and bool(tarfile.TarInfo.frombuf(block, 'utf-8', 'surrogateescape').name)
    except tarfile.HeaderError:
        return False


class _Counted:
    """A stream that ends with an error once more than `limit` bytes have come out of it."""

    def __init__(self, stream: IO[bytes], path: str, limit: int) -> None:
        self._stream, self._path, self._left, self._limit = stream, path, limit, limit

    def read(self, size: int) -> bytes:
        content = self._stream.read(size)
        self._left -= len(content)
        if self._left < 0:
            raise _too_large(self._path, self._limit)
        return content


def _too_large(path: str, limit: int) -> UserError:
    return UserError(f'{path} unpacks to more than {limit >> 20} MB, which no archive of this data set does')


def read(path: str, wanted: Callable[[str], bool], member: int = MEMBER, total: int = TOTAL) -> Dict[str, bytes]:
    """Read the regular files of an archive whose base name is `wanted`: {name within the archive: content}.

    member, total: bytes that one of them, and everything that has to be unpacked, may have. Raises UserError for a
    damaged or truncated archive, for one that unpacks to more, and for a file that is no archive; OSError for a file
    that cannot be opened.
    """
    what = kind(path)
    if not what:
        if other(path):
            raise UserError(f'{path} is no archive but {other(path)}')
        raise UserError(f'{path} is no archive: its first bytes are those of none (tar, tar.gz, tar.bz2, tar.xz, zip)')
    try:
        return (_read_zip if what == 'zip' else _read_tar)(path, wanted, member, total)
    except UserError:
        raise
    except DAMAGE as error:
        reason = ' '.join(str(error).split()) or type(error).__name__
        raise UserError(f'{path} is damaged or truncated ({reason[:120]}); fetch it again') from error


def _read_tar(path: str, wanted: Callable[[str], bool], member: int, total: int) -> Dict[str, bytes]:
    contents: Dict[str, bytes] = {}
    with OPENERS.get(kind(path), _open)(path) as unpacked:
        counted = _Counted(unpacked, path, total)
        with tarfile.open(fileobj=counted, mode='r|', tarinfo=Header) as archive:  # type: ignore[call-overload]
            for entry in archive:
                if entry.isreg() and not entry.issparse() and wanted(os.path.basename(entry.name)):
                    name = f'{path}, {entry.name}'
                    contents[entry.name] = _bounded(archive.extractfile(entry), name, entry.size, member)
        while counted.read(1 << 20):  # to the end, where the checksum of compressed data stands
            pass
    return contents


def _open(path: str) -> IO[bytes]:
    return open(path, 'rb')


def _read_zip(path: str, wanted: Callable[[str], bool], member: int, total: int) -> Dict[str, bytes]:
    contents: Dict[str, bytes] = {}
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if not entry.is_dir() and wanted(os.path.basename(entry.filename)):
                with archive.open(entry) as stream:
                    name = f'{path}, {entry.filename}'
                    contents[entry.filename] = _bounded(stream, name, entry.file_size, member)
                if sum(map(len, contents.values())) > total:
                    raise _too_large(path, total)
    return contents


def _bounded(stream: Any, name: str, declared: int, limit: int) -> bytes:
    """Read a stream of at most `limit` bytes: none of it if it declares more, no more of it if it declares less."""
    if declared > limit:
        raise _too_large(name, limit)
    pieces, size = [], 0
    for piece in iter(lambda: stream.read(1 << 20), b''):
        size += len(piece)
        if size > limit:
            raise _too_large(name, limit)
        pieces.append(piece)
    return b''.join(pieces)


def read_file(path: str, limit: int = MEMBER) -> bytes:
    """Read a file of a folder. Raises UserError for more bytes than `limit` and for what is no regular file, OSError."""
    if not os.path.isfile(path):
        raise UserError(f'{path} is no regular file')
    with open(path, 'rb') as stream:
        content = stream.read(limit + 1) if os.path.getsize(path) > limit else stream.read()
    if len(content) > limit:
        raise UserError(f'{path} has {os.path.getsize(path)} bytes, expected at most {limit}')
    return content
