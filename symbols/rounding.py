"""Rounding of widths at a multiplier, one stage at a time (after step two of Sec. 4.1)."""

from __future__ import annotations

import itertools
from typing import Callable, Sequence, Tuple

from ..base import limits
from .multiples import Measure, Widths

LARGEST_WIDTH = limits.WIDTH
CLOSE = 0.005  # of widths this near the budget those nearest to one common multiplier are taken
REACH = (1, 2)  # steps by which a stage's width may leave its share, the second only where the first comes not as near


def largest(
    base: Sequence[float], rounded: Callable[[float], Widths], target: float, measure: Measure, counted: bool
) -> float:
    """Return the largest multiplier whose rounded widths meet the budget.

    counted: nothing is built to measure. Otherwise networks more than twice too wide are never tried: they could take all memory.
    """
    low, high = 0.0, LARGEST_WIDTH / max(base)
    if not counted:
        tried = 1 / max(base)
        while tried < high and measure(rounded(tried)) <= target:
            low, tried = tried, 2 * tried
        high = min(tried, high)
    for _ in range(60):  # to the last bit: the widths change at a finite number of multipliers
        middle = (low + high) / 2
        low, high = (middle, high) if measure(rounded(middle)) <= target else (low, middle)
    return low


def rounded(base: Sequence[float], multiplier: float, steps: Sequence[int]) -> Tuple[int, ...]:
    """Round widths at a multiplier, each on its own to a multiple of its step."""
    return tuple(max(step, int(width * multiplier / step + 0.5) * step) for width, step in zip(base, steps))


def best_rounding(
    widths: Tuple[int, ...], shares: Sequence[float], steps: Sequence[int], target: float, measure: Measure
) -> Tuple[int, ...]:
    """Choose among the widths some steps up or down: those nearest to their shares within CLOSE of the budget, else the closest."""
    for reach in REACH:
        ranges = [range(-reach, reach + 1)] * len(widths)
        near = [
            tuple(width + up * step for width, up, step in zip(widths, ups, steps))
            for ups in itertools.product(*ranges)
        ]
        fitting = [choice for choice in near if min(choice) > 0 and measure(choice) <= target]
        close = [choice for choice in fitting if measure(choice) >= (1 - CLOSE) * target]
        if close:
            return min(
                close, key=lambda choice: (max(abs(width / share - 1) for width, share in zip(choice, shares)), choice)
            )
    return max(fitting, key=measure)


def filled(
    widths: Tuple[int, ...], shares: Sequence[float], steps: Sequence[int], target: float, measure: Measure
) -> Tuple[int, ...]:
    """Widen single stages by a step, always the one that lags its share most of those that fit, until none fits."""
    while True:
        for stage in sorted(range(len(widths)), key=lambda stage: widths[stage] / shares[stage]):
            wider = widths[:stage] + (widths[stage] + steps[stage],) + widths[stage + 1 :]
            if measure(wider) <= target:
                widths = wider
                break
        else:
            return widths
