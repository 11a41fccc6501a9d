"""Check the official CIFAR-10 archive, in either version, and lay it out as the trainer reads it fastest.

    python tools/prepare_cifar10.py OUT --from cifar-10-python.tar.gz       OUT/cifar-10-batches-bin, with checksums
    python tools/prepare_cifar10.py OUT --from DIR --records                and OUT/records, for --dataset imagenet

The trainer also reads the archive itself (`--dataset cifar10 --data-dir DIR`); with this step every later start takes less
time and notices damage.  The records hold PNGs, divided into W part and lambda part.
"""

try:
    import dsonas  # noqa: F401
except ModuleNotFoundError:
    raise SystemExit(
        "error: dsonas is not installed: run 'make install', or pip install -e '.[cpu]', in its repository"
    ) from None

import argparse
import hashlib
import json
import logging
import os
from typing import Any, Dict, Sequence

import numpy as np

from dsonas.base import cli, files
from dsonas.base.errors import UserError
from dsonas.data import split, streams
from dsonas.data.records import check, recordio
from dsonas.data.sources import cifar10


def parser() -> argparse.ArgumentParser:
    parse = cli.parser(__doc__)
    parse.add_argument('out', metavar='OUT', help='folder for what is made')
    parse.add_argument(
        '--from',
        dest='source',
        required=True,
        metavar='PATH',
        help='the archive, its folder, or the extracted folder; binary or python version',
    )
    parse.add_argument('--records', action='store_true', help='make record files, too')
    parse.add_argument('--split', type=float, default=0.5, metavar='F', help="records: the W part's share")
    parse.add_argument('--seed', type=int, default=0, metavar='N', help='records: of the split and the order')
    return parse


def write_binary(folder: str, classes: Sequence[str], train: Any, test: Any) -> Dict[str, str]:
    """The binary version's files in folder, and their manifest; the dict of their sha256."""
    os.makedirs(folder, exist_ok=True)
    cuts = np.array_split(np.arange(len(train[1])), len(cifar10.TRAIN))
    batches = {name + '.bin': (train[0][cut], train[1][cut]) for name, cut in zip(cifar10.TRAIN, cuts)}
    batches['test_batch.bin'] = test
    contents = {
        name: np.concatenate([labels[:, None].astype(np.uint8), images.reshape(len(images), -1)], axis=1).tobytes()
        for name, (images, labels) in batches.items()
    }
    contents['batches.meta.txt'] = ('\n'.join(classes) + '\n').encode()
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    manifest = {
        'format': cifar10.FORMAT,
        'version': 1,
        'train': len(train[1]),
        'test': len(test[1]),
        'files': sums,
    }
    stale = os.path.join(folder, cifar10.MANIFEST)
    if os.path.exists(stale):
        os.unlink(stale)
    for name, content in list(contents.items()) + [(cifar10.MANIFEST, json.dumps(manifest, indent=1).encode())]:
        files.write_bytes(os.path.join(folder, name), content)
    return sums


def write_records(
    folder: str, classes: Sequence[str], train: Any, test: Any, fraction: float, seed: int
) -> Dict[str, Any]:
    """Record files of PNGs, checked; the manifest."""
    import cv2

    os.makedirs(folder, exist_ok=True)
    rng = streams.generator(seed, streams.RECORDS)
    weights, gates = (rng.permutation(half) for half in split.two_parts(train[1], fraction, seed))
    for name in os.listdir(folder):
        if name.split('.')[-1] in ('idx', 'lst') or name == 'manifest.json':
            os.unlink(os.path.join(folder, name))
    for stem, (images, labels), members in (
        ('weights', train, weights),
        ('gates', train, gates),
        ('val', test, np.arange(len(test[1]))),
    ):
        with files.replacing(os.path.join(folder, stem + '.rec')) as out:
            for key, i in enumerate(members):
                png = cv2.imencode('.png', np.ascontiguousarray(images[i][::-1].transpose(1, 2, 0)))[1].tobytes()
                out.write(recordio.frame(recordio.pack(int(labels[i]), key, png)))
    return check.validate(folder, classes=list(classes), max_bad=0)


def run(args: argparse.Namespace) -> None:
    classes, train, test = cifar10.read(args.source)
    folder = os.path.join(args.out, cifar10.VERSIONS['binary'][1])
    if os.path.isdir(args.source) and os.path.realpath(cifar10.find(args.source)[1]) == os.path.realpath(folder):
        raise UserError(f'{args.source} lies in {args.out}, which would be replaced; give another OUT')
    write_binary(folder, classes, train, test)
    again = cifar10.read(args.out)
    if again[0] != classes or not all(
        np.array_equal(a, b) for old, new in zip((train, test), again[1:]) for a, b in zip(old, new)
    ):
        raise UserError(f'{folder}: what was written is not what is read back')
    print(f'{folder}: {len(train[1])} training and {len(test[1])} test images of {len(classes)} classes')
    if args.records:
        manifest = write_records(os.path.join(args.out, 'records'), classes, train, test, args.split, args.seed)
        names = manifest['train'] + manifest['test']
        counts = ', '.join(f'{name} {manifest["files"][name]["records"]}' for name in names)
        print(f'{os.path.join(args.out, "records")}: {counts}')


def main(arguments: Sequence[str]) -> None:
    args = parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format='%(message)s')
    run(args)


if __name__ == '__main__':
    cli.main(main)
