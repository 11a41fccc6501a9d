"""The phases of a fit: each of the stages and baselines, begun or resumed in its run directory."""

import os
from typing import List, Mapping

from ...runfiles.directory import RunDirectory
from ...runfiles.log import Log
from ...symbols.architecture import Architecture
from ..config.tree import Config
from ..deriving import retraining
from ..runtime.hooks import Hooks
from ..searching import pipeline
from .planning import number_of, stage_of


def folder(run: str, number: int) -> str:
    """Return the run directory of a search: `run` for the first one, RUN/seed-<number> for the others."""
    return run if number == 1 else os.path.join(run, f'seed-{number}')


def place(config: Config, phase: str, zoo: str = '') -> str:
    """Return the run directory of a phase. config: with the run and seed of the whole fit. zoo: gluoncv's network."""
    number, stage = number_of(phase), stage_of(phase)
    own = folder(config.run, number)
    if stage == 'random':
        return retraining.place(own, 'random', f'random-{config.seed + number - 1}')
    return retraining.place(own, f'gluoncv:{zoo}') if stage == 'known' else own


def trained(config: Config, phases: List[str], zoo: str = '') -> Mapping[str, str]:
    """Return the run directories of the networks that phases train, by phase."""
    return {phase: place(config, phase, zoo) for phase in phases if stage_of(phase) in ('retrain', 'random', 'known')}


def earlier_seconds(path: str, stage: str) -> float:
    """Return the seconds that the epochs of a stage took so far, by the log of its run."""
    directory = RunDirectory(path)
    return float(Log(directory.log).seconds(stage)) if os.path.exists(directory.log) else 0.0


def train(config: Config, phase: str, own: Config, hooks: Hooks, zoo: str = '') -> None:
    """Run a phase to its end, from its newest checkpoint if there is one.

    config: of the whole fit; own: with the run and the seed of this phase. Raises what the stages raise.
    """
    stage, directory = stage_of(phase), RunDirectory(own.run)
    resume = directory.exists()
    if stage == 'pretrain':
        pipeline.search(own, ['pretrain'], resume, hooks=hooks)
    elif stage == 'search':
        pipeline.search(own, ['pretrain', 'search'], resume, hooks=hooks)
    elif stage == 'retrain':
        begun = os.path.isdir(directory.checkpoints) and any(
            name.startswith('retrain') for name in os.listdir(directory.checkpoints)
        )
        _, candidate = retraining.searched(directory.architecture)
        retraining.retrain(own, candidate, begun, add=not begun, hooks=hooks)
    elif stage == 'random':
        like = Architecture.load(RunDirectory(folder(config.run, number_of(phase))).architecture)
        retraining.retrain(own, retraining.random(own.seed, None, like), resume, hooks=hooks)
    else:
        retraining.retrain(own, retraining.gluoncv(zoo), resume, hooks=hooks)
