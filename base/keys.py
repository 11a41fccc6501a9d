"""Keys of a configuration: fields of the dataclasses that use them, with what they mean and which values they take.

A dataclass whose fields are made with `key` is a group of the configuration; its other fields are
nobody's to set.
"""

import dataclasses
import math
from typing import Any, Collection, Dict, Iterator, Optional, Tuple, get_type_hints

from . import argtypes, limits
from .errors import UserError
from .text import clipped, shown

_METADATA = 'key'
_LONGEST = 80  # characters of a value in a message


@dataclasses.dataclass(frozen=True)
class Key:
    """A key: its default, its type, what it means, and which values it takes.

    choices: names, or the Registry that has them; () where anything of the type is accepted.
    low and high may be reached, `below` may not.
    """

    help: str
    choices: Collection[str] = ()
    low: Optional[float] = None
    high: Optional[float] = None
    below: Optional[float] = None
    default: Any = None
    type: Any = None

    def cast(self, value: Any) -> Any:
        """Bring `value`, which may be text, into the key's type. Raises TypeError, ValueError or OverflowError."""
        return _cast(value, self.type)

    def accepts(self, entry: Any) -> bool:
        """Whether a value of the key's type, or one entry of a list, is a choice and within the bounds."""
        if self.choices != () and entry not in self.choices:
            return False
        return (
            (self.low is None or entry >= self.low)
            and (self.high is None or entry <= self.high)
            and (self.below is None or entry < self.below)
        )

    @property
    def accepted(self) -> str:
        """What the key takes, for messages."""
        inner = getattr(self.type, '__args__', None)
        kind = inner[0] if inner else self.type
        text = {int: 'a whole number', float: 'a number', bool: 'true or false', str: 'text'}[kind]
        if self.choices != ():
            text = 'one of ' + (', '.join(self.choices) or 'those that plugins register')
        else:
            text = argtypes.between(text, self.low, self.high, below=self.below)
        return f'a list, each {text}' if inner else text


def key(
    default: Any,
    text: str,
    choices: Collection[str] = (),
    low: Optional[float] = None,
    high: Optional[float] = None,
    below: Optional[float] = None,
) -> Any:
    """Make a dataclass field that is a key of the configuration; see Key."""
    return dataclasses.field(default=default, metadata={_METADATA: Key(text, choices, low, high, below)})


def keys(group: Any) -> Iterator[Tuple[str, Key]]:
    """Yield (name, Key) of a dataclass: its own fields before those that it inherits."""
    hints, own = get_type_hints(group), vars(group).get('__annotations__', {})
    fields: Dict[str, Any] = {field.name: field for field in dataclasses.fields(group)}
    for name in sorted(fields, key=lambda name: name not in own):
        if _METADATA in fields[name].metadata:
            described = fields[name].metadata[_METADATA]
            yield name, dataclasses.replace(described, default=fields[name].default, type=hints[name])


def check(group: Any, prefix: str) -> None:
    """Check the bounds and choices of all keys of a dataclass instance. Raises UserError, naming `prefix` and the key."""
    for name, described in keys(type(group)):
        value = getattr(group, name)
        if not all(described.accepts(entry) for entry in (value if isinstance(value, tuple) else (value,))):
            raise UserError(f'{prefix}{name}={brief(value)}: expected {described.accepted}')


def brief(value: Any) -> str:
    """Write a value in a message, its middle left out where it is long."""
    return clipped(show(value) if isinstance(value, (str, int, float, tuple)) else shown(value), _LONGEST)


def show(value: Any) -> str:
    """Write a value as it may be given on a command line."""
    if isinstance(value, tuple):
        return f'[{",".join(show(entry) for entry in value)}]'
    if isinstance(value, bool):
        return 'true' if value else 'false'
    return repr(value) if isinstance(value, float) else str(value)


def _cast(value: Any, kind: Any) -> Any:
    inner = getattr(kind, '__args__', None)
    if inner:  # Tuple[int, ...]
        if isinstance(value, str):
            value = [part.strip() for part in value.strip('[]() ').split(',') if part.strip()]
        elif not isinstance(value, (list, tuple)):
            value = [value]
        if len(value) > limits.ENTRIES:
            raise ValueError
        return tuple(_cast(entry, inner[0]) for entry in value)
    if kind is bool:
        return _boolean(value)
    if kind is str:
        return _text(value)
    if isinstance(value, str):
        return argtypes.parse_whole(value) if kind is int else argtypes.parse_number(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise TypeError
    if kind is int and value != int(value):
        raise TypeError
    return kind(value)


def _text(value: Any) -> str:
    if not isinstance(value, (str, bool, int, float)):
        raise TypeError
    text = value if isinstance(value, str) else show(value)
    if len(text) > limits.CHARACTERS or '\0' in text:
        raise ValueError
    return text


def _boolean(value: Any) -> bool:
    if isinstance(value, str) and value.lower() in ('true', 'false', 'yes', 'no', 'on', 'off'):
        return value.lower() in ('true', 'yes', 'on')
    if not isinstance(value, bool):
        raise TypeError
    return value
