"""Is what was written what was trained? Logits of a file against those of the network, on images of the test set."""

import dataclasses
import os
from typing import Any, Callable, Optional, Tuple

import mxnet as mx
import numpy as np

from ...base.errors import UserError
from ...data import registry
from ...data.sources import scan
from ...runfiles.network import NetworkDescription
from ..reading.runs import Run
from .graph import pixels

Runner = Tuple[Callable[[np.ndarray], np.ndarray], str, int]  # function, runtime, at most so many images
IMAGES, SINGLE = 32, 4


@dataclasses.dataclass(frozen=True)
class Checked:
    """What a comparison found. runtime: what ran the file; images: on how many; difference: the largest, of logits; largest: logit."""

    runtime: str
    images: int
    difference: float
    largest: float
    source: str


class Mismatch(ValueError):
    """A file that does not compute what the network does."""


def test_images(
    run: Run,
    description: NetworkDescription,
    data_dir: Optional[str] = None,
    folder: Optional[str] = None,
    count: int = IMAGES,
) -> Tuple[np.ndarray, str]:
    """(pixels from 0 to 255, float32 (b, 3, H, W); where they are from) of the data set that the run learned from, or of a folder.

    run: a reading.runs.Run. Raises UserError or OSError that says what else can be given.
    """
    size, mean, std = description.image_size, description.mean, description.std
    if folder:
        paths = [os.path.join(folder, name) for name in scan.images(folder)[:count]] if os.path.isdir(folder) else []
        if not paths:
            raise UserError(f'--images {folder}: no folder with images in it')
        images = np.stack([registry.read_image(description.dataset, path, size, mean, std) for path in paths])
        return pixels(images, mean, std), folder
    options = dict(run.get('data') or {}, image_size=size, seed=run.get('seed', 0))
    options.pop('name', None)
    if data_dir:
        options['dir'] = data_dir
    try:
        dataset = registry.load(description.dataset, **options)
    except (UserError, OSError) as error:
        raise UserError(
            f'the test images to check on cannot be read: {error}; --data-dir says where they are, --images FOLDER takes '
            'others'
        ) from None
    batches = dataset.batches('test', min(count, dataset.sizes['test']), train=False)
    try:
        return pixels(next(iter(batches))[0], dataset.mean, dataset.std), f'test set of {dataset.name}'
    finally:
        batches.close()


def compare(
    name: str,
    runner: Runner,
    net: Callable[..., Any],
    images: np.ndarray,
    fed: np.ndarray,
    tolerance: float,
    source: str,
    where: Callable[[np.ndarray], str] = lambda images: '',
) -> Checked:
    """Run a file on `fed` and the network on `images` (the same pictures, as each takes them), as one batch and one at a time.

    runner: (function, runtime, at most so many images). where: function of images that names what differs first. Returns Checked. Raises
    Mismatch, which says where, if a logit differs by more than `tolerance` of the largest.
    """
    function, runtime, most = runner
    images, fed = images[:most], fed[:most]
    expected = net(mx.nd.array(images)).asnumpy()
    largest = max(1.0, float(np.abs(expected).max()))
    single = [function(fed[index : index + 1]) for index in range(min(SINGLE, len(fed)))]
    found = [(f'a batch of {len(fed)}', function(fed)), ('single images', np.concatenate(single))]
    difference = 0.0
    for what, logits in found:
        wanted = expected[: len(logits)]
        if logits.shape != wanted.shape:
            raise Mismatch(f'{name}: {runtime} gives {what} of shape {logits.shape}, the network {wanted.shape}')
        apart = np.abs(logits - wanted)
        if not apart.max() <= tolerance * largest:
            image, label = np.unravel_index(np.argmax(np.where(np.isfinite(apart), apart, np.inf)), apart.shape)
            first = where(fed[image : image + 1])
            raise Mismatch(
                f'{name}: {runtime}, in {what}, gives {logits[image, label]:g} for class {label} of test image {image}, '
                f'the network {wanted[image, label]:g} (tolerance {tolerance * largest:g})'
                + (f'; the first operator that differs is {first}' if first else '')
            )
        difference = max(difference, float(apart.max()))
    return Checked(runtime, len(fed), difference, largest, source)
