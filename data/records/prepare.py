"""From images, wherever they come from, to a folder of records with its manifest (records.py); and the check of such a folder.

The training images are divided into W part and lambda part, stratified by class, and shuffled.  At the end every record is
decoded, and what comes out is written into the manifest.
"""

import hashlib
import json
import logging
import os
from contextlib import contextmanager

import numpy as np

from ...base import files
from ...base.errors import UserError
from .. import decode, split, streams
from . import recordio
from . import store as records
from . import writer as record_writer

PLAN = 'plan.json'
PARTS = ('weights', 'gates', 'val')
FEW = 10  # images of a class in a part

log = logging.getLogger(__name__)


@contextmanager
def locked(folder):
    """The folder, made if need be, for this process alone."""
    import portalocker

    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, '.lock')
    try:
        lock = portalocker.Lock(path, 'w', timeout=0, flags=portalocker.LOCK_EX | portalocker.LOCK_NB)
        lock.acquire()
    except portalocker.exceptions.LockException as error:
        raise UserError(f'{folder} is being prepared by another process') from error
    try:
        files.remove_leftovers(folder)
        yield
    finally:
        lock.release()


def _same_plan(folder, plan, restart):
    """Keep the plan beside the files; UserError where unfinished files follow another one, unless they may be removed."""
    path = os.path.join(folder, PLAN)
    if os.path.isfile(path):
        with open(path, encoding='utf-8') as source:
            held = source.read()
        if held == json.dumps(plan) and not restart:
            return
        if not restart:
            raise UserError(
                f'{folder} holds an unfinished preparation of other images or with other settings; '
                'give the same, or --restart to remove it'
            )
    elif not restart and any(os.path.exists(os.path.join(folder, stem + '.rec')) for stem in PARTS):
        raise UserError(f'{folder} holds record files already; --validate checks them, --restart replaces them')
    for stem in PARTS:
        for suffix in ('.rec', '.idx', '.lst', '.rec.partial', '.journal'):
            if os.path.exists(os.path.join(folder, stem + suffix)):
                os.unlink(os.path.join(folder, stem + suffix))
    for name in (records.MANIFEST, 'train.idx'):
        if os.path.exists(os.path.join(folder, name)):
            os.unlink(os.path.join(folder, name))
    files.write_text(path, json.dumps(plan))


def digest(items):
    total = hashlib.sha256()
    for item in items:
        total.update(
            ('%s\t%d\t%d\t%d\n' % (item.name, item.label, item.offset, item.size)).encode('utf-8', 'surrogateescape')
        )
    return total.hexdigest()


def prepare(
    folder,
    classes,
    train,
    val,
    short_side=256,
    quality=95,
    fraction=0.8,
    seed=0,
    workers=1,
    max_bad=0.01,
    restart=False,
    progress=lambda what, done, total: None,
):
    """Make the record files of the items `train` and `val` (ilsvrc.Item) in folder; the manifest.

    progress(what, done, total) is told how far each step is.  A call after an interruption goes on where it was.
    """
    weights, gates = _divided(train, fraction, seed, workers, progress)
    rng = streams.generator(seed, streams.RECORDS)
    items = [[train[i] for i in rng.permutation(half)] for half in (weights, gates)] + [list(val)]
    plan = {
        'images': digest(list(train) + list(val)),
        'short_side': short_side,
        'quality': quality,
        'split': fraction,
        'seed': seed,
    }
    with locked(folder):
        finished = os.path.join(folder, records.MANIFEST)
        if os.path.isfile(finished) and not restart and records.read_manifest(folder).get('plan') == plan:
            log.info('%s is prepared already', folder)
            return records.read_manifest(folder)
        _same_plan(folder, plan, restart)
        rows = {}
        for stem, some in zip(PARTS, items):
            rows[stem] = _write(folder, stem, some, short_side, quality, workers, progress)
        skipped = [row.reason for stem in PARTS for row in rows[stem] if row.reason]
        decode.report_bad(skipped, len(train) + len(val), max_bad, folder)
        _every_class(folder, classes, rows)
        return _finish(
            folder,
            classes,
            ['weights.rec', 'gates.rec'],
            ['val.rec'],
            workers,
            max_bad,
            progress,
            extra={
                'split': {'fraction': fraction, 'seed': seed},
                'plan': plan,
                'short_side': short_side,
                'quality': quality,
                'skipped': skipped,
            },
        )


def _unreadable(numbered):
    """Numbers of those of some (number, item) that cannot be decoded."""
    bad = []
    for number, item in numbered:
        try:
            decode.read_rgb(item.read(), item.name)
        except (decode.BadImage, OSError):
            bad.append(number)
    return bad


def _divided(train, fraction, seed, workers, progress):
    """(W part, lambda part) as indices into train, stratified.

    Where a class has FEW images in one of them, its images are decoded first: a corrupt one shall not be the only one there.
    Corrupt ones then go to the W part, where they are skipped and counted as the others are.
    """
    labels = np.array([item.label for item in train])
    few = np.bincount(labels) * min(fraction, 1 - fraction) < FEW
    numbered = [(i, train[i]) for i in np.flatnonzero(few[labels])]
    bad, step = [], record_writer.CHUNK
    chunks = [numbered[i : i + step] for i in range(0, len(numbered), step)]
    for done, some in enumerate(record_writer.in_order(_unreadable, chunks, workers), 1):
        bad += some
        progress('small classes', min(done * step, len(numbered)), len(numbered))
    good = np.setdiff1d(np.arange(len(train)), np.array(bad, np.int64))
    weights, gates = (good[half] for half in split.two_parts(labels[good], fraction, seed))
    return np.concatenate([weights, np.array(bad, np.int64)]), gates


def _write(folder, stem, items, short_side, quality, workers, progress):
    done = [0]

    def more(count):
        done[0] += count
        progress(stem + '.rec', done[0], len(items))

    return record_writer.write(folder, stem, items, short_side, quality, workers, more)


def _every_class(folder, classes, rows):
    """UserError where a class has no training image that can be read; a warning where one part has none of it."""
    held = {stem: {row.label for row in rows[stem] if not row.reason} for stem in PARTS}
    for label, name in enumerate(classes):
        if label not in held['weights'] | held['gates']:
            raise UserError(f'{folder}: class {name} has no training image that can be read')
    for stem in PARTS:
        missing = [name for label, name in enumerate(classes) if label not in held[stem]]
        if missing:
            log.warning(
                '%s: %s.rec has no image of %d of the %d classes (%s)',
                folder,
                stem,
                len(missing),
                len(classes),
                missing[0],
            )


def _look(numbers, file, labels):
    """What is wrong with some records of a file: a list of (number, reason)."""
    wrong = []
    for i in numbers:
        try:
            label, image = recordio.unpack(file.read(i), file.where(i))
            decode.read_rgb(image, file.where(i))
            decode.jpeg_to_rgb(image, file.where(i))
        except UserError as error:
            wrong.append((i, str(error)))
            continue
        if label != labels[i]:
            wrong.append((i, '%s has label %g, but %d in its list' % (file.where(i), label, labels[i])))
    return wrong


def check_records(file, labels, workers, progress):
    """Decode every record of a RecordFile: list of (number, reason) of those that are damaged or have another label."""
    wrong, step = [], 64
    chunks = [range(i, min(i + step, len(file))) for i in range(0, len(file), step)]
    for chunk, some in zip(chunks, record_writer.in_order(_look, chunks, workers, file, labels)):
        wrong += some
        progress('check ' + os.path.basename(file.path), chunk[-1] + 1, len(file))
    return wrong


def _finish(folder, classes, train, test, workers, max_bad, progress, extra):
    """Check every record, write the manifest, remove what was only needed until then."""
    entries, bad, reasons, total = {}, {}, [], 0
    for name in train + test:
        stem = os.path.splitext(name)[0]
        file = recordio.RecordFile(os.path.join(folder, name), recordio.read_index(os.path.join(folder, stem + '.idx')))
        labels = np.array([float(label) for label in recordio.read_table(os.path.join(folder, stem + '.lst'), 3)[1]])
        if len(labels) != len(file):
            raise UserError('%s: %d records in %s.idx, %d in %s.lst' % (file.path, len(file), stem, len(labels), stem))
        wrong = check_records(file, labels, workers, progress)
        bad[name], total = [i for i, _ in wrong], total + len(file)
        reasons += [reason for _, reason in wrong]
        entries[name] = {'records': len(file), 'bytes': file.size, 'sha256': records.file_digest(file.path)}
        for suffix in ('.idx', '.lst'):
            entries[stem + suffix] = {'sha256': records.file_digest(os.path.join(folder, stem + suffix))}
    decode.report_bad(reasons, total, max_bad, folder)
    if len(train) == 2:
        counts = [entries[name]['records'] for name in train]
        extra = dict({'split': {'fraction': round(counts[0] / sum(counts), 4), 'seed': None}}, **extra)
        starts = (
            recordio.read_index(os.path.join(folder, 'weights.idx')).tolist()
            + (recordio.read_index(os.path.join(folder, 'gates.idx')) + entries['weights.rec']['bytes']).tolist()
        )
        record_writer.write_table(os.path.join(folder, 'train.idx'), list(enumerate(starts)))
        entries['train.idx'] = {'sha256': records.file_digest(os.path.join(folder, 'train.idx'))}
    manifest = dict(
        {
            'format': records.FORMAT,
            'version': records.VERSION,
            'classes': list(classes),
            'train': train,
            'test': test,
            'files': entries,
            'bad': bad,
        },
        **extra,
    )
    files.write_json(os.path.join(folder, records.MANIFEST), manifest)
    for name in [PLAN] + [stem + '.journal' for stem in PARTS]:
        if os.path.exists(os.path.join(folder, name)):
            os.unlink(os.path.join(folder, name))
    return manifest


def validate(folder, workers=1, max_bad=0.01, progress=lambda what, done, total: None, classes=None):
    """Check a folder of record files, ours or made by im2rec (train.rec or weights.rec and gates.rec; val.rec): the manifest.

    Missing indexes and lists are made.  Damaged records are listed in the manifest, and readers pass over them.  Class names
    are `classes`, or those of the manifest that there was, or numbers.
    """
    with locked(folder):
        have = [
            name
            for name in ('weights.rec', 'gates.rec', 'train.rec', 'val.rec')
            if os.path.isfile(os.path.join(folder, name))
        ]
        train = ['weights.rec', 'gates.rec'] if 'weights.rec' in have and 'gates.rec' in have else ['train.rec']
        missing = [name for name in train + ['val.rec'] if name not in have]
        if missing:
            raise UserError(
                '{} has no {}; expected weights.rec and gates.rec (or train.rec), and val.rec'.format(
                    folder, ' and no '.join(missing)
                )
            )
        extra = {}
        if os.path.isfile(os.path.join(folder, records.MANIFEST)):
            old = records.read_manifest(folder)
            classes = classes or old['classes']
            extra = {key: old[key] for key in ('split', 'plan', 'short_side', 'quality', 'skipped') if key in old}
        highest = -1
        for name in train + ['val.rec']:
            highest = max(highest, _complete(folder, name))
        if classes is None:
            classes = ['class %d' % label for label in range(highest + 1)]
        if highest >= len(classes):
            raise UserError('%s: a record has label %d, but there are %d classes' % (folder, highest, len(classes)))
        return _finish(folder, classes, train, ['val.rec'], workers, max_bad, progress, extra)


def _complete(folder, name):
    """Make the index and the list of a record file where they are missing; the highest label."""
    path, stem = os.path.join(folder, name), os.path.join(folder, os.path.splitext(name)[0])
    found = recordio.scan_offsets(path)
    if not os.path.isfile(stem + '.idx'):
        record_writer.write_table(stem + '.idx', list(enumerate(found)))
    elif list(recordio.read_index(stem + '.idx')) != found:
        raise UserError(
            '{} does not belong to {}: it has other offsets; remove it to have it made anew'.format(stem + '.idx', path)
        )
    if not os.path.isfile(stem + '.lst'):
        file = recordio.RecordFile(path, found)
        labels = [recordio.unpack(file.read(i), file.where(i))[0] for i in range(len(file))]
        record_writer.write_table(stem + '.lst', [(i, int(label), 'record %d' % i) for i, label in enumerate(labels)])
    labels = [float(label) for label in recordio.read_table(stem + '.lst', 3)[1]]
    if not labels:
        raise UserError(f'{path} holds no records')
    return int(max(labels))
