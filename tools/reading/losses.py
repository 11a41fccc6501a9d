"""What a run has lost: parts that it wrote, or must have written, and that are gone, cut, changed or damaged."""

import os
from typing import TYPE_CHECKING, Callable, List

from ...runfiles import checksums, directory
from ...runfiles.stages import STAGES

if TYPE_CHECKING:
    from .runs import Run

ALWAYS = (directory.CONFIG, directory.ENVIRONMENT, directory.LOG)  # from the start of a run


def losses(run: 'Run') -> List[str]:
    """List 'file: what is wrong' of a run, [] for one that is whole as far as it has come."""
    lines = list(run.damaged)
    named = {line.partition(':')[0] for line in lines}
    rules: List[Callable[['Run'], List[str]]] = [_gone, _changed, _log, _gates, _summary]
    for rule in rules:
        for line in rule(run):
            file = line.partition(':')[0]
            if file not in named:  # one line a file
                named.add(file)
                lines.append(line)
    return lines


def _gone(run: 'Run') -> List[str]:
    return [f'{name}: missing' for name in run.missing if name in ALWAYS]


def _changed(run: 'Run') -> List[str]:
    return checksums.changes(run.path)


def _log(run: 'Run') -> List[str]:
    """Epochs that are not there."""
    lines = []
    for stage in STAGES:
        epochs = [row['epoch'] for row in run.rows(stage)]
        if epochs != list(range(1, len(epochs) + 1)):
            lines.append(f'{directory.LOG}: not every epoch of stage {stage} is there, in order')
    if run.summary.get('test_error') is not None and not run.rows('retrain'):
        lines.append(f'{directory.LOG}: without the epochs of the retraining whose result is in {directory.SUMMARY}')
    searched = len(run.rows('search'))
    if run.summary.get('search') and not searched:
        lines.append(f'{directory.LOG}: without the epochs of the search that is in {directory.SUMMARY}')
    if run.gates is not None and run.gates.epochs[-1] > searched + 1:  # one more where a run was killed in between
        lines.append(f'{directory.LOG}: {searched} epochs of search, {run.gates.epochs[-1]} in {directory.GATES}')
    return lines


def _gates(run: 'Run') -> List[str]:
    searched = run.rows('search') or run.summary.get('search')
    if searched and run.gates is None and not os.path.exists(os.path.join(run.path, directory.GATES)):
        return [f'{directory.GATES}: missing, though there was a search']
    return []


def _summary(run: 'Run') -> List[str]:
    if directory.ARCHITECTURE not in run.missing and run.rows('search') and not run.summary.get('search'):
        return [f'{directory.SUMMARY}: without search, though the search has ended']
    epochs = run.get('retrain.epochs')
    done = isinstance(epochs, int) and epochs and [row for row in run.rows('retrain') if row['epoch'] == epochs]
    if done and run.summary.get('test_error') is None:
        return [f'{directory.SUMMARY}: without test_error, though the retraining has ended']
    if run.summary.get('test_error') is not None and directory.ARCHITECTURE in run.missing:
        return [f'{directory.ARCHITECTURE}: missing, though there is a result']
    return []
