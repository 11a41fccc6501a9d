"""`imagenet`: ImageNet, or any other data set, from record files that tools/prepare_imagenet.py has made and checked.

Two readers of the same files, chosen by the option `reader`:

    indexed       (default) our own: OpenCV in threads; order and augmentation are functions of (seed, epoch, part) alone,
                  whatever the number of threads, and starting at batch n costs nothing
    recorditer    mx.io.ImageRecordIter: the order is a function of (seed, epoch, part), but with more than one decoding thread
                  the augmentation is not, and starting at batch n means to read and drop n batches; shards are contiguous
                  pieces of the files, the same at every epoch

The records lie in the folder given or in its `records` or `rec`, so that the place of gluon's ImageNet is enough: gluoncv's
script leaves images there in train/ and val/, and records in rec/ on request, which are to be checked once.

Augmentation as in fb.resnet: crops of random area and aspect, colour jitter, mirror; for test the centre crop.
"""

import os
import shlex
from dataclasses import replace

import numpy as np

from ...base import machine
from ...base.errors import UserError
from .. import augment, decode, streams
from ..crops import AREA, ASPECT, JITTER, RESIZE, CropTransform
from ..dataset import PARTS, DataSet
from ..place import NotFound
from ..prefetch import Batches
from ..records import store as records
from ..records import writer as record_writer

MEAN = (123.68 / 255, 116.28 / 255, 103.53 / 255)
STD = (58.395 / 255, 57.12 / 255, 57.375 / 255)
SIZE = 224
QUALITY = 95  # of what is no JPEG yet
READERS = ('indexed', 'recorditer')
INSIDE = ('', 'records', 'rec')  # where in its folder the records may lie: itself, ours beside images, gluoncv's
RECORD_FILES = (('weights.rec', 'gates.rec', 'val.rec'), ('train.rec', 'val.rec'))
EXPECTED = f'record files with their {records.MANIFEST}, in itself, records/ or rec/; {records.MAKE}'


class RecordIterSet(DataSet):
    """A DataSet whose batches come from mx.io.ImageRecordIter: a new iterator for each pass."""

    def __init__(self, root, manifest, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        names = manifest['train']
        self._files = {
            'train': (names, 'train.idx'),
            'test': (manifest['test'], _index(manifest['test'][0])),
            'weights': (names[:1], _index(names[0])),
            'gates': (names[1:], _index(names[-1])),
        }
        self._root = root

    def shard_size(self, part, shard):
        """Images of a shard: ImageRecordIter cuts the index into pieces of equal length, the last one shorter."""
        index, count = shard
        piece = -(-self.sizes[part] // count)
        return max(0, min(piece, self.sizes[part] - index * piece))

    def num_batches(self, part, batch_size, train=True, shard=(0, 1)):
        total = super().num_batches(part, batch_size, train, shard)  # for its checks
        if not train:
            return -(-self.shard_size(part, shard) // batch_size)
        fewest = self.shard_size(part, (shard[1] - 1, shard[1])) // batch_size
        if not fewest:
            raise UserError(
                '%s: %d images of part %s in %d pieces leave the last one fewer than a batch of %d'
                % (self.name, self.sizes[part], part, shard[1], batch_size)
            )
        return min(fewest, total)

    def _iterator(self, part, batch_size, epoch, train, shard):
        import mxnet as mx

        files, index = self._files[part]
        size, (mean, std) = self.image_size, (np.array(values) * 255 for values in (self.mean, self.std))
        how = dict(resize=int(round(size * RESIZE)))
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
        state = streams.seeds(self.options.seed, streams.ORDER, epoch, PARTS.index(part)).generate_state(1)
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

    def batches(self, part, batch_size, epoch=0, train=True, shard=(0, 1), skip=0):
        total = self.num_batches(part, batch_size, train, shard)
        count = self.shard_size(part, shard)
        wide = min(batch_size, count)  # ImageRecordIter wants no fewer records than a batch
        iterator = []

        def make(batch):  # by one thread, in order
            if not iterator:
                iterator.append(self._iterator(part, wide, epoch, train, shard))
                for _ in range(skip):
                    iterator[0].next()
            held = iterator[0].next()
            some = min(wide, count - batch * batch_size)
            x, y = held.data[0].asnumpy()[:some], held.label[0].asnumpy()[:some].astype(np.int32)
            if train and self.options.augment and self.options.cutout:
                at = shard[0] * count + batch * batch_size
                draws = streams.sample_draws(
                    self.options.seed, streams.AUGMENT, (epoch, PARTS.index(part)), at, at + some
                )
                augment.cutout(x, draws, self.options.cutout)
            return x, y

        return Batches(make, skip, total, workers=1)


def _index(name):
    return os.path.splitext(name)[0] + '.idx'


def _recorditer_reads(manifest, options):
    """UserError for what ImageRecordIter cannot do with these files."""
    instead = '; use data.reader=indexed'
    if len(manifest['train']) != 2:
        raise UserError(
            f'data.reader=recorditer: {options.dir} has no record file for each of W part and lambda part{instead}'
        )
    if any(manifest['bad'].values()):
        raise UserError(
            f'data.reader=recorditer: {options.dir} has damaged records, which ImageRecordIter does not survive{instead}'
        )
    if options.limit or options.split not in (0, manifest['split']['fraction']):
        raise UserError(
            'data.reader=recorditer reads the parts as they were prepared (W part {:g}); data.limit and another '
            'data.split need data.reader=indexed'.format(manifest['split']['fraction'])
        )
    if ';' in options.dir:
        raise UserError(f'data.reader=recorditer cannot read a path with a semicolon ({options.dir}){instead}')


def find(path):
    """The folder of records: `path` or one within it.  Raises NotFound that says what is to be done with what is there instead."""
    if not os.path.isdir(path):
        raise NotFound(f'{path}: no such folder; expected {EXPECTED}')
    folders = [os.path.normpath(os.path.join(path, name)) for name in INSIDE]
    for folder in folders:
        if os.path.isfile(os.path.join(folder, records.MANIFEST)):
            return folder
    for folder in folders:
        if any(all(os.path.isfile(os.path.join(folder, name)) for name in names) for names in RECORD_FILES):
            raise NotFound(
                f'{folder} has no {records.MANIFEST}, so its records have not been checked; once: '
                f'python tools/prepare_imagenet.py {shlex.quote(folder)} --validate'
            )
    if all(os.path.isdir(os.path.join(path, name)) for name in ('train', 'val')):
        out, train, val = (shlex.quote(os.path.join(path, name)) for name in ('records', 'train', 'val'))
        raise NotFound(
            f'{path} has images and no records, which are read; once: '
            f'python tools/prepare_imagenet.py {out} --train {train} --val {val}'
        )
    raise NotFound(f'no records in {path}; expected {EXPECTED}')


def read_image(path, size, mean, std):
    """An image file as the network is given test images: float32 (3, size, size), by way of the JPEG that its record would hold.

    Raises decode.BadImage.
    """
    with open(path, 'rb') as source:
        content = record_writer.encode(source.read(), path, 0, QUALITY)
    return CropTransform(size, mean, std)([decode.jpeg_to_rgb(content, path)])[0]


def open_data(options):
    """DataSet `imagenet`; split as it was prepared, unless the option `split` asks for another fraction."""
    if options.reader not in READERS:
        raise UserError('data.reader={}: one of {}'.format(options.reader, ', '.join(READERS)))
    options = replace(options, dir=find(options.dir))
    manifest = records.read_manifest(options.dir)
    transform = CropTransform(options.image_size or SIZE, MEAN, STD, options.cutout)
    train, test = (records.Records(options.dir, manifest[half], manifest, transform) for half in ('train', 'test'))
    bad = ['%s, record %d' % (name, i) for name in sorted(manifest['bad']) for i in manifest['bad'][name]]
    decode.report_bad(bad, len(train.labels) + len(test.labels) + len(bad), options.max_bad, options.dir)
    parts, split = None, manifest.get('split')
    if split and options.split in (0, split['fraction']):
        parts = np.split(np.arange(len(train.labels)), train.counts[:1])
    arguments = ('imagenet', manifest['classes'], train, test, MEAN, STD, options, parts)
    if options.reader == 'indexed':
        return DataSet(*arguments)
    _recorditer_reads(manifest, options)
    records.check_file(options.dir, 'train.idx', manifest)
    return RecordIterSet(options.dir, manifest, *arguments)
