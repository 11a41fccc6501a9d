"""Everything that a run can be told, as one tree of dataclasses: `Config`.

Defaults are the published settings for CIFAR-10. Presets (experiments/configs/*.yaml), --config files and the command line
change them; settings.py says in which order, and refuses what is not here. A new key is one line: here, or in the dataclass that
uses it where that is the group (`data`: data.dataset.Options, `space`: symbols.space.SearchSpace).
"""

import argparse
import dataclasses
from typing import Any, Iterator, Tuple, Type

from ...base import argtypes, limits
from ...base.errors import UserError
from ...base.keys import Key, key, keys
from ...base.text import shown
from ...data.dataset import Options
from ...data.registry import DATASETS
from ...optim.schedules import SCHEDULES
from ...optim.sparsity import POLICIES
from ...symbols.space import SearchSpace
from ..engine.callbacks import CALLBACKS

KVSTORES = ('local', 'device', 'nccl', 'dist_sync', 'dist_device_sync')


def group(kind: Type[Any], text: str) -> Any:
    """Make the field of a group of keys."""
    return dataclasses.field(default_factory=kind, metadata={'help': text})


@dataclasses.dataclass(frozen=True)
class Data(Options):
    name: str = key('cifar10', 'data set', DATASETS)


@dataclasses.dataclass(frozen=True)
class Pretrain:
    epochs: int = key(120, 'passes over the W part; 0: no pretraining', low=0, high=limits.EPOCHS)
    batch_size: int = key(128, 'images an update, over all devices and workers together', low=1, high=limits.BATCH)
    lr: float = key(0.1, 'learning rate of W', low=0, high=limits.RATE)
    schedule: str = key('constant', 'learning rate over the stage', SCHEDULES)
    warmup: float = key(0.0, 'epochs in which the learning rate first grows from 0', low=0, high=limits.EPOCHS)
    wd: float = key(1e-4, 'weight decay of W', low=0, high=limits.RATE)
    momentum: float = key(0.9, 'momentum of NAG', low=0, below=1)
    clip_gradient: float = key(0.0, 'bound on each entry of the gradient; 0: none', low=0, high=1e9)
    test_every: int = key(
        0, 'test the supernet every so many epochs; 0: at the end of the stage', low=0, high=limits.EPOCHS
    )
    init: str = key('', 'run directory with whose weights of the supernet, not λ, to start; empty: from random ones')


@dataclasses.dataclass(frozen=True)
class Search:
    epochs: int = key(120, 'passes over the W part', low=0, high=limits.EPOCHS)
    batch_size: int = key(128, 'images an update, over all devices and workers together', low=1, high=limits.BATCH)
    lr: float = key(0.1, 'learning rate of W', low=0, high=limits.RATE)
    gate_lr: float = key(0.1, 'learning rate of λ', low=0, high=limits.RATE)
    schedule: str = key('constant', 'both learning rates over the stage', SCHEDULES)
    wd: float = key(1e-4, 'weight decay of W; λ have none', low=0, high=limits.RATE)
    momentum: float = key(0.9, 'momentum of NAG (W) and of APG-NAG (λ)', low=0, below=1)
    gamma: float = key(0.001, 'weight γ of the L1 norm of λ', low=0, high=limits.RATE)
    penalty: str = key(
        'flops', 'what γ of each λ follows: eq. 9 (flops), eq. 10 (mac), measured latency, or nothing', POLICIES
    )
    target: str = key(
        'none',
        'what of the supernet shall be left in the end: edges=30%, flops=50%, params=40%; γ is then steered from '
        "search.gamma on (ours, not the paper's); none: γ stays",
    )
    normalise: str = key(
        'auto',
        'rescale the λ into each operation to constant norm after each λ step, which the network does not see (ours); '
        'auto: where there is a target',
        ('auto', 'always', 'never'),
    )
    patience: int = key(
        0,
        'with a target: end once nothing was pruned for so many epochs after it is met; 0: no',
        low=0,
        high=limits.EPOCHS,
    )
    ratio: str = key('1:1', 'n:m, of n + m iterations n update W and m update λ')
    split: bool = key(
        True, 'W and λ learn from their own parts; false: both, at each iteration, from the whole training set'
    )
    prune_every: int = key(
        5, 'epochs after which what is zero is removed for good; 0: only at the end', low=0, high=limits.EPOCHS
    )
    nonnegative: bool = key(True, 'project λ to λ >= 0 after each update')
    clip_gradient: float = key(2.0, 'bound on each entry of the gradients of W and λ; 0: none', low=0, high=1e9)
    test_every: int = key(
        0, 'test the supernet every so many epochs; 0: at the end of the stage', low=0, high=limits.EPOCHS
    )


@dataclasses.dataclass(frozen=True)
class Retrain:
    epochs: int = key(630, 'passes over the whole training set', low=1, high=limits.EPOCHS)
    batch_size: int = key(128, 'images an update, over all devices and workers together', low=1, high=limits.BATCH)
    lr: float = key(0.05, 'learning rate', low=0, high=limits.RATE)
    schedule: str = key('cosine_restarts', 'learning rate over the stage', SCHEDULES)
    lr_min: float = key(1e-4, 'learning rate at the end (of each period)', low=0, high=limits.RATE)
    t0: float = key(10, 'epochs of the first period of cosine_restarts', low=0, high=limits.EPOCHS)
    tmul: float = key(2, 'each period is so many times longer than the one before', low=1, high=limits.EPOCHS)
    warmup: float = key(0.0, 'epochs in which the learning rate first grows from 0', low=0, high=limits.EPOCHS)
    wd: float = key(3e-4, 'weight decay of W; BN γ and all biases have none', low=0, high=limits.RATE)
    momentum: float = key(0.9, 'momentum of NAG', low=0, below=1)
    clip_gradient: float = key(0.0, 'bound on each entry of the gradient; 0: none', low=0, high=1e9)
    budget: str = key(
        'params=3.0M',
        'size of the derived network, as params=3.0M, flops=600M, mac=40M, latency=5ms; params=3.0M,flops=600M: both at once; none: by '
        'channels',
    )
    channels: Tuple[int, ...] = key(
        (), 'width of each stage, or C alone; empty: from the budget, or as in search', low=1, high=limits.WIDTH
    )
    width_multiple: int = key(
        1,
        'the budget rounds each stage to a multiple of so many channels; 1: any width; 0: what suits the device, '
        '16 with AVX-512, 8 with AVX2 or half precision on GPUs, else 1',
        low=0,
        high=256,
    )
    dropout: float = key(0.4, 'share of features dropped before the dense layer', low=0, below=1)
    drop_path: float = key(
        0.5, 'largest probability with which an operation is dropped: at the last depth, at the end', low=0, high=1
    )
    auxiliary: float = key(0.4, 'weight of the auxiliary loss; 0: no auxiliary tower', low=0, high=limits.RATE)
    label_smoothing: float = key(0.0, 'share of the target spread over all classes', low=0, high=1)
    cutout: int = key(
        16, 'side of the square cut out of training images, pixels; 0: none', low=0, high=limits.IMAGE_SIZE
    )
    test_every: int = key(1, 'test every so many epochs; 0: at the end', low=0, high=limits.EPOCHS)
    patience: int = key(
        0,
        'end once the error on held-out training images has not fallen for so many epochs, and keep the best one; 0: no',
        low=0,
        high=limits.EPOCHS,
    )
    held_out: float = key(
        0.1, 'with patience: share of the training images that is held out, and not learned from', low=0.001, high=0.9
    )
    ema: float = key(
        0.0, 'decay of a moving average of the weights, which is tested and exported; 0: the weights', low=0, below=1
    )
    mixup: float = key(
        0.0, 'α of mixup, which learns from weighted means of two images and labels; 0: none', low=0, high=limits.RATE
    )
    init: str = key('', 'run directory with whose weights of the same network to start; empty: from random ones')


@dataclasses.dataclass(frozen=True)
class Train:
    gpus: str = key('', "GPUs, as '0-7' or '0,2'; empty: all that MXNet sees, else the CPU")
    cpus: int = key(0, 'that many CPU devices instead of GPUs; 0: no', low=0, high=limits.DEVICES)
    kvstore: str = key('device', 'how devices and machines exchange gradients', KVSTORES)
    keep: int = key(3, 'newest checkpoints kept, besides the best', low=1, high=limits.EPOCHS)
    checkpoint_minutes: float = key(
        10.0, 'a checkpoint also after so many minutes within an epoch; 0: only at its end', low=0, high=1e6
    )
    test_batch: int = key(0, 'images a batch in testing; 0: as in training', low=0, high=limits.BATCH)
    sync_bn: bool = key(False, 'batch norm over all GPUs together')
    amp: bool = key(False, "float16 on GPUs, by MXNet's automatic mixed precision")
    tensorboard: bool = key(True, 'write TensorBoard events')
    watchdog_seconds: float = key(
        30.0, 'several machines: a worker silent for so long counts as dead', low=1, high=limits.SECONDS
    )


@dataclasses.dataclass(frozen=True)
class Config:
    seed: int = key(0, 'the one seed, from which every consumer of randomness derives its own', low=0, high=limits.SEED)
    run: str = key('', 'run directory; empty: runs/<data set>-<space>-<number>')
    preset: str = key('published', 'the preset that the other keys started from')
    plugins: Tuple[str, ...] = key((), 'modules and .py files that are imported first, for what they register')
    callbacks: Tuple[str, ...] = key(
        (), 'callbacks that plugins register, in their order; called in every stage', CALLBACKS
    )
    data: Data = group(Data, 'what is learned from')
    space: SearchSpace = group(SearchSpace, 'the completely connected network')
    pretrain: Pretrain = group(Pretrain, 'stage 1: W of the supernet, λ at 1')
    search: Search = group(Search, 'stage 2: W and λ in turn')
    retrain: Retrain = group(Retrain, 'stage 3: the derived network from scratch')
    train: Train = group(Train, 'devices, machines, checkpoints')


def leaves() -> Iterator[Tuple[str, Key]]:
    """Yield every key of the tree in order: (dotted name, Key)."""
    yield from keys(Config)
    for field in dataclasses.fields(Config):
        if dataclasses.is_dataclass(field.type):
            yield from ((f'{field.name}.{name}', described) for name, described in keys(field.type))


def ratio(text: str) -> Tuple[int, int]:
    """Read 'n:m', two whole numbers from 1 to limits.RATIO. Raises UserError."""
    try:
        n, m = map(argtypes.whole(1, limits.RATIO), text.split(':'))
    except (ValueError, argparse.ArgumentTypeError):
        accepted = f'n:m, two {argtypes.between("whole numbers", 1, limits.RATIO)} (1:1, 4:1)'
        raise UserError(f'search.ratio={shown(text)}: expected {accepted}') from None
    return n, m
