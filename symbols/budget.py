"""The width multiplier: one factor on all channels that brings a derived network to its budget (after step two of Sec. 4.1).

Costs come from cost.py alone, so nothing is built or run. Each stage's width is rounded on its own, which makes the steps fine: the
multiplier is the largest whose rounded widths meet the budget; then each stage is rounded up or down so that the budget is met as
closely as rounding allows; then single stages are widened as long as any step still fits.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from typing import Any, Callable, Dict, Optional, Sequence, Tuple, Union

from ..base import limits
from ..base.errors import UserError
from ..base.text import COUNTS, SECONDS, parse_quantity, shown
from .architecture import Architecture
from .cost import Cost, cost

COUNTED = ('params', 'flops', 'mac')
KINDS = COUNTED + ('latency',)
LARGEST_WIDTH = limits.WIDTH
CLOSE = 0.005  # of widths this near the budget those nearest to one common multiplier are taken
Measure = Callable[[Tuple[int, ...]], float]  # of one width a stage
REACH = (1, 2)  # steps by which a stage's width may leave its share, the second only where the first comes not as near


@dataclasses.dataclass(frozen=True)
class Fit:
    """Widths that meet a budget. multiplier: on the space's channels, before rounding. distance: (target - reached) / target."""

    kind: str
    target: float
    reached: float
    distance: float
    multiplier: float
    widths: Tuple[int, ...]
    cost: Cost

    def to_dict(self) -> Dict[str, Any]:
        """Return plain data for a summary."""
        return {
            'kind': self.kind,
            'target': self.target,
            'reached': self.reached,
            'distance': self.distance,
            'multiplier': self.multiplier,
            'widths': list(self.widths),
        }


def parse_budget(text: str) -> Tuple[str, float]:
    """Read 'params=3.0M', 'flops=600M', 'mac=40M', 'latency=5ms' → (kind, number). k, M, G are powers of 1000. Raises UserError."""
    kind, equals, quantity = str(text).partition('=')
    kind = kind.strip()
    if equals and kind.isidentifier() and kind not in KINDS:
        raise UserError(f'budget: {shown(kind)} is not one of {", ".join(KINDS)}')
    try:
        value = parse_quantity(quantity, SECONDS if kind == 'latency' else COUNTS)
    except UserError:
        raise UserError(
            f'budget: {shown(text)} is not written like params=3.0M, flops=600M, mac=40M or latency=5ms'
        ) from None
    if value <= 0:
        raise UserError(f'budget: {text} must be above 0')
    return kind, value


def fit_widths(
    architecture: Architecture,
    budget: Union[str, Tuple[str, float]],
    image_size: int = 32,
    measure: Optional[Measure] = None,
) -> Fit:
    """Find the widths of the widest network within a budget.

    budget: text as for parse_budget, or (kind, number). measure: function of widths giving the bounded quantity, which must not
    fall where a width grows; default the kind's count in cost.py. A given measure may be slow or inexact: rounding is then to the
    nearest only.
    Raises UserError where even the narrowest network exceeds the budget, saying what that one costs.
    """
    kind, target = parse_budget(budget) if isinstance(budget, str) else budget
    space = architecture.space
    counted = measure is None
    if measure is None and kind not in COUNTED:
        raise UserError(f'budget: {kind} is measured on a device, not counted; accepted here are {", ".join(COUNTED)}')

    @functools.lru_cache(maxsize=None)
    def measured(widths: Tuple[int, ...]) -> float:
        if measure is None:
            counts: float = getattr(cost(architecture, widths, image_size), kind)
            return counts
        return measure(widths)

    base = space.widths()
    # The first convolution of the imagenet stem has half the channels.
    steps = (2 if space.stem == 'imagenet' else 1,) + (1,) * (len(base) - 1)
    narrowest = _rounded(base, 0.0, steps)
    if measured(narrowest) > target:
        widths = ', '.join(map(str, narrowest))
        least = f'with {widths} channels a stage the network has {measured(narrowest):g}'
        raise UserError(f'budget: {kind}={target:g} cannot be met; {least}')
    low, high = 0.0, LARGEST_WIDTH / max(base)
    for _ in range(60):  # to the last bit: the widths change at a finite number of multipliers
        middle = (low + high) / 2
        low, high = (middle, high) if measured(_rounded(base, middle, steps)) <= target else (low, middle)
    best, shares = _rounded(base, low, steps), [low * width for width in base]
    if counted:
        best = _best_rounding(best, shares, steps, target, measured)
    best = _filled(best, shares, steps, target, measured)
    reached = measured(best)
    return Fit(kind, target, reached, (target - reached) / target, low, best, cost(architecture, best, image_size))


def _rounded(base: Sequence[int], multiplier: float, steps: Sequence[int]) -> Tuple[int, ...]:
    """Round widths at a multiplier, each on its own to a multiple of its step."""
    return tuple(max(step, int(width * multiplier / step + 0.5) * step) for width, step in zip(base, steps))


def _best_rounding(
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


def _filled(
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
