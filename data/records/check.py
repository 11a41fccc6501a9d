"""Checking record files and writing their manifest."""

import logging
import os
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import numpy as np

from ...base import files
from ...base.errors import UserError
from .. import decode
from . import names, plan, recordio, store, writer

log = logging.getLogger(__name__)

Progress = Callable[[str, int, int], object]  # step, done, total


def silent(step: str, done: int, total: int) -> None:
    """Report no progress."""


def _look(numbers: Sequence[int], file: recordio.RecordFile, labels: np.ndarray) -> List[Tuple[int, str]]:
    """Decode records of a file: (number, reason) of those that are wrong."""
    wrong = []
    for i in numbers:
        try:
            label, image = recordio.unpack(file.read(i), file.where(i))
            decode.read_rgb(image, file.where(i))
            decode.jpeg_to_rgb(image, file.where(i))
        except recordio.Unsuitable:
            raise
        except UserError as error:
            wrong.append((i, str(error)))
            continue
        if label != labels[i]:
            wrong.append((i, f'{file.where(i)} has label {label:g}, but {int(labels[i])} in its list'))
    return wrong


def check_records(
    file: recordio.RecordFile, labels: np.ndarray, workers: int, progress: Progress
) -> List[Tuple[int, str]]:
    """Decode every record of a file: (number, reason) of those that are damaged or have another label.

    labels: (n,), as listed. workers: processes.
    """
    wrong: List[Tuple[int, str]] = []
    step = 64
    chunks = [range(i, min(i + step, len(file))) for i in range(0, len(file), step)]
    for chunk, reasons in zip(chunks, writer.in_order(_look, chunks, workers, file, labels)):
        wrong += reasons
        progress('check ' + os.path.basename(file.path), chunk[-1] + 1, len(file))
    return wrong


def finish(
    folder: str,
    classes: Sequence[str],
    train: List[str],
    test: List[str],
    workers: int,
    max_bad: float,
    progress: Progress,
    extra: Dict[str, Any],
) -> Dict[str, Any]:
    """Check every record, write the manifest, remove plan and journals. Returns the manifest.

    train, test: names of the record files. extra: further entries of the manifest. Raises UserError if more than the
    share max_bad of the records are damaged.
    """
    entries: Dict[str, Dict[str, Any]] = {}
    bad: Dict[str, List[int]] = {}
    reasons: List[str] = []
    total = 0
    for name in train + test:
        stem = os.path.splitext(name)[0]
        file = recordio.RecordFile(os.path.join(folder, name), recordio.read_index(os.path.join(folder, stem + '.idx')))
        labels = recordio.read_labels(os.path.join(folder, stem + '.lst'))
        if len(labels) != len(file):
            raise UserError(
                f'{file.path}: {len(file)} records in {stem}.idx, {len(labels)} in {stem}.lst; '
                f'where that one is not right, remove it to have it made from the records'
            )
        wrong = check_records(file, labels, workers, progress)
        bad[name], total = [i for i, _ in wrong], total + len(file)
        reasons += [reason for _, reason in wrong]
        entries[name] = {'records': len(file), 'bytes': file.size, 'sha256': store.file_digest(file.path)}
        for suffix in ('.idx', '.lst'):
            entries[stem + suffix] = {'sha256': store.file_digest(os.path.join(folder, stem + suffix))}
    decode.report_bad(reasons, total, max_bad, folder)
    if len(train) == 2:
        counts = [entries[name]['records'] for name in train]
        extra = dict({'split': {'fraction': round(counts[0] / sum(counts), 4), 'seed': None}}, **extra)
        starts = (
            recordio.read_index(os.path.join(folder, 'weights.idx')).tolist()
            + (recordio.read_index(os.path.join(folder, 'gates.idx')) + entries['weights.rec']['bytes']).tolist()
        )
        writer.write_table(os.path.join(folder, 'train.idx'), list(enumerate(starts)))
        entries['train.idx'] = {'sha256': store.file_digest(os.path.join(folder, 'train.idx'))}
    manifest = dict(
        {
            'format': store.FORMAT,
            'version': store.VERSION,
            'classes': list(classes),
            'train': train,
            'test': test,
            'files': entries,
            'bad': bad,
        },
        **extra,
    )
    files.write_json(os.path.join(folder, store.MANIFEST), manifest)
    for name in [plan.PLAN] + [stem + '.journal' for stem in plan.PARTS]:
        if os.path.exists(os.path.join(folder, name)):
            os.unlink(os.path.join(folder, name))
    return manifest


def validate(
    folder: str,
    workers: int = 1,
    max_bad: float = 0.01,
    progress: Progress = silent,
    classes: Optional[Sequence[str]] = None,
) -> Dict[str, Any]:
    """Check a folder of record files, ours or made by im2rec, and write its manifest anew. Returns the manifest.

    The files are train.rec, or weights.rec and gates.rec, and val.rec; missing indexes and lists are made. Damaged
    records are listed in the manifest, and readers skip them; more than the share max_bad of them, or missing files,
    raise UserError, and labels that are not the number of a class recordio.Unsuitable. Class names are `classes`, or
    those of a list in the folder (names.py), or those of the old manifest, or numbers. workers: processes.
    """
    with plan.locked(folder):
        have = [
            name
            for name in ('weights.rec', 'gates.rec', 'train.rec', 'val.rec')
            if os.path.isfile(os.path.join(folder, name))
        ]
        train = ['weights.rec', 'gates.rec'] if 'weights.rec' in have and 'gates.rec' in have else ['train.rec']
        missing = [name for name in train + ['val.rec'] if name not in have]
        if missing:
            raise UserError(
                f'{folder} has no {" and no ".join(missing)}; '
                'expected weights.rec and gates.rec (or train.rec), and val.rec'
            )
        extra: Dict[str, Any] = {}
        before: Sequence[str] = ()
        if os.path.isfile(os.path.join(folder, store.MANIFEST)):
            old = store.read_manifest(folder)
            before = old['classes']
            extra = {key: old[key] for key in ('split', 'plan', 'short_side', 'quality', 'skipped') if key in old}
            if len(train) == 1:
                extra.pop('split', None)  # which was that of two files
        highest = -1
        for name in train + ['val.rec']:
            highest = max(highest, _complete(folder, name))
        classes = classes or names.best(folder, highest + 1, before)
        if highest >= len(classes):
            raise UserError(f'{folder}: a record has label {highest}, but there are {len(classes)} classes')
        return finish(folder, classes, train, ['val.rec'], workers, max_bad, progress, extra)


def _complete(folder: str, name: str) -> int:
    """Make the index and the list of a record file if they are missing. Returns the highest label."""
    path, stem = os.path.join(folder, name), os.path.join(folder, os.path.splitext(name)[0])
    offsets = recordio.scan_offsets(path)
    if not os.path.isfile(stem + '.idx'):
        writer.write_table(stem + '.idx', list(enumerate(offsets)))
    elif list(recordio.read_index(stem + '.idx')) != offsets:
        raise UserError(f'{stem}.idx does not belong to {path}: it has other offsets; remove it to have it made anew')
    if not os.path.isfile(stem + '.lst'):
        file = recordio.RecordFile(path, offsets)
        rows = [(i, _own_label(file, i), f'record {i}') for i in range(len(file))]
        writer.write_table(stem + '.lst', rows)
    if not offsets:
        raise UserError(f'{path} holds no records')
    _keep_listed(stem, recordio.RecordFile(path, offsets))
    return int(recordio.read_labels(stem + '.lst').max(initial=0))


def _keep_listed(stem: str, file: recordio.RecordFile) -> None:
    """Bring the list of an im2rec that skipped images into that of the records, by the keys in the index.

    The whole list is kept as STEM.all.lst. Any other disagreement is left for `finish` to refuse.
    """
    records = len(file)
    columns = recordio.read_table(stem + '.lst', 3)
    keys = recordio.read_table(stem + '.idx', 2)[0]
    if len(columns[0]) <= records or len(set(keys)) < records:
        return
    rows = {row[0]: row for row in zip(*columns)}
    kept = [rows[key] for key in keys if key in rows]
    if len(rows) == len(columns[0]) and len(kept) == records and _same_labels([row[1] for row in kept], file):
        whole = stem + '.all.lst'
        log.warning(
            '%s.lst lists %d images, of which %d have records; it is kept as %s', stem, len(rows), records, whole
        )
        os.replace(stem + '.lst', whole)
        writer.write_table(stem + '.lst', kept)


def _same_labels(listed: Sequence[str], file: recordio.RecordFile) -> bool:
    """Tell whether labels, as they are listed, are those of the records."""
    try:
        return [float(label) for label in listed] == [_own_label(file, i) for i in range(len(file))]
    except ValueError:  # a UserError among them: something that is no label
        return False


def _own_label(file: recordio.RecordFile, i: int) -> int:
    """Return the label of a record, 0 for a damaged one. Raises Unsuitable if it is not the number of a class."""
    try:
        label, _ = recordio.unpack(file.read(i), file.where(i))
    except recordio.Unsuitable:
        raise
    except UserError:
        return 0  # it is found damaged when every record is decoded
    return recordio.whole_label(label, file.where(i))
