"""Pickled dicts of plain data and arrays, from any source: nothing that a pickle names is called, and no size that it claims is believed.

Arrays are read as every NumPy from 1 to 2 pickles them, with any protocol.
"""

import io
import pickle
import re
from typing import Any, ClassVar, Dict, Tuple

import numpy as np

from ...base.errors import UserError

_DTYPE = re.compile(r'[<>|=]?(b1|[iu][1248]|f[248])$')


class _ArrayType:
    """What stands for the type ndarray: it can be an argument, and not be called."""


def _text(value: Any) -> Any:
    return value.decode('latin1') if isinstance(value, bytes) else value


def _dtype(kind: Any, *_: Any) -> Any:
    if not isinstance(_text(kind), str) or not _DTYPE.match(_text(kind)):
        raise pickle.UnpicklingError(f'it holds an array of type {kind!r:.20}')
    return np.dtype(_text(kind))


def _reconstruct(*_: Any) -> np.ndarray:
    """Make an empty array, to which its pickled state then gives shape and contents, if they agree."""
    return np.empty(0, np.uint8)


def _encode(text: str, *_: Any) -> bytes:
    return text.encode('latin1')


def _scalar(dtype: Any, content: Any) -> Any:
    return np.frombuffer(content if isinstance(content, bytes) else content.encode('latin1'), dtype)[0]


def _from_buffer(content: Any, dtype: Any, shape: Tuple[int, ...], order: Any = 'C') -> np.ndarray:
    return np.frombuffer(content, dtype).reshape(shape, order=_text(order))


_NAMES = {'_reconstruct': _reconstruct, 'scalar': _scalar, '_frombuffer': _from_buffer}
_ALLOWED: Dict[Tuple[str, str], Any] = {
    ('numpy', 'ndarray'): _ArrayType,
    ('numpy', 'dtype'): _dtype,
    ('_codecs', 'encode'): _encode,
}
for _core in ('numpy.core', 'numpy._core'):  # before NumPy 2, and since
    _ALLOWED.update({(f'{_core}.multiarray', name): _NAMES[name] for name in ('_reconstruct', 'scalar')})
    _ALLOWED[f'{_core}.numeric', '_frombuffer'] = _from_buffer


class _PlainUnpickler(pickle._Unpickler):
    """Read dicts, lists, strings, numbers and arrays.

    Python's own implementation, since the one in C takes memory for lengths that a pickle only claims.
    """

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _ALLOWED:
            return _ALLOWED[module, name]
        raise pickle.UnpicklingError(f'it holds {module}.{name}, which no such file does')

    def load_bytearray8(self: Any) -> None:
        """Read a bytearray without room being made for the length that it claims."""
        size = int.from_bytes(self.read(8), 'little')
        self.append(bytearray(self.read(size)))

    dispatch: ClassVar[Any] = dict(pickle._Unpickler.dispatch)
    dispatch[pickle.BYTEARRAY8[0]] = load_bytearray8


def read_dict(content: bytes, name: str, what: str) -> Dict[str, Any]:
    """Read a pickled dict, its keys as str. `what` it should be a file of, for messages.

    Raises UserError naming `name` for anything else.
    """
    try:
        batch = _PlainUnpickler(io.BytesIO(content), encoding='bytes').load()
    except Exception as error:  # a damaged pickle can raise nearly anything
        reason = ' '.join(str(error).split())[:120] or type(error).__name__
        raise UserError(f'{name} is damaged or not a {what} file ({reason})') from error
    if not isinstance(batch, dict):
        raise UserError(f'{name} holds a {type(batch).__name__}, not a dict')
    return {str(_text(key)): value for key, value in batch.items()}


def names(value: Any) -> Tuple[str, ...]:
    """Bring a pickled list of names, of bytes or str, into a tuple; anything else is no names."""
    if not isinstance(value, (list, tuple)):
        return ()
    return tuple(_text(name) for name in value if isinstance(name, (bytes, str)))
