"""Nobody waits for a dead worker: each process of a distributed run learns within a minute that another one is gone, and ends.

MXNet's own synchronous exchange waits for ever. So worker 0 listens on a port, which it tells the others through KVStore; every worker
keeps a connection to it and says every few seconds that it lives. A closed connection without a farewell, or silence, is a death: worker
0 tells the others who it was, and each prints one line and ends with status 1. The checkpoints are there to go on from.
"""

import json
import os
import select
import socket
import sys
import threading
import time
from typing import Any, Callable, Dict, List, Set, Tuple

from .stops import TrainingError

BEAT = 2.0  # seconds between signs of life
STATUS = 1


def _end(message: str) -> None:
    print(f'error: {message}', file=sys.stderr, flush=True)
    os._exit(STATUS)  # the main thread hangs in MXNet


class Watchdog:
    """rank, workers: which of how many. share: function that takes worker 0's list of numbers and gives it to all workers.

    seconds: a worker silent for so long is dead. fail: what to do with the message (for tests).
    """

    def __init__(
        self,
        rank: int,
        workers: int,
        share: Callable[[List[int]], Any],
        seconds: float = 30.0,
        fail: Callable[[str], None] = _end,
    ) -> None:
        self.rank, self.seconds, self.fail = rank, seconds, fail
        self._closing = threading.Event()
        self._threads: List[threading.Thread] = []
        if rank == 0:
            server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            server.bind(('', 0))
            server.listen(workers)
            share([int(part) for part in _own_address().split('.')] + [server.getsockname()[1]])
            self._start(lambda: self._guard(server, workers - 1))
        else:
            numbers = [int(number) for number in share([0, 0, 0, 0, 0])]
            self._connection = _connected(('.'.join(map(str, numbers[:4])), numbers[4]))
            self._connection.settimeout(None)
            self._send(self._connection, 'hello', rank)
            self._start(self._beat)
            self._start(self._listen)

    def _start(self, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, daemon=True, name='watchdog')
        thread.start()
        self._threads.append(thread)

    @staticmethod
    def _send(connection: socket.socket, word: str, number: int = 0) -> None:
        connection.sendall((json.dumps([word, number]) + '\n').encode('ascii'))

    # Worker 0.

    def _guard(self, server: socket.socket, expected: int) -> None:
        """Accept the others, read their signs of life, and tell all when one is missing."""
        alive: Dict[socket.socket, List[Any]] = {}  # connection -> [rank, last sign]
        buffers: Dict[socket.socket, bytes] = {}
        farewell: Set[socket.socket] = set()
        started, gone = time.monotonic(), 0
        while gone < expected:
            ready, _, _ = select.select([server] + list(alive), [], [], BEAT)
            now = time.monotonic()
            dead = None
            for connection in ready:
                if connection is server:
                    connection, _ = server.accept()
                    alive[connection], buffers[connection] = [None, now], b''
                    continue
                words, open_ = self._read(connection, buffers)
                for word, number in words:
                    alive[connection][0] = number if word == 'hello' else alive[connection][0]
                    if word == 'bye':
                        farewell.add(connection)
                alive[connection][1] = now
                if not open_:
                    rank = alive.pop(connection)[0]
                    gone += 1
                    if connection not in farewell:
                        dead = f'worker {rank} has died'
            for rank, last in alive.values():
                if now - last > self.seconds:
                    dead = f'worker {rank} has been silent for {now - last:.0f} seconds'
            if gone + len(alive) < expected and now - started > 4 * self.seconds:
                dead = f'{expected - gone - len(alive)} workers have not come'
            for connection in alive:
                self._try_send(connection, dead or 'beat')
            if dead:
                self.fail(dead + '; this run ends. Resume it from its last checkpoint with --resume')
                return
        server.close()

    def _try_send(self, connection: socket.socket, word: str) -> None:
        try:
            self._send(connection, word)
        except OSError:
            pass  # the next read says so

    @staticmethod
    def _read(connection: socket.socket, buffers: Dict[socket.socket, bytes]) -> Tuple[List[Any], bool]:
        """Return (messages, whether the connection is still open)."""
        try:
            data = connection.recv(4096)
        except OSError:
            data = b''
        *lines, buffers[connection] = (buffers[connection] + data).split(b'\n')
        return [json.loads(line.decode('ascii')) for line in lines], bool(data)

    # The others.

    def _beat(self) -> None:
        while not self._closing.wait(BEAT):
            try:
                self._send(self._connection, 'beat')
            except OSError:
                return  # _listen says so

    def _listen(self) -> None:
        buffers = {self._connection: b''}
        last = time.monotonic()
        while not self._closing.is_set():
            ready, _, _ = select.select([self._connection], [], [], BEAT)
            words, open_ = self._read(self._connection, buffers) if ready else ([], True)
            last = time.monotonic() if ready else last
            if self._closing.is_set():
                return
            for word, _ in words:
                if word != 'beat':
                    self.fail(word + '; this run ends. Resume it from its last checkpoint with --resume')
                    return
            if not open_ or time.monotonic() - last > self.seconds:
                self.fail(
                    'worker 0 has %s; this run ends. Resume it from its last checkpoint with --resume'
                    % (f'been silent for {self.seconds:.0f} seconds' if open_ else 'died')
                )
                return

    def close(self) -> None:
        """Say farewell at the good end of its work."""
        self._closing.set()
        if self.rank != 0:
            self._try_send(self._connection, 'bye')
            self._connection.close()


def _connected(address: Tuple[str, int]) -> socket.socket:
    try:
        return socket.create_connection(address, timeout=60)
    except OSError as error:
        raise TrainingError(f'worker 0 is not reached at {address[0]}:{address[1]}: {error}') from None


def _own_address() -> str:
    """Return the address by which other machines of the job reach this one: that of the way to the scheduler."""
    root = os.environ.get('DMLC_PS_ROOT_URI', '127.0.0.1')
    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        probe.connect((root, int(os.environ.get('DMLC_PS_ROOT_PORT', '9'))))
        return probe.getsockname()[0]
    finally:
        probe.close()
