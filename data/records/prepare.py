"""Making a folder of records with its manifest (store.py) from listed images (ilsvrc.py).

The training images are divided into W part and lambda part, stratified by class, and shuffled. At the
end every record is decoded, and the result is written to the manifest.
"""

import logging
import os
from typing import Any, Dict, Iterable, List, Sequence, Tuple

import numpy as np

from ...base.errors import UserError
from .. import decode, split, streams
from . import check, plan, store, writer
from .check import Progress
from .ilsvrc import Item
from .plan import PARTS

FEW = 10  # images of a class in a part

log = logging.getLogger(__name__)


def prepare(
    folder: str,
    classes: Sequence[str],
    train: Sequence[Item],
    val: Sequence[Item],
    short_side: int = 256,
    quality: int = 95,
    fraction: float = 0.8,
    seed: int = 0,
    workers: int = 1,
    max_bad: float = 0.01,
    restart: bool = False,
    progress: Progress = check.silent,
) -> Dict[str, Any]:
    """Make the record files of the items `train` and `val` in a folder, or resume making them. Returns the manifest.

    short_side: pixels that larger images are shrunk to, 0 for none. quality: of the JPEGs, 1 to 100. fraction: the W
    part's share of the training images. seed: of the split and the order. workers: processes. max_bad: largest share
    of corrupt images that is skipped. restart: replace what the folder holds. progress(step, done, total) is told how
    far each step is. Raises plan.OtherPlan or plan.HoldsRecords for files that only `restart` replaces, UserError for
    too many corrupt images and for a class without images that can be read.
    """
    weights, gates = _divided(train, fraction, seed, workers, progress)
    rng = streams.generator(seed, streams.RECORDS)
    items = [[train[i] for i in rng.permutation(half)] for half in (weights, gates)] + [list(val)]
    settings = {
        'images': plan.digest(list(train) + list(val)),
        'short_side': short_side,
        'quality': quality,
        'split': fraction,
        'seed': seed,
    }
    with plan.locked(folder):
        finished = os.path.join(folder, store.MANIFEST)
        if os.path.isfile(finished) and not restart and store.read_manifest(folder).get('plan') == settings:
            log.info('%s is prepared already', folder)
            return store.read_manifest(folder)
        plan.keep(folder, settings, restart)
        rows = {}
        for stem, part in zip(PARTS, items):
            rows[stem] = _write(folder, stem, part, short_side, quality, workers, progress)
        skipped = [row.reason for stem in PARTS for row in rows[stem] if row.reason]
        decode.report_bad(skipped, len(train) + len(val), max_bad, folder)
        _every_class(folder, classes, rows)
        return check.finish(
            folder,
            classes,
            ['weights.rec', 'gates.rec'],
            ['val.rec'],
            workers,
            max_bad,
            progress,
            extra={
                'split': {'fraction': fraction, 'seed': seed},
                'plan': settings,
                'short_side': short_side,
                'quality': quality,
                'skipped': skipped,
            },
        )


def _unreadable(numbered: Iterable[Tuple[int, Item]]) -> List[int]:
    """Find the items, (number, item), that cannot be decoded: their numbers."""
    bad = []
    for number, item in numbered:
        try:
            decode.read_rgb(item.read(), item.name)
        except (decode.BadImage, OSError):
            bad.append(number)
    return bad


def _divided(
    train: Sequence[Item], fraction: float, seed: int, workers: int, progress: Progress
) -> Tuple[np.ndarray, np.ndarray]:
    """Divide the training images, stratified: (W part, lambda part) as indices into train.

    The images of a class with less than FEW in a part are decoded first, so that a corrupt one is not the only one
    there. Corrupt ones go to the W part, where they are skipped and counted like all others.
    """
    labels = np.array([item.label for item in train])
    few = np.bincount(labels) * min(fraction, 1 - fraction) < FEW
    numbered = [(i, train[i]) for i in np.flatnonzero(few[labels])]
    bad: List[int] = []
    step = writer.CHUNK
    chunks = [numbered[i : i + step] for i in range(0, len(numbered), step)]
    for done, numbers in enumerate(writer.in_order(_unreadable, chunks, workers), 1):
        bad += numbers
        progress('small classes', min(done * step, len(numbered)), len(numbered))
    good = np.setdiff1d(np.arange(len(train)), np.array(bad, np.int64))
    weights, gates = (good[half] for half in split.two_parts(labels[good], fraction, seed))
    return np.concatenate([weights, np.array(bad, np.int64)]), gates


def _write(
    folder: str, stem: str, items: Sequence[Item], short_side: int, quality: int, workers: int, progress: Progress
) -> List[writer.Row]:
    done = 0

    def more(count: int) -> None:
        nonlocal done
        done += count
        progress(stem + '.rec', done, len(items))

    return writer.write(folder, stem, items, short_side, quality, workers, more)


def _every_class(folder: str, classes: Sequence[str], rows: Dict[str, List[writer.Row]]) -> None:
    """Raise UserError if a class has no training image that can be read; warn if a part has none of it."""
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
