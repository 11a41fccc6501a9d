"""The files of a run directory, each read and checked on its own; UserError names the file and what is wrong with it.

predictions.npz, which evaluation leaves, holds

    labels, predicted     (n,) integers: the test set in its order
    probabilities         (n, classes) float, optional
    classes               (classes,) strings, optional
    worst_index           (k,) integers into the test set, the most wrong first, optional
    worst_images          (k, height, width, 3) uint8: those images as they were before normalisation, optional
"""
import csv
import dataclasses
import math
import os
import zipfile
from typing import Tuple

import numpy as np
import yaml

from ...base import files
from ...base.errors import UserError

RESULT = ('test_error', 'params', 'flops')            # without these a summary is no result; FLOPs of a gluoncv network are not counted
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


def read_predictions(path):
    """predictions.npz of the run directory `path` as a dict of arrays, or None where there is none."""
    file = os.path.join(path, 'predictions.npz')
    if not os.path.exists(file):
        return None
    found = _arrays(file, ('labels', 'predicted'), ('probabilities', 'classes', 'worst_index', 'worst_images'))
    count = len(found['labels'])
    if found['predicted'].shape != (count,) or found['labels'].ndim != 1:
        raise UserError('%s: labels and predicted are not of one length' % file)
    if 'probabilities' in found and (found['probabilities'].ndim != 2 or len(found['probabilities']) != count):
        raise UserError('%s: probabilities has shape %s, not (%d, classes)' % (file, found['probabilities'].shape, count))
    images, index = found.get('worst_images'), found.get('worst_index', np.zeros(0, int))
    if images is not None and (images.ndim != 4 or images.shape[-1] != 3 or images.dtype != np.uint8 or len(images) != len(index)):
        raise UserError('%s: worst_images is %s of shape %s, not uint8 of shape (%d, height, width, 3)'
                         % (file, images.dtype, images.shape, len(index)))
    if len(index) and (index.min() < 0 or index.max() >= count):
        raise UserError('%s: worst_index reaches outside of the %d test images' % (file, count))
    return found


def read_log(file):
    """log.csv: a list of dicts. A last line without its end (a row being written) is left out; of rows for one epoch the last counts.

    Numbers are float (epoch int), an empty field None.
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
        raise UserError('%s: line 1 is no header with the columns stage and epoch' % file)
    rows = {}
    for number, fields in enumerate(csv.reader(lines[1:]), 2):
        if len(fields) != len(header):
            raise UserError('%s: line %d has %d fields, not %d' % (file, number, len(fields), len(header)))
        row = {name: _cell(file, number, name, field) for name, field in zip(header, fields)}
        rows[(row['stage'], row['epoch'])] = row
    return list(rows.values())


def read_gates(file):
    """lambda.npz as Gates."""
    found = _arrays(file, ('names', 'epochs', 'values', 'pruned'))
    names, epochs, values, pruned = (found[key] for key in ('names', 'epochs', 'values', 'pruned'))
    if values.shape != (len(epochs), len(names)) or pruned.shape != values.shape or not len(epochs):
        raise UserError('%s: %d epochs and %d names, but values of shape %s and pruned of shape %s'
                         % (file, len(epochs), len(names), values.shape, pruned.shape))
    if not np.isfinite(values).all():
        raise UserError('%s: λ that are not finite' % file)
    return Gates(tuple(str(name) for name in names), epochs, values, pruned.astype(bool))


def read_mapping(file):
    """A .json or .yaml file that holds a mapping."""
    found = files.read_json(file) if file.endswith('.json') else _read_yaml(file)
    if not isinstance(found, dict):
        raise UserError('%s: holds no mapping of names to values' % file)
    return found


def _read_yaml(file):
    with open(file, encoding='utf-8') as stream:
        try:
            return yaml.safe_load(stream)
        except UnicodeDecodeError:
            raise UserError('%s: not UTF-8' % file) from None
        except yaml.YAMLError as error:
            where = getattr(error, 'problem_mark', None)
            raise UserError('%s: not YAML%s' % (file, ' (line %d)' % (where.line + 1) if where else '')) from None


def read_summary(file):
    """summary.json, its numbers checked; a test error comes with the network's parameters and FLOPs."""
    summary = read_mapping(file)
    for key in ('test_error', 'top5_error', 'params', 'flops', 'mac', 'seconds'):
        value = summary.get(key)
        uncounted = key == 'flops' and str(summary.get('kind')).startswith('gluoncv')
        if value is None and (key not in RESULT or uncounted or summary.get('test_error') is None):
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= LIMIT.get(key, math.inf):
            raise UserError('%s: %s is %r, which is no such number' % (file, key, value))
    return summary


def _cell(file, number, name, field):
    if name == 'stage' or (not field and name != 'epoch'):
        return field or None
    try:
        return int(field) if name == 'epoch' else float(field)
    except ValueError:
        raise UserError('%s: line %d, column %s: %r is no number' % (file, number, name, field)) from None


def _arrays(file, needed, optional=()):
    try:
        with np.load(file, allow_pickle=False) as archive:
            found = {key: archive[key] for key in (*needed, *optional) if key in archive.files}
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, KeyError, AttributeError) as error:
        raise UserError('%s: not a readable .npz archive (%s)' % (file, error)) from None
    for key in needed:
        if key not in found:
            raise UserError('%s: without the array %r' % (file, key))
    return found
