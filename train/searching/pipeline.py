"""What the entry points do, without their command lines: open what a run needs, go through its stages, write its results."""
import contextlib
import dataclasses
import os
from typing import Any

from ...base.errors import UserError
from ...base.text import format_bytes
from ...data.place import NotFound
from ...data.registry import load
from ...runfiles.directory import free_name
from ...runfiles.stages import STAGES
from ...symbols.architecture import Architecture
from ...symbols.cost import cost
from ..config import settings
from ..engine import loop
from ..runtime.devices import Devices
from ..runtime.run import Run
from .pruning import num_operations
from .stages import SupernetStages, pattern, rates

ROOT = 'runs'


@dataclasses.dataclass
class Opened:
    """Devices, data and directory of a run, and its Config with what only the data could tell."""
    config: Any
    devices: Devices
    dataset: Any
    run: Run


@contextlib.contextmanager
def opened(config, script, cutout=None):
    """Open devices, data and run directory, in this order, so that a mistake leaves nothing behind. Yields Opened."""
    devices = Devices(config.train)
    with devices.watch(config.train.watchdog_seconds):
        dataset = open_data(config, cutout)
        config = settings.replace(config, run=config.run or name_run(config, devices), data__image_size=dataset.image_size)
        run = Run(config, devices, dataset, script)
        try:
            yield Opened(config, devices, dataset, run)
        finally:
            run.close()


def open_data(config, cutout=None):
    """Open the data set of a configuration; cutout: instead of data.cutout.

    Where data.dir is empty it is looked for in gluon's place on this machine, and the configuration stays as it is.
    """
    options = dataclasses.asdict(config.data)
    name = options.pop('name')
    try:
        return load(name, seed=config.seed, **dict(options, cutout=config.data.cutout if cutout is None else cutout))
    except NotFound as error:
        raise NotFound(str(error) if config.data.dir else f'{error}; --data-dir DIR says where it lies') from None


def name_run(config, devices):
    """A run directory that does not exist yet, the same on all workers."""
    stem = '%s-%s' % (config.data.name, 'share' if config.space.share else 'full')
    number = int(free_name(ROOT, stem).rpartition('-')[2]) if devices.main else 0
    return os.path.join(ROOT, '%s-%d' % (stem, int(devices.total([number])[0])))


def search(config, wanted, resume=False, allow_changes=False):
    """Stages 1 and 2. wanted: which of 'pretrain' and 'search'. Returns the run directory's path."""
    with opened(config, 'train/search.py') as o:
        run = o.run
        run.check('resume' if resume else 'new', allow_changes)
        _keep_retraining(run, o.config, wanted)
        for name in wanted:
            plan(o, name)
        stages = SupernetStages(o.config, o.dataset, o.devices, run.directory)
        run.start()
        found = run.newest(STAGES[:2]) if resume else None
        there = STAGES.index(found.stage) if found else -1
        run.say('%s: %s, %d + %d training images, %d test images; %s' % (
            run.directory.path, o.dataset.name, o.dataset.sizes['weights'], o.dataset.sizes['gates'], o.dataset.sizes['test'],
            ', '.join(map(str, o.devices.contexts)) + (', %d workers' % o.devices.workers if o.devices.distributed else '')))
        for number, name in enumerate(STAGES[:2]):
            if number < there or (name not in wanted and number > there):
                continue
            stage = getattr(stages, name)()
            position = (0, 0, None)
            if number == there:
                position = run.restore(stage, found)
                run.say('resumed from %s' % found.path)
            elif name == 'search':
                _announce_search(stage, o)
            if name in wanted:
                loop.train(stage, run, position)
        if 'search' in wanted:
            _finish_search(stage, o)
        return run.directory.path


def _keep_retraining(run, config, wanted):
    """Raises UserError where a search would go on under a retraining of what it had found: its results would stand beside another
    architecture."""
    positions = run.checkpoints.positions()
    if not positions or positions[-1].stage != 'retrain':
        return
    before = [(position.number, position.epoch) for position in positions if position.stage != 'retrain']
    there, epoch = before[-1] if before else (-1, 0)
    for name in wanted:
        number = STAGES.index(name)
        if number > there or (number == there and epoch < getattr(config, name).epochs):
            raise UserError('run directory %s: it holds a retraining of what was searched, which a longer search would belie; start '
                             'another with --run' % run.directory.path)


def plan(o, name):
    """The loop.Plan of a stage, before anything is built. Raises UserError for schedules and batches that cannot be."""
    settings_ = getattr(o.config, name)
    rates(o.config, name)   # for its errors: a stage that begins days from now is to be refused today
    share = o.devices.share(settings_.batch_size, '%s.batch_size' % name)
    return loop.Plan(pattern(o.config, name), settings_.batch_size, o.dataset, share, (o.devices.rank, o.devices.workers))


def _announce_search(stage, o):
    run = o.run
    if o.devices.main:
        stage.hooks.start()
    steps = plan(o, 'search')
    gate_steps = sum(steps.step(step)[1] != 'weights' for step in range(steps.steps)) * stage.epochs
    warning = stage.hooks.reach(gate_steps)
    if warning:
        run.warn(warning)
    if o.devices.distributed:
        run.say('a worker sends %s a W step, %s a λ step' % tuple(
            format_bytes(stage.learner.bytes_a_step(update)) for update in ('weights', 'gates')))


def _finish_search(stage, o):
    run, hooks, settings_ = o.run, stage.hooks, o.config.search
    architecture = hooks.architecture
    counted = cost(architecture, image_size=o.dataset.image_size)
    rows = [row for row in run.log.rows if row['stage'] == 'search']
    last = rows[-1] if rows else {}
    numbers = {name: last.get(name) for name in ('error', 'gate_error', 'test_error', 'zero_fraction')}
    if o.devices.main:
        architecture.save(run.directory.architecture)
    run.write_summary(
        run=os.path.basename(run.directory.path), dataset=o.dataset.name, seed=o.config.seed,
        space='share' if o.config.space.share else 'full',
        search={
            'error': numbers.get('test_error'), 'train_error': numbers.get('error'), 'gate_error': numbers.get('gate_error'),
            'zero_fraction': numbers.get('zero_fraction'), 'edges': architecture.num_edges, 'operations': num_operations(architecture),
            'gamma': settings_.gamma, 'budget': settings_.budget, 'ratio': settings_.ratio, 'split': settings_.split,
            'epochs': settings_.epochs, 'pretrain_epochs': o.config.pretrain.epochs, 'batch_size': settings_.batch_size,
            'changed': hooks.changed, 'moved': hooks.moved, 'settled': hooks.settled(),
            'params': int(counted.params), 'flops': int(counted.flops), 'mac': int(counted.mac),
            'seconds': run.log.seconds('pretrain', 'search')})
    run.say('%d of %d edges and %d operations left; %s written' % (
        architecture.num_edges, Architecture.full(architecture.space).num_edges, num_operations(architecture), run.directory.architecture))
