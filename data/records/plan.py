"""A folder while records are written to it: locked for one process, with the plan that they follow."""

import hashlib
import json
import os
from contextlib import contextmanager
from typing import Any, Dict, Iterable, Iterator

from ...base import files
from ...base.errors import UserError
from . import store
from .ilsvrc import Item

PLAN = 'plan.json'
PARTS = ('weights', 'gates', 'val')  # the record files, without .rec


class OtherPlan(UserError):
    """An unfinished preparation of other images, or with other settings, in the folder."""


class HoldsRecords(UserError):
    """Finished record files in the folder that are to be written to."""


@contextmanager
def locked(folder: str) -> Iterator[None]:
    """Make the folder if need be and lock it for this process. Raises UserError if another one has it."""
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


def keep(folder: str, plan: Dict[str, Any], restart: bool) -> None:
    """Write the plan beside the record files, after removing the files of another plan if `restart` is set.

    Raises OtherPlan or HoldsRecords for what would be lost otherwise. Unfinished files of the same plan stay.
    """
    path = os.path.join(folder, PLAN)
    if os.path.isfile(path):
        with open(path, encoding='utf-8', errors='replace') as source:
            held = source.read()
        if held == json.dumps(plan) and not restart:
            return
        if not restart:
            raise OtherPlan(f'{folder} holds an unfinished preparation of other images or with other settings')
    elif not restart and any(os.path.exists(os.path.join(folder, stem + '.rec')) for stem in PARTS):
        raise HoldsRecords(f'{folder} holds record files already')
    for stem in PARTS:
        for suffix in ('.rec', '.idx', '.lst', '.rec.partial', '.journal'):
            if os.path.exists(os.path.join(folder, stem + suffix)):
                os.unlink(os.path.join(folder, stem + suffix))
    for name in (store.MANIFEST, 'train.idx'):
        if os.path.exists(os.path.join(folder, name)):
            os.unlink(os.path.join(folder, name))
    files.write_text(path, json.dumps(plan))


def digest(items: Iterable[Item]) -> str:
    """Compute the sha256 of the names, labels and places of items."""
    total = hashlib.sha256()
    for item in items:
        line = f'{item.name}\t{item.label}\t{item.offset}\t{item.size}\n'
        total.update(line.encode('utf-8', 'surrogateescape'))
    return total.hexdigest()
