"""Open what a run needs: devices, data and run directory."""

import contextlib
import dataclasses
import os
from typing import Iterator, Optional, Sequence

from ...data.dataset import DataSet
from ...data.place import NotFound
from ...data.registry import load
from ...runfiles.directory import free_name
from ..config import settings
from ..config.tree import Config
from ..engine import checks
from ..engine.names import StageName
from .devices import Devices
from .run import Run

ROOT = 'runs'


@dataclasses.dataclass
class Opened:
    """Devices, data and directory of a run, and its Config with what only the data could tell."""

    config: Config
    devices: Devices
    dataset: DataSet
    run: Run


@contextlib.contextmanager
def opened(
    config: Config, script: str, cutout: Optional[int] = None, stages: Sequence[StageName] = ()
) -> Iterator[Opened]:
    """Open devices, data and run directory, in this order, so that a mistake leaves nothing behind.

    script: the command that resumes the run; cutout: instead of data.cutout; stages: which will run, checked as far as it goes before
    their first step (engine/checks.py).
    """
    devices = Devices(config.train)
    checks.before_data(config, stages, devices, config.run or ROOT)
    with devices.watch(config.train.watchdog_seconds):
        dataset = open_data(config, cutout)
        checks.with_data(config, stages, dataset, devices)
        path = config.run or name_run(config, devices)
        config = settings.replace(config, run=path, data__image_size=dataset.image_size)
        run = Run(config, devices, dataset, script)
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
