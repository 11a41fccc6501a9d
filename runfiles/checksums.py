"""Notice what has changed in a run's files since they were written: checksums.json beside them.

checksums.json: {name of a file: [SHA-256 in hex of what it held before, and of what it holds]}. It is written before the file, with the
content that the file has and the one that it will have, so that a run that is killed between the two raises no alarm. Checkpoints
and network.params have checksums of their own.

A file that was changed by hand is still read: that it has changed is a line for people, as a flipped digit looks the same.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any, Dict, List

from ..base import documents, files
from ..base.errors import UserError
from ..base.terminal import ERRORS

FILE = 'checksums.json'


def write_bytes(path: str, content: files.Bytes) -> None:
    """Write a file of a run, whole or not at all, and its checksum. Raises OSError."""
    folder, name = os.path.split(path)
    known = _read(os.path.join(folder, FILE), strict=False)
    new = hashlib.sha256(content).hexdigest()
    before = _digest(path) if os.path.isfile(path) else ''
    known[name] = [old for old in known.get(name, []) if old == before != new] + [new]
    try:
        files.write_json(os.path.join(folder, FILE), known)
    except OSError as error:
        error.filename = path  # what people know, and could not be written either
        raise
    files.write_bytes(path, content)


def write_text(path: str, content: str) -> None:
    """Write UTF-8 text to a file of a run, as `write_bytes` does. Raises OSError."""
    write_bytes(path, content.encode('utf-8', ERRORS))


def write_json(path: str, content: Any) -> None:
    """Write plain data to a file of a run as JSON, as `write_bytes` does. Raises OSError."""
    write_text(path, files.json_text(content))


def changes(folder: str) -> List[str]:
    """List 'file: what is wrong' for files of a run directory that are gone or not as they were written; [] for runs without checksums."""
    path = os.path.join(folder, FILE)
    if not os.path.exists(path):
        return []
    try:
        known = _read(path, strict=True)
    except (UserError, OSError) as error:
        return [f'{FILE}: {" ".join(str(error).split()).replace(f"{path}: ", "")}; what has changed cannot be told']
    lines = []
    for name in sorted(known):
        try:
            if _digest(os.path.join(folder, name)) not in known[name]:
                lines.append(f'{name}: changed since the run wrote it (its checksum does not fit)')
        except FileNotFoundError:
            lines.append(f'{name}: missing, though the run wrote it')
        except (UserError, OSError):  # which its reader names
            continue
    return lines


def _read(path: str, strict: bool) -> Dict[str, List[str]]:
    """Checksums by file. strict: raise UserError for damage; else begin anew."""
    try:
        content = documents.read_json(path)
        if not isinstance(content, dict) or not all(_are_digests(name, value) for name, value in content.items()):
            raise UserError(f'{path}: holds no checksums by file')
    except FileNotFoundError:
        return {}
    except UserError:
        if strict:
            raise
        return {}
    return dict(content)


def _digest(path: str) -> str:
    return hashlib.sha256(files.read_bytes(path, documents.JSON_BYTES)).hexdigest()


def _are_digests(name: str, value: Any) -> bool:
    return os.path.basename(name) == name and isinstance(value, list) and all(isinstance(entry, str) for entry in value)
