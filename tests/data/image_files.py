"""Writes image files of every kind, and trees of class folders, for tests."""

import struct
import zlib

import numpy as np
from PIL import Image


def picture(label, rng, height=40, width=50):
    """uint8 (height, width, 3): noise on a colour that tells the class."""
    colour = np.array([(label * 80) % 200, (label * 50 + 60) % 200, (label * 110 + 30) % 200])
    return (colour + rng.randint(0, 50, (height, width, 3))).astype(np.uint8)


def save(path, pixels, mode='RGB', **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).convert(mode).save(str(path), **options)


def tree(root, counts, suffix='.png', seed=0, sizes=((40, 50), (64, 33), (48, 48))):
    """root/<class>/<number><suffix>, counts[class] images each, of the given sizes in turn."""
    rng = np.random.RandomState(seed)
    for label, (name, count) in enumerate(counts.items()):
        for i in range(count):
            save(root / name / ('%03d%s' % (i, suffix)), picture(label, rng, *sizes[i % len(sizes)]))
    return root


def shapes(root, counts, size=24, seed=0, suffix='.png'):
    """root/<class>/<number><suffix>: discs, squares and crosses in turn of classes, light on dark, each of its own place and colours."""
    rng = np.random.RandomState(seed)
    y, x = np.mgrid[:size, :size]
    for label, (name, count) in enumerate(counts.items()):
        for i in range(count):
            radius = size * rng.uniform(0.2, 0.35)
            top, left = rng.uniform(radius, size - radius, 2)
            down, right = np.abs(y - top), np.abs(x - left)
            inside = (
                down**2 + right**2 < radius**2,
                np.maximum(down, right) < radius,
                np.minimum(down, right) < radius / 3,
            )
            colours = rng.randint(0, 100, 3), rng.randint(150, 256, 3)
            pixels = np.where(inside[label % 3][..., None], colours[1], colours[0]) + rng.randint(
                -10, 11, (size, size, 3)
            )
            save(root / name / f'{i:03d}{suffix}', np.clip(pixels, 0, 255).astype(np.uint8))
    return root


def chunk(kind, data):
    """A chunk of a PNG."""
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))


def png(width, height, bits=8, colour=0, rows=b'', *more):
    """A PNG whose header claims a size, whatever rows it has. more: chunks before the data."""
    header = chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, bits, colour, 0, 0, 0))
    return b'\x89PNG\r\n\x1a\n' + header + b''.join(more) + chunk(b'IDAT', zlib.compress(rows)) + chunk(b'IEND', b'')
