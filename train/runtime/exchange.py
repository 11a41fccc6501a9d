"""Sum gradients over CPU devices and over workers."""

from typing import Any

import mxnet as mx

from ...symbols.backend.layout import plain_copy, write_plain


class Exchange(mx.kvstore.KVStoreBase):
    """Sums gradients over CPU devices, and over workers through a range of keys of a distributed KVStore.

    oneDNN keeps weights and their gradients in layouts of its own. MXNet's stores read such an array while it is
    being brought into the plain layout: now and then a device or worker gets other numbers, or a server refuses a
    key. Only copies that an operator has made, which are plain, are summed and sent here.
    """

    def __init__(self, store: Any = None, first: int = 0) -> None:
        self.store, self.first = store, first

    def broadcast(self, key: int, value: Any, out: Any, priority: int = 0) -> None:
        plain = mx.nd.array(value.asnumpy(), dtype=value.dtype)
        if self.store is not None:
            self.store.broadcast(self.first + key, plain, plain, priority)
        self._write(plain, out)

    def pushpull(self, key: int, value: Any, out: Any = None, priority: int = 0) -> None:
        values = value if isinstance(value, (list, tuple)) else [value]
        plain = plain_copy(values[0])
        for value in values[1:]:
            plain = plain + plain_copy(value).as_in_context(plain.context)
        if self.store is not None:
            self.store.pushpull(self.first + key, plain, plain, priority)
        self._write(plain, values if out is None else out)

    @staticmethod
    def _write(plain: Any, places: Any) -> None:
        for place in places if isinstance(places, (list, tuple)) else [places]:
            write_plain(plain, place)

    @staticmethod
    def is_capable(capability: str) -> bool:
        return False  # the one capability there is: running optimizers

    @property
    def type(self) -> str:
        return self.store.type if self.store is not None else 'local'

    @property
    def rank(self) -> int:
        return self.store.rank if self.store is not None else 0

    @property
    def num_workers(self) -> int:
        return self.store.num_workers if self.store is not None else 1
