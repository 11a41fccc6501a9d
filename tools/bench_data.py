"""How many images a second each input pipeline delivers alone, beside what a search and a retraining step consume here.

Images are made for the purpose: crops of scikit-learn's photographs, as JPEGs of 500x375 pixels.  The network is small by
default, which is the hard case: a larger one consumes less.
"""

try:
    import dsonas  # noqa: F401
except ModuleNotFoundError:
    raise SystemExit(
        "error: dsonas is not installed: run 'make install', or pip install -e '.[cpu]', in its repository"
    ) from None

import argparse
import json
import os
import tempfile
import time
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

import numpy as np

from dsonas.base import cli
from dsonas.base import machine as host
from dsonas.base.errors import UserError
from dsonas.data import augment
from dsonas.data.dataset import DataSet, Images, Options
from dsonas.data.records import ilsvrc, prepare
from dsonas.data.registry import load
from dsonas.data.sources.cifar10 import MEAN, STD

CLASSES = 4
PHOTO = (375, 500)
LARGE = 224


def cifar10(_: str, workers: int) -> DataSet:
    rng = np.random.RandomState(0)
    halves = [
        Images(
            rng.randint(0, 256, (count, 3, 32, 32)).astype(np.uint8),
            np.arange(count) % 10,
            augment.Transform(MEAN, STD, pad=4, mirrored=True, cut=16),
        )
        for count in (20000, 2000)
    ]
    return DataSet('cifar10', [str(i) for i in range(10)], halves[0], halves[1], MEAN, STD, Options(workers=workers))


def folder(size: int, memory: float) -> Callable[[str, int], DataSet]:
    return lambda root, workers: load(
        'folder', dir=os.path.join(root, 'photos'), image_size=size, memory_gb=memory, workers=workers
    )


def record_files(reader: str) -> Callable[[str, int], DataSet]:
    return lambda root, workers: load('imagenet', dir=os.path.join(root, 'records'), reader=reader, workers=workers)


PIPELINES = {  # name: (how to open it, image size, needs photographs)
    'digits': (lambda root, workers: load('digits', workers=workers), 32, False),
    'cifar10': (cifar10, 32, False),
    'folder, in memory': (folder(32, 4.0), 32, True),
    'folder, from files': (folder(32, 0.0), 32, True),
    'folder, from files, large': (folder(LARGE, 0.0), LARGE, True),
    'records, indexed': (record_files('indexed'), LARGE, True),
    'records, recorditer': (record_files('recorditer'), LARGE, True),
}


def parser() -> argparse.ArgumentParser:
    parse = cli.parser(__doc__)
    parse.add_argument(
        '--pipelines',
        default='all',
        metavar='NAMES',
        help='which, with semicolons between: {}'.format('; '.join(PIPELINES)),
    )
    parse.add_argument('--workers', default='1,%d' % host.cores(), metavar='N,N', help='numbers of threads to try')
    parse.add_argument('--batch-size', type=int, default=64, metavar='N', help='images a batch')
    parse.add_argument('--images', type=int, default=400, metavar='N', help='photographs to make')
    parse.add_argument('--seconds', type=float, default=3.0, metavar='S', help='for each measurement')
    parse.add_argument('--against', action='store_true', help='measure a search and a retraining step as well')
    parse.add_argument('--channels', type=int, default=8, metavar='C', help='of the network of --against')
    parse.add_argument('--blocks', default='1,1,1', metavar='N,N,N', help='convolution blocks of each of its stages')
    parse.add_argument('--json', action='store_true', help='print JSON, not a table')
    return parse


def numbers(text: str, option: str) -> List[int]:
    try:
        values = [int(part) for part in text.split(',')]
    except ValueError:
        values = []
    if not values or min(values) < 1:
        raise UserError(f'{option} {text}: expected positive whole numbers with commas between')
    return values


def make_photographs(root: str, count: int, records: bool) -> None:
    """`count` JPEGs in CLASSES class folders in root/photos, and records of them in root/records."""
    import cv2
    from sklearn.datasets import load_sample_images

    photos, rng = load_sample_images().images, np.random.RandomState(0)
    for i in range(count):
        photo = photos[rng.randint(len(photos))]
        y, x = (rng.randint(0, photo.shape[axis] - PHOTO[axis] + 1) for axis in (0, 1))
        path = os.path.join(root, 'photos', 'class %d' % (i % CLASSES), '%d.jpg' % i)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        cv2.imwrite(
            path, np.ascontiguousarray(photo[y : y + PHOTO[0], x : x + PHOTO[1], ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 90]
        )
    if records:
        classes, items = ilsvrc.class_folder_items(os.path.join(root, 'photos'))
        prepare.prepare(os.path.join(root, 'records'), classes, items, items[:: max(1, count // (4 * CLASSES))])


def delivered(dataset: DataSet, batch_size: int, seconds: float) -> float:
    """Images a second of training batches, after a first one, over whole epochs and at least `seconds`."""
    with dataset.batches('train', batch_size) as batches:
        next(batches)
    count, epoch, start = 0, 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        for _, y in dataset.batches('train', batch_size, epoch=epoch):
            count += len(y)
        epoch += 1
    return count / (time.perf_counter() - start)


def consumed(size: int, batch_size: int, seconds: float, channels: int, blocks: Sequence[int]) -> Dict[str, float]:
    """Images a second that training consumes: {'search': ..., 'retrain': ...}, on the GPU if there is one, else the CPU.

    search: a pass with the gradients of W and one with those of lambda, a batch each; retrain: the complete derived network.
    """
    import mxnet as mx

    from dsonas.symbols.architecture import Architecture
    from dsonas.symbols.network import Network
    from dsonas.symbols.space import SearchSpace
    from dsonas.symbols.supernet import Supernet

    space = (SearchSpace.cifar10 if size < 64 else SearchSpace.imagenet)(channels=channels, classes=10, blocks=blocks)
    context = mx.gpu() if mx.context.num_gpus() else mx.cpu()
    speed = {}
    for stage, net in (('search', Supernet(space)), ('retrain', Network(Architecture.full(space)))):
        net.initialize(mx.init.Xavier(), ctx=context)
        net.hybridize(static_alloc=True, static_shape=True)
        x, y = (
            mx.nd.random.normal(shape=(batch_size, 3, size, size), ctx=context),
            mx.nd.zeros((batch_size,), ctx=context),
        )
        loss = mx.gluon.loss.SoftmaxCrossEntropyLoss()
        net(x).wait_to_read()
        gates = set(net.collect_params('.*lambda').values())
        weights = [value for value in net.collect_params().values() if value not in gates and value.grad_req != 'null']
        trainers = [
            mx.gluon.Trainer(list(some), 'nag', {'learning_rate': 1e-6, 'momentum': 0.9}, kvstore=None)
            for some in (weights, gates)
            if some
        ]

        def step(turn, net=net, x=x, y=y, loss=loss, weights=weights, gates=gates, trainers=trainers):
            update = turn % len(trainers)
            for number, some in enumerate((weights, gates)):
                for value in some:
                    value.grad_req = 'write' if number == update else 'null'
            with mx.autograd.record():
                error = loss(net(x), y)
            error.backward()
            trainers[update].step(len(y))
            error.wait_to_read()
            mx.nd.waitall()

        for turn in range(4):
            step(turn)
        turn, start = 0, time.perf_counter()
        while time.perf_counter() - start < seconds or turn % 2:
            step(turn)
            turn += 1
        speed[stage] = turn * batch_size / (time.perf_counter() - start)
    return speed


def machine() -> Dict[str, Any]:
    """Where the numbers come from."""
    import mxnet as mx

    return {
        **host.describe(),
        'gpus': mx.context.num_gpus(),
        'threads of operators': host.omp_num_threads() or 'default',
        **host.versions('numpy', 'cv2', 'mxnet'),
    }


def measure(args: argparse.Namespace) -> Dict[str, Any]:
    """{'machine': ..., 'rows': [...], 'consumed': ...}."""
    names = list(PIPELINES) if args.pipelines == 'all' else [name.strip() for name in args.pipelines.split(';')]
    for name in names:
        if name not in PIPELINES:
            raise UserError('--pipelines {}: none of {}'.format(name, '; '.join(PIPELINES)))
    workers, blocks = numbers(args.workers, '--workers'), tuple(numbers(args.blocks, '--blocks'))
    if args.images < 2 * args.batch_size or args.batch_size < 1:
        raise UserError('--images %d: at least twice --batch-size %d' % (args.images, args.batch_size))
    result = {
        'machine': machine(),
        'batch_size': args.batch_size,
        'channels': args.channels,
        'blocks': blocks,
        'consumed': {},
        'rows': [],
    }
    with tempfile.TemporaryDirectory(prefix='bench-data-') as root:
        if any(PIPELINES[name][2] for name in names):
            make_photographs(root, args.images, any(name.startswith('records') for name in names))
        for name in names:
            open_it, size, _ = PIPELINES[name]
            if args.against and size not in result['consumed']:
                # the ImageNet space has four stages; the last number of blocks stands for those that are not given
                stages = blocks if size < 64 else (blocks + blocks[-1:] * 4)[:4]
                result['consumed'][size] = consumed(size, args.batch_size, args.seconds, args.channels, stages)
            for count in sorted(set(workers)):
                row = {
                    'pipeline': name,
                    'image_size': size,
                    'workers': count,
                    'images_per_second': delivered(open_it(root, count), args.batch_size, args.seconds),
                }
                for stage, speed in result['consumed'].get(size, {}).items():
                    row['times_' + stage] = row['images_per_second'] / speed
                result['rows'].append(row)
    return result


def table(result: Mapping[str, Any]) -> str:
    lines = ['; '.join('{} {}'.format(*item) for item in result['machine'].items()), '']
    heads = ['pipeline', 'pixels', 'threads', 'images/s']
    stages = sorted({stage for speeds in result['consumed'].values() for stage in speeds}, reverse=True)
    lines += [
        '| {} |'.format(
            ' | '.join(heads + [f'{stage} consumes' for stage in stages] + [f'times {stage}' for stage in stages])
        ),
        '|' + ' --- |' * (len(heads) + 2 * len(stages)),
    ]
    for row in result['rows']:
        speeds = result['consumed'].get(row['image_size'], {})
        cells = [row['pipeline'], row['image_size'], row['workers'], '{:.0f}'.format(row['images_per_second'])]
        cells += [f'{speeds[stage]:.0f}' for stage in stages] + [
            '{:.1f}'.format(row['times_' + stage]) for stage in stages
        ]
        lines.append('| {} |'.format(' | '.join(str(cell) for cell in cells)))
    return '\n'.join(lines)


def main(arguments: Sequence[str]) -> Optional[int]:
    args = parser().parse_args(arguments)
    result = measure(args)
    print(json.dumps(result, indent=1) if args.json else table(result))


if __name__ == '__main__':
    cli.main(main)
