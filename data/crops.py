"""Augmentation of single large images: fb.resnet's random area crop, colour jitter and mirror; centre crop for test.

Brightness, contrast, saturation (in random order) and the normalisation are affine in the colours, so that a crop is
jittered and normalised by one 3x4 matrix.
"""

from dataclasses import dataclass
from itertools import permutations
from math import log
from typing import Optional, Sequence, Tuple, Union

import cv2
import numpy as np

from . import augment, decode

AREA, ASPECT = (0.08, 1.0), (3 / 4.0, 4 / 3.0)
JITTER = 0.4
RESIZE = 256 / 224.0  # test: the short side is resized to this many times the crop's side
GREY = np.array([0.299, 0.587, 0.114])

TRIES = 3
TRY = 5  # columns of the uniforms: area and aspect of each try, then the jitter
BRIGHTNESS, CONTRAST, SATURATION, ORDER = range(TRY + 2 * TRIES, TRY + 2 * TRIES + 4)
ORDERS = tuple(permutations((BRIGHTNESS, CONTRAST, SATURATION)))


def random_area(height: int, width: int, draws: np.ndarray) -> Tuple[int, int, int, int]:
    """Draw a rectangle (top, left, height, width) within an image of height x width pixels.

    Its area is a share AREA of the image, its aspect in ASPECT; if TRIES draws do not fit, the last one is
    clipped. draws: the uniforms of one sample (DRAWS,).
    """
    for column in range(TRY, TRY + 2 * TRIES, 2):
        area = height * width * (AREA[0] + (AREA[1] - AREA[0]) * draws[column])
        aspect = np.exp(log(ASPECT[0]) + (log(ASPECT[1]) - log(ASPECT[0])) * draws[column + 1])
        tall, wide = int(round((area / aspect) ** 0.5)), int(round((area * aspect) ** 0.5))
        if 0 < tall <= height and 0 < wide <= width:
            break
    tall, wide = min(max(tall, 1), height), min(max(wide, 1), width)
    top = int(draws[augment.CROP_Y] * (height - tall + 1))
    left = int(draws[augment.CROP_X] * (width - wide + 1))
    return top, left, tall, wide


def colour_matrix(draws: np.ndarray, mean_colour: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Draw a colour jitter as an affine map of pixels in [0, 1]: (matrix (3, 3), offset (3,)).

    mean_colour (3,): the crop's mean. Contrast moves towards its grey value after the steps before it.
    """
    matrix, offset = np.eye(3), np.zeros(3)
    for kind in ORDERS[int(draws[ORDER] * len(ORDERS))]:
        alpha = 1 + JITTER * (2 * draws[kind] - 1)
        if kind == BRIGHTNESS:
            step, shift = alpha * np.eye(3), 0.0
        elif kind == SATURATION:
            step, shift = alpha * np.eye(3) + (1 - alpha) * np.outer(np.ones(3), GREY), 0.0
        else:
            step, shift = alpha * np.eye(3), (1 - alpha) * (GREY @ (matrix @ mean_colour + offset))
        matrix, offset = step @ matrix, step @ offset + shift
    return matrix, offset


def centre_crop(image: np.ndarray, size: int) -> np.ndarray:
    """Resize the short side to RESIZE * size, then take the centre size x size: uint8 (H, W, 3)."""
    return decode.centre(decode.resize_short(image, int(round(RESIZE * size))), size)


@dataclass(frozen=True)
class CropTransform:
    """Turn images uint8 (H, W, 3) of any sizes into a batch float32 (b, 3, size, size).

    Augmented if uniforms (b, DRAWS) are given, else the centre crops; then normalised. cut: side of the square
    that cutout sets to 0, in pixels, 0 for none.
    """

    size: int
    mean: Tuple[float, ...]
    std: Tuple[float, ...]
    cut: int = 0

    def __call__(
        self, images: Union[np.ndarray, Sequence[np.ndarray]], draws: Optional[np.ndarray] = None
    ) -> np.ndarray:
        out = np.empty((len(images), 3, self.size, self.size), np.float32)
        scale = np.diag(1 / np.asarray(self.std))
        shift = -np.asarray(self.mean) / np.asarray(self.std)
        for i, image in enumerate(images):
            if draws is None:
                crop, matrix, offset = centre_crop(image, self.size), np.eye(3), np.zeros(3)
            else:
                top, left, tall, wide = random_area(image.shape[0], image.shape[1], draws[i])
                crop = image[top : top + tall, left : left + wide]
                if draws[i, augment.MIRROR] < 0.5:
                    crop = crop[:, ::-1]
                crop = cv2.resize(crop, (self.size, self.size), interpolation=cv2.INTER_LINEAR)
                matrix, offset = colour_matrix(draws[i], np.array(cv2.mean(crop)[:3]) / 255)
            affine = np.concatenate([scale @ matrix / 255, (scale @ offset + shift)[:, None]], axis=1)
            out[i] = cv2.transform(crop.astype(np.float32), affine).transpose(2, 0, 1)
        return augment.cutout(out, draws, self.cut) if draws is not None and self.cut else out
