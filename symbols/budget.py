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
from typing import Any, Dict, Optional, Sequence, Tuple, Union

from ..base import machine
from ..base.errors import UserError
from ..base.text import format_count, format_duration
from . import describing, multiples, proportions, rounding
from .architecture import Architecture
from .cost import Cost, WidthCosts, cost
from .multiples import Measure, Widths
from .quantities import COUNTED, KINDS, Limit, parse_budget, parse_budgets
from .space import SearchSpace

__all__ = ['COUNTED', 'KINDS', 'Fit', 'fit_widths', 'parse_budget', 'parse_budgets']


@dataclasses.dataclass(frozen=True)
class Fit:
    """Widths that meet a budget. multiplier: on the space's channels, before rounding. distance: (target - reached) / target.

    multiple: what each stage's width was to be a multiple of; notes: which stages are not, and by which unit they go. uniform: the
    widths of any size that the same budget buys, nearest to one multiplier; uniform_reached: what they cost, None if not measured. also:
    (kind, target, reached) of a second budget that is met at once.
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
        if measure is not None:
            raise UserError("budget: two that are met at once are counted; a measure of one's own takes one")
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
        uniform = chosen.widths if measure is None else rounding.rounded(space.widths(), multiplier, steps)
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

        _check_met(rounding.rounded(space.widths(), 0.0, steps), kind, target, count)

    chosen, multiplier = proportions.fit(space.widths(), steps, limits, costs)
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
    _check_met(rounding.rounded(base, 0.0, steps), kind, target, measure)
    multiplier = rounding.largest(
        base, lambda multiplier: rounding.rounded(base, multiplier, steps), target, measure, counted
    )
    widths, shares = rounding.rounded(base, multiplier, steps), [multiplier * width for width in base]
    if counted:
        widths = rounding.best_rounding(widths, shares, steps, target, measure)
    widths = rounding.filled(widths, shares, steps, target, measure)
    return multiples.Chosen(widths, measure(widths), tuple(steps)), multiplier


def _fit_measured(
    base: Widths, steps: Sequence[int], target: float, measure: Measure, kind: str, costs: WidthCosts, multiple: int
) -> Tuple[multiples.Chosen, float]:
    """Return (widths in multiples, the multiplier that they are rounded from), by a measure that is asked few times."""
    _check_met(rounding.rounded(base, 0.0, steps), kind, target, measure)

    def whole(multiplier: float) -> Widths:
        units = multiples.whole_units([multiplier * width for width in base], steps, multiple)
        return rounding.rounded(base, multiplier, units)

    multiplier = rounding.largest(base, whole, target, measure, False)
    start, shares = whole(multiplier), [multiplier * width for width in base]
    near = multiples.tolerance(costs(start).params)
    return multiples.measured(measure, target, start, shares, steps, multiple, near), multiplier


def _check_met(narrowest: Widths, kind: str, target: float, measure: Measure) -> None:
    if measure(narrowest) > target:
        widths = ', '.join(map(str, narrowest))
        least = f'with {widths} channels a stage the network has {measure(narrowest):g}'
        raise UserError(f'budget: {kind}={target:g} cannot be met; {least}')
