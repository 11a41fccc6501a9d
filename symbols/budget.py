"""The width multiplier: one factor on all channels that brings a derived network to its budget (after step two of Sec. 4.1).

Costs come from cost.py alone, so nothing is built or run. Each stage's width is rounded on its own, which makes the steps fine: the
multiplier is the largest whose rounded widths meet the budget; then each stage is rounded up or down so that the budget is met as
closely as rounding allows; then single stages are widened as long as any step still fits. Where widths are to be multiples of what
the device keeps side by side, they are chosen around that multiplier by multiples.py; where two counts are to be met at once, by
proportions.py.
"""

from __future__ import annotations

import dataclasses
import functools
import html
import itertools
from typing import Any, Callable, Dict, Optional, Sequence, Tuple, Union

from ..base import limits, machine
from ..base.errors import UserError
from ..base.text import format_count, format_duration
from . import describing, multiples, proportions
from .architecture import Architecture
from .cost import Cost, WidthCosts, cost
from .multiples import Measure, Widths
from .quantities import COUNTED, KINDS, Limit, parse_budget, parse_budgets
from .space import SearchSpace

__all__ = ['COUNTED', 'KINDS', 'Fit', 'fit_widths', 'parse_budget', 'parse_budgets']

LARGEST_WIDTH = limits.WIDTH
CLOSE = 0.005  # of widths this near the budget those nearest to one common multiplier are taken
REACH = (1, 2)  # steps by which a stage's width may leave its share, the second only where the first comes not as near


@dataclasses.dataclass(frozen=True)
class Fit:
    """Widths that meet a budget. multiplier: on the space's channels, before rounding. distance: (target - reached) / target.

    also: (kind, target, reached) of a second budget that is met at once.

    multiple: what each stage's width was to be a multiple of; notes: which stages are not, and by which unit they go. uniform: the
    widths of any size that the same budget buys, nearest to one multiplier; uniform_reached: what they cost, None if not measured.
    """

    kind: str
    target: float
    reached: float
    distance: float
    multiplier: float
    widths: Tuple[int, ...]
    cost: Cost
    multiple: int = 1
    notes: Tuple[str, ...] = ()
    uniform: Optional[Cost] = None
    uniform_reached: Optional[float] = None
    also: Tuple[Tuple[str, float, float], ...] = ()

    def _line(self) -> str:
        write = format_duration if self.kind == 'latency' else format_count
        met = ((self.kind, self.target, self.reached), *self.also)
        shares = ', '.join(f'{kind} {write(reached)} of {write(target)}' for kind, target, reached in met)
        return f'channels {", ".join(map(str, self.widths))}, {shares}, {describing.counts(self.cost)}'

    def __repr__(self) -> str:
        return f'Fit({self._line()})'

    def __str__(self) -> str:
        return '\n'.join([self._line(), *self.notes, str(self.cost)])

    def _repr_html_(self) -> str:
        lines = ''.join(f'<p>{html.escape(line)}</p>' for line in (self._line(), *self.notes))
        return lines + self.cost._repr_html_()

    def to_dict(self) -> Dict[str, Any]:
        """Return plain data for a summary; what concerns multiples only where there are some."""
        found: Dict[str, Any] = {
            'kind': self.kind,
            'target': self.target,
            'reached': self.reached,
            'distance': self.distance,
            'multiplier': self.multiplier,
            'widths': list(self.widths),
        }
        if self.multiple > 1:
            found.update(multiple=self.multiple)
        if self.multiple > 1 or self.notes:
            found.update(notes=list(self.notes))
        if self.also:
            found['also'] = [
                dict(kind=kind, target=target, reached=reached, distance=(target - reached) / target)
                for kind, target, reached in self.also
            ]
        if self.multiple > 1 and self.uniform is not None:
            counts = {kind: getattr(self.uniform, kind) for kind in COUNTED}
            found['uniform'] = dict(widths=list(self.uniform.widths), reached=self.uniform_reached, **counts)
        return found


def fit_widths(
    architecture: Architecture,
    budget: Union[str, Limit, Sequence[Limit]],
    image_size: int = 32,
    measure: Optional[Measure] = None,
    multiple: Optional[int] = None,
) -> Fit:
    """Find the widths of the widest network within a budget.

    budget: text as for parse_budgets, (kind, number), or two of them: then the widths leave the space's proportions so that both are
    met as closely as possible, at any width (proportions.py). measure: function of widths giving the bounded quantity, which must not
    fall where a width grows; default the kind's count in cost.py. A given measure may be slow or inexact: rounding is then to the
    nearest only. multiple: what each stage's width shall be a multiple of, as far as the budget is then still met within
    multiples.tolerance; 1: any width; None: what suits this machine's processor (base/machine.py).
    Raises UserError where even the narrowest network exceeds the budget, saying what that one costs.
    """
    limits = _limits(budget)
    if len(limits) > 1:
        return _fit_both(architecture, limits, image_size)
    kind, target = limits[0]
    if measure is None and kind not in COUNTED:
        raise UserError(f'budget: {kind} is measured on a device, not counted; accepted here are {", ".join(COUNTED)}')
    multiple = machine.width_multiple() if multiple is None else multiple
    if multiple < 1:
        raise UserError(f'width multiple {multiple}: must be at least 1')
    space = architecture.space
    steps, costs = _steps(space), WidthCosts(architecture, image_size)

    def count(widths: Widths) -> float:
        counts: float = getattr(costs(widths), kind)
        return counts

    remembered = functools.lru_cache(maxsize=None)(measure or count)
    if measure is not None and multiple > 1:
        chosen, multiplier = _fit_measured(space.widths(), steps, target, remembered, kind, costs, multiple)
    else:
        chosen, multiplier = _fit_any(space.widths(), steps, target, remembered, kind, measure is None)
    uniform, reached = None, None
    if multiple > 1:
        uniform = chosen.widths if measure is None else _rounded(space.widths(), multiplier, steps)
        if measure is None:
            reached, near = chosen.reached, multiples.tolerance(costs(chosen.widths).params)
            shares = [multiplier * width for width in space.widths()]
            full = multiples.counted(costs, kind, target, shares, steps, multiple, near)
            if full is not None and (full.reached >= (1 - near) * target or full.reached > reached):
                chosen = full
    return Fit(
        kind,
        target,
        chosen.reached,
        (target - chosen.reached) / target,
        multiplier,
        chosen.widths,
        cost(architecture, chosen.widths, image_size),
        multiple,
        multiples.notes(chosen, multiple),
        cost(architecture, uniform, image_size) if uniform else None,
        reached,
    )


def _limits(budget: Union[str, Limit, Sequence[Limit]]) -> Tuple[Limit, ...]:
    if isinstance(budget, str):
        return parse_budgets(budget)
    if isinstance(budget[0], str):
        return (budget,)  # type: ignore[return-value]
    return tuple(budget)  # type: ignore[arg-type]


def _steps(space: SearchSpace) -> Tuple[int, ...]:
    """Return what each stage's width must be a multiple of: the first convolution of the imagenet stem has half the channels."""
    return (2 if space.stem == 'imagenet' else 1,) + (1,) * (len(space.blocks) - 1)


def _fit_both(architecture: Architecture, limits: Sequence[Limit], image_size: int) -> Fit:
    """Find widths that meet two counts at once."""
    space, costs = architecture.space, WidthCosts(architecture, image_size)
    steps = _steps(space)
    for kind, target in limits:

        def count(widths: Widths, kind: str = kind) -> float:
            counts: float = getattr(costs(widths), kind)
            return counts

        _check_met(_rounded(space.widths(), 0.0, steps), kind, target, count)

    def largest(shares: Sequence[float], measure: Measure) -> Tuple[Widths, float]:
        multiplier = _largest(shares, lambda multiplier: _rounded(shares, multiplier, steps), 1.0, measure, True)
        return _rounded(shares, multiplier, steps), multiplier

    chosen, multiplier = proportions.fit(space.widths(), steps, limits, costs, largest)
    counted = cost(architecture, chosen.widths, image_size)
    (kind, target), *others = limits
    reached = float(getattr(counted, kind))
    return Fit(
        kind,
        target,
        reached,
        (target - reached) / target,
        multiplier,
        chosen.widths,
        counted,
        notes=proportions.notes(limits, counted),
        also=tuple((kind, target, float(getattr(counted, kind))) for kind, target in others),
    )


def _fit_any(
    base: Widths, steps: Sequence[int], target: float, measure: Measure, kind: str, counted: bool
) -> Tuple[multiples.Chosen, float]:
    """Return (widths of any size, the multiplier that they are rounded from)."""
    _check_met(_rounded(base, 0.0, steps), kind, target, measure)
    multiplier = _largest(base, lambda multiplier: _rounded(base, multiplier, steps), target, measure, counted)
    widths, shares = _rounded(base, multiplier, steps), [multiplier * width for width in base]
    if counted:
        widths = _best_rounding(widths, shares, steps, target, measure)
    widths = _filled(widths, shares, steps, target, measure)
    return multiples.Chosen(widths, measure(widths), tuple(steps)), multiplier


def _fit_measured(
    base: Widths, steps: Sequence[int], target: float, measure: Measure, kind: str, costs: WidthCosts, multiple: int
) -> Tuple[multiples.Chosen, float]:
    """Return (widths in multiples, the multiplier that they are rounded from), by a measure that is asked few times."""
    _check_met(_rounded(base, 0.0, steps), kind, target, measure)

    def whole(multiplier: float) -> Widths:
        units = multiples.whole_units([multiplier * width for width in base], steps, multiple)
        return _rounded(base, multiplier, units)

    multiplier = _largest(base, whole, target, measure, False)
    start, shares = whole(multiplier), [multiplier * width for width in base]
    near = multiples.tolerance(costs(start).params)
    return multiples.measured(measure, target, start, shares, steps, multiple, near), multiplier


def _check_met(narrowest: Widths, kind: str, target: float, measure: Measure) -> None:
    if measure(narrowest) > target:
        widths = ', '.join(map(str, narrowest))
        least = f'with {widths} channels a stage the network has {measure(narrowest):g}'
        raise UserError(f'budget: {kind}={target:g} cannot be met; {least}')


def _largest(
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


def _rounded(base: Sequence[float], multiplier: float, steps: Sequence[int]) -> Tuple[int, ...]:
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
