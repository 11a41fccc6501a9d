"""Load the trained network of a run, and predict the classes of image files and arrays."""

import logging
import os
import tempfile
from typing import Any, Callable, Iterable, Iterator, List, Optional, Sequence, Tuple, Union

import mxnet as mx
import numpy as np
from PIL import Image

from ...base.errors import UserError
from ...data import registry
from ...data.decode import BadImage
from ...data.sources import scan
from ...runfiles import stored
from ..reading import runs

Path = Union[str, 'os.PathLike[str]']
Images = Union[Path, np.ndarray, Sequence[Union[Path, np.ndarray]]]
log = logging.getLogger(__name__)

Ranked = List[Tuple[str, float]]  # (class name, probability), the most probable first


class Predictor:
    """The trained network of a run directory as a function of images.

    Images are prepared as those of the test set were. Attributes: `classes`, names in the order of
    the probabilities; `net`, the network; `description`, what network.json says of it.
    """

    def __init__(self, run: Path, context: Optional[mx.Context] = None) -> None:
        """Load the network of the run directory `run` onto `context`, by default the CPU.

        Raises UserError or OSError, in one line, where there is no trained network or it is damaged.
        """
        folder = os.fspath(run)
        self.context = context or mx.cpu()
        runs.import_plugins(folder)
        self.net, self.description = stored.load(folder, self.context)
        self.net.hybridize(static_alloc=True, static_shape=True)
        self.classes: Tuple[str, ...] = tuple(self.description.classes)

    def predict(self, images: Images, top: int = 1, batch_size: int = 32) -> List[Ranked]:
        """Return the `top` most probable classes of each image, with their probabilities.

        images: as for `__call__`. Raises what `__call__` raises.
        """
        return [ranked(row, self.classes, top) for row in self(images, batch_size)]

    def __call__(self, images: Images, batch_size: int = 32) -> np.ndarray:
        """Return the probabilities of every class, float32 (n, classes), of n images.

        images: an image file or a folder of them, an array uint8 (H, W, 3) or (3, H, W), a batch of
        these (n, …), or a sequence of files, folders and arrays. RGB, any size.
        Raises BadImage for a file that cannot be read, UserError for a folder without images and
        for an array of another shape or type.
        """
        rows = []
        for batch in _batches(map(self.prepare, _separate(images)), batch_size):
            rows.append(self.probabilities(np.stack(batch)))
        return np.concatenate(rows) if rows else np.zeros((0, len(self.classes)), np.float32)

    def prepare(self, image: Union[Path, np.ndarray]) -> np.ndarray:
        """Return an image, a file or an array, as the network takes it: float32 (3, size, size)."""
        if not isinstance(image, np.ndarray):
            return self.read(image)
        with (
            tempfile.TemporaryDirectory()
        ) as folder:  # the one way by which a data set prepares an image begins at a file
            path = os.path.join(folder, 'image.png')
            Image.fromarray(_channels_last(image)).save(path, compress_level=1)
            return self.read(path)

    def read(self, path: Path) -> np.ndarray:
        """Read an image file as the network takes it: float32 (3, size, size). Raises BadImage."""
        about = self.description
        return registry.read_image(about['dataset'], os.fspath(path), about['image_size'], about['mean'], about['std'])

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Return the probabilities (b, classes) of prepared images (b, 3, size, size)."""
        return mx.nd.softmax(self.net(mx.nd.array(images, ctx=self.context)), axis=-1).asnumpy()

    def files(
        self,
        paths: Iterable[Path],
        batch_size: int = 32,
        failed: Callable[[BadImage], None] = lambda error: None,
    ) -> Iterator[Tuple[Path, np.ndarray]]:
        """Yield (path, probabilities (classes,)) of image files, in their order.

        Files that cannot be read are passed over; `failed` is called with the error of each.
        """
        readable = self._readable(paths, failed)
        size = 0
        for batch in _batches(readable, batch_size):
            size = size or len(batch)
            images = np.stack([image for _, image in batch])
            if len(batch) < size:  # the last batch is filled up: one shape, one graph
                images = np.resize(images, (size,) + images.shape[1:])
            for (path, _), row in zip(batch, self.probabilities(images)):
                yield path, row

    def _readable(self, paths: Iterable[Path], failed: Callable[[BadImage], None]) -> Iterator[Tuple[Path, np.ndarray]]:
        for path in paths:
            try:
                yield path, self.read(path)
            except BadImage as error:
                failed(error)


def find_images(sources: Iterable[Path]) -> Iterator[str]:
    """Yield paths of image files: files as they are, folders searched to any depth.

    Raises UserError for a folder without images.
    """
    for given in sources:
        source = os.fspath(given)
        if not os.path.isdir(source):
            yield source
            continue
        passed = scan.Passed()
        names = scan.images(source, passed)
        if not names:
            raise UserError(f'{source}: no images in this folder{passed.short()}')
        for sentence in passed.sentences():
            log.warning('%s: %s', source, sentence)
        for name in names:
            yield os.path.join(source, name)


def ranked(probabilities: np.ndarray, classes: Sequence[str], top: int) -> Ranked:
    """Return [(class name, probability)] of the `top` most probable classes."""
    order = np.argsort(-probabilities, kind='stable')[:top]
    return [(classes[label], float(probabilities[label])) for label in order]


def _separate(images: Images) -> Iterator[Union[str, np.ndarray]]:
    """Yield the files and arrays (one image each) among `images`."""
    if isinstance(images, np.ndarray) and images.ndim == 4:
        yield from images
    elif isinstance(images, np.ndarray):
        yield images
    elif isinstance(images, (str, os.PathLike)):
        yield from find_images([images])
    else:
        for image in images:
            yield from _separate(image)


def _batches(items: Iterable[Any], size: int) -> Iterator[List[Any]]:
    batch: List[Any] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _channels_last(image: np.ndarray) -> np.ndarray:
    if image.dtype != np.uint8 or image.ndim != 3 or 3 not in (image.shape[0], image.shape[2]):
        raise UserError(
            f'an image array of type {image.dtype} and shape {image.shape}',
            accepted='uint8 of shape (height, width, 3) or (3, height, width)',
        )
    return np.ascontiguousarray(image if image.shape[2] == 3 else image.transpose(1, 2, 0))
