"""The width multiplier: one factor on all channels that brings a derived network to its budget (after step two of Sec. 4.1).

Costs come from cost.py alone, so nothing is built or run. Each stage's width is rounded on its own, which makes the steps fine: the
multiplier grows until the next stage to round up would exceed the budget, and the others may still follow.
"""
import dataclasses
import re
from typing import Tuple

from .cost import Cost, cost

KINDS = ('params', 'flops', 'mac')
_UNITS = {'': 1, 'k': 10 ** 3, 'm': 10 ** 6, 'g': 10 ** 9}
LARGEST_WIDTH = 1 << 14


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

    def to_dict(self):
        """Plain data for a summary."""
        return {'kind': self.kind, 'target': self.target, 'reached': self.reached, 'distance': self.distance,
                'multiplier': self.multiplier, 'widths': list(self.widths)}


def parse_budget(text):
    """'params=3.0M', 'flops=600M', 'mac=40M' → (kind, number). k, M, G are powers of 1000. Raises ValueError."""
    found = re.fullmatch(r'\s*(\w+)\s*=\s*([0-9.]+(?:[eE][+-]?[0-9]+)?)\s*([kKmMgG]?)\s*', str(text))
    try:
        kind, value = found.group(1), float(found.group(2)) * _UNITS[found.group(3).lower()]
    except (AttributeError, ValueError):
        raise ValueError('budget: %r is not written like params=3.0M, flops=600M or mac=40M' % text) from None
    if kind not in KINDS:
        raise ValueError('budget: %r is not one of %s' % (kind, ', '.join(KINDS)))
    if value <= 0:
        raise ValueError('budget: %s must be above 0' % text)
    return kind, value


def fit_widths(architecture, budget, image_size=32, measure=None):
    """The widest network within a budget.

    budget: text as for parse_budget, or (kind, number). measure: function of widths giving what is bounded; default the kind's count in
    cost.py. It must not fall where a width grows.
    Raises ValueError where even the narrowest network exceeds the budget, saying what that one costs.
    """
    kind, target = parse_budget(budget) if isinstance(budget, str) else budget
    space = architecture.space
    if measure is None:
        def measure(widths):
            return getattr(cost(architecture, widths, image_size), kind)
    step = 2 if space.stem == 'imagenet' else 1  # the stem's first convolution has half the first stage's channels
    base = space.widths()
    narrowest = _rounded(base, 0.0, step)
    if measure(narrowest) > target:
        raise ValueError('budget: %s=%g cannot be met; with %s channels a stage the network has %g'
                         % (kind, target, ', '.join(map(str, narrowest)), measure(narrowest)))
    low, high = 0.0, LARGEST_WIDTH / max(base)
    for _ in range(60):  # to the last bit: the widths change at a finite number of multipliers
        middle = (low + high) / 2
        low, high = (middle, high) if measure(_rounded(base, middle, step)) <= target else (low, middle)
    widths = _filled(list(_rounded(base, low, step)), base, step, target, measure)
    reached = measure(widths)
    return Fit(kind, target, reached, (target - reached) / target, low, widths, cost(architecture, widths, image_size))


def _rounded(base, multiplier, step):
    """Widths at a multiplier, each rounded on its own; the first to a multiple of `step`."""
    widths = [max(1, int(width * multiplier + 0.5)) for width in base]
    widths[0] = max(step, int(base[0] * multiplier / step + 0.5) * step)
    return tuple(widths)


def _filled(widths, base, step, target, measure):
    """Widen single stages by one step, the one that lags its share most first, as long as the budget allows."""
    grown = True
    while grown:
        grown = False
        for stage in sorted(range(len(base)), key=lambda stage: widths[stage] / base[stage]):
            wider = list(widths)
            wider[stage] += step if stage == 0 else 1
            if wider[stage] <= 1.1 * base[stage] * max(map(lambda w, b: w / b, widths, base)) + 1 and measure(tuple(wider)) <= target:
                widths, grown = wider, True
                break
    return tuple(widths)
