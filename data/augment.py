"""Augmentation of whole batches in numpy: pad-crop, mirror, cutout, and normalisation.

Images are uint8 (b, 3, H, W) until they are normalised. The randomness is passed in as uniforms in
[0, 1), one row per sample (streams.py) and one column per decision, so that the augmentation of a
sample depends on neither its batch nor the worker that makes it.
"""

from dataclasses import dataclass
from typing import Optional, Sequence, Tuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..base import machine
from ..base.errors import UserError
from ..base.text import format_bytes

WORKING = 4  # bytes a value of images in memory: itself, and what `statistics` counts with
CROP_Y, CROP_X, MIRROR, CUT_Y, CUT_X = range(5)  # columns of the uniforms; crops.py takes the ones from 5 on


def pad_crop(images: np.ndarray, draws: np.ndarray, pad: int, fill: Sequence[float]) -> np.ndarray:
    """Pad by `pad` pixels of colour fill (3,), then crop at random to the old size; uint8 (b, 3, H, W) in and out."""
    batch, channels, height, width = images.shape
    padded = np.empty((batch, channels, height + 2 * pad, width + 2 * pad), images.dtype)
    padded[...] = np.asarray(fill, images.dtype)[:, None, None]
    padded[:, :, pad : pad + height, pad : pad + width] = images
    y = (draws[:, CROP_Y] * (2 * pad + 1)).astype(np.intp)
    x = (draws[:, CROP_X] * (2 * pad + 1)).astype(np.intp)
    windows: np.ndarray = sliding_window_view(padded, (height, width), axis=(2, 3))  # type: ignore[call-overload]
    return windows[np.arange(batch)[:, None], np.arange(channels), y[:, None], x[:, None]]


def mirror(images: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Mirror each image left to right with probability 1/2. Returns a copy."""
    flipped = draws[:, MIRROR] < 0.5
    images = images.copy()
    images[flipped] = images[flipped][..., ::-1]
    return images


def cutout(images: np.ndarray, draws: np.ndarray, size: int) -> np.ndarray:
    """Set a square with sides of `size` pixels to 0 in each normalised image, in place.

    The centre of the square is any pixel of the image; the border clips it.
    """
    height, width = images.shape[2:]
    inside = []
    for length, column in ((height, CUT_Y), (width, CUT_X)):
        first = (draws[:, column] * length).astype(np.intp) - size // 2
        pixels = np.arange(length)
        inside.append((pixels >= first[:, None]) & (pixels < first[:, None] + size))
    images *= ~(inside[0][:, None, :, None] & inside[1][:, None, None, :])
    return images


def normalise(images: np.ndarray, mean: Sequence[float], std: Sequence[float]) -> np.ndarray:
    """Normalise by channel, (pixel / 255 - mean) / std: uint8 (b, 3, H, W) to float32."""
    deviation = np.asarray(std, np.float32)
    scale = (1.0 / (255.0 * deviation)).astype(np.float32)
    shift = (-np.asarray(mean, np.float32) / deviation).astype(np.float32)
    out: np.ndarray = np.multiply(images, scale[:, None, None], dtype=np.float32)
    out += shift[:, None, None]
    return out


def resized(images: np.ndarray, size: int) -> np.ndarray:
    """Resize images uint8 (n, 3, H, W) to size x size pixels; 0 leaves them as they are.

    Raises UserError for a size at which all of them would not fit into the memory that is free.
    """
    if not size or size == images.shape[-1]:
        return images
    import cv2

    needed, free = WORKING * len(images) * images.shape[1] * size**2, machine.free_memory()
    if free is not None and needed > free:
        raise UserError(
            f'data.image_size={size}: {len(images)} images in memory take {format_bytes(needed)} while they are prepared, '
            f'{format_bytes(free)} are free; take smaller ones'
        )
    how = cv2.INTER_AREA if size < images.shape[-1] else cv2.INTER_LINEAR
    made = np.empty((len(images), images.shape[1], size, size), images.dtype)
    for image, place in zip(images, made):
        place[...] = cv2.resize(image.transpose(1, 2, 0), (size, size), interpolation=how).transpose(2, 0, 1)
    return made


def statistics(images: np.ndarray) -> Tuple[Tuple[float, ...], Tuple[float, ...]]:
    """Compute the mean and standard deviation of each channel of uint8 (n, 3, H, W), for pixels in [0, 1]."""
    counts = [np.bincount(images[:, c].ravel(), minlength=256) for c in range(images.shape[1])]
    values = np.arange(256) / 255.0
    mean = [float(count @ values / count.sum()) for count in counts]
    std = [float(np.sqrt(count @ (values - m) ** 2 / count.sum())) for count, m in zip(counts, mean)]
    return tuple(mean), tuple(max(s, 1e-3) for s in std)


@dataclass(frozen=True)
class Transform:
    """Turn uint8 (b, 3, H, W) into network inputs: augmented if uniforms are given, then normalised.

    pad: pixels of padding for the random crop, 0 for none. mirrored: mirror at random. cut: side of the
    square that cutout sets to 0, in pixels, 0 for none.
    """

    mean: Tuple[float, ...]
    std: Tuple[float, ...]
    pad: int = 0
    mirrored: bool = False
    cut: int = 0

    def __call__(self, images: np.ndarray, draws: Optional[np.ndarray] = None) -> np.ndarray:
        if draws is not None and self.pad:
            images = pad_crop(
                images, draws, self.pad, np.rint(np.asarray(self.mean) * 255)
            )  # padding is about 0 once normalised
        if draws is not None and self.mirrored:
            images = mirror(images, draws)
        out = normalise(images, self.mean, self.std)
        return cutout(out, draws, self.cut) if draws is not None and self.cut else out
