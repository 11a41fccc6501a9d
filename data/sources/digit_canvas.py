"""Digits on a canvas, harder than they were written: turned, scaled, with fragments of other digits beside them.

What `Hardness` asks for is drawn once, when the data set is made, for training and test images alike; fragments on test images are of
test digits, on training images of training digits. Cluttered digits are those of Mnih et al., Recurrent Models of Visual Attention.
Coordinates are rounded to whole numbers of 1/256 pixel before pixels are looked up, so that every machine makes the same bytes.
"""

import dataclasses
from typing import Dict, Tuple

import numpy as np

from ...base.errors import UserError

SIZE, DIGIT = 32, 28  # pixels of an image, and of a digit's frame
INK = 20  # pixels: the box within the frame that a digit fills
SMALLEST, LARGEST = 0.3, 1.6  # of a scale; the largest fills the image
MOST_TURN = 90  # degrees: a 6 and a 9 that are turned by more may be alike
MOST_CLUTTER = 16
FRAGMENT = 9  # pixels, the side of a fragment
FIXED = 1 << 8  # parts of a pixel
SEED = 20181106
AT_ONCE = 1000  # digits


@dataclasses.dataclass(frozen=True)
class Hardness:
    """rotate: digits are turned by up to so many degrees either way. scale: (least, most) of their size, () as they are.
    clutter: fragments of other digits in each image.

    Raises UserError for a scale that is no range.
    """

    rotate: float = 0.0
    scale: Tuple[float, ...] = ()
    clutter: int = 0

    def __post_init__(self) -> None:
        if self.scale and (len(self.scale) != 2 or self.scale[0] > self.scale[1]):
            shown = ','.join(f'{value:g}' for value in self.scale)
            raise UserError(
                f'data.scale=[{shown}]: expected the least and the most, from {SMALLEST:g} to {LARGEST:g}, such as [0.6,1.2]'
            )

    def __bool__(self) -> bool:
        return bool(self.rotate or self.clutter or self.scale not in ((), (1.0, 1.0)))

    @property
    def sentence(self) -> str:
        """What was asked for, as a sentence."""
        parts = []
        if self.rotate:
            parts.append(f'turned by up to {self.rotate:g} degrees')
        if self.scale:
            parts.append(f'of {self.scale[0]:g} to {self.scale[1]:g} times their size')
        if self.clutter:
            parts.append(f'with {self.clutter} fragments of other digits in each image')
        return f'digits {", ".join(parts)}'

    @property
    def slug(self) -> str:
        """A name for files: 'rotate30.0-scale0.6-1.2-clutter3'."""
        parts = [f'rotate{self.rotate!r}'] if self.rotate else []  # in all digits: two values never share a file
        parts += [f'scale{self.scale[0]!r}-{self.scale[1]!r}'] if self.scale else []
        parts += [f'clutter{self.clutter}'] if self.clutter else []
        return '-'.join(parts)


def placed(digits: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Put digits on canvases as they are: int16 (n, 32, 32). digits: uint8 (n, 28, 28). offsets: int (n, 2), top and left."""
    canvases = np.zeros((len(digits), SIZE, SIZE), np.int16)
    for canvas, digit, (y, x) in zip(canvases, digits, offsets):
        canvas[y : y + DIGIT, x : x + DIGIT] = digit
    return canvases


def harder(pool: np.ndarray, chosen: np.ndarray, half: str, hardness: Hardness) -> np.ndarray:
    """Put digits on canvases as `hardness` asks for: int16 (n, 32, 32).

    pool: uint8 (m, 28, 28), all digits of this half of the data set; chosen: int (n,), which of them each image shows.
    half: 'train' or 'test', of which the random numbers are a function, with what is drawn by them.
    """
    canvases = drawn(pool[chosen], _draws(half, 'digit', len(chosen)), hardness)
    for number in range(hardness.clutter):
        draws = _draws(half, f'clutter {number}', len(chosen))
        others = (chosen + 1 + (draws['other'] * (len(pool) - 1)).astype(int)) % len(pool)
        squares = fragments(pool[others], draws, hardness)
        places = (np.stack([draws['top'], draws['left']], axis=1) * (SIZE - FRAGMENT + 1)).astype(int)
        for canvas, square, (y, x) in zip(canvases, squares, places):
            region = canvas[y : y + FRAGMENT, x : x + FRAGMENT]
            np.maximum(region, square, out=region)
    return canvases


def drawn(digits: np.ndarray, draws: Dict[str, np.ndarray], hardness: Hardness) -> np.ndarray:
    """Turn, scale and place digits: int16 (n, 32, 32). draws: {'turn', 'scale', 'y', 'x'}, uniforms (n,) each."""
    scale, angle = _transforms(draws, hardness)
    corner = np.stack([_corner(scale, draws['y']), _corner(scale, draws['x'])], axis=1)
    centre = np.full((len(digits), 2), DIGIT / 2)
    return _looked_up(digits, SIZE, corner + scale[:, None] * centre, centre, scale, angle)


def fragments(digits: np.ndarray, draws: Dict[str, np.ndarray], hardness: Hardness) -> np.ndarray:
    """Cut squares around points of ink out of digits, turned and scaled: int16 (n, FRAGMENT, FRAGMENT).

    draws: {'turn', 'scale', 'point'}, uniforms (n,) each.
    """
    points = np.full((len(digits), 2), DIGIT / 2)
    for point, digit, draw in zip(points, digits, draws['point']):
        ink = np.flatnonzero(digit > 127)
        if len(ink):
            point[:] = np.add(divmod(int(ink[int(draw * len(ink))]), DIGIT), 0.5)
    return _looked_up(digits, FRAGMENT, np.full_like(points, FRAGMENT / 2), points, *_transforms(draws, hardness))


def _transforms(draws: Dict[str, np.ndarray], hardness: Hardness) -> Tuple[np.ndarray, np.ndarray]:
    """Return (scales, angles in radians), (n,) each."""
    low, high = hardness.scale or (1.0, 1.0)
    return low + (high - low) * draws['scale'], np.deg2rad(hardness.rotate) * (2 * draws['turn'] - 1)


def _corner(scale: np.ndarray, draw: np.ndarray) -> np.ndarray:
    """Return where a scaled frame begins, in pixels: within the image, or where it is larger, with the ink in the image."""
    room, margin = SIZE - DIGIT * scale, (DIGIT - INK) / 2 * scale
    low = np.maximum(np.minimum(room, 0), -margin)
    high = np.minimum(np.maximum(room, 0), SIZE - INK * scale - margin)
    return low + (high - low) * draw


def _looked_up(
    digits: np.ndarray, size: int, there: np.ndarray, here: np.ndarray, scale: np.ndarray, angle: np.ndarray
) -> np.ndarray:
    """Look up each pixel of a turned and scaled picture in its digit: int16 (n, size, size).

    there, here: a point (n, 2) of the picture, and which of the digit lies on it, pixels. A pixel is the mean over 2×2 points, each
    interpolated between four pixels.
    """
    pictures = np.empty((len(digits), size, size), np.int16)
    for begin in range(0, len(digits), AT_ONCE):
        part = slice(begin, begin + AT_ONCE)
        total = np.zeros((len(digits[part]), size * size), np.int32)
        sine, cosine = (function(angle[part])[:, None] / scale[part][:, None] for function in (np.sin, np.cos))
        for dy, dx in ((0.25, 0.25), (0.25, 0.75), (0.75, 0.25), (0.75, 0.75)):
            grid = np.indices((size, size)).reshape(2, 1, -1)
            y, x = grid[0] + dy - there[part, :1], grid[1] + dx - there[part, 1:]
            rows, columns = cosine * y - sine * x + here[part, :1], sine * y + cosine * x + here[part, 1:]
            total += _interpolated(
                digits[part], *(np.round((at - 0.5) * FIXED).astype(np.int32) for at in (rows, columns))
            )
        pictures[part] = ((total + 2 * FIXED**2) // (4 * FIXED**2)).reshape(-1, size, size)
    return pictures


def _interpolated(digits: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Interpolate digits at points in 1/256 pixel, (n, p): int32 (n, p), 256 × 256 times the pixel. Beyond the frame is no ink."""
    side = DIGIT + 4
    padded = np.zeros((len(digits), side, side), np.int32)
    padded[:, 2:-2, 2:-2] = digits
    row, column = (np.clip((at // FIXED) + 2, 0, DIGIT + 2) for at in (y, x))
    flat = (np.arange(len(digits), dtype=np.int32)[:, None] * side + row) * side + column
    down, right = y % FIXED, x % FIXED

    def pixel(offset: int) -> np.ndarray:
        return padded.reshape(-1).take(flat + offset)

    upper = pixel(0) * (FIXED - right) + pixel(1) * right
    lower = pixel(side) * (FIXED - right) + pixel(side + 1) * right
    return upper * (FIXED - down) + lower * down


def _draws(half: str, purpose: str, count: int) -> Dict[str, np.ndarray]:
    """Draw uniforms (count,) for each use, each from a stream of its own: what one option draws does not move another's."""
    names = ('turn', 'scale', 'y', 'x', 'other', 'point', 'top', 'left')
    words = (half, purpose)
    key = [SEED, *(byte for word in words for byte in word.encode('ascii'))]
    return {
        name: np.random.RandomState([*key, number]).random_sample(count)  # its streams are the same in every numpy
        for number, name in enumerate(names)
    }
