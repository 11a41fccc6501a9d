"""Batches made in background threads, a bounded number ahead, in order.

numpy, OpenCV and MXNet release Python's global lock while they work, so that threads are enough, and
no process has to be forked beside MXNet's engine.
"""

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Callable, Deque, Generic, TypeVar

Item = TypeVar('Item')


class Batches(Generic[Item]):
    """Iterate once over make(start), ..., make(stop - 1), made in background threads; has a length.

    `workers` threads make up to `ahead` items beyond the one in use (0: workers + 1); with 0 workers an item is
    made when it is asked for. An error in make is raised at its place in the order. close() ends the work; so
    does the end of the pass, or an error.
    """

    def __init__(self, make: Callable[[int], Item], start: int, stop: int, workers: int = 1, ahead: int = 0) -> None:
        self._make, self._next, self._stop = make, start, max(start, stop)
        self._ahead = ahead or workers + 1
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix='batches') if workers else None
        self._pending: Deque['Future[Item]'] = deque()
        self._closed = False

    def __len__(self) -> int:
        """Return the number of items still to come."""
        return 0 if self._closed else self._stop - self._next + len(self._pending)

    def __iter__(self) -> 'Batches[Item]':
        return self

    def __next__(self) -> Item:
        if not len(self):
            self.close()
            raise StopIteration
        try:
            if self._pool is None:
                self._next += 1
                return self._make(self._next - 1)
            self._fill(self._pool)
            item = self._pending.popleft().result()
            self._fill(self._pool)
            return item
        except BaseException:
            self.close()
            raise

    def _fill(self, pool: ThreadPoolExecutor) -> None:
        while self._next < self._stop and len(self._pending) < self._ahead:
            self._pending.append(pool.submit(self._make, self._next))
            self._next += 1

    def close(self) -> None:
        """Cancel what is pending and wait for what is being made. May be called again."""
        self._closed = True
        for future in self._pending:
            future.cancel()
        self._pending.clear()
        if self._pool is not None:
            self._pool.shutdown(wait=True)

    def __enter__(self) -> 'Batches[Item]':
        return self

    def __exit__(self, *exc: Any) -> None:
        self.close()
