"""Check the official archive of CIFAR-10 or CIFAR-100, in either version, and lay it out as the trainer reads it fastest.

    python tools/prepare_cifar10.py OUT --from cifar-10-python.tar.gz       OUT/cifar-10-batches-bin, with checksums
    python tools/prepare_cifar10.py OUT --from cifar-100-python.tar.gz      OUT/cifar-100-binary
    python tools/prepare_cifar10.py OUT --from DIR --records                and OUT/records, for --dataset imagenet

Which of the two it is, the files say; where both lie in DIR, `--dataset` does.  The trainer also reads the archive itself
(`--dataset cifar10 --data-dir DIR`); with this step every later start takes less time and notices damage.  The records hold
PNGs, divided into W part and lambda part.
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

from dsonas.base import argtypes, cli, files
from dsonas.base.errors import UserError
from dsonas.base.text import escaped
from dsonas.data import split, streams
from dsonas.data.dataset import LABELS
from dsonas.data.records import check, recordio
from dsonas.data.sources import cifar, cifar_files
from dsonas.data.sources.cifar_kinds import KINDS


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
    parse.add_argument(
        '--dataset', choices=[kind.name for kind in KINDS], help='where both lie there [the first of them]'
    )
    parse.add_argument('--labels', choices=LABELS, default='fine', help="records: which of CIFAR-100's labels")
    parse.add_argument('--records', action='store_true', help='make record files, too')
    parse.add_argument(
        '--split', type=argtypes.INNER_SHARE, default=0.5, metavar='F', help="records: the W part's share"
    )
    parse.add_argument('--seed', type=argtypes.SEED, default=0, metavar='N', help='records: of the split and the order')
    return parse


def write_binary(folder: str, data: cifar.Cifar) -> Dict[str, str]:
    """The binary version's files in folder, and their manifest; the dict of their sha256."""
    os.makedirs(folder, exist_ok=True)
    kind = data.located.kind
    version = kind.versions[0]
    sets = sorted(kind.labels, key=lambda labels: labels.column)
    contents: Dict[str, bytes] = {}
    for names, half in ((version.train, data.train), (version.test, data.test)):
        for name, cut in zip(names, np.array_split(np.arange(len(half.images)), len(names))):
            columns = [half.labels[labels.name][cut, None].astype(np.uint8) for labels in sets]
            contents[name] = np.concatenate(columns + [half.images[cut].reshape(len(cut), -1)], axis=1).tobytes()
    for labels in sets:
        contents[labels.names_file] = ('\n'.join(data.classes[labels.name]) + '\n').encode()
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    manifest = {
        'format': cifar_files.manifest_format(kind),
        'version': 1,
        'train': len(data.train.images),
        'test': len(data.test.images),
        'files': sums,
    }
    stale = os.path.join(folder, cifar_files.MANIFEST)
    if os.path.exists(stale):
        os.unlink(stale)
    for name, content in list(contents.items()) + [(cifar_files.MANIFEST, json.dumps(manifest, indent=1).encode())]:
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
    kinds = sorted(KINDS, key=lambda kind: kind.name != args.dataset)  # stable: those not asked for stay in order
    data = cifar.read_kind(args.source, kinds[0]) if args.dataset else cifar.read(args.source, kinds)
    kind = data.located.kind
    folder = os.path.join(args.out, kind.versions[0].folder)
    if os.path.isdir(data.located.where) and os.path.realpath(data.located.where) == os.path.realpath(folder):
        raise UserError(f'{args.source} lies in {args.out}, which would be replaced; give another OUT')
    write_binary(folder, data)
    again = cifar.read_kind(folder, kind)
    if again.classes != data.classes or again.fingerprint() != data.fingerprint():
        raise UserError(f'{folder}: what was written is not what is read back')
    sizes = len(data.train.images), len(data.test.images), len(data.classes['fine'])
    print('{}: {} training and {} test images of {} classes'.format(escaped(folder), *sizes))
    if args.records:
        labels = args.labels if args.labels in data.classes else 'fine'
        train, test = ((half.images, half.labels[labels]) for half in (data.train, data.test))
        out = os.path.join(args.out, 'records')
        manifest = write_records(out, data.classes[labels], train, test, args.split, args.seed)
        names = manifest['train'] + manifest['test']
        counts = ', '.join(f'{name} {manifest["files"][name]["records"]}' for name in names)
        print(f'{out}: {counts}')


def main(arguments: Sequence[str]) -> None:
    args = parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format='%(message)s')
    run(args)


if __name__ == '__main__':
    cli.main(main)
