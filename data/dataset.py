"""DataSet: parts, order of an epoch, shards and batches, the same for every source of images.

A source (`Images` here, files in folder.py, records in records.py) has `labels`, int32 (n,), `image_size`, and
`fetch(indices, draws=None)`, which gives normalised float32 (b, 3, H, W), augmented by the uniforms `draws` (b, DRAWS);
`workers` is how many threads suit it.
"""
from dataclasses import dataclass

import numpy as np

from ..base.errors import UserError
from ..base.names import Name
from . import split, streams
from .prefetch import Batches


class Part(Name):
    """The parts of a data set: the whole training set, its disjoint W part and λ part, and the test set."""

    TRAIN = 'train'
    WEIGHTS = 'weights'
    GATES = 'gates'
    TEST = 'test'


PARTS = tuple(Part)


@dataclass(frozen=True)
class Options:
    """What every data set is opened with.  0 for split, image_size and workers: what suits the data set."""
    dir: str = ''                   # where the data set lies on disk ('': gluon's place, see place.py)
    seed: int = 0                   # of the split, the order and the augmentation
    split: float = 0.0              # the W part's share of the training set; the rest is the lambda part (0: 0.5, or as prepared)
    image_size: int = 0             # pixels, square
    limit: int = 0                  # at most so many training images, stratified (0: all)
    cutout: int = 0                 # side of the square that is cut out in training, pixels (0: none)
    augment: bool = True
    workers: int = 0                # threads that make batches
    max_bad: float = 0.01           # folder, records: the largest share of corrupt images that is passed over
    held_out: float = 0.2           # folder: the test set's share of each class where there is no test folder
    memory_gb: float = 2.0          # folder: decode once into memory up to this size
    reader: str = 'indexed'         # imagenet: 'indexed' (exact resume) or 'recorditer' (mx.io.ImageRecordIter)

    def __post_init__(self):
        for name, low in (('seed', 0), ('image_size', 0), ('limit', 0), ('cutout', 0), ('workers', 0)):
            if getattr(self, name) < low:
                raise UserError('data.%s=%s: must not be negative' % (name, getattr(self, name)))
        if not 0 <= self.split < 1:
            raise UserError('data.split=%g: the W part\'s share of the training images, between 0 and 1' % self.split)
        if 0 < self.image_size < 8:
            raise UserError('data.image_size=%d: at least 8 pixels (0: the data set\'s own size)' % self.image_size)
        if not 0 <= self.max_bad <= 1:
            raise UserError('data.max_bad=%g: a share between 0 and 1' % self.max_bad)


class Images:
    """Images in memory: uint8 (n, 3, H, W) and labels, with the Transform that augments and normalises them."""

    workers = 1

    def __init__(self, images, labels, transform):
        self.images, self.transform = images, transform
        self.labels = np.asarray(labels, np.int32)
        self.image_size = images.shape[-1]

    def fetch(self, indices, draws=None):
        return self.transform(self.images[indices], draws)


class DataSet:
    """Training and test images by part.

    name, classes (tuple of names), image_size, mean and std (by channel, of pixels in [0, 1]), and sizes, a dict:
    'train' the whole training set; 'weights' and 'gates' its disjoint W part and lambda part; 'test'.
    """

    def __init__(self, name, classes, train, test, mean, std, options, parts=None):
        """train, test: sources.  parts: (W, lambda) index arrays into `train` where they are given by the data, else split here."""
        self.name, self.classes, self.options = name, tuple(classes), options
        self.image_size, self.mean, self.std = train.image_size, tuple(mean), tuple(std)
        self._sources = {part: test if part == 'test' else train for part in PARTS}
        self._check(train, 'training'), self._check(test, 'test')
        kept = split.limited(train.labels, options.limit, options.seed)
        if parts is not None and len(kept) == len(train.labels):
            weights, gates = parts
        else:
            weights, gates = (kept[half] for half in split.two_parts(train.labels[kept], options.split or 0.5, options.seed))
        self._members = {'train': kept, 'weights': weights, 'gates': gates, 'test': np.arange(len(test.labels))}
        self.sizes = {part: len(self._members[part]) for part in PARTS}

    def _check(self, source, what):
        count = len(self.classes)
        if count < 2:
            raise UserError('%s: one class only (%s); at least two are needed' % (self.name, ', '.join(self.classes) or 'none'))
        if len(source.labels) == 0:
            raise UserError('%s: no %s images' % (self.name, what))
        if source.labels.min() < 0 or source.labels.max() >= count:
            wrong = source.labels[(source.labels < 0) | (source.labels >= count)][0]
            raise UserError('%s: a %s image has label %d, but there are %d classes (0 to %d)' % (self.name, what, wrong, count, count - 1))

    def labels(self, part):
        """Labels of a part's images, in the part's own order: int32 (n,)."""
        return self._sources[part].labels[self._members[part]]

    def indices(self, part):
        """Which images of the training (or test) set a part holds: sorted positions in it."""
        return self._members[part]

    def num_batches(self, part, batch_size, train=True, shard=(0, 1)):
        """Batches of a pass; every shard has as many in training.  UserError where not one batch can be filled in training."""
        index, count = shard
        if part not in PARTS:
            raise ValueError('data part %r: one of %s' % (part, ', '.join(PARTS)))
        if batch_size < 1 or not 0 <= index < count:
            raise ValueError('batch size %d, shard %d of %d: a positive batch size, shards counted from 0' % (batch_size, index, count))
        size = self.sizes[part]
        if not train:
            return -(-len(range(index, size, count)) // batch_size)
        if size < batch_size * count:
            raise UserError('%s: part %s has %d images, fewer than a batch of %d%s' % (
                self.name, part, size, batch_size, ' for each of %d workers' % count if count > 1 else ''))
        return size // (batch_size * count)

    def order(self, part, epoch):
        """Positions in the part in the order in which training epoch `epoch` visits them."""
        return streams.generator(self.options.seed, streams.ORDER, epoch, PARTS.index(part)).permutation(self.sizes[part])

    def batches(self, part, batch_size, epoch=0, train=True, shard=(0, 1), skip=0):
        """One pass over a part: an iterator of (x, y), x normalised float32 (b, 3, H, W), y int32 (b,), with len() and close().

        train: shuffled and augmented, the last incomplete batch dropped; a function of (seed, epoch, part) alone, and skip=n
        starts at batch n.  Else in order, plain, the last batch may be short.  shard=(i, n): every n-th image from the i-th
        on, so that batch t of n shards together is batch t of one reader with n times the batch size.
        """
        total = self.num_batches(part, batch_size, train, shard)
        index, count = shard
        source, members = self._sources[part], self._members[part]
        visits = members[self.order(part, epoch)] if train else members
        key = (epoch, PARTS.index(part))
        span = batch_size * count

        def make(batch):
            chosen = visits[batch * span:(batch + 1) * span][index::count]
            draws = None
            if train and self.options.augment:
                draws = streams.sample_draws(self.options.seed, streams.AUGMENT, key, batch * span, (batch + 1) * span)[index::count]
            return source.fetch(chosen, draws), source.labels[chosen]

        return Batches(make, skip, total, workers=self.options.workers or source.workers)
