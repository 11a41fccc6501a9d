"""λ over time as a heat map: a small picture with a pixel for each edge and epoch, whose colours a page can turn back into values.

Colours follow the square root of |λ|, so that small λ differ; zero is pale and large is dark, on a screen and in print.
"""

import base64
import io
from typing import Any, Protocol, Sequence, Tuple

import matplotlib
import numpy as np
from PIL import Image


class History(Protocol):
    """λ over time. values, pruned: (epochs, λ)."""

    @property
    def values(self) -> np.ndarray: ...

    @property
    def pruned(self) -> np.ndarray: ...


STEPS = 240  # shades, all different; two more colours stand for λ = 0 and for what is pruned for good
ZERO, PRUNED = (226, 226, 226), (247, 247, 247)
PALEST = 0.14  # of a colour map: where λ > 0 begin, so that they differ from zero


def shades(signed: bool) -> np.ndarray:
    """(STEPS, 3) uint8: light for small λ to dark for large ones; from red over white to blue where λ may be negative."""
    where = np.linspace(0 if signed else PALEST, 1, STEPS)
    colours = matplotlib.colormaps['RdBu' if signed else 'YlGnBu'](where)[:, :3]
    taken, distinct = {ZERO, PRUNED}, []
    for red, green, blue in (255 * colours + 0.5).astype(int).tolist():
        while (red, green, blue) in taken:  # a page reads values back from colours
            blue = blue + 1 if blue < 255 else 0
        taken.add((red, green, blue))
        distinct.append((red, green, blue))
    return np.array(distinct, np.uint8)


def indices(values: np.ndarray, pruned: np.ndarray, low: float, high: float) -> np.ndarray:
    """Which colour each λ has: 0 to STEPS - 1 from `low` to `high`, STEPS for exactly 0, STEPS + 1 for pruned. Shapes (E, n)."""
    low, high, values = rooted(low), rooted(high), rooted(values)
    span = (high - low) or 1.0
    found = np.clip(np.round((values - low) / span * (STEPS - 1)), 0, STEPS - 1).astype(np.uint8)
    found[values == 0] = STEPS
    found[pruned] = STEPS + 1
    return found


def rooted(values: Any) -> Any:
    """The square root of |λ| with the sign of λ, which the shades are spaced by."""
    return np.sign(values) * np.sqrt(np.abs(values))


def limits(gates: History) -> Tuple[float, float]:
    """(least, largest) λ that the colours span: from 0, or symmetric where λ are negative."""
    values = np.where(gates.pruned, 0, gates.values)
    top = float(np.abs(values).max()) or 1.0
    return (-top, top) if values.min() < 0 else (0.0, top)


def picture(gates: History, columns: Sequence[int], low: float, high: float) -> bytes:
    """PNG bytes: a row of pixels for each λ in `columns`, a column for each epoch."""
    image = Image.fromarray(
        np.ascontiguousarray(indices(gates.values[:, columns], gates.pruned[:, columns], low, high).T), 'P'
    )
    image.putpalette(np.concatenate([shades(low < 0).ravel(), ZERO, PRUNED]).astype(np.uint8).tobytes())
    return png(image)


def png(image: Image.Image) -> bytes:
    """A Pillow image as PNG bytes."""
    stream = io.BytesIO()
    image.save(stream, 'PNG', optimize=True)
    return stream.getvalue()


def data_uri(content: bytes) -> str:
    """PNG bytes as what an <img> can hold in itself."""
    return 'data:image/png;base64,' + base64.b64encode(content).decode('ascii')
