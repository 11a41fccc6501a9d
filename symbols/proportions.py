"""Widths that meet two budgets at once, such as parameters and FLOPs, so that networks can be compared at equal cost.

One multiplier on all channels meets one budget. A second one is met by shifting channels between stages: late stages have most of the
parameters, early ones, of large maps, most of the FLOPs. Stage i of n gets multiplier · base_i · tilt^(i / (n - 1) - 1/2) channels, so that
`tilt` is by how much the last stage has grown against the first.
"""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any, Callable, List, Optional, Sequence, Tuple

from . import rounding
from .multiples import Chosen, Widths, tolerance
from .quantities import Limit

STEEPEST = 2.0  # the largest tilt, and the inverse of the smallest
TILTS = 81  # tried between them
CLOSE = 0.01  # widths that miss a limit by as much count as equally near, and the proportions decide
REACH = 2  # steps by which a stage's width may leave what its share rounds to


def fit(
    base: Widths,
    steps: Sequence[int],
    limits: Sequence[Limit],
    costs: Callable[[Widths], Any],
) -> Tuple[Chosen, float]:
    """Choose widths within all limits that come as near as possible to the one they miss most; of those, the least tilted ones.

    The narrowest network must be within them. base: the space's channels, by stage; steps: what each width must be a multiple
    of; costs: function of widths whose result has the limits' kinds as attributes.
    Returns (widths, multiplier); `reached` is the share of the limit that is missed most.
    """

    @functools.lru_cache(maxsize=None)
    def shares_used(widths: Widths) -> Tuple[float, ...]:
        counted = costs(widths)
        return tuple(getattr(counted, kind) / target for kind, target in limits)

    best: Optional[Tuple[Tuple[int, float, Widths], float]] = None
    for place in range(TILTS):
        tilt = STEEPEST ** (2 * place / (TILTS - 1) - 1)
        shares = [width * factor for width, factor in zip(base, _factors(tilt, len(base)))]
        rounded = functools.partial(rounding.rounded, shares, steps=steps)
        multiplier = rounding.largest(shares, rounded, 1.0, lambda widths: max(shares_used(widths)), True)
        for widths in _near(rounded(multiplier), steps):
            used = shares_used(widths)
            if max(used) > 1:
                continue
            logs = [math.log(width / own) for width, own in zip(widths, base)]
            rank = int((1 - min(used)) / CLOSE), max(logs) - min(logs), widths
            if best is None or rank < best[0]:
                best = rank, multiplier
        if len(base) == 1:
            break  # a single stage has nothing to shift
    assert best is not None  # the narrowest network is within all limits
    widths = best[0][2]
    return Chosen(widths, min(shares_used(widths)), tuple(steps)), best[1]


def notes(limits: Sequence[Limit], counted: Any) -> Tuple[str, ...]:
    """Say which limit stays unused by more than rounding explains. counted: the network's costs."""
    lines: List[str] = []
    for kind, target in limits:
        unused = 1 - getattr(counted, kind) / target
        if unused > tolerance(counted.params):
            lines.append(
                f'{kind}: {100 * unused:.1f}% of the budget stays unused; to use it, the last stage would have to grow against the first '
                f'by more than a factor of {STEEPEST:g}, or to shrink'
            )
    return tuple(lines)


def _factors(tilt: float, stages: int) -> List[float]:
    return [tilt ** (stage / (stages - 1) - 0.5) if stages > 1 else 1.0 for stage in range(stages)]


def _near(widths: Widths, steps: Sequence[int]) -> List[Widths]:
    """List the widths of which each stage's is at most REACH steps from those given."""
    ups = range(-REACH, REACH + 1)
    choices = [[width + step * up for up in ups if width + step * up > 0] for width, step in zip(widths, steps)]
    return list(itertools.product(*choices))
