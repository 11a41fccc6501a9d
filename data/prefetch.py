"""Batches made in background threads, a bounded number ahead, in order.

numpy, OpenCV and MXNet release Python's lock while they work, so that threads are enough, and no process has to be forked
beside MXNet's engine.
"""

from collections import deque
from concurrent.futures import ThreadPoolExecutor


class Batches:
    """One pass over make(start), ..., make(stop - 1): an iterator with a length.

    workers threads are at work on up to `ahead` items beyond the one that is being used; 0 workers: made when asked for.
    An error in make is raised at its place in the order.  close() ends the work; so does the end of the pass, or an error.
    """

    def __init__(self, make, start, stop, workers=1, ahead=0):
        self._make, self._next, self._stop = make, start, max(start, stop)
        self._ahead = ahead or workers + 1
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix='batches') if workers else None
        self._pending = deque()
        self._closed = False

    def __len__(self):
        """Items that are still to come."""
        return 0 if self._closed else self._stop - self._next + len(self._pending)

    def __iter__(self):
        return self

    def __next__(self):
        if not len(self):
            self.close()
            raise StopIteration
        try:
            if self._pool is None:
                self._next += 1
                return self._make(self._next - 1)
            self._fill()
            item = self._pending.popleft().result()
            self._fill()
            return item
        except BaseException:
            self.close()
            raise

    def _fill(self):
        while self._next < self._stop and len(self._pending) < self._ahead:
            self._pending.append(self._pool.submit(self._make, self._next))
            self._next += 1

    def close(self):
        """Drop what is pending and wait for what is being made; may be called again."""
        self._closed = True
        for future in self._pending:
            future.cancel()
        self._pending.clear()
        if self._pool is not None:
            self._pool.shutdown(wait=True)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
