"""What a checkpoint holds of a network and its optimizers, as plain arrays by parameter name.

W and λ, the statistics of batch norm (those of every device), the states of both optimizers and their counts of updates, and where
there are the averaged weights and the network of the best epoch so far. What λ
are pruned for good, and everything that is a number or a name, travels beside them in the checkpoint's JSON.
"""

import hashlib
from typing import TYPE_CHECKING, Any, Dict, List, Tuple

import mxnet as mx
import numpy as np

from ...base.errors import UserError
from ...symbols.backend import padding
from ...symbols.backend.layout import plain_parameters
from .devices import Devices

if TYPE_CHECKING:
    from ..engine.learner import Learner

Arrays = Dict[str, np.ndarray]


def parameters(net: Any) -> Dict[str, Any]:
    """Return Parameters by name, without the network's own prefix, which may count networks made before."""
    return {
        name[len(net.prefix) :] if name.startswith(net.prefix) else name: param
        for name, param in sorted(net.collect_params().items())
    }


def gather(learner: 'Learner') -> Tuple[Arrays, Dict[str, Any]]:
    """Return (arrays, counts) of a Learner: everything that training has changed. Waits for pending work. All workers call it alike."""
    mx.nd.waitall()
    arrays: Arrays = {}
    names: Dict[str, str] = {}
    local: Dict[str, List[np.ndarray]] = {}
    trained = {param.name for param in learner.weights + learner.gates}
    for name, param in parameters(learner.net).items():
        names[param.name] = name
        if param.name in trained:
            arrays[f'param/0/{name}'] = param.list_data()[0].asnumpy()
        else:
            local[name] = [padding.stored(param, array.asnumpy()) for array in param.list_data()]
    for name, pieces in _from_all_workers(local, learner.devices).items():  # statistics differ from device to device
        arrays.update((f'param/{number}/{name}', piece) for number, piece in enumerate(pieces))
    if learner.average is not None and learner.average.values:
        arrays.update(learner.average.arrays(names))
    arrays.update((f'kept/0/{name}', array) for name, array in learner.kept.items())
    counts: Dict[str, Any] = {}
    for group, trainer in learner.trainers.items():
        for index, state in trainer._updaters[0].states.items():
            name = names.get(trainer._params[index].name, '')
            if not name:  # of a weight that was physically removed
                continue
            for number, array in enumerate(_entries(state)):
                arrays[f'{group}/{number}/{name}'] = array.asnumpy()
        optimizer = trainer.optimizer
        optimizer._set_current_context(learner.devices.contexts[0].device_id)
        updates = {
            names.get(trainer._params[index].name): count for index, count in optimizer._index_update_count.items()
        }
        updates.pop(None, None)
        counts[group] = {'updates': updates, 'num_update': optimizer.num_update}
        if learner.amp:
            counts['loss_scale'] = float(trainer._amp_loss_scaler.loss_scale)
    return arrays, counts


def _from_all_workers(local: Dict[str, List[np.ndarray]], devices: Devices) -> Dict[str, List[np.ndarray]]:
    """Return {name: arrays of worker 0's devices, of worker 1's, …} from every worker's own {name: arrays of its devices}."""
    if not devices.distributed or not local:
        return local
    flat = np.concatenate([array.ravel() for arrays in local.values() for array in arrays])
    collected: Dict[str, List[np.ndarray]] = {name: [] for name in local}
    place = 0
    table = devices.gather(flat).astype(np.float32)
    for name, arrays in local.items():
        size = sum(array.size for array in arrays)
        for row in table[:, place : place + size]:
            collected[name].extend(row.reshape((len(arrays),) + arrays[0].shape))
        place += size
    return collected


def restore(learner: 'Learner', arrays: Arrays, counts: Dict[str, Any]) -> None:
    """Put back what `gather` took. Raises UserError where the checkpoint is of another network."""
    named = parameters(learner.net)
    stored = {name.split('/', 2)[2] for name in arrays if name.startswith('param/')}
    if stored != set(named):
        different = sorted(stored ^ set(named))
        raise UserError(
            f'the checkpoint is of another network: {len(different)} parameters are only in one of them ({different[0]}, …)'
        )
    for name, param in named.items():
        pieces: List[np.ndarray] = []
        while f'param/{len(pieces)}/{name}' in arrays:
            pieces.append(arrays[f'param/{len(pieces)}/{name}'])
        if pieces[0].shape != padding.stored_shape(param):
            raise UserError(
                f'the checkpoint is of another network: {name} has shape {pieces[0].shape} there, '
                f'{padding.stored_shape(param)} here'
            )
        places = param.list_data()
        if len(pieces) == len(places) * learner.devices.workers:
            pieces = pieces[len(places) * learner.devices.rank :]
        else:  # another number of devices, or alike on all
            pieces = [np.mean(pieces, axis=0)] * len(places)
        for place, piece in zip(places, pieces):
            place[:] = mx.nd.array(padding.widened(param, piece), ctx=place.context, dtype=place.dtype)
    if learner.average is not None:
        learner.average.restore(named, arrays)
    learner.kept = {name.split('/', 2)[2]: array for name, array in arrays.items() if name.startswith('kept/0/')}
    for group, trainer in learner.trainers.items():
        positions = {param.name: index for index, param in enumerate(trainer._params)}
        optimizer = trainer.optimizer
        for number, updater in enumerate(trainer._updaters):
            for name, param in named.items():
                if param.name in positions and f'{group}/0/{name}' in arrays:
                    index = positions[param.name]
                    place = param.list_data()[number]
                    updater.states[index] = optimizer.create_state_multi_precision(index, place)
                    updater.states_synced[index] = True
                    for entry, array in enumerate(_entries(updater.states[index])):
                        array[:] = mx.nd.array(arrays[f'{group}/{entry}/{name}'], ctx=place.context, dtype=array.dtype)
            optimizer._all_index_update_counts[learner.devices.contexts[number].device_id] = {
                positions[named[name].name]: count for name, count in counts[group]['updates'].items()
            }
        optimizer.num_update = counts[group]['num_update']
        if learner.amp and 'loss_scale' in counts:
            trainer._amp_loss_scaler._loss_scale = counts['loss_scale']
    plain_parameters(learner.net)


def _entries(state: Any) -> List[Any]:
    """Return the NDArrays of an optimizer's state, which is None, one, or a (nested) tuple of them."""
    if state is None:
        return []
    if isinstance(state, (list, tuple)):
        return [array for part in state for array in _entries(part)]
    return [state]


def digest(learner: 'Learner') -> bytes:
    """Compute a checksum (bytes) of W and λ, to compare workers."""
    total = hashlib.sha256()
    for param in learner.weights + learner.gates:
        total.update(param.list_data()[0].asnumpy().tobytes())
    return total.digest()
