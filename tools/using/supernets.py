"""The supernet of a search, as a checkpoint left it, with the data that it learned from."""

import dataclasses
import itertools
import os
import warnings
from typing import Any, Dict, List, Optional, Sequence, Tuple

import mxnet as mx
import numpy as np

from ...base import cli
from ...base.errors import UserError
from ...data.dataset import DataSet, Options
from ...data.registry import load as load_data
from ...runfiles.checkpoint import Checkpoint, Checkpoints, read
from ...runfiles.data import count_differences, identity_differences
from ...runfiles.directory import RunDirectory
from ...symbols.architecture import Architecture
from ...symbols.supernet import Supernet
from ..reading.runs import Run

SEARCH, PRUNING = 'search', 'search.pruning'


def load(run: Run, path: Optional[str] = None) -> Tuple[Supernet, Checkpoint]:
    """Return (supernet with its W and λ, the checkpoint): of the newest checkpoint of the run's search, or of the one at `path`.

    Raises UserError, OSError.
    """
    checkpoint = read(path) if path else _newest(run)
    if checkpoint.stage != SEARCH:
        raise UserError(
            f'{checkpoint.path}: a checkpoint of {checkpoint.stage}; only one of the search has λ that were searched'
        )
    state = checkpoint.extra.get(PRUNING, checkpoint.extra)  # version 0.1.0 had the state of pruning without a name
    try:
        net = Supernet((built := Architecture.from_dict(state.get('built'))).space, built)
    except UserError as error:
        raise UserError(f'{checkpoint.path}: {error}') from None
    net.initialize(mx.init.Zero())
    named = {name[len(net.prefix) :]: parameter for name, parameter in net.collect_params().items()}
    by_name: Dict[str, List[np.ndarray]] = {}
    for key, array in checkpoint.arrays.items():
        group, _, name = (key.split('/', 2) + ['', ''])[:3]
        if group == 'param':
            by_name.setdefault(name, []).append(array)
    for name, parameter in named.items():
        if name not in by_name or by_name[name][0].shape != parameter.shape:
            raise UserError(f'{checkpoint.path}: without the parameter {name} of its supernet, or of another shape')
        parameter.set_data(mx.nd.array(np.mean(by_name[name], axis=0)))
    return compiled(net), checkpoint


def compiled(net: Supernet) -> Supernet:
    """Compile a supernet, with no gradients but those of λ, which batch norm's statistics need."""
    for parameter in net.weights().values():
        parameter.grad_req = 'null'
    net.hybridize(static_alloc=True, static_shape=True)
    warnings.filterwarnings('ignore', message='Parameter .*lambda is not used by any computation')  # of a lost block
    return net


def _newest(run: Run) -> Checkpoint:
    folder = RunDirectory(run.path).checkpoints
    found = (
        Checkpoints(folder).newest(lambda text: cli.tell(str(text), ''), (SEARCH,)) if os.path.isdir(folder) else None
    )
    if found is None:
        raise UserError(f'{run.path}: no checkpoint of a search in it, whose W and λ are needed')
    return found


def data_of(run: Run, folder: Optional[str] = None) -> DataSet:
    """Open the data that a run learned from, by its settings. folder: where they lie now. Raises UserError where they are others."""
    known = [field.name for field in dataclasses.fields(Options)]
    settings = {name: value for name, value in (run.get('data') or {}).items() if name in known}
    settings = {name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()}
    settings.update({'seed': run.get('seed', 0)}, **({'dir': folder} if folder else {}))
    if run.get('data.name') is None:
        raise UserError(f'{run.path}: its config.yaml names no data set')
    dataset = load_data(run.get('data.name'), **settings)
    if run.data is not None:
        counts = {
            part: np.bincount(dataset.labels(part), minlength=len(dataset.classes)).tolist() for part in dataset.sizes
        }
        now = dataclasses.replace(
            run.data, classes=list(dataset.classes), fingerprint=dataset.fingerprint, counts=counts
        )
        different = identity_differences(run.data, now) + count_differences(run.data, now)
        if different:
            raise UserError(f'{run.path}: other data than it learned from ({different[0]})')
    return dataset


def settle(net: Supernet, dataset: DataSet, batch_size: int, batches: int) -> None:
    """Recompute batch norm's running statistics for W and λ as they are, on batches of the W part as in training."""
    loss = mx.gluon.loss.SoftmaxCrossEntropyLoss()
    size = min(batch_size, dataset.sizes['weights'])
    taken, epoch = 0, 0
    while taken < batches:
        for x, y in itertools.islice(dataset.batches('weights', size, epoch), batches - taken):
            with mx.autograd.record():
                value = loss(net(mx.nd.array(x)), mx.nd.array(y))
            value.backward()  # MXNet moves them in a backward pass
            taken += 1
        epoch += 1
    mx.nd.waitall()


def tested(net: Supernet, dataset: DataSet, part: str, images: int, batch_size: int) -> Tuple[float, float]:
    """Return (mean loss, top-1 error in percent) on about so many images of a part, evenly taken; 0: all of them."""
    every = max(1, dataset.sizes[part] // images) if images else 1
    total, wrong, count = 0.0, 0, 0
    for x, y in dataset.batches(part, batch_size, train=False, shard=(0, every)):
        logits = net(mx.nd.array(np.resize(x, (batch_size, *x.shape[1:]))))[: len(y)]
        total -= float(mx.nd.pick(mx.nd.log_softmax(logits), mx.nd.array(y)).sum().asscalar())
        wrong += int((logits.asnumpy().argmax(1) != y).sum())
        count += len(y)
    return total / count, 100.0 * wrong / count


def set_gates(net: Supernet, values: Sequence[Any]) -> None:
    """Set λ, one array a vector."""
    for gate, value in zip(net.gates, values):
        gate.set_data(mx.nd.array(value))
