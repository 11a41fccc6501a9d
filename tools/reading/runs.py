"""Reading what a run left on disk, also when it is still going, was cut short, or is damaged.

The folder runfiles/ says what the files of a run directory hold, and reads each.

Nothing here raises for a file that is absent or damaged: the run says which (`missing`, `damaged`), and what can be read is there.
"""

import dataclasses
import os
from typing import Any, Callable, Dict, List, Optional, Sequence

import numpy as np

from ...base import cli, plugins
from ...base.errors import UserError
from ...runfiles import directory
from ...runfiles.config import plugins_of, read_config, setting, with_current_names
from ...runfiles.data import FILE as DATA
from ...runfiles.data import DataDescription, read_data
from ...runfiles.directory import is_run as is_run
from ...runfiles.environment import read_environment
from ...runfiles.fit import FitRecord, read_fit
from ...runfiles.gates import Gates, read_gates
from ...runfiles.log import read_log
from ...runfiles.network import gluoncv_name
from ...runfiles.stages import STAGES as STAGES
from ...runfiles.summary import read_summary
from ...symbols.architecture import Architecture
from ...symbols.space import SearchSpace
from .losses import losses

SEARCH_ALONE = 'searched, not retrained'  # of a run's `why`


@dataclasses.dataclass
class Run:
    """One run directory. config, environment, summary: as read, {} where there is none; log: a dict a row.

    data: what it learned from, None for a run of an older version. fit: of a run that one command from data to a model makes.
    """

    path: str
    config: Dict[str, Any] = dataclasses.field(default_factory=dict)
    environment: Dict[str, Any] = dataclasses.field(default_factory=dict)
    summary: Dict[str, Any] = dataclasses.field(default_factory=dict)
    log: List[Dict[str, Any]] = dataclasses.field(default_factory=list)
    data: Optional[DataDescription] = None
    fit: Optional[FitRecord] = None
    gates: Optional[Gates] = None
    architecture: Optional[Architecture] = None
    missing: List[str] = dataclasses.field(default_factory=list)
    damaged: List[str] = dataclasses.field(default_factory=list)

    @property
    def name(self) -> str:
        """The directory's name; with its parent's for a run inside another."""
        parts = os.path.abspath(self.path).split(os.sep)
        return '/'.join(parts[-2:]) if parts[-1].startswith('retrain-') else parts[-1]

    def get(self, key: str, default: Any = None) -> Any:
        """A setting by its dotted key, such as 'search.gamma'."""
        return setting(self.config, key, default)

    @property
    def state(self) -> str:
        """'finished', 'unfinished', 'damaged' or 'missing'. Only a finished run has numbers that may stand in a table."""
        if not os.path.isdir(self.path):
            return 'missing'
        if self.damaged:
            return 'damaged'
        tested = self.summary.get('test_error') is not None and not self.missing
        return 'finished' if tested and not self._retraining else 'unfinished'

    @property
    def _retraining(self) -> bool:
        """Whether epochs of the retraining are still to come: a result is then an earlier one's."""
        rows, epochs = self.rows('retrain'), self.get('retrain.epochs')
        done = max((row['epoch'] for row in rows), default=0)
        if self.summary.get('ended') and self.summary.get('epochs') == done:  # early, and nothing came after
            return False
        return bool(rows) and isinstance(epochs, int) and done < epochs

    @property
    def why(self) -> str:
        """One line that says what is wrong with a run, or how far it is."""
        if self.state == 'missing':
            return 'no such directory'
        if self.damaged:
            return '; '.join(self.damaged)
        if self.state == 'finished':
            return 'finished'
        rows = self.log
        if not rows:
            return f'not started: no epoch in {directory.LOG} yet'
        total = self.get(rows[-1]['stage'] + '.epochs')
        if rows[-1]['stage'] == 'search' and rows[-1]['epoch'] == total and directory.ARCHITECTURE not in self.missing:
            return SEARCH_ALONE
        done = f'{rows[-1]["stage"]} epoch {rows[-1]["epoch"]}' + ('' if total is None else f' of {total}')
        without = self.summary.get('test_error') is not None and self.missing
        return f'{done}; without {", ".join(self.missing)}' if without else done

    def rows(self, stage: str) -> List[Dict[str, Any]]:
        """The log's rows of one stage."""
        return [row for row in self.log if row['stage'] == stage]

    def columns(self, stage: str, *names: str) -> List[np.ndarray]:
        """Arrays (one a name) of the rows of `stage` in which all of the columns have a value."""
        kept = [row for row in self.rows(stage) if all(row.get(name) is not None for name in names)]
        return [np.array([row[name] for row in kept], dtype=float) for name in names]

    @property
    def losses(self) -> List[str]:
        """What is damaged, gone or changed of what it wrote: 'file: what is wrong', see losses.py."""
        return losses(self)

    def subruns(self) -> List['Run']:
        """The runs inside this one (retrain-<name>/: a random baseline, another size), read."""
        if not os.path.isdir(self.path):
            return []
        names = sorted(name for name in os.listdir(self.path) if name.startswith('retrain-'))
        return [read(os.path.join(self.path, name)) for name in names if os.path.isdir(os.path.join(self.path, name))]


def read(path: str) -> Run:
    """The run in directory `path`; what is absent or damaged is said in its `missing` and `damaged`."""
    run = Run(str(path))
    if not os.path.isdir(run.path):
        run.missing.append(run.path)
        return run
    run.config = with_current_names(_part(run, directory.CONFIG, read_config, {}))
    try:
        plugins.load(plugins_of(run.config), run.path, 'plugins:')
    except UserError as error:
        run.damaged.append(f'{directory.CONFIG}: {error}')
    run.environment = _part(run, directory.ENVIRONMENT, read_environment, {})
    run.data = _part(run, DATA, read_data, None, needed=False)
    run.fit = _fit(run.path)
    run.summary = _part(run, directory.SUMMARY, read_summary, {})
    run.log = _part(run, directory.LOG, read_log, [])
    run.gates = _part(run, directory.GATES, read_gates, None, needed=False)
    foreign = gluoncv_name(run.summary.get('kind')) is not None  # not of a search space
    run.architecture = _part(run, directory.ARCHITECTURE, Architecture.load, None, needed=not foreign)
    if run.architecture is None and run.gates is not None and directory.ARCHITECTURE in run.missing:
        run.architecture = _architecture_so_far(run, run.gates)
    return run


def import_plugins(path: str) -> None:
    """Import the plugins of the run in directory `path`, if it has any, before its network is built. Raises UserError."""
    file = os.path.join(path, directory.CONFIG)
    if os.path.exists(file):
        plugins.load(plugins_of(read_config(file)), path, f'{file}: plugins:')


def existing(path: str) -> Run:
    """The run in directory `path`, damaged or not; warns of what it has lost. Raises UserError where there is none."""
    if not is_run(path):
        raise UserError(f'{path}: not a run directory; accepted is one that holds config.yaml, log.csv or summary.json')
    run = read(path)
    warn(run)
    return run


def read_all(paths: Sequence[str]) -> List[Run]:
    """The runs that `find` finds, read; warns of what they have lost."""
    found = [read(path) for path in find(paths)]
    for run in found:
        warn(run)
    return found


def warn(run: Run) -> None:
    """Print a line on stderr for each file of a run that is damaged, gone or changed: a tool goes on with less."""
    for line in run.losses:
        cli.tell(f'{os.path.join(run.path, "")}{line}', 'warning: ')


def find(paths: Sequence[str]) -> List[str]:
    """Run directories among `paths` and in the folders among them, down to runs inside of runs; a path with none stands for itself."""
    found: List[str] = []
    for path in paths:
        inside = [folder for folder, _, _ in sorted(os.walk(path)) if is_run(folder)]
        found += [folder for folder in inside or [path] if folder not in found]
    return found


def _part(run: Run, name: str, reader: Callable[[str], Any], default: Any, needed: bool = True) -> Any:
    file = os.path.join(run.path, name)
    if not os.path.exists(file):
        if needed:
            run.missing.append(name)
        return default
    try:
        return reader(file)
    except (UserError, OSError) as error:
        run.damaged.append(f'{name}: {cli.one_line(error).replace(file + ": ", "")}')
        return default


def _fit(path: str) -> Optional[FitRecord]:
    """Read fit.json, which has no number of a result: damaged or not, the run's own files count."""
    try:
        return read_fit(path)
    except (UserError, OSError):
        return None


def _architecture_so_far(run: Run, gates: Gates) -> Optional[Architecture]:
    """What the λ of the last epoch leave alive, for a run that has not written its architecture yet; None when its space is not known."""
    try:
        space = SearchSpace.from_dict(dict(run.config.get('space') or {}))
        alive, start = np.where(gates.pruned[-1], 0, gates.values[-1]), 0
        arrays = []
        if gates.names != tuple(name for group in space.gate_names() for name in group):
            raise UserError('lambda.npz names other edges than the space of config.yaml has')
        for group in space.gate_names():
            arrays.append(alive[start : start + len(group)])
            start += len(group)
        return Architecture.from_lambda(space, arrays)
    except (ValueError, TypeError) as error:
        run.damaged.append(f'{directory.GATES}: {error}')
        return None
