"""Reading what a run left on disk, also when it is still going, was cut short, or is damaged.

A run is a directory: config.yaml (every setting), environment.json (versions, devices), log.csv (a row an epoch), lambda.npz
(every λ over the epochs of the search), architecture.json, summary.json (what a table needs), and, once the network was
evaluated, predictions.npz:

    labels, predicted     (n,) integers: the test set in its order
    probabilities         (n, classes) float, optional
    classes               (classes,) strings, optional
    worst_index           (k,) integers into the test set, the most wrong first
    worst_images          (k, height, width, 3) uint8: those images as they were before normalisation

Nothing here raises for a file that is absent or damaged: the run says which (`missing`, `damaged`), and what can be read is there.
"""
import csv
import dataclasses
import json
import math
import os
import zipfile
from typing import Any, Dict, List, Optional, Tuple

import numpy as np
import yaml

from ..symbols.architecture import Architecture
from ..symbols.space import SearchSpace

STAGES = ('pretrain', 'search', 'retrain')
FILES = ('config.yaml', 'environment.json', 'log.csv', 'architecture.json', 'summary.json')
NUMBERS = ('test_error', 'params', 'flops')      # without these a summary is no result
LIMIT = {'test_error': 100.0, 'top5_error': 100.0}


@dataclasses.dataclass(frozen=True)
class Gates:
    """Every λ over the search. names: n edge names; epochs (E,), 0 = before the search; values (E, n); pruned (E, n), gone for good."""
    names: Tuple[str, ...]
    epochs: np.ndarray
    values: np.ndarray
    pruned: np.ndarray

    def last(self):
        """{edge name: λ} after the last epoch; what is pruned is 0."""
        return {name: 0.0 if gone else float(value)
                for name, value, gone in zip(self.names, self.values[-1], self.pruned[-1])}

    def columns(self, scope):
        """Indices of the λ of one scope ('shared', 'b03', 'r01')."""
        return [index for index, name in enumerate(self.names) if name.split('/')[0] == scope]


@dataclasses.dataclass
class Run:
    """One run directory. config, environment, summary: as read, {} where there is none; log: a dict a row, numbers as float, empty as None."""
    path: str
    config: Dict[str, Any] = dataclasses.field(default_factory=dict)
    environment: Dict[str, Any] = dataclasses.field(default_factory=dict)
    summary: Dict[str, Any] = dataclasses.field(default_factory=dict)
    log: List[Dict[str, Any]] = dataclasses.field(default_factory=list)
    gates: Optional[Gates] = None
    architecture: Optional[Architecture] = None
    missing: List[str] = dataclasses.field(default_factory=list)
    damaged: List[str] = dataclasses.field(default_factory=list)

    @property
    def name(self):
        """The directory's name; with its parent's for a run inside another."""
        parts = os.path.abspath(self.path).split(os.sep)
        return '/'.join(parts[-2:]) if parts[-1].startswith('retrain-') else parts[-1]

    def get(self, key, default=None):
        """A setting by its dotted key, such as 'search.gamma'."""
        value = self.config
        for part in key.split('.'):
            if not isinstance(value, dict) or part not in value:
                return default
            value = value[part]
        return value

    @property
    def state(self):
        """'finished', 'unfinished', 'damaged' or 'missing'. Only a finished run has numbers that may stand in a table."""
        if not os.path.isdir(self.path):
            return 'missing'
        if self.damaged:
            return 'damaged'
        return 'finished' if self.summary.get('test_error') is not None and not self.missing else 'unfinished'

    @property
    def why(self):
        """One line that says what is wrong with a run, or how far it is."""
        if self.state == 'missing':
            return '%s: no such directory' % self.path
        if self.damaged:
            return '; '.join(self.damaged)
        if self.state == 'finished':
            return 'finished'
        rows = [row for row in self.log if row['stage'] in STAGES]
        if not rows:
            return 'not started: no epoch in log.csv yet'
        total = self.get(rows[-1]['stage'] + '.epochs')
        done = '%s epoch %d%s' % (rows[-1]['stage'], rows[-1]['epoch'], '' if total is None else ' of %s' % total)
        return done if self.summary.get('test_error') is None else '%s; without %s' % (done, ', '.join(self.missing))

    def rows(self, stage):
        """The log's rows of one stage."""
        return [row for row in self.log if row['stage'] == stage]

    def columns(self, stage, *names):
        """Arrays (one a name) of the rows of `stage` in which all of the columns have a value."""
        kept = [row for row in self.rows(stage) if all(row.get(name) is not None for name in names)]
        return [np.array([row[name] for row in kept], dtype=float) for name in names]

    def subruns(self):
        """The runs inside this one (retrain-<name>/: a random baseline, another budget), read."""
        if not os.path.isdir(self.path):
            return []
        names = sorted(name for name in os.listdir(self.path) if name.startswith('retrain-'))
        return [read(os.path.join(self.path, name)) for name in names if os.path.isdir(os.path.join(self.path, name))]


def read(path):
    """The run in directory `path`; what is absent or damaged is said in its `missing` and `damaged`."""
    run = Run(str(path))
    if not os.path.isdir(run.path):
        run.missing.append(run.path)
        return run
    run.config = _part(run, 'config.yaml', _mapping, {})
    run.environment = _part(run, 'environment.json', _mapping, {})
    run.summary = _part(run, 'summary.json', _read_summary, {})
    run.log = _part(run, 'log.csv', read_log, [])
    run.gates = _part(run, 'lambda.npz', read_gates, None, needed=False)
    run.architecture = _part(run, 'architecture.json', Architecture.load, None)
    if run.architecture is None and run.gates is not None and 'architecture.json' in run.missing:
        run.architecture = _architecture_so_far(run)
    return run


def is_run(path):
    """Whether `path` is a directory that a run wrote, or began to write."""
    return os.path.isdir(path) and any(os.path.exists(os.path.join(path, name)) for name in ('config.yaml', 'summary.json', 'log.csv'))


def read_predictions(path):
    """predictions.npz of the run directory `path` as a dict, or None where there is none. Raises ValueError for a damaged one."""
    file = os.path.join(path, 'predictions.npz')
    if not os.path.exists(file):
        return None
    found = _arrays(file, ('labels', 'predicted'), ('probabilities', 'classes', 'worst_index', 'worst_images'))
    count = len(found['labels'])
    if found['predicted'].shape != (count,) or found['labels'].ndim != 1:
        raise ValueError('%s: labels and predicted are not of one length' % file)
    if 'probabilities' in found and (found['probabilities'].ndim != 2 or len(found['probabilities']) != count):
        raise ValueError('%s: probabilities has shape %s, not (%d, classes)' % (file, found['probabilities'].shape, count))
    images, index = found.get('worst_images'), found.get('worst_index', np.zeros(0, int))
    if images is not None and (images.ndim != 4 or images.shape[-1] != 3 or images.dtype != np.uint8 or len(images) != len(index)):
        raise ValueError('%s: worst_images is %s of shape %s, not uint8 of shape (%d, height, width, 3)'
                         % (file, images.dtype, images.shape, len(index)))
    if len(index) and (index.min() < 0 or index.max() >= count):
        raise ValueError('%s: worst_index reaches outside of the %d test images' % (file, count))
    return found


def read_log(file):
    """log.csv: a list of dicts. A last line without its end (a row being written) is left out; of rows for one epoch the last counts.

    Raises ValueError, with the line's number, for a damaged one.
    """
    with open(file, encoding='utf-8', newline='') as stream:
        text = stream.read()
    lines = text.splitlines()
    if text and not text.endswith('\n'):
        lines = lines[:-1]
    if not lines:
        return []
    header = next(csv.reader(lines[:1]))
    if 'stage' not in header or 'epoch' not in header:
        raise ValueError('%s: line 1 is no header with the columns stage and epoch' % file)
    rows = {}
    for number, fields in enumerate(csv.reader(lines[1:]), 2):
        if len(fields) != len(header):
            raise ValueError('%s: line %d has %d fields, not %d' % (file, number, len(fields), len(header)))
        row = {name: _cell(file, number, name, field) for name, field in zip(header, fields)}
        rows[(row['stage'], row['epoch'])] = row
    return list(rows.values())


def read_gates(file):
    """lambda.npz as Gates. Raises ValueError for a damaged one."""
    found = _arrays(file, ('names', 'epochs', 'values', 'pruned'))
    names, epochs, values, pruned = (found[key] for key in ('names', 'epochs', 'values', 'pruned'))
    if values.shape != (len(epochs), len(names)) or pruned.shape != values.shape or not len(epochs):
        raise ValueError('%s: %d epochs and %d names, but values of shape %s and pruned of shape %s'
                         % (file, len(epochs), len(names), values.shape, pruned.shape))
    if not np.isfinite(values).all():
        raise ValueError('%s: λ that are not finite' % file)
    return Gates(tuple(str(name) for name in names), epochs, values, pruned.astype(bool))


def _part(run, name, reader, default, needed=True):
    file = os.path.join(run.path, name)
    if not os.path.exists(file):
        if needed:
            run.missing.append(name)
        return default
    try:
        return reader(file)
    except (ValueError, OSError, KeyError, yaml.YAMLError, UnicodeDecodeError, csv.Error) as error:
        reason = ' '.join(str(error).split())
        run.damaged.append('%s: %s' % (name, reason.replace(file + ': ', '')))
        return default


def _mapping(file):
    with open(file, encoding='utf-8') as stream:
        found = json.load(stream) if file.endswith('.json') else yaml.safe_load(stream)
    if not isinstance(found, dict):
        raise ValueError('%s: holds no mapping of names to values' % file)
    return found


def _read_summary(file):
    summary = _mapping(file)
    for key in ('test_error', 'top5_error', 'params', 'flops', 'mac', 'seconds'):
        value = summary.get(key)
        if value is None and (key not in NUMBERS or summary.get('test_error') is None):
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= LIMIT.get(key, math.inf):
            raise ValueError('%s: %s is %r, which is no such number' % (file, key, value))
    return summary


def _cell(file, number, name, field):
    if name == 'stage' or (not field and name != 'epoch'):
        return field or None
    try:
        return int(field) if name == 'epoch' else float(field)
    except ValueError:
        raise ValueError('%s: line %d, column %s: %r is no number' % (file, number, name, field)) from None


def _arrays(file, needed, optional=()):
    try:
        with np.load(file, allow_pickle=False) as archive:
            found = {key: archive[key] for key in (*needed, *optional) if key in archive.files}
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, KeyError, AttributeError) as error:
        raise ValueError('%s: not a readable .npz archive (%s)' % (file, error)) from None
    for key in needed:
        if key not in found:
            raise ValueError('%s: without the array %r' % (file, key))
    return found


def _architecture_so_far(run):
    """What the λ of the last epoch leave alive, for a run that has not written its architecture yet; None when its space is not known."""
    try:
        space = space_of(run.config, run.environment)
        alive, start, arrays = np.where(run.gates.pruned[-1], 0, run.gates.values[-1]), 0, []
        if run.gates.names != tuple(name for group in space.gate_names() for name in group):
            raise ValueError('lambda.npz names other edges than the space of config.yaml has')
        for group in space.gate_names():
            arrays.append(alive[start:start + len(group)])
            start += len(group)
        return Architecture.from_lambda(space, arrays)
    except (ValueError, TypeError) as error:
        run.damaged.append('lambda.npz: %s' % error)
        return None


def space_of(config, environment=None):
    """The SearchSpace of a run's config.yaml (what it costs does not depend on the classes' number, unless environment names it)."""
    fields = dict(config.get('space') or {})
    return SearchSpace.from_dict(fields)
