"""Odd image files: extreme shapes and sizes, broken EXIF, animations, pages, what is no regular file."""

import io
import os
import struct
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from dsonas.data import decode, registry
from dsonas.data.sources import folder

from .image_files import chunk, png

COLOUR = (200, 100, 40)


def encoded(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def claiming(kind, width, height):
    """A small file whose header claims width x height pixels."""
    small = bytearray(encoded(Image.new('RGB', (16, 16), COLOUR), kind))
    if kind == 'JPEG':
        at = small.index(b'\xff\xc0') + 5
        small[at : at + 4] = struct.pack('>HH', height, width)
    elif kind == 'BMP':
        small[18:26] = struct.pack('<ii', width, height)
    elif kind == 'GIF':
        small[6:10] = struct.pack('<HH', width, height)
    elif kind == 'PPM':
        return b'P6\n%d %d\n255\n' % (width, height) + bytes(100)
    elif kind == 'PNG':
        return png(width, height)
    return bytes(small)


@pytest.mark.parametrize('kind', ['PNG', 'JPEG', 'BMP', 'GIF', 'PPM'])
def test_too_many_pixels_by_the_header(kind):
    content = claiming(kind, 60000, 60000)
    start = time.process_time()
    with pytest.raises(decode.TooLarge) as info:
        decode.read_rgb(content, 'some.png')
    assert time.process_time() - start < 5 and '\n' not in str(info.value)
    assert str(info.value) == 'some.png: 60000 x 60000 pixels, more than 200,000,000'
    assert info.value.reason == 'too large'


def test_the_limit_is_the_callers():
    content = encoded(Image.new('RGB', (20, 10), COLOUR), 'png')
    assert decode.read_rgb(content, 'x', max_pixels=200).shape == (10, 20, 3)
    with pytest.raises(decode.TooLarge):
        decode.read_rgb(content, 'x', max_pixels=199)


def test_more_pixels_than_pillow_takes_are_read_if_they_may(monkeypatch):
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 10)
    assert decode.read_rgb(encoded(Image.new('RGB', (20, 10), COLOUR), 'png'), 'x').shape == (10, 20, 3)


@pytest.mark.parametrize('name', registry.DATASETS.names())
def test_prediction_answers_at_once(name, tmp_path):
    path = tmp_path / 'large.png'
    path.write_bytes(png(60000, 60000, rows=bytes(10**6)))
    with pytest.raises(decode.BadImage, match='large.png: 60000 x 60000 pixels'):
        registry.read_image(name, str(path), 32, (0.5,) * 3, (0.25,) * 3)


@pytest.mark.parametrize('size', [32, 224])
@pytest.mark.parametrize('shape', [(1, 6000), (6000, 1), (3, 2000), (2, 2)])
def test_extreme_shapes_stay_small(shape, size, tmp_path):
    path = str(tmp_path / 'x.png')
    Image.new('RGB', shape[::-1], COLOUR).save(path)
    pixels = folder.prepared(path, size)
    assert max(pixels.shape[:2]) <= decode.LONGEST * min(pixels.shape[:2]) and (pixels == COLOUR).all()
    for name in registry.DATASETS.names():
        assert registry.read_image(name, path, size, (0.5,) * 3, (0.25,) * 3).shape == (3, size, size)


def test_the_centre_of_a_long_image_is_kept():
    image = np.zeros((4, 1000, 3), np.uint8)
    image[:, 500 - 32 : 500 + 32] = 255
    assert decode.resize_short(image, 8).shape == (8, 128, 3) and decode.resize_short(image, 8).min() == 255
    usual = np.random.RandomState(0).randint(0, 255, (40, 600, 3), dtype=np.uint8)
    assert decode.resize_short(usual, 20).shape == (20, 300, 3)


@pytest.mark.parametrize('mode, kind', [('RGB', 'png'), ('L', 'png'), ('RGBA', 'png'), ('CMYK', 'tiff'), ('P', 'png')])
@pytest.mark.parametrize('turn', [1, 6])
def test_large_images_are_shrunk_before_they_are_converted(mode, kind, turn, monkeypatch):
    ramp = np.tile(np.linspace(0, 255, 320).astype(np.uint8), (160, 1))
    image = Image.merge('RGB', [Image.fromarray(ramp)] * 3)
    image = image.quantize(256) if mode == 'P' else image.convert(mode)
    exif = Image.Exif()
    exif[0x0112] = turn
    content = encoded(image, kind, exif=exif)
    whole = decode.resize_short(decode.read_rgb(content, 'x', 20), 20)
    monkeypatch.setattr(decode, 'LARGE', 10000)
    read = decode.read_rgb(content, 'x', 20)
    assert mode == 'P' or max(read.shape) == 80
    small = decode.resize_short(read, 20)
    assert small.shape == whole.shape == ((20, 40, 3) if turn == 1 else (40, 20, 3))
    assert np.abs(small.astype(int) - whole).max() <= 3
    assert decode.read_rgb(content, 'x').shape[:2] in ((160, 320), (320, 160))


def test_threads_decode_so_many_pixels_at_a_time(monkeypatch):
    content = encoded(Image.new('RGB', (20, 10), COLOUR), 'png')
    monkeypatch.setattr(decode, 'AT_ONCE', 450)  # two of them
    seen, to_rgb = [], decode.to_rgb
    monkeypatch.setattr(
        decode, 'to_rgb', lambda image: (seen.append(decode._pixels), time.sleep(0.002), to_rgb(image))[2]
    )
    with ThreadPoolExecutor(6) as pool:
        assert all(pixels.shape == (10, 20, 3) for pixels in pool.map(decode.read_rgb, [content] * 30))
        with pytest.raises(decode.BadImage):
            decode.read_rgb(content[:50], 'x')
        monkeypatch.setattr(decode, 'AT_ONCE', 10)  # an image of more is decoded alone
        assert all(pixels.shape == (10, 20, 3) for pixels in pool.map(decode.read_rgb, [content] * 6))
    assert set(seen[:30]) <= {200, 400} and seen[30:] == [200] * 6 and decode._pixels == 0


@pytest.mark.parametrize(
    'exif',
    [
        b'Exif\0\0',
        b'Exif\0\0garbage',
        b'Exif\0\0II*\0\xff\xff\xff\xff',
        b'Exif\0\0MM\0*\0\0\0\x08\xff\xff' + bytes(range(60)),
    ],
)
def test_broken_exif_is_ignored(exif):
    image = Image.new('RGB', (20, 10), COLOUR)
    for content in (encoded(image, 'jpeg', exif=exif), encoded(image, 'webp', exif=exif)):
        assert decode.read_rgb(content, 'x').shape == (10, 20, 3)
    rows = b''.join(b'\0' + bytes(COLOUR) * 20 for _ in range(10))
    content = png(20, 10, 8, 2, rows, chunk(b'eXIf', exif[6:]))
    assert (decode.read_rgb(content, 'x') == COLOUR).all()


@pytest.mark.parametrize('value', [0, 9, 255])
def test_an_orientation_that_is_none_is_upright(value):
    exif = Image.Exif()
    exif[0x0112] = value
    assert decode.read_rgb(encoded(Image.new('RGB', (20, 10)), 'jpeg', exif=exif), 'x').shape == (10, 20, 3)


def test_orientation_counts_though_other_entries_are_broken():
    # two entries: the orientation, 6, and a text that lies beyond the end
    entries = struct.pack('<H', 2) + struct.pack('<HHIHH', 0x0112, 3, 1, 6, 0)
    entries += struct.pack('<HHII', 0x010E, 2, 500, 100000) + struct.pack('<I', 0)
    exif = b'Exif\0\0II*\0\x08\0\0\0' + entries
    assert decode.read_rgb(encoded(Image.new('RGB', (20, 10)), 'jpeg', exif=exif), 'x').shape == (20, 10, 3)


@pytest.mark.parametrize('turn', range(1, 9))
def test_every_orientation(turn):
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = turn
    pixels = np.random.RandomState(0).randint(0, 255, (6, 9, 3), dtype=np.uint8)
    content = encoded(Image.fromarray(pixels), 'png', exif=exif)
    wanted = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(content))))
    assert np.array_equal(decode.read_rgb(content, 'x'), wanted)


@pytest.mark.parametrize('kind', ['gif', 'webp', 'png', 'tiff', 'mpo'])
def test_the_first_image_of_several(kind):
    images = [Image.new('RGB', (20, 10), colour) for colour in (COLOUR, (0, 0, 255), (255, 255, 255))]
    options = {'lossless': True} if kind == 'webp' else {}
    content = encoded(images[0], kind, save_all=True, append_images=images[1:], **options)
    with Image.open(io.BytesIO(content)) as image:
        assert image.n_frames == 3
    pixels = decode.read_rgb(content, 'x')
    assert pixels.shape == (10, 20, 3) and np.abs(pixels.astype(int) - COLOUR).max() <= 6


@pytest.mark.parametrize('order', ['<', '>'])
def test_sixteen_bits_of_either_order(order):
    values = np.linspace(0, 65535, 200).astype(np.uint16).reshape(10, 20)
    image = Image.frombytes('I;16' if order == '<' else 'I;16B', (20, 10), values.astype(order + 'u2').tobytes())
    pixels = decode.read_rgb(encoded(image, 'tiff'), 'x')
    assert np.abs(pixels.astype(float) - (values / 257.0)[..., None]).max() <= 1


def test_sixteen_bits_in_parts(monkeypatch):
    values = np.random.RandomState(0).randint(0, 65536, (37, 20)).astype(np.uint16)
    content = encoded(Image.fromarray(values), 'png')
    whole = decode.read_rgb(content, 'x')
    monkeypatch.setattr(decode, 'LARGE', 100)
    assert np.array_equal(decode.read_rgb(content, 'x'), whole)


def test_grey_of_sixteen_bits_with_transparency():
    rows = b''.join(b'\0' + struct.pack('>HH', 128 * 257, 65535) * 5 for _ in range(4))
    assert (decode.read_rgb(png(5, 4, 16, 4, rows), 'x') == 128).all()


def test_palette_with_half_transparency():
    image = Image.new('P', (4, 4), 1)
    image.putpalette([0, 0, 0, *COLOUR])
    pixels = decode.read_rgb(encoded(image, 'png', transparency=bytes([0, 128])), 'x')
    assert np.abs(pixels.astype(int) - (np.array(COLOUR) + 255) / 2).max() <= 2


def test_cmyk_as_photo_programs_write_it():
    image = Image.new('RGB', (20, 10), COLOUR).convert('CMYK')
    pixels = decode.read_rgb(encoded(image, 'jpeg', quality=95), 'x')
    assert np.abs(pixels.astype(int) - COLOUR).max() <= 6


@pytest.mark.parametrize('kind', ['EPS', 'ICO', 'PDF'])
def test_documents_and_containers_are_not_opened(kind):
    with pytest.raises(decode.BadImage, match='not an image of a known kind'):
        decode.read_rgb(encoded(Image.new('RGB', (32, 32), COLOUR), kind), 'x')


def test_what_is_no_regular_file_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / 'pipe.png')
    (tmp_path / 'empty.png').write_bytes(b'')
    os.symlink('nowhere', tmp_path / 'dead.png')
    for name, reason, words in (
        ('pipe.png', 'not a regular file', 'not a regular file'),
        ('', 'not a regular file', 'not a regular file'),
        ('empty.png', 'empty', 'empty file'),
        ('dead.png', 'not readable', 'No such file or directory'),
        ('none.png', 'not readable', 'No such file or directory'),
    ):
        with pytest.raises(decode.BadImage, match=words) as info:
            decode.read_rgb(str(tmp_path / name))
        assert info.value.reason == reason and str(info.value).startswith(str(tmp_path / name).rstrip(os.sep))
    for name in registry.DATASETS.names():
        with pytest.raises(decode.BadImage, match='not a regular file'):
            registry.read_image(name, str(tmp_path / 'pipe.png'), 32, (0.5,) * 3, (0.25,) * 3)


def test_faults_in_metadata_are_silent(recwarn):
    decode._formats.cache_clear()  # as in a new process: pytest has put its own filters of warnings in place
    image = Image.new('RGB', (20, 10), COLOUR)
    decode.read_rgb(encoded(image, 'jpeg', exif=b'Exif\0\0II*\0\x08\0\0\0\x01\0' + bytes(4)), 'x')
    assert not recwarn.list
