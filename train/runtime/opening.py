"""Open what a run needs: devices, data and run directory."""

import contextlib
import dataclasses
import os
from typing import Iterator, Optional, Sequence

from ...base import machine
from ...data.dataset import DataSet
from ...data.place import NotFound
from ...data.registry import load
from ...runfiles.directory import RunDirectory, free_name
from ...symbols.backend import native
from ..config import settings
from ..config.tree import Config
from ..engine import checks
from ..engine.names import StageName
from .devices import Devices
from .hooks import NONE, Hooks
from .progress import Progress
from .run import Run, stored_config

ROOT = 'runs'
HALF_PRECISION_BLOCK = 8  # channels that tensor cores take at once


@dataclasses.dataclass
class Opened:
    """Devices, data and directory of a run, and its Config with what only the data could tell."""

    config: Config
    devices: Devices
    dataset: DataSet
    run: Run


@contextlib.contextmanager
def opened(
    config: Config,
    script: str,
    cutout: Optional[int] = None,
    stages: Sequence[StageName] = (),
    resume: bool = False,
    hooks: Hooks = NONE,
) -> Iterator[Opened]:
    """Open devices, data and run directory, in this order, so that a mistake leaves nothing behind.

    script: the command that resumes the run; cutout: instead of data.cutout; stages: which will run, checked as far as it goes before
    their first step (engine/checks.py). resume: whether a run goes on, whose widths are to stay what they were. hooks: what a caller adds.
    """
    devices = Devices(config.train)
    checks.before_data(config, stages, devices, config.run or ROOT)
    progress = hooks.progress or Progress(devices.main)
    with devices.watch(config.train.watchdog_seconds):
        with progress.phase('opening the data'):
            dataset = open_data(config, cutout)
            if StageName.RETRAIN in stages and config.retrain.patience:
                dataset.hold_out(config.retrain.held_out)
        checks.with_data(config, stages, dataset, devices)
        if stages and devices.kernels_kind == 'cpu':
            with progress.phase(
                'compiling an operator for this processor'
            ):  # some ten seconds, where that was never done here
                native.missing()
        path = config.run or name_run(config, devices)
        multiple = width_multiple(config, devices, resume)
        config = settings.replace(
            config, run=path, data__image_size=dataset.image_size, retrain__width_multiple=multiple
        )
        run = Run(config, devices, dataset, script, dataclasses.replace(hooks, progress=progress))
        try:
            yield Opened(config, devices, dataset, run)
        finally:
            run.close()


def open_data(config: Config, cutout: Optional[int] = None) -> DataSet:
    """Open the data set of a configuration; cutout: instead of data.cutout.

    Where data.dir is empty it is looked for in gluon's place on this machine, and the configuration stays as it is.
    """
    options = dataclasses.asdict(config.data)
    name = options.pop('name')
    options.update(seed=config.seed, cutout=config.data.cutout if cutout is None else cutout)
    try:
        return load(name, **options)
    except NotFound as error:
        raise NotFound(str(error) if config.data.dir else f'{error}; --data-dir DIR says where it lies') from None


def name_run(config: Config, devices: Devices) -> str:
    """Name a run directory that does not exist yet, the same on all workers."""
    stem = f'{config.data.name}-{"share" if config.space.share else "full"}'
    number = int(free_name(ROOT, stem).rpartition('-')[2]) if devices.main else 0
    return os.path.join(ROOT, f'{stem}-{int(devices.total([number])[0])}')


def width_multiple(config: Config, devices: Devices, resume: bool = False) -> int:
    """Return retrain.width_multiple with 0 resolved: as the run that goes on has it, else what suits the device of worker 0."""
    if config.retrain.width_multiple:
        return config.retrain.width_multiple
    directory = RunDirectory(config.run)
    if resume and config.run and directory.exists():
        before = settings.build(
            stored_config(directory.config)
        ).retrain.width_multiple  # 1 in runs of versions without the key
        if before:
            return before
    if devices.contexts[0].device_type == 'gpu':
        here = HALF_PRECISION_BLOCK if config.train.amp else 1
    else:
        here = machine.width_multiple()
    return int(devices.total([here if devices.main else 0])[0]) if devices.distributed else here
