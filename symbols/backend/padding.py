"""Feature maps with channels of zeros behind a network's own, so that oneDNN's blocks of channels are full.

oneDNN lays out feature maps in blocks of 16 channels with AVX-512 and of 8 with AVX2. A width that does not fill them is computed channel
by channel, three to five times slower, and networks with blocks of both sizes reorder maps between them. Zeros behind a stage's
channels cost less, and change nothing: the weights that meet them are zero, batch norm's γ and β of them are zero, so what comes out is
zero again, and so is each gradient. A network's parameters have the shapes of its own widths; they are widened in the graph, and what is
added has no gradient. Only batch norm's running statistics, which MXNet writes in place, are as long as the maps are wide: what is
stored of them is cut (`stored`), and widened when it is read (`widened`).
"""

from __future__ import annotations

from typing import Any, Optional, Sequence, Tuple

import mxnet as mx
import numpy as np

from ...base import machine
from .types import Array, NDArray, Operators, Parameter

Values = Any  # np.ndarray
NARROW = 8  # up to so many channels a block of 8 is enough


class Width(int):
    """A number of channels, with the number that its feature maps have. Without `maps` they have as many."""

    maps: int

    def __new__(cls, channels: int, maps: Optional[int] = None) -> Width:
        made = super().__new__(cls, channels)
        made.maps = int(channels) if maps is None else maps
        if made.maps < channels:
            raise ValueError(f'maps: {maps} are fewer than {channels} channels')
        return made


def maps(channels: int) -> int:
    """Return how many channels the feature maps of a width have."""
    return getattr(channels, 'maps', channels)


def fullest(channels: int, block: Optional[int] = None) -> Width:
    """Return a width whose maps fill the blocks of a processor.

    block: channels that it computes side by side (default: this one's).
    """
    block = machine.width_multiple() if block is None else block
    if channels <= NARROW:
        block = min(block, NARROW)
    return Width(channels, -(-channels // block) * block)


def half(channels: int) -> Width:
    """Return half a width, with maps that are full if those of the whole are more than its channels."""
    return fullest(channels // 2) if maps(channels) != channels else Width(channels // 2)


def vector(F: Operators, values: Array, channels: int) -> Array:
    """Widen one value a channel, (channels,) → (maps,), with zeros."""
    more = maps(channels) - channels
    if not more:
        return values
    return F.reshape(_padded(F, F.reshape(values, shape=(1, 1, 1, -1)), 0, more), shape=(-1,))


def kernel(F: Operators, weight: Array, channels: int, channels_in: int, size: int = 1, count: int = 1) -> Array:
    """Widen the kernel of a convolution, (channels, count · channels in, size, size) → (maps, count · maps in, size, size), with zeros.

    count: feature maps that it reads, one behind the other.
    """
    more, more_in = maps(channels) - channels, maps(channels_in) - channels_in
    if not more and not more_in:
        return weight
    if more_in:
        weight = F.reshape(weight, shape=(1, channels * count, channels_in, size * size))
        weight = _padded(F, weight, more_in, 0)
    wide = count * maps(channels_in) * size * size
    if more:
        weight = _padded(F, F.reshape(weight, shape=(1, 1, channels, wide)), more, 0)
    return F.reshape(weight, shape=(maps(channels), count * maps(channels_in), size, size))


def cut(F: Operators, values: Array, channels: int) -> Array:
    """Cut what has a value a channel, (batch, maps) → (batch, channels)."""
    return values if maps(channels) == channels else F.slice_axis(values, axis=1, begin=0, end=int(channels))


def widest(widths: Sequence[int]) -> Tuple[int, ...]:
    """Return the channels of the maps of each stage."""
    return tuple(maps(width) for width in widths)


def _padded(F: Operators, array: Array, rows: int, columns: int) -> Array:
    return F.pad(array, mode='constant', constant_value=0, pad_width=(0, 0, 0, 0, 0, rows, 0, columns))


@mx.init.register
class OwnChannels(mx.init.Initializer):
    """Sets a network's own channels to a value and those beyond to zero, which they stay."""

    def __init__(self, channels: int, value: float) -> None:
        super().__init__(channels=channels, value=value)
        self._channels, self._value = channels, value

    def _init_weight(self, _: Any, array: NDArray) -> None:
        array[:] = 0
        array[: self._channels] = self._value


class Statistics(mx.gluon.Parameter):
    """A Parameter with a value for each channel of the maps, of which files hold those of its own channels.

    Gluon's saving and loading cut and widen it, and `set_data` takes arrays of either length; `data()` is as long as maps are wide.
    """

    own_channels: int

    def set_data(self, data: Any) -> None:
        """Set the values on all devices; those beyond what `data` (channels,) has are zero."""
        super().set_data(self._widened(data))

    def _reduce(self) -> NDArray:
        return super()._reduce()[: self.own_channels]

    def _load_init(self, data: NDArray, *args: Any, **options: Any) -> None:
        super()._load_init(self._widened(data), *args, **options)

    def _widened(self, data: Any) -> NDArray:
        data = data if isinstance(data, mx.nd.NDArray) else mx.nd.array(data, dtype=self.dtype)
        return mx.nd.array(widened(self, data.asnumpy()), dtype=data.dtype) if len(data) != self.shape[0] else data


def statistics(parameter: Parameter, channels: int) -> Parameter:
    """Make a Parameter that is as long as maps are wide one of which files hold `channels` values; returns it."""
    if maps(channels) != channels:
        parameter.__class__, parameter.own_channels = Statistics, int(channels)
    return parameter


def stored_shape(parameter: Parameter) -> Optional[Tuple[int, ...]]:
    """Return the shape that files hold of a Parameter; None where it is not known yet."""
    if isinstance(parameter, Statistics):
        return (parameter.own_channels,)
    return None if parameter.shape is None else tuple(parameter.shape)


def stored(parameter: Parameter, array: Values) -> Values:
    """Return what files hold of a Parameter's values."""
    return array[: parameter.own_channels] if isinstance(parameter, Statistics) else array


def widened(parameter: Parameter, array: Values) -> Values:
    """Return a Parameter's values from what files hold of them; what they do not hold is zero."""
    if not isinstance(parameter, Statistics) or len(array) != parameter.own_channels:
        return array
    return np.concatenate([array, np.zeros(parameter.shape[0] - len(array), array.dtype)])
