"""What is checked before the first step of the first stage, for every stage that a command runs.

`before_data` needs nothing but the configuration and the devices; `with_data` the opened data set; `memory` the size of a network. A
stage without epochs is not run, and not checked. Plugins are imported when the configuration is resolved, budgets met when a network
is built (symbols/budget.py), and what a run directory may hold is checked by Run.check: all of it before a step as well.
"""

import os
from typing import Callable, Iterable, List, Optional, Tuple

import mxnet as mx

from ...base import machine
from ...base.errors import UserError
from ...base.text import format_bytes
from ...data.dataset import DataSet, Part
from ...symbols.cost import check_image_size
from ..config.tree import Config
from ..runtime.devices import Devices
from .names import StageName
from .stage import pattern, planned, rates

PARTS = {
    Part.TRAIN: 'the training set',
    Part.WEIGHTS: 'the W part',
    Part.GATES: 'the λ part',
    Part.TEST: 'the test set',
    Part.LEARNED: 'the training set without retrain.held_out',
}
SLACK = 1.5  # what a step takes is up to twice the estimate (symbols/memory.py)


def before_data(config: Config, stages: Iterable[StageName], devices: Devices, place: str) -> None:
    """Check schedules, batches, image size and the run directory, before data are opened. Raises UserError.

    place: the run directory, or the folder in which it will be made.
    """
    for name in _run(config, stages):
        rates(config, name)
        devices.share(getattr(config, name).batch_size, f'{name}.batch_size')
    if config.data.image_size:
        _check_size(config, config.data.image_size)
    check_writable(place)


def with_data(config: Config, stages: Iterable[StageName], dataset: DataSet, devices: Devices) -> None:
    """Check that every part of the data that a stage learns from has a batch for each worker. Raises UserError."""
    _check_size(config, dataset.image_size)
    for name in _run(config, stages):
        batch_size = getattr(config, name).batch_size
        for part in dict.fromkeys(part for part, _ in pattern(config, name)):
            if dataset.sizes[part] < batch_size:
                raise UserError(
                    f'{name}.batch_size={batch_size}: {PARTS[part]} of {dataset.name} has {dataset.sizes[part]} images, fewer than '
                    f'a batch{_each(devices)}; take a smaller one (--batch-size), {_more_images(config, part)}'
                )
        planned(config, name, dataset, devices)


def memory(
    config: Config,
    name: StageName,
    image_size: int,
    devices: Devices,
    estimate: Callable[[int, int], float],
    warn: Callable[[str], None],
) -> None:
    """Check that a stage fits into the memory that is free: refuse what is clearly beyond, warn of what is near.

    estimate: function of (images of a step, devices) in one memory, giving bytes. Raises UserError, saying by how much it is beyond.
    """
    batch_size = devices.share(getattr(config, name).batch_size, f'{name}.batch_size')
    count = len(devices.contexts)
    free, where = free_memory(devices.contexts)
    needed = estimate(batch_size, count) if where == 'here' else estimate(batch_size // count, 1)
    if free is None or needed * SLACK <= free:
        return
    what = f'{name}.batch_size={batch_size}: a step on images of {image_size} pixels takes about {format_bytes(needed)}'
    there = f'the {format_bytes(free)} that are free {where}'
    width = 'retrain.channels or the budget' if name == StageName.RETRAIN else 'space.channels'
    lower = f'--batch-size, data.image_size or {width}'
    if needed > free:
        raise UserError(f'{what}, {format_bytes(needed - free)} more than {there}; lower {lower}')
    warn(f'warning: {what} or more, near {there}; where it does not fit, lower {lower}')


def free_memory(contexts: List[mx.Context]) -> Tuple[Optional[float], str]:
    """Return (bytes that are free, where): of the machine for CPU devices, of the fullest GPU for GPUs; None where it is not known."""
    if contexts[0].device_type != 'gpu':
        return machine.free_memory(), 'here'
    try:
        return min(mx.context.gpu_memory_info(context.device_id)[0] for context in contexts), 'on a GPU'
    except mx.base.MXNetError:
        return None, 'on a GPU'


def check_writable(path: str) -> None:
    """Check that a folder is one to write in, or can be made. Raises UserError."""
    folder = os.path.abspath(path)
    while not os.path.lexists(folder):
        folder = os.path.dirname(folder)
    if not os.path.isdir(folder):
        raise UserError(f'run directory {path}: {folder} is not a folder')
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(f'run directory {path}: cannot write in {folder}')


def _run(config: Config, stages: Iterable[StageName]) -> List[StageName]:
    return [name for name in map(StageName, stages) if getattr(config, name).epochs]


def _check_size(config: Config, image_size: int) -> None:
    try:
        check_image_size(config.space, image_size)
    except UserError as error:
        raise UserError(f'data.image_size={image_size}: {error}; space.blocks says how many stages there are') from None


def _each(devices: Devices) -> str:
    return f' of {devices.workers} workers' if devices.distributed else ''


def _more_images(config: Config, part: Part) -> str:
    ways = ['data.limit'] if config.data.limit else []
    ways += ['data.split'] if part in (Part.WEIGHTS, Part.GATES) else []
    return f'or change {" or ".join(ways)}' if ways else 'or more images'
