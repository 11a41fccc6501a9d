"""Which λ to change, in order of preference, so that a share of the supernet is left that is closest to what is wanted.

What a single λ does depends on the others: edges are isolated, or joined again, with it. One after another they can end far from the
goal where other λ would have met it.
"""

from __future__ import annotations

import functools
from typing import Callable, Tuple

import numpy as np

TRIES = 60  # places of one order that are looked at to come closer by single ones
ORDERS = 120  # orders that are tried
LOOKS = 2000  # shares that are computed, after which no other order is begun
DISTURBED = 5.0  # by how many times its length the last of them leaves the order of preference


def closest(
    places: np.ndarray, share: Callable[[np.ndarray], float], wanted: float, close: float, orders: int = ORDERS
) -> np.ndarray:
    """Choose some of `places`, those that come first where they do as well.

    share: function of the chosen places giving the share that is left, which falls, or grows, with their number. close: a distance
    that is near enough. Where the order given does not come so near, others are tried that leave it more and more, always the same.
    """
    looks = 0

    def counted(chosen: np.ndarray) -> float:
        nonlocal looks
        looks += 1
        return share(chosen)

    generator, length = np.random.RandomState(0), len(places)
    best, gap = _in_order(places, counted, wanted, close)
    for number in range(1, orders):
        if gap <= close or looks >= LOOKS:
            break
        spread = DISTURBED * length * number / orders
        order = np.argsort(np.arange(length) + spread * generator.random_sample(length), kind='stable')
        chosen, other = _in_order(places[order], counted, wanted, close, True)
        if other < gap:
            best, gap = chosen, other
    return best


def _in_order(
    places: np.ndarray, share: Callable[[np.ndarray], float], wanted: float, close: float, level: bool = False
) -> Tuple[np.ndarray, float]:
    """Take the first places as long as they do not do too much, then later ones that come closer. Returns them and their distance.

    level: also those that do nothing alone: of two edges into an operation only both together take it away.
    """

    @functools.lru_cache(maxsize=None)
    def first(number: int) -> float:
        return share(places[:number])

    falling = first(0) > wanted
    low, high = 0, len(places)
    while low < high:
        middle = (low + high) // 2
        if first(middle) <= wanted if falling else first(middle) >= wanted:
            high = middle
        else:
            low = middle + 1
    chosen = places[: max(low - 1, 0)]
    gap = abs(first(len(chosen)) - wanted)
    for place in places[len(chosen) : len(chosen) + TRIES]:
        if gap <= close:
            break
        more = np.append(chosen, place)
        other = abs(share(more) - wanted)
        if other < gap or (level and other == gap):
            chosen, gap = more, other
    return chosen, gap
