"""What is chosen from the data alone: image size, batches, augmentation, rates, and the supernets that come into question."""

import dataclasses
import math
from typing import Any, Dict, List, Mapping

import numpy as np

from ...base.text import format_count
from ...symbols.architecture import Architecture
from ...symbols.cost import cost
from ...symbols.memory import supernet_bytes
from ...symbols.space import SearchSpace
from ..config.goal import parse_goal
from ..config.tree import Config
from .facts import DataFacts

TARGET = 'edges=30%'
REDUCED_FROM = 64  # pixels, from which on the stem halves images twice
SIZES = (64, 96, 128)  # of images that large
LARGEST_ON_CPU = 96
SMALLER = {48: 32, 96: 64, 128: 96}  # pixels, where time is short
STEP, SMALLEST, LARGEST = 8, 16, 48  # pixels, of smaller ones
FEW = 2000  # training images, below which regularisation is stronger
UPDATES = {'pretrain': 300, 'search': 400, 'retrain': 1500}  # of W, of λ, of the network: what a plan aims at
LEAST_EPOCHS = {'pretrain': 3, 'search': 10, 'retrain': 8}
# The supernets, smallest first: (channels, blocks a stage, training images from which on it is worth it).
LADDER = ((8, 1, 0), (16, 1, 0), (16, 2, 1000), (32, 2, 10_000), (48, 3, 20_000))
LADDER_REDUCED = (
    (16, 1, 0),
    (24, 1, 0),
    (24, 2, 1000),
    (32, 2, 5000),
    (48, 3, 20_000),
)  # behind a stem that halves twice
STAGES = 3
WITHOUT_TARGET = 0.4  # of the edges are thought to be left
WIDER = 2  # a derived network of the default budget has about so many times the channels of the search
KEEP_FREE = 2.0  # of the memory that a supernet is thought to take


@dataclasses.dataclass(frozen=True)
class Choice:
    """Settings by dotted key for one of the supernets, without epochs. space: its SearchSpace; image_size: pixels."""

    values: Dict[str, Any]
    space: SearchSpace
    image_size: int


def image_size(side: int, gpu: bool = False) -> int:
    """Return the side to which images are brought, whose median short side is `side` pixels."""
    if side >= REDUCED_FROM:
        return max(size for size in SIZES if size <= side and (gpu or size <= LARGEST_ON_CPU))
    return min(max(SMALLEST, round(side / STEP) * STEP), 32 if side < LARGEST else LARGEST)


def batch(images: int, least_steps: int, devices: int, gpu: bool) -> int:
    """Return how many images make an update: enough updates an epoch where images are few, and a multiple of the devices."""
    sizes = [8, 16, 32] + ([64] if images >= 5000 or gpu else []) + ([128] if gpu else [])
    fitting = [size for size in sizes if images // size >= least_steps]
    size = max(fitting, default=min(sizes[0], images))
    return max(size // devices * devices, devices)


def cutout(train: int, size: int) -> int:
    """Return the side of the square that is cut out of training images of `size` pixels, where there are `train` of them."""
    return size // 4 if train < FEW else 0


def values_of(facts: DataFacts, size: int, devices: int, gpu: bool) -> Dict[str, Any]:
    """Return the settings that follow from the data, by dotted key."""
    few = facts.train < FEW
    cut = cutout(facts.train, size)
    parts = batch(min(facts.weights, facts.gates), 6, devices, gpu)
    whole = batch(facts.train, 8, devices, gpu)

    def rate(lr: float, images: int) -> float:
        return float(f'{lr * math.sqrt(images / 50):.2g}')

    return {
        'data.image_size': size,
        'data.split': 0.5,
        'data.cutout': cut,
        'space.stem': 'imagenet' if size >= REDUCED_FROM else 'cifar',
        'pretrain.batch_size': parts,
        'pretrain.lr': rate(0.1, parts),
        'search.batch_size': parts,
        'search.lr': rate(0.1, parts),
        'search.gate_lr': 0.05 if parts >= 16 else 0.03,
        'search.gamma': 0.05,
        'search.target': TARGET,
        'search.normalise': 'auto',
        'retrain.batch_size': whole,
        'retrain.lr': rate(0.05, whole),
        'retrain.lr_min': 1e-4,
        'retrain.wd': 1e-3 if few else 3e-4,
        'retrain.width_multiple': 0,
        'retrain.dropout': 0.1 if few else 0.0,
        'retrain.drop_path': 0.0,
        'retrain.auxiliary': 0.0,
        'retrain.label_smoothing': 0.05 if few else 0.0,
        'retrain.cutout': cut,
        'train.test_batch': min(50, max(1, facts.test)),
        'train.keep': 1,
    }


def ladder(
    facts: DataFacts,
    values: Mapping[str, Any],
    given: Mapping[str, Any],
    most_bytes: float = math.inf,
    compiled: bool = False,
) -> List[Choice]:
    """Return the Choices, the smallest first. values: of `values_of`; given: the caller's, which count where they name the same.

    most_bytes: of free memory; compiled: whether blocks are one operator each, which take less of it.
    """
    size = int(given.get('data.image_size') or values['data.image_size'])
    choices: List[Choice] = []
    for channels, blocks, from_images in LADDER if size < REDUCED_FROM else LADDER_REDUCED:
        if facts.train < from_images and choices:
            continue
        own = {**values, 'space.channels': channels, 'space.blocks': (blocks,) * STAGES}
        fields = {key.split('.')[1]: value for key, value in {**own, **given}.items() if key.startswith('space.')}
        space = SearchSpace(classes=facts.classes, **fields)
        images = int(given.get('search.batch_size') or values['search.batch_size'])
        if any(space == other.space for other in choices):
            continue
        if choices and KEEP_FREE * supernet_bytes(space, images, size, compiled=compiled) > most_bytes:
            continue
        if 'retrain.budget' not in given and 'retrain.channels' not in given:
            own['retrain.budget'] = default_budget(space, size, str(given.get('search.target', TARGET)))
        choices.append(Choice(own, space, size))
    return choices


def sample(space: SearchSpace, target: str, seed: int = 0) -> Architecture:
    """Return a random Architecture with about as many edges as a search to `target` leaves."""
    goal = parse_goal(target)
    share = goal.share if goal else WITHOUT_TARGET
    wanted = share * Architecture.full(space).num_edges
    for keep in np.linspace(min(share, 0.95), 1.0, 20):  # edges that lead nowhere are not counted
        drawn = Architecture.random(space, seed=seed, keep=float(keep))
        if drawn.num_edges >= wanted:
            break
    return drawn


def default_budget(space: SearchSpace, size: int, target: str) -> str:
    """Return the budget of the derived network where the caller gave none: FLOPs of a network WIDER than the search's."""
    widths = [WIDER * width for width in space.widths()]
    flops = cost(sample(space, target), widths, size).flops
    digits = 10 ** (math.floor(math.log10(flops)) - 1)
    return f'flops={format_count(digits * math.ceil(flops / digits), 2, "")}'


def steps(facts: DataFacts, config: Config) -> Dict[str, int]:
    """Return the steps of an epoch by stage; those of a search are W and λ steps together."""
    turn = [int(part) for part in config.search.ratio.split(':')]
    pre = facts.weights // config.pretrain.batch_size
    if not config.search.split:
        return {
            'pretrain': pre,
            'search': facts.train // config.search.batch_size,
            'retrain': facts.train // config.retrain.batch_size,
        }
    led = facts.weights // config.search.batch_size
    searched = led // turn[0] * sum(turn) + led % turn[0]
    return {'pretrain': pre, 'search': searched, 'retrain': facts.train // config.retrain.batch_size}


def wanted_epochs(by_stage: Mapping[str, int]) -> Dict[str, int]:
    """Return the epochs that a plan aims at, by stage. by_stage: steps of an epoch, of `steps`."""
    halved = {**by_stage, 'search': by_stage['search'] / 2}  # λ steps
    return {stage: max(LEAST_EPOCHS[stage], math.ceil(UPDATES[stage] / max(halved[stage], 1))) for stage in UPDATES}


def with_epochs(epochs: Mapping[str, int]) -> Dict[str, Any]:
    """Return the settings that follow from the epochs by stage: how often is pruned and tested, and the course of the rate.

    The rate of retraining grows for a tenth of the epochs, then falls as a cosine to its end.
    """
    retrain = max(int(epochs['retrain']), 1)
    warmup = retrain // 10
    return {
        'pretrain.epochs': int(epochs['pretrain']),
        'search.epochs': int(epochs['search']),
        'search.prune_every': max(1, int(epochs['search']) // 8),
        'retrain.epochs': retrain,
        'retrain.schedule': 'cosine_restarts',
        'retrain.warmup': float(warmup),
        'retrain.t0': float(retrain - warmup),
        'retrain.tmul': 1.0,
        'retrain.test_every': tests_every(retrain),
    }


def tests_every(epochs: int) -> int:
    """Return after how many epochs of retraining the network is tested: about five times."""
    return max(1, -(-epochs // 5))
