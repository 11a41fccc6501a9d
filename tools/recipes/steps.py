"""Make the commands of an experiment, for a scale, seeds, devices and folders of data."""

import argparse
import dataclasses
import os
import shlex
from typing import Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from ...base import argtypes, limits, machine
from ...base.errors import UserError
from ...base.text import clipped
from .catalogue import Experiment, Row

SCALES = ('smoke', 'paper')
THREADS = 2  # of an experiment unasked, where there are as many cores: more than are free make a step many times slower
MOST_JOBS = 4  # at once unasked: each takes half a gigabyte and more
GAMMAS = {'smoke': '0.015 0.03', 'paper': '0.0005 0.001 0.002'}
SMOKE = 'experiments/configs/scale_smoke.yaml'
DATA = {'table2': 'DATA_IMAGENET'}  # of presets that begin so; of all others DATA_CIFAR10
SEARCHING, RETRAINING = ('pretrain', 'search'), ('retrain',)


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the user sets, by environment variables.

    jobs: the most commands that run at once; threads: of all of them together, where that is at least one each; data: folders by
    the variable's name.
    """

    root: str
    scale: str = 'smoke'
    seeds: Tuple[int, ...] = (1,)
    gammas: Tuple[str, ...] = ()
    gpus: str = ''
    jobs: int = 1
    threads: int = 1
    data: Mapping[str, str] = dataclasses.field(default_factory=dict)
    cifar: str = ''

    @staticmethod
    def of(experiment: Experiment, variables: Mapping[str, str], seed: Optional[int] = None) -> 'Settings':
        """Read the settings for an experiment from environment variables. An empty one counts as unset.

        SCALE, SEEDS (seeds 1 to n), ROOT, GAMMAS, GPUS, JOBS, OMP_NUM_THREADS, DATA_CIFAR10, DATA_IMAGENET, CIFAR. seed:
        this one alone. Raises UserError for what is not accepted.
        """
        given = {key: value for key, value in variables.items() if value}
        scale = given.get('SCALE', 'smoke')
        if scale not in SCALES:
            raise UserError(f'SCALE={scale}: accepted are {" and ".join(SCALES)}')
        count = _whole(given, 'SEEDS', 1)
        free = min(THREADS, machine.cores())
        threads = machine.threads(free, given.get('OMP_NUM_THREADS', ''))
        jobs = _whole(
            given, 'JOBS', 1 if experiment.scaled and scale == 'paper' else min(max(threads, free), MOST_JOBS)
        )
        if jobs > 1 and experiment.scaled and scale == 'paper':
            raise UserError(f'JOBS={jobs}: accepted is 1 at SCALE=paper, where each command takes all devices')
        gammas = tuple(given.get('GAMMAS', GAMMAS[scale]).split())
        for gamma in gammas:
            try:
                argtypes.number(0, limits.RATE)(gamma)
            except argparse.ArgumentTypeError as error:
                raise UserError(f'GAMMAS: {error}') from None
        end = f'-{scale}' if experiment.scaled else ''
        seeds = (seed,) if seed is not None else tuple(range(1, (experiment.seeds or count) + 1))
        return Settings(
            root=given.get('ROOT', f'runs/{experiment.name}{end}'),
            scale=scale,
            seeds=seeds,
            gammas=gammas,
            gpus=given.get('GPUS', ''),
            jobs=jobs,
            threads=threads,
            data={name: given[name] for name in ('DATA_CIFAR10', 'DATA_IMAGENET') if name in given},
            cifar=given.get('CIFAR', ''),
        )


@dataclasses.dataclass(frozen=True)
class Step:
    """A command that leaves a result in a run.

    words: the command, from the script on; run: the run directory; key: what summary.json has once the
    step is done; stages: those whose checkpoints it can go on from.
    """

    words: Tuple[str, ...]
    run: str
    key: str
    stages: Tuple[str, ...]
    needs: Tuple[str, ...] = ()


def steps(experiment: Experiment, settings: Settings) -> List[Step]:
    """Return the training commands of an experiment, each once, in the order in which they are run."""
    found: Dict[Tuple[str, str], Step] = {}
    for seed in settings.seeds:
        gammas: Sequence[str] = settings.gammas if any('{gamma}' in row.folder for row in experiment.rows) else ('',)
        for gamma in gammas:
            for row in experiment.rows:
                for step in _row(row, experiment, settings, seed, gamma):
                    found.setdefault((step.run, step.key), step)
    return list(found.values())


def _row(row: Row, experiment: Experiment, settings: Settings, seed: int, gamma: str) -> Iterator[Step]:
    assert row.preset is not None
    run = os.path.join(settings.root, _filled(row.folder, seed, gamma)).rstrip('/')
    if row.retrain == 'transferred':
        yield from _transferred(row, settings, seed, run)
        return
    flags = preset_flags(row.preset, settings if experiment.scaled else None)
    yield _search(flags, run, seed, _settings(row.search, seed, gamma))
    further = _settings(row.retrained, seed, gamma)
    if row.retrain == 'random':
        chosen = str(seed if row.random is None else row.random)
        words = ('train/retrain.py', '--run', run, '--random', chosen, *further)
        yield Step(words, f'{run}/retrain-random-{chosen}', 'test_error', RETRAINING, (run,))
    elif row.retrain == 'searched':
        yield Step(('train/retrain.py', '--run', run, *further), run, 'test_error', RETRAINING, (run,))


def _transferred(row: Row, settings: Settings, seed: int, run: str) -> Iterator[Step]:
    """The block of a run on CIFAR-10 (CIFAR, or one below root) on the network of another data set."""
    assert row.preset is not None and row.source is not None
    source = settings.cifar or os.path.join(settings.root, f'{row.source}-{seed}')
    if settings.scale == 'smoke':  # at the paper's scale it is there, from the experiment of its own table
        yield _search(preset_flags(row.source, settings), source, seed)
    words = ['train/retrain.py', *preset_flags(row.preset, settings), '--seed', str(seed)]
    words += ['--architecture', f'{source}/architecture.json', '--run', run]
    yield Step(tuple(words), run, 'test_error', RETRAINING, (source,))


def _search(flags: Sequence[str], run: str, seed: int, further: Sequence[str] = ()) -> Step:
    words = ('train/search.py', *flags, '--seed', str(seed), '--run', run, *further)
    return Step(words, run, 'search', SEARCHING)


def preset_flags(preset: str, settings: Optional[Settings]) -> List[str]:
    """Return the flags of a preset at the scale, with the data and on the devices of `settings`; None for the preset as it is."""
    flags = ['--preset', preset]
    if settings is None:
        return flags
    if settings.scale == 'smoke':
        flags += ['--config', SMOKE]
        return flags + (['--set', 'pretrain.epochs=0'] if preset.endswith('nopretrain') else [])
    variable = DATA.get(preset.split('_')[0], 'DATA_CIFAR10')
    if variable in settings.data:  # otherwise the command looks where gluon keeps the data set
        flags += ['--data-dir', settings.data[variable]]
    return flags + (['--gpus', settings.gpus] if settings.gpus else [])


def finishing(experiment: Experiment, settings: Settings) -> List[Tuple[str, ...]]:
    """Return the commands that are run at the end, as words from the script on."""
    gamma = settings.gammas[0] if settings.gammas else ''
    return [
        tuple(
            word.format(root=settings.root, gamma=gamma, seeds=len(settings.seeds))
            for word in shlex.split(command if command.startswith('train/') else f'tools/{command}')
        )
        for command in experiment.finish
    ]


def _whole(given: Mapping[str, str], name: str, default: int) -> int:
    """The whole number of at least 1 that a variable holds."""
    text = given.get(name, str(default))
    try:
        return int(argtypes.whole(1, limits.RATIO)(text))
    except argparse.ArgumentTypeError as error:
        raise UserError(f'{name}={clipped(text, 60)}: {error}') from None


def _filled(text: str, seed: int, gamma: str) -> str:
    return text.format(seed=seed, gamma=gamma)


def _settings(entries: Sequence[str], seed: int, gamma: str) -> List[str]:
    return [word for entry in entries for word in ('--set', _filled(entry, seed, gamma))]
