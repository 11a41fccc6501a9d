"""Read back a run's trained network and test it."""

from typing import Any, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple, Union

import mxnet as mx
import numpy as np

from ...base.errors import UserError
from ...data.dataset import DataSet
from ...runfiles import stored
from ...runfiles.checkpoint import Checkpoints, read
from ...runfiles.directory import RunDirectory
from ...runfiles.network import NetworkDescription, read_network
from ...runfiles.predictions import write_predictions
from ..config import settings
from ..config.tree import Train
from ..engine.learner import hybridize
from ..engine.testing import evaluate
from ..runtime.devices import Devices
from ..runtime.opening import open_data
from ..runtime.run import stored_config
from ..runtime.state import parameters

Batch = Tuple[np.ndarray, np.ndarray]


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
            param.set_data(mx.nd.array(np.mean(by_device, axis=0)))
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
) -> Dict[str, Any]:
    """Test the network in run directory `path`. Returns a dict of plain numbers.

    Leaves predictions.npz there (runfiles/predictions.py), unless on another data set.
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
    net, description, epoch = load_network(directory, devices.contexts, best)
    config = settings.replace(config, data__image_size=description.image_size)
    data = open_data(config)
    if len(data.classes) != len(description.classes):
        counts = f'it has {len(data.classes)} classes, the network {len(description.classes)}'
        raise UserError(f'--dataset {config.data.name}: {counts}')
    inputs = (np.zeros(1, np.float32),) if description.drop_path and description.architecture else ()
    seen = Seen(data, worst)
    result = evaluate(
        net,
        seen.watch(data.batches('test', batch_size, train=False)),
        batch_size,
        devices,
        5,
        len(data.classes),
        inputs,
        seen.add,
    )
    own = config.data.name == description.dataset
    if own:
        seen.write(directory.path)
    return {
        'run': directory.path,
        'dataset': data.name,
        'epoch': epoch,
        'images': result.images,
        'loss': result.loss,
        'test_error': result.error,
        'top5_error': result.topk_error,
        'classes': list(data.classes),
        'class_errors': list(result.class_errors),
        'class_images': list(result.class_images),
        'predictions': own,
    }


class Seen:
    """Collects what a test leaves behind: every prediction, and the images that were most wrong."""

    def __init__(self, data: DataSet, worst: int) -> None:
        self.data, self.worst = data, worst
        self.labels: List[np.ndarray] = []
        self.probabilities: List[np.ndarray] = []
        self.images: List[Tuple[float, int, np.ndarray]] = []  # (probability of its label, index, image)
        self._queue: List[np.ndarray] = []

    def watch(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Yield the batches, their images kept until `add` has seen what became of them."""
        for x, y in batches:
            self._queue.append(x)
            yield x, y

    def add(self, logits: np.ndarray, labels: np.ndarray) -> None:
        """Add one batch's logits (b, classes) and labels (b,)."""
        shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities = (shifted / shifted.sum(axis=1, keepdims=True)).astype(np.float32)
        first = sum(len(part) for part in self.labels)
        self.labels.append(labels)
        self.probabilities.append(probabilities)
        x = self._queue.pop(0)
        for number in np.flatnonzero(probabilities.argmax(axis=1) != labels):
            self.images.append((float(probabilities[number, labels[number]]), first + int(number), x[number].copy()))
        self.images.sort(key=lambda entry: entry[:2])
        del self.images[self.worst :]

    def write(self, folder: str) -> None:
        """Write predictions.npz into the run directory `folder`."""
        mean, std = (np.array(values, np.float32).reshape(3, 1, 1) for values in (self.data.mean, self.data.std))
        size = self.data.image_size
        images = [
            np.clip((image * std + mean) * 255 + 0.5, 0, 255).astype(np.uint8).transpose(1, 2, 0)
            for _, _, image in self.images
        ]
        write_predictions(
            folder,
            labels=np.concatenate(self.labels),
            probabilities=np.concatenate(self.probabilities),
            classes=self.data.classes,
            worst_index=[index for _, index, _ in self.images],
            worst_images=np.array(images, np.uint8).reshape(-1, size, size, 3),
        )


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
        rows = sorted(
            zip(result['class_errors'], result['classes'], result['class_images']), key=lambda row: -(row[0] or 0)
        )
        lines.append('')
        lines.extend('%-24s %6.2f%% of %d' % (name, error or 0, count) for error, name, count in rows)
    return '\n'.join(lines)
