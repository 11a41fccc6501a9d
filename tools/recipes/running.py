"""Run the steps of an experiment: what has its result is skipped, what was stopped is resumed."""

import glob
import os
from typing import List, Sequence

from ...base import documents
from ...base.errors import UserError
from .catalogue import Experiment
from .steps import Settings, Step, finishing, steps
from .together import Crew, shown


def run(experiment: Experiment, settings: Settings, dry: bool = False) -> None:
    """Run an experiment to its tables and figures. dry: print the commands, and run none.

    Raises Failed with the first command that fails.
    """
    if experiment.text and not dry:
        print(f'== {experiment.name}: {experiment.text.format(gammas=" ".join(settings.gammas))}')
        print(
            f'== SCALE={settings.scale} SEEDS={len(settings.seeds)}, runs in {settings.root}; '
            f'about {experiment.time[settings.scale]} a seed'
        )
    every = steps(experiment, settings)
    for step in filter(is_done, every):
        _say(f'== there already: {step.run}, {step.key}', dry)
    finish = finishing(experiment, settings)
    if dry:
        for words in [*(command(step) for step in every if not is_done(step)), *finish]:
            _say(shown(words))
        return
    crew = Crew(settings.jobs, settings.threads)
    crew.work(every, is_done, _begun)
    for words in finish:
        crew.call(words)
    _show(experiment, settings)


def command(step: Step) -> Sequence[str]:
    """Return the command of a step, with --resume where it was stopped half-way."""
    return [*step.words, '--resume'] if has_checkpoint(step) else step.words


def _begun(step: Step) -> Sequence[str]:
    words = command(step)
    _say(f'== {shown(words)}')
    return words


def is_done(step: Step) -> bool:
    """Whether the result of a step is in the run's summary."""
    try:
        summary = documents.read_json(os.path.join(step.run, 'summary.json'))
    except (OSError, UserError):
        return False
    return isinstance(summary, dict) and summary.get(step.key) is not None


def has_checkpoint(step: Step) -> bool:
    """Whether a step was stopped half-way and can be resumed."""
    folder = glob.escape(os.path.join(step.run, 'checkpoints'))
    return any(glob.glob(f'{folder}/{stage}*.ckpt') for stage in step.stages)


def _say(text: str, quiet: bool = False) -> None:
    if not quiet:
        print(text, flush=True)


def _show(experiment: Experiment, settings: Settings) -> None:
    if experiment.show:
        with open(os.path.join(settings.root, experiment.show), encoding='utf-8') as stream:
            print(stream.read())
    root = glob.escape(settings.root)
    paths: List[str] = [path for pattern in experiment.files for path in sorted(glob.glob(f'{root}/{pattern}'))]
    if paths:
        print('\n'.join(paths), flush=True)
