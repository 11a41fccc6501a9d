"""Searches whose edges are voted on, how strong their λ are, and what a vote leaves on disk."""

import os
from typing import Any, Dict, List, Sequence

import numpy as np
import yaml

from ... import __version__
from ...base import cli, files
from ...base.errors import UserError
from ...base.text import escaped
from ...runfiles import checksums
from ...runfiles.config import read_config
from ...runfiles.data import identity_differences, write_data
from ...runfiles.directory import RunDirectory, is_run
from ...symbols.architecture import PROVENANCE
from ...symbols.consensus import KIND, Consensus
from ..reading import runs
from ..reading.runs import Run


def searches(paths: Sequence[str]) -> List[Run]:
    """Return the searches among run directories and folders of them. Raises UserError for fewer than two."""
    found = [run for run in runs.read_all(paths) if run.gates is not None]
    for run in found:
        if run.architecture is None:
            raise UserError(f'{run.path}: no architecture can be read of it ({run.why})')
    if len(found) < 2:
        names = ', '.join(run.path for run in found) or 'none'
        raise UserError(
            f'{", ".join(paths)}: a vote takes at least two searches (runs with their lambda.npz); found: {names}'
        )
    for run in found[1:]:
        first = found[0].data
        if first is not None and run.data is not None and identity_differences(first, run.data):
            cli.tell(f'{run.path}: searched on other data than {found[0].path}', 'warning: ')
    return found


def strength(found: Sequence[Run]) -> Dict[str, float]:
    """Return {edge name: mean over searches of |λ| over the norm of its group}: what decides between edges of equal votes."""
    totals: Dict[str, float] = {}
    for run in found:
        assert run.gates is not None
        last = run.gates.last()
        norms: Dict[str, float] = {}
        for name, value in last.items():
            target = name.split('<-')[0]
            norms[target] = norms.get(target, 0.0) + value**2
        for name, value in last.items():
            norm = np.sqrt(norms[name.split('<-')[0]])
            totals[name] = totals.get(name, 0.0) + (abs(value) / norm if norm else 0.0)
    return {name: total / len(found) for name, total in totals.items()}


def write(out: str, result: Consensus, found: Sequence[Run], keep: str) -> None:
    """Write an architecture, to a .json file or as a run directory with the settings of the first search. Raises UserError, OSError."""
    content = result.architecture.to_dict()
    content[PROVENANCE] = {
        'kind': KIND,
        'dsonas': __version__,
        'keep': keep,
        'of': [{'run': os.path.abspath(run.path), 'seed': run.get('seed')} for run in found],
        'votes': {name: votes for name, votes in result.votes.items() if votes},
        'opened': list(result.opened),
    }
    if out.endswith('.json'):
        files.write_json(out, content)
        return
    directory = RunDirectory(out)
    if is_run(directory.path) or (os.path.exists(directory.path) and not os.path.isdir(directory.path)):
        raise UserError(f'{out}: there is something already; take another run directory, or FILE.json')
    settings = _settings(found[0])
    directory.lock()
    try:
        if found[0].data is not None:
            write_data(directory.path, found[0].data)
        checksums.write_json(directory.architecture, content)
        checksums.write_text(
            directory.config, yaml.safe_dump(dict(settings, run=out), sort_keys=False, allow_unicode=True)
        )
    finally:
        directory.unlock()


def _settings(run: Run) -> Dict[str, Any]:
    path = RunDirectory(run.path).config
    if not os.path.exists(path):
        raise UserError(
            f'{run.path}: without config.yaml, so that nothing says how to retrain; -o FILE.json writes the architecture alone'
        )
    return read_config(path)


def told(result: Consensus, found: Sequence[Run], out: str) -> List[str]:
    """Lines on what a vote left, and what to do with it."""
    architecture, votes = result.architecture, result.votes
    total = sum(len(group) for group in architecture.space.gate_names())
    counts = [sum(vote == number for vote in votes.values()) for number in range(1, len(found) + 1)]
    operations = sum(len(architecture.operations(scope)) for scope in architecture.scopes)
    voted = ', '.join(str(run.architecture.num_edges) for run in found if run.architecture)
    lines = [
        f'{architecture.num_edges} of {total} edges and {operations} operations left of a vote of {len(found)} searches, which have '
        f'{voted} edges',
        'edges with 1, 2, ... votes: ' + ', '.join(map(str, counts)),
    ]
    if result.opened:
        lines.append(f'took edges of fewer votes, since nothing would pass through: {", ".join(result.opened)}')
    how = f'--architecture {out}' if out.endswith('.json') else f'--run {out}'
    lines.append(f'{out} written; train/retrain.py {how} trains it')
    return [escaped(line) for line in lines]
