"""What the manifest of a folder of records may say: every entry has its type, and no number that the files cannot have.

classes         names, of two classes at least
train, test     names of record files: one or two, and one
files           for each of them records, bytes and sha256; for its .idx and .lst sha256
bad             for each record file the numbers of its damaged records
split           fraction and seed, where the training images come divided
"""

import re
from typing import Any, Dict, List, Sequence

from ...base.errors import UserError
from .recordio import LABELS

_SHA256 = re.compile(r'[0-9a-f]{64}$')
_RECORD_FILE = re.compile(r'[^/\\\0]+\.rec$')


class _Wrong(Exception):
    """What is wrong, and what is accepted."""


def _expect(holds: bool, what: str, accepted: str) -> None:
    if not holds:
        raise _Wrong(f'{what} is not {accepted}')


def _whole(value: Any, low: int = 0) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value < 1 << 62


def _names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) and name for name in value)


def _check(manifest: Dict[str, Any]) -> None:
    classes, files, bad = manifest['classes'], manifest['files'], manifest['bad']
    _expect(_names(classes) and len(classes) <= LABELS, 'classes', f'a list of names, at most {LABELS}')
    for half, counts in (('train', (1, 2)), ('test', (1,))):
        names = manifest[half]
        _expect(
            _names(names) and len(names) in counts and all(map(_RECORD_FILE.match, names)),
            half,
            f'a list of {" or ".join(map(str, counts))} names of record files in its folder',
        )
    records: List[str] = manifest['train'] + manifest['test']
    _expect(len(set(records)) == len(records), 'train and test', 'lists of different files')
    _expect(
        isinstance(files, dict) and all(isinstance(entry, dict) for entry in files.values()), 'files', 'a dict of dicts'
    )
    for name, entry in files.items():
        digest = entry.get('sha256')
        _expect(isinstance(digest, str) and bool(_SHA256.match(digest)), f'files, {name:.40}: sha256', '64 hex digits')
        if name in records:
            for key in ('records', 'bytes'):
                _expect(_whole(entry.get(key)), f'files, {name:.40}: {key}', 'a whole number')
    missing = [name for name in records if name not in files]
    _expect(not missing, f'files, without {missing[0] if missing else ""},', 'an entry for each record file')
    _expect(isinstance(bad, dict), 'bad', 'a dict')
    for name, numbers in bad.items():
        count = files[name]['records'] if name in records else 0
        _expect(
            isinstance(numbers, list) and all(_whole(number) and number < count for number in numbers),
            f'bad, {name:.40}:',
            f'a list of numbers below {count}',
        )
    split = manifest.get('split')
    if split is not None:
        fraction: Any = split.get('fraction') if isinstance(split, dict) else None
        number = isinstance(fraction, (int, float)) and not isinstance(fraction, bool)
        _expect(number and 0 < fraction < 1, 'split: fraction', 'a number between 0 and 1')


def check(manifest: Dict[str, Any], path: str, remedy: str) -> None:
    """Check every entry that readers use. Raises UserError with the file, the entry and what is accepted."""
    try:
        _check(manifest)
    except _Wrong as wrong:
        raise UserError(f'{path} is damaged: {wrong}; {remedy}') from None


def placeholders(count: int) -> List[str]:
    """Return names for classes of which only the number is known."""
    return [f'class {label}' for label in range(count)]


def is_named(classes: Sequence[str]) -> bool:
    """Tell whether classes have names, and not placeholders."""
    return list(classes) != placeholders(len(classes))
