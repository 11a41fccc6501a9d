"""Augmentation of whole batches in numpy: pad-crop, mirror, cutout, and normalisation.

Images are uint8 (b, 3, H, W) until they are normalised.  Randomness comes in as uniforms, a row a sample (streams.py), one
column for each decision, so that a sample's augmentation depends on neither its batch nor the worker that makes it.
"""

from dataclasses import dataclass
from typing import Tuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

CROP_Y, CROP_X, MIRROR, CUT_Y, CUT_X = range(5)  # columns of the uniforms; crops.py takes the ones from 5 on


def pad_crop(images, draws, pad, fill):
    """Pad by `pad` pixels of colour fill (3,), then crop at random to the old size; uint8 (b, 3, H, W) in and out."""
    batch, channels, height, width = images.shape
    padded = np.empty((batch, channels, height + 2 * pad, width + 2 * pad), images.dtype)
    padded[...] = np.asarray(fill, images.dtype)[:, None, None]
    padded[:, :, pad : pad + height, pad : pad + width] = images
    y = (draws[:, CROP_Y] * (2 * pad + 1)).astype(np.intp)
    x = (draws[:, CROP_X] * (2 * pad + 1)).astype(np.intp)
    windows = sliding_window_view(padded, (height, width), axis=(2, 3))
    return windows[np.arange(batch)[:, None], np.arange(channels), y[:, None], x[:, None]]


def mirror(images, draws):
    """Images mirrored left to right with probability 1/2 each; a copy."""
    flipped = draws[:, MIRROR] < 0.5
    images = images.copy()
    images[flipped] = images[flipped][..., ::-1]
    return images


def cutout(images, draws, size):
    """Set a square of `size` pixels to 0 in each of the normalised images, in place; its centre is any pixel, the border clips it."""
    height, width = images.shape[2:]
    inside = []
    for length, column in ((height, CUT_Y), (width, CUT_X)):
        first = (draws[:, column] * length).astype(np.intp) - size // 2
        pixels = np.arange(length)
        inside.append((pixels >= first[:, None]) & (pixels < first[:, None] + size))
    images *= ~(inside[0][:, None, :, None] & inside[1][:, None, None, :])
    return images


def normalise(images, mean, std):
    """(pixel / 255 - mean) / std by channel: uint8 (b, 3, H, W) to float32."""
    std = np.asarray(std, np.float32)
    scale = (1.0 / (255.0 * std)).astype(np.float32)
    shift = (-np.asarray(mean, np.float32) / std).astype(np.float32)
    out = np.multiply(images, scale[:, None, None], dtype=np.float32)
    out += shift[:, None, None]
    return out


def resized(images, size):
    """uint8 (n, 3, H, W) resized to size x size (0: as they are)."""
    if not size or size == images.shape[-1]:
        return images
    import cv2

    how = cv2.INTER_AREA if size < images.shape[-1] else cv2.INTER_LINEAR
    return np.stack(
        [cv2.resize(image.transpose(1, 2, 0), (size, size), interpolation=how).transpose(2, 0, 1) for image in images]
    )


def statistics(images):
    """Mean and standard deviation of each channel of uint8 (n, 3, H, W), for pixels in [0, 1]: two tuples of floats."""
    counts = [np.bincount(images[:, c].ravel(), minlength=256) for c in range(images.shape[1])]
    values = np.arange(256) / 255.0
    mean = [float(count @ values / count.sum()) for count in counts]
    std = [float(np.sqrt(count @ (values - m) ** 2 / count.sum())) for count, m in zip(counts, mean)]
    return tuple(mean), tuple(max(s, 1e-3) for s in std)


@dataclass(frozen=True)
class Transform:
    """From uint8 pixels to what a network is given: augmented where uniforms are given, then normalised."""

    mean: Tuple[float, ...]
    std: Tuple[float, ...]
    pad: int = 0
    mirrored: bool = False
    cut: int = 0

    def __call__(self, images, draws=None):
        if draws is not None and self.pad:
            images = pad_crop(
                images, draws, self.pad, np.rint(np.asarray(self.mean) * 255)
            )  # padding is about 0 once normalised
        if draws is not None and self.mirrored:
            images = mirror(images, draws)
        out = normalise(images, self.mean, self.std)
        return cutout(out, draws, self.cut) if draws is not None and self.cut else out
