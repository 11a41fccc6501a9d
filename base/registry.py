"""One kind of registry, for everything that can be added from outside: operations, penalties, schedules, data sets."""

from __future__ import annotations

import contextlib
import difflib
from typing import (
    Any,
    Callable,
    Dict,
    Generic,
    ItemsView,
    Iterator,
    List,
    Optional,
    TypeVar,
    Union,
    ValuesView,
    overload,
)

from .errors import UserError

Entry = TypeVar('Entry')


class Registry(Generic[Entry]):
    """Entries by name, in the order in which they were registered.

    kind: what an entry is, as errors say it ('operation'). names() and iteration give the names; `registry[name]` and
    `registry.get(name)` an entry, or a UserError that says which names are known.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: Dict[str, Entry] = {}

    @overload
    def register(self, name: str, entry: Entry) -> Entry: ...

    @overload
    def register(self, name: str) -> Callable[[Entry], Entry]: ...

    def register(self, name: str, entry: Optional[Entry] = None) -> Union[Entry, Callable[[Entry], Entry]]:
        """Add an entry: register('name', entry), or @register('name') above a class or function. Returns the entry.

        Raises UserError where the name is taken, or holds anything but letters, digits and underscores.
        """
        if entry is None:
            return lambda decorated: self.register(name, decorated)
        if name in self._entries:
            raise UserError(f'{self.kind} {name!r} is registered already')
        if not isinstance(name, str) or not name.isidentifier():
            raise UserError(f'{self.kind} {name!r}: a name is letters, digits and underscores')
        self._entries[name] = entry
        return entry

    def replace(self, name: str, entry: Entry) -> None:
        """Put another entry in the place of the one called `name`. Raises UserError for an unknown name."""
        self.get(name)
        self._entries[name] = entry

    def get(self, name: str) -> Entry:
        """Return the entry called `name`. Raises UserError for an unknown name."""
        if name not in self:
            near = difflib.get_close_matches(str(name), self._entries, 1)
            hint = f' (did you mean {near[0]}?)' if near else ''
            raise UserError(f'unknown {self.kind} {name!r}{hint}; known: {", ".join(self._entries)}')
        return self._entries[name]

    __getitem__ = get

    def names(self) -> List[str]:
        """Return all names, in the order of registration."""
        return list(self._entries)

    def values(self) -> ValuesView[Entry]:
        """Return all entries."""
        return self._entries.values()

    def items(self) -> ItemsView[str, Entry]:
        """Return all (name, entry)."""
        return self._entries.items()

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __contains__(self, name: Any) -> bool:
        return isinstance(name, str) and name in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f'Registry({self.kind!r}: {", ".join(self._entries)})'

    @contextlib.contextmanager
    def restored(self) -> Iterator[Registry[Entry]]:
        """While it lasts, entries may be added; at its end they are gone."""
        before = dict(self._entries)
        try:
            yield self
        finally:
            self._entries = before
