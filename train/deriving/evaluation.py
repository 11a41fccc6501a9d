"""Read back a run's trained network and test it."""

import hashlib
import json
import os
import re
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple, Union

import mxnet as mx
import numpy as np

from ...base.errors import UserError
from ...base.text import escaped
from ...runfiles import evaluations, stored
from ...runfiles.checkpoint import Checkpoints, read
from ...runfiles.data import DataDescription, count_differences, identity_differences, known_data
from ...runfiles.directory import RunDirectory
from ...runfiles.network import NetworkDescription, read_network
from ...runfiles.predictions import FILE as PREDICTIONS
from ...runfiles.predictions import Predictions, read_predictions
from ..config import settings
from ..config.tree import Train
from ..engine.learner import hybridize
from ..engine.testing import evaluate
from ..runtime import facts
from ..runtime.devices import Devices
from ..runtime.opening import open_data
from ..runtime.progress import Progress
from ..runtime.run import stored_config
from ..runtime.state import parameters
from .tested import Seen, TestedData


def load_network(
    directory: RunDirectory, contexts: Sequence[mx.Context], best: bool = False
) -> Tuple[Any, NetworkDescription, Union[int, str]]:
    """Return (network with its trained parameters, its description, epoch) of a RunDirectory. Raises UserError, OSError.

    best: the parameters at the best test error instead of those of the last epoch. epoch: theirs, or 'last'.
    """
    net, description = stored.load(directory.path, contexts, training=True)
    epoch: Union[int, str] = 'last'
    if best:
        checkpoint = read(Checkpoints(directory.checkpoints).best_path('retrain'))
        epoch = checkpoint.epoch
        for name, param in parameters(net).items():
            by_device = [array for key, array in checkpoint.arrays.items() if key.split('/', 2)[::2] == ['param', name]]
            average = checkpoint.arrays.get(f'ema/0/{name}')  # what was tested, where weights were averaged
            param.set_data(mx.nd.array(np.mean(by_device, axis=0) if average is None else average))
    hybridize(net)
    return net, description, epoch


def evaluate_run(
    path: str,
    best: bool = False,
    dataset: Optional[str] = None,
    data_dir: Optional[str] = None,
    batch_size: int = 100,
    gpus: str = '',
    cpus: int = 0,
    worst: int = 36,
    progress: Optional[Progress] = None,
) -> Dict[str, Any]:
    """Test the network in run directory `path`. Returns a dict of plain numbers.

    Classes are matched by name; images are normalised as in training. Leaves predictions.npz there for the run's own test set and
    its last parameters, and whatever else is tested in a folder of its own (runfiles/evaluations.py). progress: what is
    told of it, None for its usual lines. Raises UserError, OSError.
    """
    for flag, value, low in (('--batch-size', batch_size, 1), ('--worst', worst, 0)):
        if value < low:
            raise UserError(f'{flag} {value}: expected a whole number of at least {low}')
    directory = RunDirectory(path)
    read_network(path)
    if not directory.exists():
        raise UserError(f'{directory.config}: no such file, and without it the data set is not known')
    config = settings.build(stored_config(directory.config))
    if dataset and dataset != config.data.name:
        config = settings.replace(
            config, data__name=settings.check('data.name', dataset, '--dataset'), data__dir=data_dir or ''
        )
    elif data_dir:
        config = settings.replace(config, data__dir=data_dir)
    devices = Devices(Train(gpus=gpus, cpus=cpus))
    progress = progress or Progress(apart=True)
    with progress.phase('reading the network'):
        net, description, epoch = load_network(directory, devices.contexts, best)
    config = settings.replace(config, data__image_size=description.image_size)
    with progress.phase('opening the data'):
        data = open_data(config)
    tested, before = TestedData(data, description), known_data(path)
    inputs = (np.zeros(1, np.float32),) if description.drop_path and description.architecture else ()
    seen = Seen(description, worst)
    batches, classes = seen.watch(tested.batches(batch_size)), len(description.classes)
    with progress.phase('testing', lambda: f'{sum(map(len, seen.labels))} of {data.sizes["test"]} images'):
        result = evaluate(net, batches, batch_size, devices, 5, classes, inputs, seen.add)
    outcome = {
        'run': directory.path,
        'dataset': data.name,
        'epoch': epoch,
        'images': result.images,
        'loss': result.loss,
        'test_error': result.error,
        'top5_error': result.topk_error,
        'classes': list(description.classes),
        'class_errors': list(result.class_errors),
        'class_images': list(result.class_images),
    }
    return {**outcome, **stored_beside(directory, before, facts.describe(data), outcome, seen)}


def stored_beside(
    directory: RunDirectory,
    before: Optional[DataDescription],
    data: DataDescription,
    outcome: Mapping[str, Any],
    seen: Seen,
) -> Dict[str, Any]:
    """Write what a test saw where it belongs. Returns {'differs', 'predictions', 'written', 'replaced'} of the result.

    before: the data that the run knows, None where it does not say. differs: what is other than in the test that the run itself
    made, by `before` or, for a run of an earlier version, by the labels in its predictions.npz. predictions: whether it is that
    test. replaced: what was otherwise in a file that was there.
    """
    differs = identity_differences(before, data) + count_differences(before, data, ('test',)) if before else []
    earlier = earlier_predictions(directory.path)
    labels = seen.all_labels()
    if not differs and earlier is not None and not np.array_equal(earlier['labels'], labels):
        differs.append(f'{len(labels)} test images, whose labels are not those of {directory.predictions}')
    tag = hashlib.sha256(json.dumps([data.name, data.fingerprint, data.classes]).encode('utf-8') + labels.tobytes())
    name = f'{re.sub(r"[^A-Za-z0-9._-]", "_", data.name)}-{tag.hexdigest()[:8]}' if differs else ''
    if outcome['epoch'] != 'last':
        name += '-best' if name else 'best'
        differs.append(f'parameters of epoch {outcome["epoch"]}, the best on the test set')
    folder = evaluations.place(directory.path, name) if name else directory.path
    replaced = _replaced(earlier_predictions(folder), seen)
    os.makedirs(folder, exist_ok=True)
    seen.write(folder)
    if name:
        numbers = {key: outcome[key] for key in ('epoch', 'images', 'test_error', 'top5_error', 'loss')}
        evaluations.write_evaluation(
            directory.path, evaluations.Evaluation(name, differs=differs, data=data, **numbers)
        )
    written = os.path.join(folder, PREDICTIONS)
    return {'differs': differs, 'predictions': not name, 'written': written, 'replaced': replaced}


def earlier_predictions(folder: str) -> Optional[Predictions]:
    """Return the predictions that an earlier test left in a folder; None where there are none, or they are damaged."""
    try:
        return read_predictions(folder)
    except UserError:
        return None


def _replaced(earlier: Optional[Predictions], seen: Seen) -> str:
    """Say what an earlier test of the same images held otherwise, '' where nothing is lost."""
    if earlier is None:
        return ''
    texts = []
    kept = len(earlier.get('worst_index', ()))
    if kept > len(seen.images):
        texts.append(f'{kept} of the most wrong images instead of {len(seen.images)}')
    if not np.array_equal(earlier['predicted'], seen.predicted()):
        texts.append('other predictions')
    return ' and '.join(texts)


def table(result: Dict[str, Any], classes: bool = False) -> str:
    """Write the result as text."""
    lines = [
        '%-12s %s' % (name, value)
        for name, value in (
            ('run', result['run']),
            ('data set', '%s, %d test images' % (result['dataset'], result['images'])),
            ('epoch', result['epoch']),
            ('top-1 error', '{:.2f}%'.format(result['test_error'])),
            ('top-5 error', '{:.2f}%'.format(result['top5_error'])),
            ('loss', '{:.4f}'.format(result['loss'])),
        )
    ]
    if classes:
        rows = zip(result['class_errors'], result['classes'], result['class_images'])
        tested = sorted((row for row in rows if row[0] is not None), key=lambda row: -row[0])
        without = [name for name, count in zip(result['classes'], result['class_images']) if not count]
        lines.append('')
        lines.extend('%-24s %6.2f%% of %d' % (name, error, count) for error, name, count in tested)
        lines.extend('%-24s no test image' % name for name in without)
    return '\n'.join(map(escaped, lines))
