"""Read and write .npz archives of plain arrays, with one error for whatever is wrong with one."""

from __future__ import annotations

import io
from typing import Any, Dict, Sequence

import numpy as np

from ..base import files
from ..base.errors import UserError


def read_arrays(path: str, needed: Sequence[str], optional: Sequence[str] = ()) -> Dict[str, Any]:
    """Read arrays by name; others in the archive are passed over.

    Raises FileNotFoundError, and UserError naming the file if it is damaged or without one of `needed`.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in (*needed, *optional) if name in archive.files}
    except FileNotFoundError:
        raise
    except Exception as error:  # zipfile, zlib, tokenize and numpy each have their own for a damaged archive
        raise UserError(f'{path}: not a readable .npz archive ({" ".join(str(error).split())})') from None
    for name in needed:
        if name not in arrays:
            raise UserError(f'{path}: without the array {name!r}')
    return arrays


def write_arrays(path: str, **arrays: Any) -> None:
    """Write arrays by name, compressed, whole or not at all. Raises OSError."""
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    files.write_bytes(path, content.getbuffer())
