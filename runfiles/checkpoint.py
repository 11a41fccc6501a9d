"""Checkpoints: one file each, written beside, synced and renamed, with a checksum inside; the last k and the best are kept.

File: the line 'dsonas checkpoint 1', the line '<sha256 in hex> <bytes>', then an uncompressed .npz of arrays and of one JSON text.
The name says where training stands: search-0007-00012.ckpt was written when 12 steps of epoch 7 (from 0) had been done.
"""
import hashlib
import io
import json
import os
import re
import zipfile

import numpy as np

from ..base import files
from ..base.errors import UserError

MAGIC = b'dsonas checkpoint 1\n'
STAGES = ('pretrain', 'search', 'retrain')
_NAME = re.compile(r'^(%s)-(\d+)-(\d+)\.ckpt$' % '|'.join(STAGES))
_META = '__json__'


def write(path, arrays, meta):
    """Write {name: numpy array} and a JSON-able dict to `path`, all or nothing. Raises OSError."""
    payload = io.BytesIO()
    np.savez(payload, **dict(arrays, **{_META: np.frombuffer(json.dumps(meta, sort_keys=True).encode('utf-8'), np.uint8)}))
    payload = payload.getbuffer()
    header = MAGIC + ('%s %d\n' % (hashlib.sha256(payload).hexdigest(), len(payload))).encode('ascii')
    files.write_bytes(path, header, payload)


def read(path):
    """(arrays, meta) of a checkpoint. Raises OSError, or UserError that names the file and what is wrong with it."""
    with open(path, 'rb') as stream:
        content = stream.read()
    if not content.startswith(MAGIC):
        raise UserError('%s: not a checkpoint of this version (it does not start with %r)' % (path, MAGIC.decode().strip()))
    header, newline, payload = content[len(MAGIC):].partition(b'\n')
    match = re.match(rb'^([0-9a-f]{64}) (\d+)$', header)
    if not newline or not match:
        raise UserError('%s: damaged checkpoint: no checksum in its header' % path)
    if len(payload) != int(match.group(2)):
        raise UserError('%s: damaged checkpoint: %d of %d bytes are there' % (path, len(payload), int(match.group(2))))
    if hashlib.sha256(payload).hexdigest() != match.group(1).decode():
        raise UserError('%s: damaged checkpoint: its checksum does not fit' % path)
    try:
        with np.load(io.BytesIO(payload), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        return arrays, json.loads(bytes(arrays.pop(_META)).decode('utf-8'))
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        raise UserError('%s: damaged checkpoint: %s' % (path, error)) from None


class Checkpoints:
    """The checkpoints of one run: `folder`, of which the newest `keep` stay, and 'best-<stage>.ckpt' besides."""

    def __init__(self, folder, keep=3):
        self.folder, self.keep = folder, keep

    def path(self, stage, epoch, step):
        return os.path.join(self.folder, '%s-%04d-%05d.ckpt' % (stage, epoch, step))

    def best_path(self, stage):
        return os.path.join(self.folder, 'best-%s.ckpt' % stage)

    def positions(self):
        """[(stage number, epoch, step, path)] of all but the best, the newest last."""
        found = []
        for name in os.listdir(self.folder) if os.path.isdir(self.folder) else ():
            match = _NAME.match(name)
            if match:
                found.append((STAGES.index(match.group(1)), int(match.group(2)), int(match.group(3)), os.path.join(self.folder, name)))
        return sorted(found)

    def save(self, arrays, meta, best=False):
        """Write the checkpoint of meta's stage, epoch and step, then remove those that are no longer kept. Returns its path.

        Of earlier stages the newest one stays. Newer ones than this belong to a course of training that was given up, by a resume
        from an older one; they go, too.
        """
        os.makedirs(self.folder, exist_ok=True)
        stage, epoch, step = meta['stage'], meta['epoch'], meta['step']
        path = self.path(stage, epoch, step)
        write(path, arrays, meta)
        if best:
            self._link(path, self.best_path(stage))
        here = (STAGES.index(stage), epoch, step)
        positions = self.positions()
        gone = [found for found in positions if found[:3] > here]
        for number in range(here[0] + 1):
            own = [found for found in positions if found[0] == number and found[:3] <= here]
            gone += own[:-(self.keep if number == here[0] else 1)]
        for found in gone:
            os.remove(found[3])
        return path

    @staticmethod
    def _link(path, best):
        beside = files.beside(best)
        try:
            os.link(path, beside)
            os.replace(beside, best)
        except OSError:   # a file system without hard links
            with open(path, 'rb') as stream:
                files.write_bytes(best, stream.read())

    def newest(self, warn, stages=STAGES):
        """(arrays, meta, path) of the newest checkpoint of `stages` that is whole, None if there is none.

        `warn` is called with a line for each damaged one that is passed over. Raises UserError if there are some and all are damaged.
        """
        positions = [found for found in self.positions() if STAGES[found[0]] in stages]
        for *_, path in reversed(positions):
            try:
                arrays, meta = read(path)
                return arrays, meta, path
            except (UserError, OSError) as error:
                warn('warning: %s; using the checkpoint before it' % error)
        if positions:
            raise UserError('%s: all %d checkpoints are damaged' % (self.folder, len(positions)))
        return None
