"""Every mode of image becomes uint8 RGB of the right colours; a damaged file is BadImage in one line."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile

from dsonas.data import decode

COLOUR = (200, 100, 40)
GREY = 120  # about the luma of COLOUR


def encoded(image, suffix, **options):
    out = io.BytesIO()
    image.save(out, suffix, **options)
    return out.getvalue()


def flat(mode):
    image = Image.new('RGB', (20, 10), COLOUR)
    return image.quantize(4) if mode == 'P' else image.convert(mode)


@pytest.mark.parametrize(
    'mode, kind, want',
    [
        ('RGB', 'png', COLOUR),
        ('RGB', 'jpeg', COLOUR),
        ('RGB', 'bmp', COLOUR),
        ('RGB', 'webp', COLOUR),
        ('RGB', 'tiff', COLOUR),
        ('L', 'png', (GREY + 4,) * 3),
        ('L', 'jpeg', (GREY + 4,) * 3),
        ('1', 'png', None),
        ('P', 'png', COLOUR),
        ('P', 'gif', COLOUR),
        ('CMYK', 'jpeg', COLOUR),
        ('CMYK', 'tiff', COLOUR),
        ('RGBA', 'png', COLOUR),
        ('LA', 'png', (GREY + 4,) * 3),
    ],
)
def test_modes(mode, kind, want):
    pixels = decode.read_rgb(encoded(flat(mode), kind), 'x')
    assert pixels.shape == (10, 20, 3) and pixels.dtype == np.uint8
    if want:
        assert np.abs(pixels.astype(int) - want).max() <= 6
    else:
        assert set(np.unique(pixels)) <= {0, 255}


def test_sixteen_bits():
    values = np.linspace(0, 65535, 200).astype(np.uint16).reshape(10, 20)
    for kind in ('png', 'tiff'):
        pixels = decode.read_rgb(encoded(Image.fromarray(values), kind), 'x')
        assert np.abs(pixels.astype(float) - (values / 257.0)[..., None]).max() <= 1


def test_sixteen_bit_colour():
    rows = b''.join(b'\0' + struct.pack('>HHH', 200 * 257, 100 * 257, 40 * 257) * 5 for _ in range(4))

    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))

    png = (
        b'\x89PNG\r\n\x1a\n'
        + chunk(b'IHDR', struct.pack('>IIBBBBB', 5, 4, 16, 2, 0, 0, 0))
        + chunk(b'IDAT', zlib.compress(rows))
        + chunk(b'IEND', b'')
    )
    assert (decode.read_rgb(png, 'x') == COLOUR).all()


def test_floats():
    for values in (np.full((4, 5), 0.5, np.float32), np.full((4, 5), 127.5, np.float32)):
        assert (decode.read_rgb(encoded(Image.fromarray(values), 'tiff'), 'x') == 128).all()


def test_transparent_pixels_lie_over_white():
    image = Image.new('RGBA', (4, 1), COLOUR + (255,))
    image.putpixel((0, 0), (0, 0, 0, 0))
    image.putpixel((1, 0), (0, 0, 0, 128))
    pixels = decode.read_rgb(encoded(image, 'png'), 'x')
    assert (
        (pixels[0, 0] == 255).all()
        and np.abs(pixels[0, 1].astype(int) - 127).max() <= 1
        and (pixels[0, 2] == COLOUR).all()
    )
    palette = Image.new('P', (4, 4), 1)
    palette.putpalette([0, 0, 0, 200, 100, 40])
    palette.putpixel((0, 0), 0)
    pixels = decode.read_rgb(encoded(palette, 'png', transparency=0), 'x')
    assert (pixels[0, 0] == 255).all() and (pixels[1, 1] == COLOUR).all()


def test_orientation_is_carried_out():
    image = Image.new('RGB', (20, 10), (0, 0, 0))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    assert decode.read_rgb(encoded(image, 'jpeg', exif=exif), 'x').shape == (20, 10, 3)


def test_large_jpegs_are_decoded_small():
    image = Image.fromarray(np.tile(np.linspace(0, 255, 1600).astype(np.uint8), (1200, 1))).convert('RGB')
    pixels = decode.read_rgb(encoded(image, 'jpeg'), 'x', short_side=100)
    assert 200 <= pixels.shape[0] < 1200
    whole = decode.resize_short(decode.read_rgb(encoded(image, 'jpeg'), 'x'), 100)
    assert np.abs(decode.resize_short(pixels, 100).astype(int) - whole).max() <= 8


JPEG = encoded(Image.fromarray(np.random.RandomState(0).randint(0, 255, (60, 80, 3)).astype(np.uint8)), 'jpeg')
PNG = encoded(Image.fromarray(np.random.RandomState(0).randint(0, 255, (60, 80, 3)).astype(np.uint8)), 'png')


@pytest.mark.parametrize(
    'content',
    [
        b'',
        b'hello',
        JPEG[: len(JPEG) // 2],
        PNG[: len(PNG) // 2],
        JPEG[:2],
        PNG[:100] + b'\0' * 50 + PNG[150:],
        b'\0' * 5000,
    ],
)
def test_damaged(content, one_line):
    with pytest.raises(decode.BadImage) as info:
        decode.read_rgb(content, 'some/name.jpg')
    assert one_line(info).startswith('some/name.jpg: ')


def test_half_an_image_is_damaged_whatever_another_library_wants(monkeypatch):
    monkeypatch.setattr(ImageFile, 'LOAD_TRUNCATED_IMAGES', True)
    noise = Image.fromarray(np.random.RandomState(0).randint(0, 255, (64, 64, 3), dtype=np.uint8))
    content = encoded(noise, 'jpeg')
    with pytest.raises(decode.BadImage, match='^half: '):
        decode.read_rgb(content[: len(content) // 2], 'half')


def test_opencv_path_agrees():
    assert np.abs(decode.jpeg_to_rgb(JPEG, 'x').astype(int) - decode.read_rgb(JPEG, 'x')).max() <= 3
    for content in (b'', b'hello'):
        with pytest.raises(decode.BadImage, match='name'):
            decode.jpeg_to_rgb(content, 'name')


@pytest.mark.parametrize('shape', [(40, 90), (90, 40), (5, 3), (1, 500), (64, 64)])
def test_resize_short_and_centre(shape):
    image = np.random.RandomState(1).randint(0, 255, shape + (3,)).astype(np.uint8)
    out = decode.resize_short(image, 32)
    aspect = min(max(shape) / min(shape), decode.LONGEST)
    assert min(out.shape[:2]) == 32 and abs(max(out.shape[:2]) - 32 * aspect) <= 1
    assert decode.centre(out, 32).shape == (32, 32, 3)
