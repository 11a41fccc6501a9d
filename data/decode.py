"""Decoding: an image file of any mode becomes uint8 RGB (H, W, 3), or BadImage says in one line what is wrong.

Grey, palette, CMYK and 16-bit images are converted, transparent ones are laid over white, and the
EXIF orientation is applied. Records hold plain JPEGs, which OpenCV decodes faster (jpeg_to_rgb).
"""

import io
import logging
import math
from typing import Any, Sequence, Union

import numpy as np

from ..base.errors import UserError

NAMED = 20  # corrupt images that are named in the log; the others are counted

log = logging.getLogger(__name__)


class BadImage(UserError):
    """An image file that cannot be decoded."""


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

    values = np.asarray(image, np.float64)
    if image.mode == 'F':
        scale = 255.0 if np.nanmax(values) <= 1 else 1.0
    else:
        scale = 1 / 257.0
    return Image.fromarray(np.clip(np.nan_to_num(values) * scale + 0.5, 0, 255).astype(np.uint8))


def to_rgb(image: Any) -> np.ndarray:
    """Convert a PIL image of any mode to uint8 (H, W, 3)."""
    from PIL import Image, ImageOps

    image = ImageOps.exif_transpose(image)
    if image.mode in ('I', 'F') or image.mode.startswith('I;16'):
        image = _eight_bits(image)
    if image.mode in ('RGBA', 'LA', 'PA', 'RGBa', 'La') or 'transparency' in image.info:
        image = image.convert('RGBA')
        image = Image.alpha_composite(Image.new('RGBA', image.size, (255, 255, 255, 255)), image)
    return np.asarray(image if image.mode == 'RGB' else image.convert('RGB'))


def read_rgb(source: Union[str, bytes], name: str = '', short_side: int = 0) -> np.ndarray:
    """Decode an image file, given by its path or its bytes, to uint8 (H, W, 3).

    short_side: the pixels that the caller will shrink it to, 0 for none; a much larger JPEG is decoded at a
    fraction of its size. Raises BadImage with the name (default: the path) and the reason.
    """
    from PIL import Image, ImageFile

    name = name or str(source)
    # Importing gluoncv switches it on for the whole process, and half an image would pass.
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
            if short_side and image.format == 'JPEG':
                scale = 2.0 * short_side / min(image.size)
                if scale < 1:
                    image.draft(None, tuple(math.ceil(side * scale) for side in image.size))
            image.load()
            return to_rgb(image)
    except Exception as error:  # a damaged file can make decoders raise nearly anything
        raise BadImage(f'{name}: {_reason(error)}') from error


def jpeg_to_rgb(content: bytes, name: str) -> np.ndarray:
    """Decode a JPEG (or PNG) of three channels with OpenCV to uint8 (H, W, 3). Raises BadImage with the name."""
    import cv2

    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) if len(content) else None
    if image is None:
        raise BadImage(f'{name}: not an image')
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def resize_short(image: np.ndarray, size: int) -> np.ndarray:
    """Resize the shorter side to `size` pixels, keeping the aspect: uint8 (H, W, 3) in and out."""
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


def report_bad(errors: Sequence[str], total: int, max_bad: float, where: str) -> None:
    """Log corrupt images by name and count. Raises UserError if they are more than the share max_bad of `total`."""
    for error in errors[:NAMED]:
        log.warning('corrupt image skipped: %s', error)
    if len(errors) > NAMED:
        log.warning('and %d more', len(errors) - NAMED)
    if errors:
        log.warning('%s: %d of %d images are corrupt and skipped', where, len(errors), total)
    if len(errors) > max_bad * total:
        raise UserError(
            f'{where}: {len(errors)} of {total} images are corrupt, more than data.max_bad={max_bad:g} allows; '
            f'the first is {errors[0]}'
        )
