"""Decoding: an image file of any mode becomes uint8 RGB (H, W, 3), or BadImage says in one line what is wrong.

Grey, palette, CMYK and 16-bit images are converted, transparent ones are laid over white, and the
EXIF orientation is applied, if it can be read. Of animations and files of several pages it is the first
image. Pixels are counted from the file's header, before anything is decoded. Records hold plain JPEGs,
which OpenCV decodes faster (jpeg_to_rgb).
"""

import contextlib
import functools
import io
import logging
import math
import os
import stat
import threading
import warnings
from typing import IO, Any, Iterator, List, Sequence, Union

import numpy as np

from ..base.errors import UserError
from . import heads

NAMED = 20  # corrupt images that are named in the log; the others are counted
MAX_PIXELS = 200_000_000  # what the largest cameras of phones take
LARGE = 50_000_000  # pixels; larger ones are shrunk before they are converted
AT_ONCE = 100_000_000  # pixels that threads decode at a time, at about 10 bytes each; a larger image alone
LONGEST = 16  # times the short side: what lies beyond is cropped before an image is resized
# Without those that are programs (EPS), metafiles or containers whose header does not tell the size (ICO).
FORMATS = (
    *('JPEG', 'PNG', 'BMP', 'DIB', 'GIF', 'WEBP', 'TIFF', 'PPM', 'JPEG2000', 'AVIF'),
    *('TGA', 'PCX', 'SGI', 'QOI'),
)

TURNS = (0, 3, 1, 5, 4, 6, 2)  # by EXIF orientation from 2 on: the number of PIL's Transpose that turns it upright

Source = Union[str, bytes, IO[bytes]]

log = logging.getLogger(__name__)
_decoding = threading.Condition()
_pixels = 0  # that are being decoded, by all threads


class BadImage(UserError):
    """An image file that cannot be decoded. reason: why in a word or two, by which files are counted."""

    reason = 'damaged'


class TooLarge(BadImage):
    """An image of more pixels than are to be decoded."""

    reason = 'too large'


class Empty(BadImage):
    """An empty file."""

    reason = 'empty'


class Unreadable(BadImage):
    """A file that cannot be opened."""

    reason = 'not readable'


class Irregular(BadImage):
    """A folder, pipe, socket or device, which is never opened."""

    reason = 'not a regular file'


def opened(path: str) -> IO[bytes]:
    """Open a file that may be an image, for reading. Raises BadImage for one that is empty, unreadable or no regular file."""
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):  # to open a pipe would wait for who writes to it
            raise Irregular(f'{path}: not a regular file')
        if not status.st_size:
            raise Empty(f'{path}: empty file')
        return open(path, 'rb')
    except OSError as error:
        raise Unreadable(f'{path}: {error.strerror or error}') from error


def _reason(error: Exception) -> str:
    from PIL import UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):  # its text holds an address
        return 'not an image of a known kind'
    if isinstance(error, OSError) and error.strerror:
        return error.strerror  # without the path, which stands before it
    return ' '.join(str(error).split())[:200] or type(error).__name__


def _eight_bits(image: Any) -> Any:
    """Convert a grey PIL image of 16 or 32 bits, or of floats, to 8 bits.

    Integers are scaled from [0, 65535], floats from [0, 1], or from [0, 255] if one is above 1.
    """
    from PIL import Image

    values = np.asarray(image)
    scale = 1 / 257.0
    if image.mode == 'F':
        finite = values[~np.isnan(values)]
        scale = 255.0 if not len(finite) or finite.max() <= 1 else 1.0
    out = np.empty(values.shape, np.uint8)
    for rows in np.array_split(np.arange(len(values)), max(1, values.size // LARGE)):
        part = values[rows[0] : rows[-1] + 1].astype(np.float64)
        out[rows[0] : rows[-1] + 1] = np.clip(np.nan_to_num(part) * scale + 0.5, 0, 255).astype(np.uint8)
    return Image.fromarray(out)


def orientation(image: Any, otherwise: int = 1) -> int:
    """Return the EXIF orientation of a PIL image, 1 (upright) to 8; `otherwise` where there is one that cannot be read."""
    try:
        value = image.getexif().get(0x0112, 1)
        return int(value) if 1 <= value <= 8 else otherwise
    except Exception:  # EXIF is parsed in Python, and a damaged one makes it raise nearly anything
        return otherwise


def to_rgb(image: Any) -> np.ndarray:
    """Convert a PIL image of any mode to uint8 (H, W, 3), turned upright."""
    from PIL import Image

    turn = orientation(image)
    if image.mode in ('I', 'F') or image.mode.startswith('I;16'):
        image = _eight_bits(image)
    if image.mode in ('RGBA', 'LA', 'PA', 'RGBa', 'La') or 'transparency' in image.info:
        image = image.convert('RGBA')
        image = Image.alpha_composite(Image.new('RGBA', image.size, (255, 255, 255, 255)), image)
    if turn > 1:
        image = image.transpose(TURNS[turn - 2])
    return np.asarray(image if image.mode == 'RGB' else image.convert('RGB'))


@functools.lru_cache(maxsize=None)
def _formats() -> List[str]:
    """Prepare Pillow, once: list those of FORMATS that it can read, and have it be silent about faults in metadata."""
    from PIL import Image

    warnings.filterwarnings('ignore', module=r'PIL\.')
    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def read_rgb(source: Source, name: str = '', short_side: int = 0, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Decode an image file, given by its path, its bytes or as an open file, to uint8 (H, W, 3).

    short_side: the pixels that the caller will shrink it to, 0 for none; a much larger JPEG, or image of more than
    LARGE pixels, is then given at a fraction of its size. Raises BadImage with the name (default: the path) and the
    reason; TooLarge, one of them, for an image of more than max_pixels.
    """
    from PIL import Image, ImageFile

    name = name or str(source)
    formats = _formats()
    # Importing gluoncv switches it on for the whole process, and half an image would pass.
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    Image.MAX_IMAGE_PIXELS = None  # the limit is below
    if isinstance(source, str):
        with opened(source) as stream:
            return read_rgb(stream, name, short_side, max_pixels)
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=formats) as image:
            width, height = image.size
            if width * height > max_pixels:
                raise TooLarge(f'{name}: {width} x {height} pixels, more than {max_pixels:,}')
            if short_side and image.format == 'JPEG':
                scale = 2.0 * short_side / min(image.size)
                if scale < 1:
                    image.draft(None, tuple(math.ceil(side * scale) for side in image.size))
            pixels = image.size[0] * image.size[1]
            with _room(pixels):
                image.load()
                return to_rgb(_reduced(image, short_side) if pixels > LARGE else image)
    except BadImage:
        raise
    except Exception as error:  # a damaged file can make decoders raise nearly anything
        raise BadImage(f'{name}: {heads.really(source) or _reason(error)}') from error


@contextlib.contextmanager
def _room(pixels: int) -> Iterator[None]:
    """Wait until so many pixels may be decoded beside what other threads decode."""
    global _pixels
    with _decoding:
        _decoding.wait_for(lambda: not _pixels or _pixels + pixels <= AT_ONCE)
        _pixels += pixels
    try:
        yield
    finally:
        with _decoding:
            _pixels -= pixels
            _decoding.notify_all()


def _reduced(image: Any, short_side: int) -> Any:
    """Shrink a large PIL image by a whole factor, to twice short_side (0: not at all) or more."""
    factor = min(image.size) // (2 * short_side) if short_side else 1
    if factor < 2 or image.mode not in ('L', 'RGB', 'RGBA', 'LA', 'CMYK', 'I', 'F') or 'transparency' in image.info:
        return image
    turned = image.getexif() if orientation(image) > 1 else None
    small = image.reduce(factor)
    if turned is not None:
        small.getexif()[0x0112] = turned[0x0112]
    return small


def jpeg_to_rgb(content: bytes, name: str) -> np.ndarray:
    """Decode a JPEG (or PNG) of three channels with OpenCV to uint8 (H, W, 3). Raises BadImage with the name."""
    import cv2

    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) if len(content) else None
    if image is None:
        raise BadImage(f'{name}: not an image')
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def resize_short(image: np.ndarray, size: int) -> np.ndarray:
    """Resize the shorter side to `size` pixels, keeping the aspect: uint8 (H, W, 3) in and out.

    Of an image that is more than LONGEST times as long as it is wide, the centre of that shape.
    """
    height, width = image.shape[:2]
    longest = LONGEST * min(height, width)
    if max(height, width) > longest:
        top, left = max(0, height - longest) // 2, max(0, width - longest) // 2
        image = image[top : top + longest, left : left + longest]
        height, width = image.shape[:2]
    scale = size / min(height, width)
    if scale == 1:
        return image
    return resize(image, max(size, int(round(height * scale))), max(size, int(round(width * scale))))


def resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize uint8 (H, W, 3) to height x width.

    Downscaling to half the size or less averages areas (in OpenCV ten times slower than linear), other
    downscaling is linear, upscaling cubic.
    """
    import cv2

    scale = min(height / image.shape[0], width / image.shape[1])
    how = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_LINEAR if scale > 0.5 else cv2.INTER_AREA
    return cv2.resize(image, (width, height), interpolation=how)


def centre(image: np.ndarray, size: int) -> np.ndarray:
    """Crop the central size x size pixels of (H, W, 3)."""
    top, left = (image.shape[0] - size) // 2, (image.shape[1] - size) // 2
    return image[top : top + size, left : left + size]


def check_bad(errors: Sequence[str], total: int, max_bad: float, where: str) -> None:
    """Raise UserError if there are more corrupt images than the share max_bad of `total`."""
    if len(errors) > max_bad * total:
        raise UserError(
            f'{where}: {len(errors)} of {total} images are corrupt, more than data.max_bad={max_bad:g} allows; '
            f'the first is {errors[0]}'
        )


def report_bad(errors: Sequence[str], total: int, max_bad: float, where: str) -> None:
    """Log corrupt images by name and count. Raises UserError as check_bad."""
    for error in errors[:NAMED]:
        log.warning('corrupt image skipped: %s', error)
    if len(errors) > NAMED:
        log.warning('and %d more', len(errors) - NAMED)
    if errors:
        log.warning('%s: %d of %d images are corrupt and skipped', where, len(errors), total)
    check_bad(errors, total, max_bad, where)
