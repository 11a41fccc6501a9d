"""Devices of this process, and the other workers of a distributed run: contexts, KVStore, sums over all.

A batch is divided among workers first, then among a worker's devices. Gradients are summed by KVStore and divided by the size of
the whole batch, so that n devices at batch B/n follow one at batch B. Optimizers always run here (update_on_kvstore=False): a copy of
an optimizer of ours does not survive the trip to a KVStore server.
"""

import argparse
import contextlib
import os
from typing import Any, Dict, Iterator, List, Sequence, Tuple

import mxnet as mx
import numpy as np

from ...base import argtypes, limits
from ...base.errors import UserError
from ...base.text import shown
from ...symbols.backend import native
from ..config.tree import Train
from .exchange import Exchange
from .stops import Stopped
from .watchdog import Watchdog

DISTRIBUTED = ('dist_sync', 'dist_device_sync')
# Operators that share a temporary space wait for each other, whatever their device, and MXNet has 4 for all CPU devices together. It
# reads the setting once, before the first operator that needs one.
SPACES, SPACES_EACH = 'MXNET_CPU_TEMP_COPY', 16


def parse_gpus(text: str) -> List[int]:
    """Read '0-3,6' as [0, 1, 2, 3, 6]. Raises UserError."""
    numbers: List[int] = []
    for part in text.split(','):
        first, dash, last = part.strip().partition('-')
        try:
            low, high = argtypes.GPU(first), argtypes.GPU(last if dash else first)
        except argparse.ArgumentTypeError:
            low, high = 1, 0
        if high < low or len(numbers) > limits.GPU:
            accepted = f'{argtypes.between("numbers", 0, limits.GPU)} and ranges of them, such as 0-7 or 0,2'
            raise UserError(f'train.gpus={shown(text)}: expected {accepted}')
        numbers.extend(range(low, high + 1))
    if len(set(numbers)) != len(numbers):
        raise UserError(f'train.gpus={shown(text)}: names a GPU twice')
    return numbers


def num_gpus() -> int:
    """Count the GPUs that MXNet sees; 0 where it is built for CPUs or finds no driver."""
    try:
        return mx.context.num_gpus()
    except mx.base.MXNetError:
        return 0


def contexts(gpus: str = '', cpus: int = 0) -> List[mx.Context]:
    """Return the devices to work on: the GPUs named, or `cpus` CPU devices, or all GPUs, or the CPU. Raises UserError."""
    if gpus and cpus:
        raise UserError(f'train.gpus={gpus} and train.cpus={cpus}: choose one')
    if not 0 <= cpus <= limits.DEVICES:
        accepted = argtypes.between('a whole number', 0, limits.DEVICES)
        raise UserError(f'train.cpus={cpus}: expected {accepted}')
    if cpus > 1:
        os.environ.setdefault(SPACES, str(SPACES_EACH * cpus))
    if cpus:
        return [mx.cpu(number) for number in range(cpus)]
    seen = num_gpus()
    if not gpus:
        return [mx.gpu(number) for number in range(seen)] or [mx.cpu(0)]
    numbers = parse_gpus(gpus)
    if max(numbers) >= seen:
        there = f'GPUs 0 to {seen - 1}' if seen else 'no GPU'
        hint = '' if seen else '; without --gpus the CPU is used (mxnet-cu112 is the build for GPUs)'
        raise UserError(f'train.gpus={gpus}: MXNet sees {there} here{hint}')
    return [mx.gpu(number) for number in numbers]


class Devices:
    """This process's share of the machinery.

    contexts: its devices; kernels_kind: the kernels that suit them (symbols/backend/kernels.py); rank, workers: which of how many
    processes it is; kvstore: the name in the configuration.
    Raises UserError for devices that are not there and combinations that cannot run.
    """

    def __init__(self, train: Train) -> None:
        """train: the group `train` of the configuration."""
        self.contexts = contexts(train.gpus, train.cpus)
        self.kvstore = train.kvstore
        on_gpu = self.contexts[0].device_type == 'gpu'
        self.kernels_kind = f'sync:{len(self.contexts)}' if train.sync_bn else 'plain' if on_gpu else 'cpu'
        for name, wanted, why in (
            ('sync_bn', train.sync_bn, 'SyncBatchNorm hangs on CPU devices'),
            ('amp', train.amp, 'float16 is slower than float32, or not there, on CPUs'),
        ):
            if wanted and not on_gpu:
                raise UserError(f'train.{name}=true: only on GPUs; {why}')
        if train.amp:
            from mxnet.contrib import amp

            amp.init()  # before any network is built
        if train.kvstore == 'nccl' and not on_gpu:
            raise UserError('train.kvstore=nccl: only on GPUs; on CPUs use local or device')
        self._store: Any = None
        self._next_key = 0
        self._scratch: Dict[Tuple[int, ...], int] = {}
        self.rank, self.workers = 0, 1
        if train.kvstore in DISTRIBUTED:
            if os.environ.get('DMLC_ROLE') != 'worker':
                raise UserError(
                    f'train.kvstore={train.kvstore}: start the workers with tools/launch.py, which tells them of each other'
                )
            self._store = mx.kvstore.create(train.kvstore)
            self.rank, self.workers = self._store.rank, self._store.num_workers

    @property
    def compiled(self) -> bool:
        """Return whether networks compute each block as one operator (symbols/native/), which is compiled now if it never was."""
        return self.kernels_kind == 'cpu' and native.missing() is None

    @property
    def distributed(self) -> bool:
        return self._store is not None

    @property
    def main(self) -> bool:
        """Whether this process is the one that writes."""
        return self.rank == 0

    @property
    def shard(self) -> Tuple[int, int]:
        """This worker's share of the data: (its rank, number of workers)."""
        return self.rank, self.workers

    @contextlib.contextmanager
    def watch(self, seconds: float) -> Iterator[None]:
        """While workers work together: end this process with a message when another one dies. See watchdog.py."""
        if not self.distributed or self.workers == 1:
            yield
            return
        dog = Watchdog(self.rank, self.workers, self.total, seconds)
        try:
            yield
        except (
            Stopped
        ):  # all workers stop together; any other error is this worker's own, and the others are to know of it
            self._leave(dog)
            raise
        self._leave(dog)

    def _leave(self, dog: Watchdog) -> None:
        self.barrier()  # nobody goes before all are done
        dog.close()

    def share(self, batch_size: int, name: str = 'batch_size') -> int:
        """Count the images of a batch that this process gets. Raises UserError unless all devices of all workers get the same."""
        parts = self.workers * len(self.contexts)
        if batch_size % parts:
            raise UserError(
                f'{name}={batch_size}: not a multiple of {parts}, the devices of all workers '
                f'({len(self.contexts)} each, {self.workers} workers)'
            )
        return batch_size // self.workers

    def split(self, array: np.ndarray) -> List[mx.nd.NDArray]:
        """Divide a numpy array along its first axis over the devices: a list of NDArrays."""
        parts = np.split(array, len(self.contexts)) if len(self.contexts) > 1 else [array]
        return [mx.nd.array(part, ctx=context, dtype=part.dtype) for part, context in zip(parts, self.contexts)]

    def trainer(self, params: Sequence[Any], optimizer: Any) -> mx.gluon.Trainer:
        """Make a gluon.Trainer over initialised parameters; in a distributed run all workers now hold worker 0's values."""
        if not self.distributed and (len(self.contexts) == 1 or self.contexts[0].device_type == 'gpu'):
            return mx.gluon.Trainer(params, optimizer, kvstore=self.kvstore, update_on_kvstore=False)
        trainer = mx.gluon.Trainer(
            params, optimizer, kvstore=Exchange(self._store, self._next_key), update_on_kvstore=False
        )
        self._next_key += len(params)
        trainer._init_kvstore()  # the first step would race with the initialisation of the servers otherwise
        trainer._init_params()
        self.barrier()
        return trainer

    def barrier(self) -> None:
        """Wait until every worker is here."""
        mx.nd.waitall()
        if self.distributed:
            self._store._barrier()

    def total(self, values: Any) -> np.ndarray:
        """Return the sums of a short vector over all workers: float32 accuracy, the same on each. Call it on all workers alike."""
        values = np.asarray(values, np.float32)
        if not self.distributed:
            return values
        shared = self.start_total(values)
        return shared.asnumpy()

    def gather(self, values: Any) -> np.ndarray:
        """Return vectors of equal length from all workers: float64 (workers, n). Call it on all workers alike.

        Exact for float32; float64 keeps 48 bits.
        """
        values = np.asarray(values, np.float64)
        if not self.distributed:
            return values[None]
        table = np.zeros((self.workers, 2, len(values)), np.float32)
        table[self.rank, 0] = values
        table[self.rank, 1] = values - table[self.rank, 0]
        return self.total(table.ravel()).reshape(table.shape).astype(np.float64).sum(axis=1)

    def start_total(self, values: Any) -> mx.nd.NDArray:
        """Start `total` and return the NDArray in which the sums will stand. One at a time for each length."""
        array = mx.nd.array(np.asarray(values, np.float32))
        if not self.distributed:
            return array
        if array.shape not in self._scratch:
            self._scratch[array.shape] = self._next_key
            self._next_key += 1
            self._store.broadcast(self._scratch[array.shape], mx.nd.zeros(array.shape), mx.nd.zeros(array.shape))
            self.barrier()
        self._store.pushpull(self._scratch[array.shape], array, out=array)
        return array

    def same_everywhere(self, digest: bytes) -> bool:
        """Whether all workers hold the same digest (bytes)."""
        words = np.frombuffer(digest[:32], np.uint16).astype(np.float32)  # exact in float32
        return bool((self.gather(words) == words).all())
