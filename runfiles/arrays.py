"""Read and write .npz archives of plain arrays, with one error for whatever is wrong with one."""

from __future__ import annotations

import io
from typing import Any, Dict, Sequence

import numpy as np

from ..base import files
from ..base.archives import read_archive
from ..base.errors import UserError


def read_arrays(path: str, needed: Sequence[str], optional: Sequence[str] = ()) -> Dict[str, Any]:
    """Read arrays by name; others in the archive are passed over.

    Raises OSError, and UserError naming the file if it is damaged or without one of `needed`.
    """
    with files.opened(path) as stream:
        arrays = read_archive(stream, path, (*needed, *optional))
    for name in needed:
        if name not in arrays:
            raise UserError(f'{path}: without the array {name!r}')
    return arrays


def write_arrays(path: str, **arrays: Any) -> None:
    """Write arrays by name, compressed, whole or not at all. Raises OSError."""
    files.write_bytes(path, archive(**arrays))


def archive(**arrays: Any) -> memoryview:
    """Return what `write_arrays` writes."""
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    return content.getbuffer()
