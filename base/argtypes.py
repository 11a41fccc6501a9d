"""Numbers as people write them, read strictly; and the `type=` of flags that take them.

A number is written in ASCII digits: 3, -1, 0.5, 1e-4. Refused are inf and nan, what overflows to them (1e400), digits of other
scripts (², ٣), 1_000, an empty text, and numbers of more than DIGITS characters.

    add(flag, type=argtypes.whole(1, limits.BATCH))
    add(flag, type=argtypes.SHARE)

A type raises argparse.ArgumentTypeError, which argparse reports in one line with the flag's name and exit status 2.
"""

from __future__ import annotations

import argparse
import math
import re
from typing import Callable, Optional, Tuple

from . import limits
from .text import shown

DIGITS = 100  # characters of a number

_NUMBER = re.compile(r'[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?')
_WHOLE = re.compile(r'[-+]?[0-9]+')

Whole = Callable[[str], int]
Number = Callable[[str], float]
Wholes = Callable[[str], Tuple[int, ...]]


def parse_number(text: str) -> float:
    """Read a finite number. Raises ValueError."""
    text = text.strip()
    if len(text) > DIGITS or not _NUMBER.fullmatch(text) or not math.isfinite(float(text)):
        raise ValueError(f'{shown(text)} is not a number')
    return float(text)


def parse_whole(text: str) -> int:
    """Read a whole number, also one written as 3.0 or 1e3. Raises ValueError."""
    text = text.strip()
    if len(text) <= DIGITS and _WHOLE.fullmatch(text):
        return int(text)
    number = parse_number(text)
    if number != int(number):
        raise ValueError(f'{shown(text)} is not a whole number')
    return int(number)


def plain(number: float) -> str:
    """Write a bound as a message shows it: 1000000, 0.5."""
    return str(int(number)) if number == int(number) else f'{number:g}'


def between(
    kind: str,
    low: Optional[float] = None,
    high: Optional[float] = None,
    below: Optional[float] = None,
    above: Optional[float] = None,
) -> str:
    """Write what is accepted: 'a whole number from 1 to 64', 'a number above 0 and below 1'. low and high may be reached."""
    if low is not None and high is not None:
        return f'{kind} from {plain(low)} to {plain(high)}'
    words = (('of at least', low), ('above', above), ('of at most', high), ('below', below))
    bounds = [f'{word} {plain(bound)}' for word, bound in words if bound is not None]
    return ' '.join([kind, ' and '.join(bounds)]).strip()


def whole(low: int = 0, high: int = limits.IMAGES) -> Whole:
    """Make the type of a flag that takes a whole number from `low` to `high`."""

    def read(text: str) -> int:
        try:
            value = parse_whole(text)
        except ValueError:
            value = None
        if value is None or not low <= value <= high:
            raise argparse.ArgumentTypeError(f'{shown(text)} is not {between("a whole number", low, high)}')
        return value

    return read


def number(
    low: Optional[float] = None,
    high: Optional[float] = None,
    below: Optional[float] = None,
    above: Optional[float] = None,
) -> Number:
    """Make the type of a flag that takes a number within bounds: low and high may be reached, below and above may not."""

    def read(text: str) -> float:
        try:
            value = parse_number(text)
        except ValueError:
            value = math.nan
        if (
            math.isnan(value)
            or (low is not None and value < low)
            or (high is not None and value > high)
            or (below is not None and value >= below)
            or (above is not None and value <= above)
        ):
            raise argparse.ArgumentTypeError(
                f'{shown(text)} is not {between("a number", low, high, below=below, above=above)}'
            )
        return value

    return read


def wholes(low: int = 0, high: int = limits.IMAGES, most: int = limits.ENTRIES) -> Wholes:
    """Make the type of a flag that takes whole numbers with commas between: '8,8,8' is (8, 8, 8)."""
    one = whole(low, high)

    def read(text: str) -> Tuple[int, ...]:
        parts = text.split(',')
        if len(parts) > most:
            raise argparse.ArgumentTypeError(f'{len(parts)} numbers: accepted are at most {most}')
        try:
            return tuple(map(one, parts))
        except argparse.ArgumentTypeError:
            accepted = between('whole numbers', low, high)
            raise argparse.ArgumentTypeError(f'{shown(text)}: accepted are {accepted}, with commas between') from None

    return read


POSITIVE = whole(1)
COUNT = whole(0)
SEED = whole(0, limits.SEED)
BATCH = whole(1, limits.BATCH)
IMAGE_SIZE = whole(limits.SMALLEST_IMAGE, limits.IMAGE_SIZE)
IMAGE_SIZE_OR_OWN = whole(0, limits.IMAGE_SIZE)  # 0: that of the data or the network
CHANNELS = whole(1, limits.CHANNELS)
BLOCKS = wholes(1, limits.BLOCKS, limits.STAGES)
PROCESSES = whole(1, limits.PROCESSES)
DEVICES = whole(0, limits.DEVICES)
GPU = whole(0, limits.GPU)
PORT = whole(0, limits.PORT)
SHARE = number(0, 1)
INNER_SHARE = number(above=0, below=1)
SECONDS = number(above=0, high=limits.SECONDS)
TOLERANCE = number(above=0, high=1)
