"""`imagenet`: ImageNet, or any other data set, from record files that were made and checked before (records/).

Two readers of the same files, chosen by the option `reader`:

    indexed       (default) our own: OpenCV in threads; order and augmentation are functions of (seed,
                  epoch, part) alone, whatever the number of threads, and starting at batch n costs nothing
    recorditer    mx.io.ImageRecordIter: the order is a function of (seed, epoch, part), but with more than
                  one decoding thread the augmentation is not, and to start at batch n it reads and drops n
                  batches; shards are contiguous pieces of the files, the same at every epoch

The records are in the given folder or in its `records` or `rec`, so that gluon's folder of ImageNet
works: gluoncv's script leaves images there in train/ and val/, and records in rec/ on request, which
must be checked once.

Augmentation as in fb.resnet: crops of random area and aspect, colour jitter, mirror; for test the centre crop.
"""

import os
import shlex
from dataclasses import replace
from typing import Any, Dict, List, Sequence

import numpy as np

from ...base import machine
from ...base.errors import UserError
from .. import augment, decode, streams
from ..crops import AREA, ASPECT, JITTER, RESIZE, CropTransform
from ..dataset import Batch, DataSet, Options, Shard, part_number
from ..place import NotFound
from ..prefetch import Batches
from ..records import store, writer

MEAN = (123.68 / 255, 116.28 / 255, 103.53 / 255)
STD = (58.395 / 255, 57.12 / 255, 57.375 / 255)
SIZE = 224
QUALITY = 95  # of a JPEG made of another kind of image
INSIDE = ('', 'records', 'rec')  # subfolders that may hold the records: none, ours beside images, gluoncv's
RECORD_FILES = (('weights.rec', 'gates.rec', 'val.rec'), ('train.rec', 'val.rec'))
EXPECTED = f'record files with their {store.MANIFEST}, in itself, records/ or rec/; {store.MAKE}'


class RecordIterSet(DataSet):
    """A DataSet whose batches come from mx.io.ImageRecordIter: a new iterator for each pass."""

    def __init__(self, root: str, manifest: Dict[str, Any], *arguments: Any) -> None:
        """Open the record files of a manifest in the folder root. arguments: those of DataSet."""
        super().__init__(*arguments)
        names = manifest['train']
        self._files = {
            'train': (names, 'train.idx'),
            'test': (manifest['test'], _index(manifest['test'][0])),
            'weights': (names[:1], _index(names[0])),
            'gates': (names[1:], _index(names[-1])),
        }
        self._root = root

    def shard_size(self, part: str, shard: Shard) -> int:
        """Count the images of a shard. ImageRecordIter cuts the index into equal pieces, the last one shorter."""
        index, count = shard
        piece = -(-self.sizes[part] // count)
        return max(0, min(piece, self.sizes[part] - index * piece))

    def num_batches(self, part: str, batch_size: int, train: bool = True, shard: Shard = (0, 1)) -> int:
        """Count the batches of a pass, in training those of the smallest shard. Errors: as of DataSet.num_batches."""
        total = super().num_batches(part, batch_size, train, shard)  # for its checks
        if not train:
            return -(-self.shard_size(part, shard) // batch_size)
        fewest = self.shard_size(part, (shard[1] - 1, shard[1])) // batch_size
        if not fewest:
            raise UserError(
                f'{self.name}: {self.sizes[part]} images of part {part} in {shard[1]} pieces '
                f'leave the last one fewer than a batch of {batch_size}'
            )
        return min(fewest, total)

    def _iterator(self, part: str, batch_size: int, epoch: int, train: bool, shard: Shard) -> Any:
        """Make the ImageRecordIter of a pass."""
        import mxnet as mx

        files, index = self._files[part]
        size, (mean, std) = self.image_size, (np.array(values) * 255 for values in (self.mean, self.std))
        how: Dict[str, Any] = dict(resize=int(round(size * RESIZE)))
        if train and self.options.augment:
            how = dict(
                random_resized_crop=True,
                min_random_area=AREA[0],
                max_random_area=AREA[1],
                rand_mirror=True,
                min_aspect_ratio=ASPECT[0],
                max_aspect_ratio=ASPECT[1],
                brightness=JITTER,
                contrast=JITTER,
                saturation=JITTER,
            )
        state = streams.seeds(self.options.seed, streams.ORDER, epoch, part_number(part)).generate_state(1)
        return mx.io.ImageRecordIter(
            path_imgrec=';'.join(os.path.join(self._root, name) for name in files),
            path_imgidx=os.path.join(self._root, index),
            data_shape=(3, size, size),
            batch_size=batch_size,
            shuffle=train,
            seed=int(state[0]) >> 1,
            num_parts=shard[1],
            part_index=shard[0],
            round_batch=True,
            preprocess_threads=self.options.workers or machine.cores(),
            verbose=False,
            mean_r=mean[0],
            mean_g=mean[1],
            mean_b=mean[2],
            std_r=std[0],
            std_g=std[1],
            std_b=std[2],
            **how,
        )

    def batches(
        self,
        part: str,
        batch_size: int,
        epoch: int = 0,
        train: bool = True,
        shard: Shard = (0, 1),
        skip: int = 0,
    ) -> Batches[Batch]:
        """Iterate once over a part, as DataSet.batches, but with shards that are contiguous pieces of the files."""
        total = self.num_batches(part, batch_size, train, shard)
        count = self.shard_size(part, shard)
        full = min(batch_size, count)  # ImageRecordIter wants no fewer records than a batch
        iterator: List[Any] = []  # made by the thread that uses it

        def make(batch: int) -> Batch:  # called by one thread, in order
            if not iterator:
                iterator.append(self._iterator(part, full, epoch, train, shard))
                for _ in range(skip):
                    iterator[0].next()
            loaded = iterator[0].next()
            size = min(full, count - batch * batch_size)  # less than full in the last batch of a test pass
            x, y = loaded.data[0].asnumpy()[:size], loaded.label[0].asnumpy()[:size].astype(np.int32)
            if train and self.options.augment and self.options.cutout:
                at = shard[0] * count + batch * batch_size
                stream = (epoch, part_number(part))
                draws = streams.sample_draws(self.options.seed, streams.AUGMENT, stream, at, at + size)
                augment.cutout(x, draws, self.options.cutout)
            return x, y

        return Batches(make, skip, total, workers=1)


def _index(name: str) -> str:
    """Return the name of the index of a record file."""
    return os.path.splitext(name)[0] + '.idx'


def _check_recorditer(manifest: Dict[str, Any], options: Options) -> None:
    """Check that ImageRecordIter can read these files with these options. Raises UserError."""
    instead = '; use data.reader=indexed'
    if len(manifest['train']) != 2 or not manifest.get('split'):
        raise UserError(
            f'data.reader=recorditer: {options.dir} has no record file for each of W part and lambda part{instead}'
        )
    if any(manifest['bad'].values()):
        raise UserError(
            f'data.reader=recorditer: {options.dir} has damaged records, '
            f'which ImageRecordIter does not survive{instead}'
        )
    if options.limit or options.split not in (0, manifest['split']['fraction']):
        raise UserError(
            f'data.reader=recorditer reads the parts as they were prepared (W part {manifest["split"]["fraction"]:g}); '
            'data.limit and another data.split need data.reader=indexed'
        )
    if ';' in options.dir:
        raise UserError(f'data.reader=recorditer cannot read a path with a semicolon ({options.dir}){instead}')


def find(path: str) -> str:
    """Find the folder of records: `path` or one within it.

    Raises NotFound, which for images and for unchecked records says how to make records of them.
    """
    if not os.path.isdir(path):
        raise NotFound(f'{path}: no such folder; expected {EXPECTED}')
    folders = [os.path.normpath(os.path.join(path, name)) for name in INSIDE]
    for folder in folders:
        if os.path.isfile(os.path.join(folder, store.MANIFEST)):
            return folder
    for folder in folders:
        if any(all(os.path.isfile(os.path.join(folder, name)) for name in names) for names in RECORD_FILES):
            raise NotFound(
                f'{folder} has no {store.MANIFEST}, so its records have not been checked; once: '
                f'python tools/prepare_imagenet.py {shlex.quote(folder)} --validate'
            )
    if all(os.path.isdir(os.path.join(path, name)) for name in ('train', 'val')):
        out, train, val = (shlex.quote(os.path.join(path, name)) for name in ('records', 'train', 'val'))
        raise NotFound(
            f'{path} has images and no records, which are read; once: '
            f'python tools/prepare_imagenet.py {out} --train {train} --val {val}'
        )
    raise NotFound(f'no records in {path}; expected {EXPECTED}')


def read_image(path: str, size: int, mean: Sequence[float], std: Sequence[float]) -> np.ndarray:
    """Prepare an image file as the test images are: float32 (3, size, size), from the JPEG that its record would hold.

    Raises decode.BadImage.
    """
    with decode.opened(path) as source:
        content = writer.encode(source.read(), path, 0, QUALITY)
    return CropTransform(size, tuple(mean), tuple(std))([decode.jpeg_to_rgb(content, path)])[0]


def open_data(options: Options) -> DataSet:
    """Open `imagenet`, split as it was prepared unless `options.split` is another fraction.

    Raises place.NotFound, or UserError for damaged files and for what data.reader=recorditer cannot read.
    """
    options = replace(options, dir=find(options.dir))
    manifest = store.read_manifest(options.dir)
    transform = CropTransform(options.image_size or SIZE, MEAN, STD, options.cutout)
    train, test = (store.Records(options.dir, manifest[half], manifest, transform) for half in ('train', 'test'))
    bad = [f'{name}, record {i}' for name in sorted(manifest['bad']) for i in manifest['bad'][name]]
    decode.report_bad(bad, len(train.labels) + len(test.labels) + len(bad), options.max_bad, options.dir)
    parts, split = None, manifest.get('split')
    if split and options.split in (0, split['fraction']) and len(manifest['train']) == 2:
        parts = np.split(np.arange(len(train.labels)), train.counts[:1])
    files = ', '.join(f'{name} ({manifest["files"][name]["records"]})' for name in manifest['train'] + manifest['test'])
    notes = [f'{options.dir}: records in {files}', f'the test set is {manifest["test"][0]}']
    if bad:
        notes.append(f'{len(bad)} damaged records are skipped')
    mark = store.fingerprint(manifest)
    arguments = ('imagenet', manifest['classes'], train, test, MEAN, STD, options, parts, notes, mark)
    if options.reader == 'indexed':
        return DataSet(*arguments)
    _check_recorditer(manifest, options)
    store.check_file(options.dir, 'train.idx', manifest)
    return RecordIterSet(options.dir, manifest, *arguments)
