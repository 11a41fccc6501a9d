"""Run the steps of an experiment: what has its result is skipped, what was stopped is resumed."""

import glob
import os
import shlex
import subprocess
import sys
from typing import Dict, List, Mapping, Sequence

from ...base import documents
from ...base.errors import EndOfRun, UserError
from .catalogue import ROOT, Experiment
from .steps import Settings, Step, finishing, steps

THREADS = '2'  # one process on two cores; more threads than free cores make a step many times slower


class Failed(EndOfRun):
    """A command of an experiment ended with an error; it has said which."""

    def __init__(self, words: Sequence[str], status: int) -> None:
        super().__init__(f'{shown(words)} ended with status {status}; run again, it goes on from there')
        self.status = status


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
    for step in steps(experiment, settings):
        if is_done(step):
            _say(f'== there already: {step.run}, {step.key}', dry)
            continue
        words = [*step.words, '--resume'] if has_checkpoint(step) else list(step.words)
        _say(shown(words) if dry else f'== {shown(words)}')
        _call(words, dry)
    for tool in finishing(experiment, settings):
        if dry:
            _say(shown(tool))
        _call(tool, dry)
    if not dry:
        _show(experiment, settings)


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


def shown(words: Sequence[str]) -> str:
    """Return a command as one types it in the repository."""
    return ' '.join(shlex.quote(word) for word in ('python', *words))


def _call(words: Sequence[str], dry: bool) -> None:
    if dry:
        return
    status = _waited(subprocess.Popen([sys.executable, *map(_found, words)], env=_environment(os.environ)))
    if status:
        raise Failed(words, status if status > 0 else 128 - status)


def _waited(process: 'subprocess.Popen[bytes]') -> int:
    """Wait for a process, also after SIGINT, which it gets itself and answers with a checkpoint."""
    interrupted = False
    while True:
        try:
            status = process.wait()
            break
        except KeyboardInterrupt:
            interrupted = True
    if interrupted:
        raise KeyboardInterrupt
    return status


def _found(word: str) -> str:
    """The path of a file of the package, also where the current folder is another."""
    if word.startswith(('train/', 'tools/', 'experiments/')) and not os.path.exists(word):
        return os.path.join(ROOT, word)
    return word


def _environment(variables: Mapping[str, str]) -> Dict[str, str]:
    return {**variables, 'OMP_NUM_THREADS': variables.get('OMP_NUM_THREADS') or THREADS}


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
