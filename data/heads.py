"""What a file really is that is not what its name says: a web page of an error, a pointer of Git LFS, a spreadsheet."""

from typing import IO, Union

SEEN = 512  # bytes that are enough to tell
_MARKS = (b'\xef\xbb\xbf', b'\xff\xfe', b'\xfe\xff')  # byte order marks
_PAGES = (b'<!doctype html', b'<html', b'<head', b'<?xml version')
_POINTER = b'version https://git-lfs.github.com/spec/'
_OLD_OFFICE = b'\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1'


def really(source: Union[bytes, IO[bytes]]) -> str:
    """Say what a file is, by its first bytes or open: 'a web page', …; '' for one that may be what it is taken for."""
    if isinstance(source, bytes):
        head = source[:SEEN]
    else:
        try:
            source.seek(0)
            head = source.read(SEEN)
        except (OSError, ValueError):
            return ''
    for mark in _MARKS:
        head = head[len(mark) :] if head.startswith(mark) else head
    text = head.replace(b'\0', b'').lstrip().lower()
    if text.startswith(_PAGES):
        return 'a web page, as of a failed download' if b'<svg' not in text else 'an SVG drawing'
    if text.startswith(_POINTER):
        return 'a pointer of Git LFS; git lfs pull fetches what it points to'
    return ''


def is_office(head: bytes) -> bool:
    """Tell whether a file that should be text is a spreadsheet or another file of an office program, or a zip archive."""
    return head.startswith((b'PK\3\4', _OLD_OFFICE))
