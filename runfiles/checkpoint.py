"""Write and read checkpoints: one file each, with a checksum inside; the last few and the best are kept.

File: the line 'dsonas checkpoint 1', the line '<sha256 in hex> <bytes>', then an uncompressed .npz of arrays and of one JSON text.
Its name says where training stands: search-0007-00012.ckpt was written when 12 steps of epoch 7 (from 0) had been done.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
import re
from typing import Any, Callable, Dict, List, Optional, Sequence

import numpy as np

from ..base import files
from ..base.archives import read_archive
from ..base.documents import parse_json
from ..base.errors import UserError
from ..base.fields import COUNT, MAPPING, TEXT, WHOLE, Field, Fields, check_fields, is_count, one_of
from ..base.text import shown
from .stages import STAGES

MAGIC = b'dsonas checkpoint 1\n'
_NAME = re.compile(rf'^({"|".join(STAGES)})-(\d+)-(\d+)\.ckpt$', re.ASCII)
_META = '__json__'
_HEADER = re.compile(rb'([0-9a-f]{64}) (\d{1,15})')


@dataclasses.dataclass
class Checkpoint:
    """The state of training when `step` steps of `epoch` (from 0) of `stage` are done. All but arrays and path is JSON-able.

    arrays: numpy arrays by name. counts: updates that the optimizers have done. partial: figures of the epoch so far, None
    between epochs. best: {stage: {'epoch', 'test_error', …}}. extra: state of what acts in the stage besides the optimizers.
    ended: why the stage ended before its last epoch, '' where it did not. path: the file that it was read from.
    """

    stage: str
    epoch: int
    step: int
    arrays: Dict[str, Any] = dataclasses.field(default_factory=dict)
    seed: int = 0
    batch_size: int = 0
    epochs: int = 0
    counts: Dict[str, Any] = dataclasses.field(default_factory=dict)
    partial: Optional[Dict[str, Any]] = None
    best: Dict[str, Any] = dataclasses.field(default_factory=dict)
    extra: Dict[str, Any] = dataclasses.field(default_factory=dict)
    ended: str = ''
    path: str = ''

    @property
    def meta(self) -> Dict[str, Any]:
        """What is stored as JSON."""
        return {name: getattr(self, name) for name in _META_FIELDS}


_META_FIELDS = tuple(field.name for field in dataclasses.fields(Checkpoint) if field.name not in ('arrays', 'path'))


@dataclasses.dataclass(frozen=True, order=True)
class Position:
    """Where a stored checkpoint stands in training; later ones are greater. number: of the stage, in STAGES."""

    number: int
    epoch: int
    step: int
    path: str = dataclasses.field(compare=False)

    @property
    def stage(self) -> str:
        """The stage's name."""
        return STAGES[self.number]


def write(path: str, checkpoint: Checkpoint) -> None:
    """Write a checkpoint to `path`, whole or not at all. Raises OSError."""
    meta = np.frombuffer(json.dumps(checkpoint.meta, sort_keys=True).encode('utf-8'), np.uint8)
    stream = io.BytesIO()
    np.savez(stream, **{**checkpoint.arrays, _META: meta})
    payload = stream.getbuffer()
    files.write_bytes(path, MAGIC + f'{hashlib.sha256(payload).hexdigest()} {len(payload)}\n'.encode('ascii'), payload)


def read(path: str) -> Checkpoint:
    """Read a checkpoint. Raises OSError, or UserError that names the file and what is wrong with it."""
    with files.opened(path) as stream:
        content = stream.read()
    payload = _verified(path, content)
    arrays = read_archive(io.BytesIO(payload), path, compressed=False)
    meta = _meta(path, arrays.pop(_META, None))
    for name, array in arrays.items():
        if array.dtype.kind not in 'biuf':
            raise UserError(f'{path}: damaged checkpoint: {shown(name)} is {array.dtype}, not numbers')
    return Checkpoint(**meta, arrays=arrays, path=path)


def _meta(path: str, text: Any) -> Dict[str, Any]:
    """The fields that are stored as JSON, their types checked."""
    if text is None or text.dtype != np.uint8:
        raise UserError(f'{path}: damaged checkpoint: without the text {_META}')
    try:
        content = parse_json(text.tobytes().decode('utf-8'), f'{path}: damaged checkpoint', finite=False)
    except UnicodeDecodeError:
        raise UserError(f'{path}: damaged checkpoint: {_META} is not UTF-8') from None
    check_fields(content, _FIELDS, f'{path}: damaged checkpoint', _NEEDED)
    return {name: content[name] for name in _META_FIELDS if name in content}


def _are_counts(value: Any) -> bool:
    """{group: {'updates': {name: count}, 'num_update': count}}, and perhaps the scale of the loss."""
    return isinstance(value, dict) and all(
        isinstance(entry, (int, float))
        if name == 'loss_scale'
        else isinstance(entry, dict)
        and is_count(entry.get('num_update'))
        and isinstance(entry.get('updates'), dict)
        and all(map(is_count, entry['updates'].values()))
        for name, entry in value.items()
    )


def _are_best(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(entry, dict) for entry in value.values())


_NEEDED = ('stage', 'epoch', 'step')
_FIELDS: Fields = {
    'stage': one_of(*STAGES),
    **dict.fromkeys(('epoch', 'step', 'batch_size', 'epochs'), COUNT),
    'seed': WHOLE,
    'counts': Field(_are_counts, 'counts of updates'),
    'partial': MAPPING,
    'best': Field(_are_best, 'a mapping of stages to mappings'),
    'extra': MAPPING,
    'ended': TEXT,
}


def _verified(path: str, content: bytes) -> memoryview:
    """The .npz in a checkpoint's bytes, its checksum verified."""
    if not content.startswith(MAGIC):
        raise UserError(f'{path}: not a checkpoint of this version (it does not start with {MAGIC.decode().strip()!r})')
    end = content.find(b'\n', len(MAGIC), len(MAGIC) + 100)
    match = _HEADER.fullmatch(content, len(MAGIC), end) if end >= 0 else None
    if not match:
        raise UserError(f'{path}: damaged checkpoint: no checksum in its header')
    payload = memoryview(content)[end + 1 :]
    if len(payload) != int(match.group(2)):
        raise UserError(f'{path}: damaged checkpoint: {len(payload)} of {int(match.group(2))} bytes are there')
    if hashlib.sha256(payload).hexdigest() != match.group(1).decode():
        raise UserError(f'{path}: damaged checkpoint: its checksum does not fit')
    return payload


class Checkpoints:
    """The checkpoints of one run: `folder`, of which the newest `keep` stay, and 'best-<stage>.ckpt' besides."""

    def __init__(self, folder: str, keep: int = 3) -> None:
        self.folder, self.keep = folder, keep

    def path(self, stage: str, epoch: int, step: int) -> str:
        """Return the path of a checkpoint by what it stands for."""
        return os.path.join(self.folder, f'{stage}-{epoch:04d}-{step:05d}.ckpt')

    def best_path(self, stage: str) -> str:
        """Return the path of the checkpoint of a stage's best test error."""
        return os.path.join(self.folder, f'best-{stage}.ckpt')

    def positions(self) -> List[Position]:
        """List all but the best, the newest last."""
        positions = []
        for name in os.listdir(self.folder) if os.path.isdir(self.folder) else ():
            match = _NAME.match(name)
            if match:
                stage, epoch, step = match.groups()
                positions.append(Position(STAGES.index(stage), int(epoch), int(step), os.path.join(self.folder, name)))
        return sorted(positions)

    def save(self, checkpoint: Checkpoint, best: bool = False) -> str:
        """Write a checkpoint, then remove those that are no longer kept. Returns its path. Raises OSError.

        Of earlier stages the newest one stays. Newer ones than this belong to a course of training that was given up, by a resume
        from an older one; they go, too.
        """
        os.makedirs(self.folder, exist_ok=True)
        path = self.path(checkpoint.stage, checkpoint.epoch, checkpoint.step)
        write(path, checkpoint)
        if best:
            self._link(path, self.best_path(checkpoint.stage))
        here = Position(STAGES.index(checkpoint.stage), checkpoint.epoch, checkpoint.step, path)
        positions = self.positions()
        gone = [position for position in positions if position > here]
        for number in range(here.number + 1):
            own = [position for position in positions if position.number == number and position <= here]
            gone += own[: -(self.keep if number == here.number else 1)]
        for position in gone:
            os.remove(position.path)
        return path

    @staticmethod
    def _link(path: str, best: str) -> None:
        beside = files.beside(best)
        try:
            os.link(path, beside)
            os.replace(beside, best)
        except OSError:  # a file system without hard links
            with open(path, 'rb') as stream:
                files.write_bytes(best, stream.read())

    def newest(self, warn: Callable[[str], object], stages: Sequence[str] = STAGES) -> Optional[Checkpoint]:
        """Read the newest checkpoint of `stages` that is whole; None if there is none.

        `warn` is called with a line for each damaged one that is passed over. Raises UserError if there are some and all are damaged.
        """
        positions = [position for position in self.positions() if position.stage in stages]
        for position in reversed(positions):
            try:
                return read(position.path)
            except (UserError, OSError) as error:
                warn(f'warning: {error}; using the checkpoint before it')
        if positions:
            raise UserError(f'{self.folder}: all {len(positions)} checkpoints are damaged')
        return None
