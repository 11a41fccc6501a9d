"""What a run writes down as it goes: log.csv, lambda.npz, a progress bar or a line an epoch, TensorBoard events.

Files are rewritten beside and renamed, a row an epoch; a resumed run drops what was written after its checkpoint.
"""
import csv
import io
import math
import os
import sys

import numpy as np
from tqdm import tqdm

from ..base import files
from ..base.errors import UserError
from ..base.text import format_count
from .checkpoint import STAGES

COLUMNS = ('stage', 'epoch', 'step', 'lr', 'loss', 'error', 'gate_loss', 'gate_error', 'test_loss', 'test_error', 'zero_fraction', 'edges',
           'operations', 'flops', 'params', 'changed', 'images_per_second', 'seconds')


def read_log(path):
    """Rows of a log.csv, as dicts of text; [] if there is none. Raises UserError for a damaged file or one with other columns."""
    if not os.path.exists(path):
        return []
    try:
        with open(path, newline='', encoding='utf-8') as stream:
            reader = csv.DictReader(stream)
            rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError('%s: damaged: %s' % (path, error)) from None
    if tuple(reader.fieldnames or ())[:len(COLUMNS)] != COLUMNS:
        raise UserError('%s: expected the columns %s, and none but further ones after them' % (path, ','.join(COLUMNS)))
    for number, row in enumerate(rows, 1):
        if row['stage'] not in STAGES or not str(row['epoch']).isdigit() or not _is_number(row['seconds']):
            raise UserError('%s: damaged: row %d has no stage, epoch and seconds' % (path, number))
    return rows


def _is_number(text):
    try:
        return math.isfinite(float(text))
    except (TypeError, ValueError):
        return False


def _text(value):
    if value is None:
        return ''
    return '%.9g' % value if isinstance(value, float) else str(value)


class Log:
    """log.csv: a row for each epoch done. Epochs count from 1, steps over the whole stage."""

    def __init__(self, path):
        self.path, self.rows = path, read_log(path)
        self.columns = tuple(self.rows[0]) if self.rows else COLUMNS

    def declare(self, columns):
        """Add columns behind COLUMNS and those that the file has."""
        self.columns = tuple(dict.fromkeys(self.columns + tuple(columns)))

    def cut(self, stage, epochs):
        """Drop what was written after `epochs` epochs of `stage`."""
        here = STAGES.index(stage)
        self.rows = [row for row in self.rows if (STAGES.index(row['stage']), int(row['epoch'])) <= (here, epochs)]

    def append(self, row):
        self.rows.append({name: _text(row.get(name)) for name in self.columns})
        text = io.StringIO()
        writer = csv.DictWriter(text, self.columns, restval='', lineterminator='\n')
        writer.writeheader()
        writer.writerows(self.rows)
        files.write_text(self.path, text.getvalue())

    def seconds(self, *stages):
        """What the epochs of some stages took together."""
        return sum(float(row['seconds'] or 0) for row in self.rows if row['stage'] in stages)


class GateHistory:
    """lambda.npz: names (n,), epochs (e,), values (e, n) float32, pruned (e, n) bool; epoch 0 is before search."""

    def __init__(self, path, names):
        self.path, self.names, self.epochs, self.values, self.pruned = path, list(names), [], [], []

    def resume(self, epoch):
        """Read back what was written up to search epoch `epoch`."""
        try:
            with np.load(self.path, allow_pickle=False) as stored:
                if stored['names'].tolist() != self.names:
                    raise UserError('its λ are not those of this search space')
                kept = [row for row, number in enumerate(stored['epochs'].tolist()) if number <= epoch]
                self.epochs = [int(stored['epochs'][row]) for row in kept]
                self.values, self.pruned = ([stored[part][row] for row in kept] for part in ('values', 'pruned'))
        except FileNotFoundError:
            pass
        except Exception as error:   # zipfile, numpy and zlib each have their own
            raise UserError('%s: cannot be read back: %s. Move it away to go on; the search does without it, its history of λ begins anew'
                             % (self.path, error)) from None

    def append(self, epoch, values, pruned):
        """values, pruned: the λ vectors one after another, (n,)."""
        self.epochs.append(epoch)
        self.values.append(np.asarray(values, np.float32))
        self.pruned.append(np.asarray(pruned, bool))
        content = io.BytesIO()
        np.savez_compressed(content, names=np.array(self.names, dtype=str), epochs=np.array(self.epochs, np.int64),
                            values=np.array(self.values, np.float32), pruned=np.array(self.pruned, bool))
        files.write_bytes(self.path, content.getbuffer())


class Progress:
    """A progress bar on a terminal, else nothing; messages go to stdout, above the bar."""

    def __init__(self, shown=True):
        self.shown = shown
        self.bar = None

    def start(self, title, total, done):
        if self.shown and sys.stderr.isatty():
            self.bar = tqdm(total=total, initial=done, desc=title, unit='step', leave=False, dynamic_ncols=True)

    def step(self, figures):
        """One step further; figures: callable giving what stands behind the bar, asked only when it is drawn."""
        if self.bar is not None and self.bar.update(1):
            self.bar.set_postfix_str(figures(), refresh=False)

    def end(self):
        if self.bar is not None:
            self.bar.close()
            self.bar = None

    def say(self, line):
        if self.shown:
            with tqdm.external_write_mode(sys.stdout):
                print(line, flush=True)


class Events:
    """TensorBoard events: every number of a row, by stage."""

    def __init__(self, folder):
        try:
            from tensorboardX import SummaryWriter
        except ImportError as error:
            raise UserError('train.tensorboard=true needs tensorboardX: %s' % error) from None
        self.writer = SummaryWriter(folder)

    def add(self, row):
        for name, value in row.items():
            if name not in ('stage', 'epoch', 'step') and value is not None:
                self.writer.add_scalar('%s/%s' % (row['stage'], name), float(value), row['epoch'])
        self.writer.flush()

    def histogram(self, name, values, epoch):
        self.writer.add_histogram(name, np.asarray(values), epoch)

    def close(self):
        self.writer.close()


def epoch_line(row, epochs):
    """The line of an epoch, for people."""
    parts = ['%s %d/%d' % (row['stage'], row['epoch'], epochs)]
    for name, form in (('loss', 'loss %.3f'), ('error', 'error %.1f%%'), ('gate_loss', 'λ loss %.3f'), ('gate_error', 'λ error %.1f%%'),
                       ('test_error', 'test error %.2f%%')):
        if row.get(name) is not None:
            parts.append(form % row[name])
    if row.get('zero_fraction') is not None:
        parts.append('λ at zero %.1f%%' % (100 * row['zero_fraction']))
        parts.append('%d edges, %d operations' % (row['edges'], row['operations']))
        parts.append('FLOPs left %s' % format_count(row['flops'], 4, ''))
        parts.append('%d λ changed' % row['changed'])
    parts.append('%.0f images/s' % row['images_per_second'])
    return ' | '.join(parts)
