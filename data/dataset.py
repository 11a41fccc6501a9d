"""DataSet: parts, order of an epoch, shards and batches, the same for every source of images.

A source (`Images` here, files in folder.py, records in records.py) has `labels`, int32 (n,), `image_size`, and
`fetch(indices, draws=None)`, which gives normalised float32 (b, 3, H, W), augmented by the uniforms `draws` (b, DRAWS);
`workers` is how many threads suit it.
"""

from dataclasses import dataclass

import numpy as np

from ..base.errors import UserError
from ..base.keys import check, key
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
READERS = ('indexed', 'recorditer')


@dataclass(frozen=True)
class Options:
    """What every data set is opened with: the group `data` of the configuration, and the seed."""

    dir: str = key(
        '',
        "where it lies on disk; empty: gluon's place for it, $MXNET_HOME/datasets/NAME (MXNET_HOME: ~/.mxnet), "
        'looked up by each command (digits needs none, folder has no such place)',
    )
    split: float = key(
        0.0, "the W part's share of the training set; 0: 0.5, or as the data set was prepared", low=0, below=1
    )
    limit: int = key(0, 'at most so many training images, for small trials; 0: all', low=0)
    image_size: int = key(0, "pixels, square; 0: the data set's own", low=0)
    cutout: int = key(0, 'side of the square cut out of images in pretraining and search, pixels; 0: none', low=0)
    augment: bool = key(True, 'random crops, mirrors and colours in training')
    workers: int = key(0, 'threads that make batches; 0: what suits the data set', low=0)
    max_bad: float = key(0.01, 'largest share of corrupt images that is passed over', low=0, high=1)
    held_out: float = key(
        0.2, "folder: the test set's share of each class where there is no test folder", low=0, high=1
    )
    memory_gb: float = key(2.0, 'folder: decode once into memory up to this size', low=0)
    reader: str = key('indexed', 'imagenet: indexed resumes exactly; recorditer is mx.io.ImageRecordIter', READERS)
    seed: int = 0  # of the split, the order and the augmentation; no key of its own

    def __post_init__(self) -> None:
        check(self, 'data.')
        if self.seed < 0:
            raise UserError(f'seed={self.seed}: must not be negative')
        if 0 < self.image_size < 8:
            raise UserError(f"data.image_size={self.image_size}: at least 8 pixels (0: the data set's own size)")


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
            weights, gates = (
                kept[half] for half in split.two_parts(train.labels[kept], options.split or 0.5, options.seed)
            )
        self._members = {'train': kept, 'weights': weights, 'gates': gates, 'test': np.arange(len(test.labels))}
        self.sizes = {part: len(self._members[part]) for part in PARTS}

    def _check(self, source, what):
        count = len(self.classes)
        if count < 2:
            raise UserError(
                '%s: one class only (%s); at least two are needed' % (self.name, ', '.join(self.classes) or 'none')
            )
        if len(source.labels) == 0:
            raise UserError('%s: no %s images' % (self.name, what))
        if source.labels.min() < 0 or source.labels.max() >= count:
            wrong = source.labels[(source.labels < 0) | (source.labels >= count)][0]
            raise UserError(
                '%s: a %s image has label %d, but there are %d classes (0 to %d)'
                % (self.name, what, wrong, count, count - 1)
            )

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
            raise ValueError(
                'batch size %d, shard %d of %d: a positive batch size, shards counted from 0'
                % (batch_size, index, count)
            )
        size = self.sizes[part]
        if not train:
            return -(-len(range(index, size, count)) // batch_size)
        if size < batch_size * count:
            raise UserError(
                '%s: part %s has %d images, fewer than a batch of %d%s'
                % (self.name, part, size, batch_size, ' for each of %d workers' % count if count > 1 else '')
            )
        return size // (batch_size * count)

    def order(self, part, epoch):
        """Positions in the part in the order in which training epoch `epoch` visits them."""
        return streams.generator(self.options.seed, streams.ORDER, epoch, PARTS.index(part)).permutation(
            self.sizes[part]
        )

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
            chosen = visits[batch * span : (batch + 1) * span][index::count]
            draws = None
            if train and self.options.augment:
                draws = streams.sample_draws(self.options.seed, streams.AUGMENT, key, batch * span, (batch + 1) * span)[
                    index::count
                ]
            return source.fetch(chosen, draws), source.labels[chosen]

        return Batches(make, skip, total, workers=self.options.workers or source.workers)
