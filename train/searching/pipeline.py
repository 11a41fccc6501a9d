"""Stages 1 and 2 from an opened run to an architecture, as train/search.py runs them."""

import os
from typing import Sequence

from ...base.errors import UserError
from ...data.dataset import Part
from ...optim.sparsity import POLICIES
from ...runfiles import checksums
from ...runfiles.checkpoint import read
from ...symbols.architecture import Architecture
from ...symbols.cost import cost
from ...symbols.memory import supernet_bytes
from ..config.tree import Config
from ..engine import checks, loop
from ..engine.bar import plan_work
from ..engine.names import StageName
from ..engine.plan import Position
from ..engine.stage import planned, search_space
from ..runtime import starting
from ..runtime.hooks import NONE, Hooks
from ..runtime.opening import Opened, opened
from ..runtime.run import Run
from .pruner import Pruner, num_operations
from .spread import Spread
from .stages import SupernetStages

STAGES = (StageName.PRETRAIN, StageName.SEARCH)
ORDER = tuple(StageName)


def search(
    config: Config, wanted: Sequence[str], resume: bool = False, allow_changes: bool = False, hooks: Hooks = NONE
) -> str:
    """Pretrain and search. wanted: which of 'pretrain' and 'search'; hooks: what a caller adds. Returns the run directory's path."""
    names = [StageName(name) for name in wanted]
    with opened(config, 'train/search.py', stages=names, resume=resume, hooks=hooks) as run_parts:
        run = run_parts.run
        run.check('resume' if resume else 'new', allow_changes)
        _keep_retraining(run, run_parts.config, wanted)
        _check_memory(run_parts, wanted)
        with run.progress.phase('building the supernet'):
            stages = SupernetStages(run_parts.config, run_parts.dataset, run_parts.devices, run.directory, hooks)
        run.start(searching=True)
        newest = run.newest(STAGES) if resume else None
        reached = ORDER.index(StageName(newest.stage)) if newest else -1
        init = config.pretrain.init if newest is None else ''
        taken = starting.supernet_from(run, stages.net, init) if init else None
        run.say(_greeting(run_parts))
        _plan(run_parts, [name for name in wanted if ORDER.index(StageName(name)) >= reached])
        for number, name in enumerate(STAGES):
            if number < reached or (name not in wanted and number > reached):
                continue
            with run.progress.phase(_preparing(run_parts.config, name)):
                stage = stages.stage(name)
            position = Position()
            if newest and number == reached:
                position = run.restore(stage, newest)
                run.say(f'resumed from {newest.path}')
            if name in wanted:
                run.begin()
                starting.record(run, taken, 'pretrain_init')
                taken = None  # told once
                loop.train(stage, run, position)
        if StageName.SEARCH in wanted:
            assert stages.pruner is not None and stages.spread is not None
            _finish_search(stages.pruner, stages.spread, run_parts)
        return run.directory.path


def _plan(run_parts: Opened, names: Sequence[str]) -> None:
    """Say how much work the stages to come are."""
    for name in map(StageName, names):
        if getattr(run_parts.config, name).epochs:
            plan_work(run_parts.run, name, planned(run_parts.config, name, run_parts.dataset, run_parts.devices))


def _preparing(config: Config, name: StageName) -> str:
    measured = name == StageName.SEARCH and POLICIES.get(config.search.penalty).quantity == 'latency'
    return 'measuring the latency of operations' if measured else f'preparing the {name}'


def _check_memory(run_parts: Opened, wanted: Sequence[str]) -> None:
    space = search_space(run_parts.config, run_parts.dataset)
    size = run_parts.dataset.image_size
    compiled = run_parts.devices.compiled

    def estimate(images: int, copies: int) -> float:
        return supernet_bytes(space, images, size, copies, compiled)

    for name in map(StageName, wanted):
        checks.memory(run_parts.config, name, size, run_parts.devices, estimate, run_parts.run.warn)


def _greeting(run_parts: Opened) -> str:
    devices, dataset, sizes = run_parts.devices, run_parts.dataset, run_parts.dataset.sizes
    workers = f', {devices.workers} workers' if devices.distributed else ''
    return (
        f'{run_parts.run.directory.path}: {dataset.name}, {sizes[Part.WEIGHTS]} + {sizes[Part.GATES]} training images, '
        f'{sizes[Part.TEST]} test images; {", ".join(map(str, devices.contexts))}{workers}'
    )


def _keep_retraining(run: Run, config: Config, wanted: Sequence[str]) -> None:
    """Refuse to search on under a retraining: its results would stand beside another architecture than theirs."""
    positions = run.checkpoints.positions()
    if not positions or positions[-1].stage != StageName.RETRAIN:
        return
    before = [position for position in positions if position.stage != StageName.RETRAIN]
    reached, epoch = (before[-1].number, before[-1].epoch) if before else (-1, 0)
    for name in wanted:
        number = ORDER.index(StageName(name))
        unfinished = number == reached and epoch < getattr(config, name).epochs and not read(before[-1].path).ended
        if number > reached or unfinished:
            raise UserError(
                f'run directory {run.directory.path}: it holds a retraining of what was searched, which a longer '
                'search would belie; start another with --run'
            )


def _finish_search(pruner: Pruner, spread: Spread, run_parts: Opened) -> None:
    """Write architecture.json and the search's part of summary.json."""
    run, config, settings = run_parts.run, run_parts.config, run_parts.config.search
    architecture = pruner.architecture
    counted = cost(architecture, image_size=run_parts.dataset.image_size)
    rows = [row for row in run.log.rows if row['stage'] == StageName.SEARCH]
    last = rows[-1] if rows else {}
    names = ('error', 'gate_error', 'test_error', 'zero_fraction')
    numbers = {name: last.get(name) for name in names}
    if run_parts.devices.main:
        checksums.write_json(run.directory.architecture, architecture.to_dict())
    run.write_summary(
        run=os.path.basename(run.directory.path),
        dataset=run_parts.dataset.name,
        seed=config.seed,
        space='share' if config.space.share else 'full',
        search={
            'error': numbers.get('test_error'),
            'train_error': numbers.get('error'),
            'gate_error': numbers.get('gate_error'),
            'zero_fraction': numbers.get('zero_fraction'),
            'edges': architecture.num_edges,
            'operations': num_operations(architecture),
            'gamma': settings.gamma,
            'budget': settings.penalty,
            'ratio': settings.ratio,
            'split': settings.split,
            'epochs': pruner.last_epoch,
            'pretrain_epochs': config.pretrain.epochs,
            'batch_size': settings.batch_size,
            'target': pruner.target.summary() if pruner.target else None,
            'changed': pruner.changed,
            'moved': pruner.moved,
            'settled': pruner.settled(),
            'diagnosis': spread.summary(),
            'params': int(counted.params),
            'flops': int(counted.flops),
            'mac': int(counted.mac),
            'seconds': run.log.seconds(*STAGES),
        },
    )
    run.say(
        f'{architecture.num_edges} of {Architecture.full(architecture.space).num_edges} edges and '
        f'{num_operations(architecture)} operations left; {run.directory.architecture} written'
    )
