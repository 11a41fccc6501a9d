"""Make ImageNet, or any tree of class folders, into record files for `--dataset imagenet`.

    python tools/prepare_imagenet.py OUT --train ILSVRC2012_img_train.tar --val ILSVRC2012_img_val.tar --devkit ILSVRC2012_devkit_t12.tar.gz
    python tools/prepare_imagenet.py OUT --train ILSVRC/train --val ILSVRC/val                      class folders
    python tools/prepare_imagenet.py OUT --train ILSVRC/train --val ILSVRC/val --val-list val.txt   a flat validation folder
    python tools/prepare_imagenet.py OUT --from-folder MINE          class folders, in any layout that --dataset folder takes
    python tools/prepare_imagenet.py OUT --validate                  check record files that there are (ours, or im2rec's)

Corrupt images are skipped, counted and named; any kind of image becomes an RGB JPEG.  The training images are divided into
W part and lambda part, stratified by class.  An interrupted run goes on where it was when it is started again.  At the end
every record is decoded once, and OUT/manifest.json is written, which the trainer trusts.
"""

try:
    import dsonas  # noqa: F401
except ModuleNotFoundError:
    raise SystemExit(
        "error: dsonas is not installed: run 'make install', or pip install -e '.[cpu]', in its repository"
    ) from None

import argparse
import logging
import os
import sys
from typing import Any, Dict, List, Optional, Sequence, Tuple

from dsonas.base import argtypes, cli, machine
from dsonas.base.errors import UserError
from dsonas.data import split, streams
from dsonas.data.records import check, ilsvrc, plan, prepare, writer
from dsonas.data.sources import layout
from dsonas.data.sources.classes import counted

log = logging.getLogger(__name__)


def parser() -> argparse.ArgumentParser:
    parse = cli.parser(__doc__, epilog=__doc__.split('\n', 2)[2])
    plain: Any = parse.formatter_class
    examples_as_they_are: Any = type('Help', (argparse.RawDescriptionHelpFormatter, plain), {})
    parse.formatter_class = examples_as_they_are

    def add(name: str, default: Any = None, text: str = '', **how: Any) -> None:
        parse.add_argument(name, default=default, help=text, **how)

    parse.add_argument('out', metavar='OUT', help='folder for the record files')
    add('--train', text='the training tar, or a folder of class folders', metavar='PATH')
    add('--val', text='the validation tar, a folder of class folders, or a flat folder', metavar='PATH')
    add(
        '--val-list',
        text='the classes of a flat validation set: a table of files and classes, CSV or its like',
        metavar='FILE',
    )
    add('--devkit', text='the same, from the ILSVRC2012 development kit', metavar='PATH')
    add('--from-folder', text='any tree of class folders instead', metavar='DIR')
    add(
        '--held-out',
        0.2,
        'share of each class for test, where the tree has no test folder',
        type=argtypes.INNER_SHARE,
        metavar='F',
    )
    add('--validate', False, 'check the record files in OUT, and write their manifest anew', action='store_true')
    add(
        '--short-side',
        256,
        'larger images are shrunk to it, pixels (0: as they are)',
        type=argtypes.IMAGE_SIZE_OR_OWN,
        metavar='N',
    )
    add('--quality', 95, 'of the JPEGs, 1 to 100', type=argtypes.whole(1, 100), metavar='Q')
    add('--split', 0.8, "the W part's share of the training images", type=argtypes.INNER_SHARE, metavar='F')
    add('--seed', 0, 'of the split and of the order of the records', type=argtypes.SEED, metavar='N')
    add('--workers', machine.cores(), 'processes', type=argtypes.PROCESSES, metavar='N')
    add('--max-bad', 0.01, 'largest share of corrupt images that is passed over', type=argtypes.SHARE, metavar='F')
    add('--restart', False, 'remove what OUT holds and begin anew', action='store_true')
    return parse


def sources(args: argparse.Namespace) -> Tuple[Sequence[str], List[Any], List[Any]]:
    """(classes, training items, validation items) of what the arguments name."""
    if args.from_folder:
        if args.train or args.val:
            raise UserError('give --from-folder, or --train and --val, not both')
        return from_folder(args.from_folder, args.held_out)
    if not args.train or not args.val:
        raise UserError('give --train and --val (the official tars, or folders), or --from-folder, or --validate')
    for path in (args.train, args.val, args.val_list, args.devkit):
        if path and not os.path.exists(path):
            raise UserError(f'{path}: no such file or folder')
    if os.path.isdir(args.train):
        classes, train = ilsvrc.class_folder_items(args.train)
    else:
        classes, train = ilsvrc.train_tar(args.train)
    return classes, train, ilsvrc.validation(args.val, classes, args.val_list or args.devkit)


def from_folder(root: str, held_out: float) -> Tuple[Sequence[str], List[Any], List[Any]]:
    """(classes, training items, validation items) of a tree of class folders, as the data set `folder` takes it."""
    found = layout.find(root)
    train, val = (
        [ilsvrc.Item(os.path.relpath(image.path, root), image.label, image.path) for image in half]
        for half in (found.train, found.test)
    )
    if not val:
        if not 0 < held_out < 1:
            raise UserError(f'--held-out {held_out:g}: a share between 0 and 1')
        kept, held = split.two_parts([image.label for image in train], 1 - held_out, 0, streams.HELD_OUT)
        train, val = [train[i] for i in kept], [train[i] for i in held]
    if not val:
        raise UserError(f'{root}: each class has one image only, of which none can be held out for validation')
    for note in (found.origin(held_out), *found.notes, *found.passed.sentences()):
        log.info('%s: %s', root, note)
    for part, items in (('training', train), ('validation', val)):
        counts = counted(found.classes, [item.label for item in items])
        log.info('%s: %d %s images: %s', root, len(items), part, counts)
    return found.classes, train, val


# Which flags help with an error.
ADVICE = {
    ilsvrc.NoTruth: ' Give --val-list (a line an image: file, class) or --devkit',
    plan.OtherPlan: '; give the same, or --restart to remove it',
    plan.HoldsRecords: '; --validate checks them, --restart replaces them',
    writer.WorkerDied: '  Fewer --workers need less',
}


class Progress:
    """A progress bar for each step, on standard error."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._what: Optional[str] = None

    def __call__(self, what: str, done: int, total: int) -> None:
        from tqdm import tqdm

        if what != self._what:
            self.close()
            self._bar, self._what = tqdm(total=total, desc=what, unit='image', file=sys.stderr, mininterval=1), what
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def check_flags(args: argparse.Namespace) -> None:
    for name, low, high in (
        ('short_side', 0, 4096),
        ('quality', 1, 100),
        ('workers', 1, 1024),
        ('seed', 0, 2**32),
        ('max_bad', 0, 1),
    ):
        if not low <= getattr(args, name) <= high:
            raise UserError(f'--{name.replace("_", "-")} {getattr(args, name)}: from {low} to {high}')


def run(args: argparse.Namespace) -> Dict[str, Any]:
    """Do what the arguments say; the manifest."""
    check_flags(args)
    progress = Progress()
    try:
        if args.validate:
            return check.validate(args.out, args.workers, args.max_bad, progress)
        classes, train, val = sources(args)
        return prepare.prepare(
            args.out,
            classes,
            train,
            val,
            args.short_side,
            args.quality,
            args.split,
            args.seed,
            args.workers,
            args.max_bad,
            args.restart,
            progress,
        )
    except tuple(ADVICE) as error:
        raise UserError(f'{error}{ADVICE[type(error)]}') from error
    finally:
        progress.close()


def main(arguments: Sequence[str]) -> int:
    args = parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format='%(message)s')
    try:
        manifest = run(args)
    except KeyboardInterrupt:
        print('interrupted; the same command goes on from here', file=sys.stderr)
        return 130
    names = manifest['train'] + manifest['test']
    counts = ', '.join(f'{name} {manifest["files"][name]["records"]}' for name in names)
    skipped, damaged = len(manifest.get('skipped', [])), sum(map(len, manifest['bad'].values()))
    without = f'{skipped} images skipped, {damaged} records damaged'
    print(f'{args.out}: {len(manifest["classes"])} classes; {counts}; {without}')
    return 0


if __name__ == '__main__':
    cli.main(main)
