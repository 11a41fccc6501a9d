"""A folder of record files with its manifest, which the data set `imagenet` reads.

    weights.rec, gates.rec     the training images, divided into W part and lambda part, with .idx and .lst each
    train.idx                  the index of both files, one after the other
    val.rec                    the validation images
    manifest.json              format and version, classes, counts, sizes and checksums of the files, split, skipped

The manifest is written after every record has been decoded once, and is trusted from then on: opening
the folder checks sizes, the checksums of the small files, and samples of the records.
"""

import hashlib
import json
import os
from typing import Any, Dict, Optional, Sequence, Tuple

import numpy as np

from ...base import machine
from ...base.errors import UserError
from .. import decode
from ..crops import CropTransform
from ..sources import archives
from . import manifest as manifests
from . import recordio

FORMAT, VERSION, MANIFEST = 'dsonas.records', 1, 'manifest.json'
LARGEST = 1 << 28  # bytes of a manifest
SAMPLES = 32  # records of each file that are checked when it is opened
MAKE = 'make them, or check those that there are with --validate, by tools/prepare_imagenet.py'


def file_digest(path: str) -> str:
    """Compute the sha256 of a file."""
    total = hashlib.sha256()
    with open(path, 'rb') as source:
        for piece in iter(lambda: source.read(1 << 20), b''):
            total.update(piece)
    return total.hexdigest()


def read_manifest(folder: str) -> Dict[str, Any]:
    """Read the manifest of a folder of records. Raises UserError if it is missing or damaged."""
    path = os.path.join(folder, MANIFEST)
    if not os.path.isdir(folder):
        raise UserError(f'{folder}: no such folder; expected a folder of records: {MAKE}')
    if not os.path.isfile(path):
        raise UserError(f'{folder} has no {MANIFEST}, so its records have not been checked; {MAKE}')
    try:
        content = json.loads(archives.read_file(path, LARGEST).decode('utf-8'))
        found = content.get('format'), content.get('version')
    except (ValueError, AttributeError, RecursionError) as error:
        raise UserError(f'{path} is damaged ({error}); {MAKE}') from error
    if found != (FORMAT, VERSION):
        raise UserError(
            f'{path}: format {found[0]!s:.40} version {found[1]!s:.40}, expected {FORMAT} version {VERSION}'
        )
    missing = [key for key in ('classes', 'train', 'test', 'files', 'bad') if key not in content]
    if missing:
        raise UserError(f'{path} lacks {", ".join(missing)}')
    manifests.check(content, path, MAKE)
    checked: Dict[str, Any] = content
    return checked


def fingerprint(manifest: Dict[str, Any]) -> str:
    """Compute a sha256 of the record files and their lists, from the checksums in the manifest."""
    total = hashlib.sha256(FORMAT.encode())
    for name in manifest['train'] + manifest['test']:
        for file in (name, os.path.splitext(name)[0] + '.lst'):
            total.update(f'{manifest["files"].get(file, {}).get("sha256", "")}\n'.encode())
    return total.hexdigest()


def check_file(folder: str, name: str, manifest: Dict[str, Any]) -> None:
    """Check a file against the manifest: the size of a record file, the checksum of any other. Raises UserError."""
    path, entry = os.path.join(folder, name), manifest['files'].get(name)
    if entry is None:
        raise UserError(f'{folder}: the manifest says nothing of {name}')
    if not os.path.isfile(path):
        raise UserError(f'{path} is missing; the manifest lists it')
    size = os.path.getsize(path)
    if not name.endswith('.rec'):
        if file_digest(path) != entry['sha256']:
            raise UserError(f'{path} does not belong to these records: its checksum is not that of the manifest')
    elif size != entry['bytes']:
        what = 'truncated' if size < entry['bytes'] else 'not the file that was checked'
        raise UserError(f'{path} has {size} bytes, the manifest says {entry["bytes"]}: {what}')


def open_file(folder: str, name: str, manifest: Dict[str, Any]) -> Tuple[recordio.RecordFile, np.ndarray]:
    """Open a record file and check SAMPLES of its records: (RecordFile, labels int32 (n,)).

    Raises UserError if it is not what the manifest, its index and its list say.
    """
    stem = os.path.splitext(name)[0]
    for suffix in ('.rec', '.idx', '.lst'):
        check_file(folder, stem + suffix, manifest)
    records = recordio.RecordFile(os.path.join(folder, name), recordio.read_index(os.path.join(folder, stem + '.idx')))
    lst = os.path.join(folder, stem + '.lst')
    labels = recordio.read_labels(lst)
    if len(labels) != len(records) or len(records) != manifest['files'][name]['records']:
        listed = manifest['files'][name]['records']
        raise UserError(
            f'{records.path}: {len(records)} records in the index, {len(labels)} in the list, {listed} in the manifest'
        )
    bad = set(manifest['bad'].get(name, []))
    for i in np.unique(np.linspace(0, len(records) - 1, SAMPLES).astype(int)) if len(records) else ():
        if i not in bad:
            label, _ = recordio.unpack(records.read(i), records.where(i))
            if label != labels[i]:
                raise UserError(f'{records.where(i)} has label {label:g}, but {labels[i]} in {lst}')
    return records, labels


class Records:
    """A Source of images in one or several record files, decoded on demand by the threads that make batches.

    transform: turns images uint8 (H, W, 3) and uniforms into a batch, as crops.CropTransform. counts: images by file.
    """

    workers = min(8, machine.cores())

    def __init__(self, folder: str, names: Sequence[str], manifest: Dict[str, Any], transform: CropTransform) -> None:
        opened = [open_file(folder, name, manifest) for name in names]
        self.files = [records for records, _ in opened]
        self.transform, self.image_size = transform, transform.size
        where, labels = [], []
        for number, (records, file_labels) in enumerate(opened):
            good = np.setdiff1d(np.arange(len(records)), np.array(manifest['bad'].get(names[number], []), int))
            where.append(np.stack([np.full(len(good), number), good], axis=1))
            labels.append(file_labels[good])
        self.counts = [len(part) for part in labels]
        self.where, self.labels = np.concatenate(where), np.concatenate(labels)

    def pixels(self, index: int) -> np.ndarray:
        """Decode image `index`: uint8 (H, W, 3). Raises UserError with the record if it is damaged."""
        number, i = self.where[index]
        records = self.files[number]
        _, image = recordio.unpack(records.read(i), records.where(i))
        try:
            return decode.jpeg_to_rgb(image, records.where(i))
        except decode.BadImage as error:
            raise UserError(
                f'{error}, though it was one when it was checked; run tools/prepare_imagenet.py --validate again'
            ) from error

    def fetch(self, indices: np.ndarray, draws: Optional[np.ndarray] = None) -> np.ndarray:
        """Return images `indices` (b,), normalised: float32 (b, 3, size, size). Errors: as of `pixels`."""
        return self.transform([self.pixels(i) for i in indices], draws)
