"""DataSet: parts, order of an epoch, shards and batches, the same for every source of images.

A DataSet reads a `Source` of training images and one of test images: `Images` in memory,
sources/folder.Files or records/store.Records.
"""

from dataclasses import dataclass
from typing import Callable, Dict, Optional, Protocol, Sequence, Tuple

import numpy as np
from numpy.typing import ArrayLike

from ..base import limits
from ..base.errors import UserError
from ..base.keys import check, key
from ..base.names import Name
from . import decode, split, streams
from .prefetch import Batches
from .sources.digit_canvas import LARGEST, MOST_CLUTTER, MOST_TURN, SMALLEST


class Part(Name):
    """The parts of a data set: the whole training set, its disjoint W part and λ part, and the test set.

    LEARNED and HELD_OUT divide the training set otherwise, where DataSet.hold_out was called.
    """

    TRAIN = 'train'
    WEIGHTS = 'weights'
    GATES = 'gates'
    TEST = 'test'
    LEARNED = 'learned'
    HELD_OUT = 'held_out'


PARTS = (Part.TRAIN, Part.WEIGHTS, Part.GATES, Part.TEST)  # of every data set
LABELS = ('fine', 'coarse')
READERS = ('indexed', 'recorditer')

Batch = Tuple[np.ndarray, np.ndarray]  # x normalised float32 (b, 3, H, W), y int32 (b,)
Shard = Tuple[int, int]  # (i, n): every n-th image from the i-th on


@dataclass(frozen=True)
class Options:
    """Options of every data set: the group `data` of the configuration, and the seed.

    Raises UserError for a value that is out of range.
    """

    dir: str = key(
        '',
        "where it lies on disk; empty: gluon's place for it, $MXNET_HOME/datasets/NAME (MXNET_HOME: ~/.mxnet), "
        'looked up by each command (digits needs none, folder and csv have no such place)',
    )
    split: float = key(
        0.0, "the W part's share of the training set; 0: 0.5, or as the data set was prepared", low=0, below=1
    )
    limit: int = key(0, 'at most so many training images, for small trials; 0: all', low=0, high=limits.IMAGES)
    image_size: int = key(0, "pixels, square; 0: the data set's own", low=0, high=limits.IMAGE_SIZE)
    cutout: int = key(
        0,
        'side of the square cut out of images in pretraining and search, pixels; 0: none',
        low=0,
        high=limits.IMAGE_SIZE,
    )
    augment: bool = key(True, 'random crops, mirrors and colours in training')
    workers: int = key(0, 'threads that make batches; 0: what suits the data set', low=0, high=limits.PROCESSES)
    max_bad: float = key(0.01, 'largest share of corrupt images that is passed over', low=0, high=1)
    max_pixels: int = key(
        decode.MAX_PIXELS,
        'folder, csv: images of more pixels, by their header, are passed over',
        low=1,
        high=limits.PIXELS,
    )
    held_out: float = key(
        0.2, "folder, csv: the test set's share of each class where there are no test images", low=0, high=1
    )
    memory_gb: float = key(2.0, 'folder, csv: decode once into memory up to this size', low=0, high=limits.GIGABYTES)
    labels: str = key('fine', 'cifar100: its 100 fine or its 20 coarse classes', LABELS)
    reader: str = key('indexed', 'imagenet: indexed resumes exactly; recorditer is mx.io.ImageRecordIter', READERS)
    rotate: float = key(0.0, 'digits: turned by up to so many degrees either way', low=0, high=MOST_TURN)
    scale: Tuple[float, ...] = key(
        (), 'digits: least and most of their size, such as [0.6,1.2]; none: as written', low=SMALLEST, high=LARGEST
    )
    clutter: int = key(0, 'digits: fragments of other digits in each image', low=0, high=MOST_CLUTTER)
    seed: int = 0  # of the split, the order and the augmentation; no key of its own

    def __post_init__(self) -> None:
        check(self, 'data.')
        if self.seed < 0:
            raise UserError(f'seed={self.seed}: must not be negative')
        if 0 < self.image_size < limits.SMALLEST_IMAGE:
            raise UserError(
                f"data.image_size={self.image_size}: at least {limits.SMALLEST_IMAGE} pixels (0: the data set's own size)"
            )


class Source(Protocol):
    """Labelled images, all training or all test, that a DataSet makes batches of.

    labels: int32 (n,). image_size: pixels, of what fetch returns. workers: how many threads suit it.
    """

    labels: np.ndarray
    image_size: int
    workers: int

    def fetch(self, indices: np.ndarray, draws: Optional[np.ndarray] = None) -> np.ndarray:
        """Return images `indices` (b,), normalised: float32 (b, 3, H, W).

        draws: uniforms (b, DRAWS) to augment them with. Called by several threads at once.
        """


class Images:
    """A Source in memory.

    images: uint8 (n, 3, H, W). labels: n integers. transform: augments and normalises a batch of images by
    uniforms (b, DRAWS) or None, as augment.Transform.
    """

    workers = 1

    def __init__(
        self,
        images: np.ndarray,
        labels: ArrayLike,
        transform: Callable[[np.ndarray, Optional[np.ndarray]], np.ndarray],
    ) -> None:
        self.images, self.transform = images, transform
        self.labels = np.asarray(labels, np.int32)
        self.image_size = images.shape[-1]

    def fetch(self, indices: np.ndarray, draws: Optional[np.ndarray] = None) -> np.ndarray:
        """Return images `indices` (b,) as the transform makes them: float32 (b, 3, H, W)."""
        return self.transform(self.images[indices], draws)


class DataSet:
    """Training and test images by part.

    name, classes (tuple of names), image_size (pixels), mean and std (by channel, of pixels in [0, 1]), and sizes,
    the number of images by part: 'train' the whole training set; 'weights' and 'gates' its disjoint W part and
    lambda part; 'test'. notes: sentences that say what was taken for what on disk, and what was passed over.
    fingerprint: hex digest of the images and labels as they are stored, before `options` choose among them; '' if
    the data set has none.
    """

    def __init__(
        self,
        name: str,
        classes: Sequence[str],
        train: Source,
        test: Source,
        mean: Sequence[float],
        std: Sequence[float],
        options: Options,
        parts: Optional[Sequence[np.ndarray]] = None,
        notes: Sequence[str] = (),
        fingerprint: str = '',
    ) -> None:
        """Divide the training images into parts.

        parts: (W, lambda) index arrays into `train` if the data come divided; by default they are split here.
        Raises UserError for fewer than two classes, no images, or a label that is none of the classes.
        """
        self.name, self.classes, self.options = name, tuple(classes), options
        self.notes, self.fingerprint = tuple(notes), fingerprint
        self.image_size, self.mean, self.std = train.image_size, tuple(mean), tuple(std)
        self._sources: Dict[str, Source] = {part: test if part == 'test' else train for part in PARTS}
        self._check(train, 'training')
        self._check(test, 'test')
        kept = split.limited(train.labels, options.limit, options.seed)
        if parts is not None and len(kept) == len(train.labels):
            weights, gates = parts
        else:
            weights, gates = (
                kept[half] for half in split.two_parts(train.labels[kept], options.split or 0.5, options.seed)
            )
        self._members: Dict[str, np.ndarray] = {
            'train': kept,
            'weights': weights,
            'gates': gates,
            'test': np.arange(len(test.labels)),
        }
        self.sizes: Dict[str, int] = {part: len(self._members[part]) for part in PARTS}

    def hold_out(self, share: float) -> None:
        """Divide the training set into Part.LEARNED and Part.HELD_OUT, which is the share `share` of every class."""
        train = self._members['train']
        halves = split.two_parts(self.labels('train'), 1 - share, self.options.seed, streams.EARLY)
        for part, half in zip((Part.LEARNED, Part.HELD_OUT), halves):
            self._sources[part], self._members[part] = self._sources['train'], train[half]
            self.sizes[part] = len(half)

    def _check(self, source: Source, what: str) -> None:
        count = len(self.classes)
        if count < 2:
            names = ', '.join(self.classes) or 'none'
            raise UserError(f'{self.name}: one class only ({names}); at least two are needed')
        if len(source.labels) == 0:
            raise UserError(f'{self.name}: no {what} images')
        if source.labels.min() < 0 or source.labels.max() >= count:
            wrong = source.labels[(source.labels < 0) | (source.labels >= count)][0]
            raise UserError(
                f'{self.name}: a {what} image has label {wrong}, but there are {count} classes (0 to {count - 1})'
            )

    def labels(self, part: str) -> np.ndarray:
        """Return the labels of a part's images, in the order of `indices`: int32 (n,)."""
        return self._sources[part].labels[self._members[part]]

    def indices(self, part: str) -> np.ndarray:
        """Return the sorted positions of a part's images in the training (or test) set: int (n,)."""
        return self._members[part]

    def num_batches(self, part: str, batch_size: int, train: bool = True, shard: Shard = (0, 1)) -> int:
        """Count the batches of a pass, in training the same for every shard.

        Raises UserError if a training pass has not one full batch, ValueError for an unknown part, batch size or shard.
        """
        index, count = shard
        if part not in self._members:
            raise ValueError(f'data part {part!r}: one of {", ".join(self._members)}')
        if batch_size < 1 or not 0 <= index < count:
            raise ValueError(
                f'batch size {batch_size}, shard {index} of {count}: a positive batch size, shards counted from 0'
            )
        size = self.sizes[part]
        if not train:
            return -(-len(range(index, size, count)) // batch_size)
        if size < batch_size * count:
            each = f' for each of {count} workers' if count > 1 else ''
            raise UserError(f'{self.name}: part {part} has {size} images, fewer than a batch of {batch_size}{each}')
        return size // (batch_size * count)

    def order(self, part: str, epoch: int) -> np.ndarray:
        """Return the order in which training epoch `epoch` visits the positions of a part: int (n,)."""
        rng = streams.generator(self.options.seed, streams.ORDER, epoch, part_number(part))
        return rng.permutation(self.sizes[part])

    def batches(
        self,
        part: str,
        batch_size: int,
        epoch: int = 0,
        train: bool = True,
        shard: Shard = (0, 1),
        skip: int = 0,
    ) -> Batches[Batch]:
        """Iterate once over a part: (x, y), x normalised float32 (b, 3, H, W), y int32 (b,); has len() and close().

        train: shuffled and augmented, the last incomplete batch dropped; a function of (seed, epoch, part) alone.
        Otherwise in order and not augmented, and the last batch may be short. skip: the batch to start at.
        shard (i, n): every n-th image from the i-th on, so that batch t of all n shards together is batch t of one
        reader with n times the batch size. Raises the errors of `num_batches`.
        """
        total = self.num_batches(part, batch_size, train, shard)
        index, count = shard
        source, members = self._sources[part], self._members[part]
        visits = members[self.order(part, epoch)] if train else members
        stream = (epoch, part_number(part))
        span = batch_size * count

        def make(batch: int) -> Batch:
            chosen = visits[batch * span : (batch + 1) * span][index::count]
            draws = None
            if train and self.options.augment:
                first, seed = batch * span, self.options.seed
                draws = streams.sample_draws(seed, streams.AUGMENT, stream, first, first + span)[index::count]
            return source.fetch(chosen, draws), source.labels[chosen]

        return Batches(make, skip, total, workers=self.options.workers or source.workers)


def part_number(part: str) -> int:
    """Return the number that stands for a part in the keys of random streams."""
    return [str(known) for known in Part].index(part)
