"""Widths in multiples of what a device keeps side by side, so that its blocks of channels are full (after step two of Sec. 4.1).

oneDNN lays out feature maps in blocks of 16 channels with AVX-512 and of 8 with AVX2, and what does not fill the last one is computed in
vain (backend/padding.py); tensor cores read 8 channels of half precision at once. A stage's width is rounded to a
multiple on its own, so the stages' proportions shift a little, and with three or four stages some combination comes near the budget.
Where none does, one stage takes a smaller unit: half of the multiple, a quarter, … 1; several only where one is not enough.
"""

from __future__ import annotations

import itertools
import math
from typing import Callable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np

from .cost import WidthCosts

Measure = Callable[[Tuple[int, ...]], float]  # of one width a stage
Widths = Tuple[int, ...]
REACH = 0.35  # share by which a stage's width may leave its share of a uniform multiplier
CLOSE = 0.005  # widths whose distances to the budget differ by less count as equally near, and the proportions decide
MOST, MOST_OF_A_STAGE = 300_000, 64  # combinations of widths that are looked through at once, and widths of a stage
LARGE, SMALL = (1e6, 0.01), (0.0, 0.03)  # parameters from which on a network is to be so near its budget


class Chosen(NamedTuple):
    """Widths, their cost, and the unit that each stage's width is a multiple of."""

    widths: Widths
    reached: float
    units: Tuple[int, ...]


def tolerance(params: float) -> float:
    """Return the share of a budget that may stay unused for whole multiples, by the parameters that the budget buys."""
    return LARGE[1] if params >= (1 - LARGE[1]) * LARGE[0] else SMALL[1]


def units_below(multiple: int) -> List[int]:
    """List a multiple, its half, its quarter, … and 1, as far as they are whole."""
    units = [multiple]
    while units[-1] % 2 == 0:
        units.append(units[-1] // 2)
    return units + [1] * (units[-1] != 1)


def whole_units(shares: Sequence[float], steps: Sequence[int], multiple: int) -> Tuple[int, ...]:
    """Return the largest unit of each stage that has a multiple near the stage's share."""
    return tuple(
        next((unit for unit in units_below(multiple) if _near(share, _lcm(unit, step))), 1)
        for share, step in zip(shares, steps)
    )


def counted(
    costs: WidthCosts,
    kind: str,
    target: float,
    shares: Sequence[float],
    steps: Sequence[int],
    multiple: int,
    near: float,
) -> Optional[Chosen]:
    """Choose widths for a budget of a counted kind: whole multiples that leave at most the share `near` unused, else the nearest.

    shares: widths at the uniform multiplier, not rounded. steps: what each stage's width must be a multiple of in any case. None
    where nothing near the shares is within the budget.
    """
    best: Optional[Tuple[Tuple[int, float, Widths], Chosen]] = None
    for tries in _tries(whole_units(shares, steps, multiple), multiple):
        for units in tries:
            found = _closest(costs, kind, target, shares, steps, units)
            if found is not None and (best is None or found[0] < best[0]):
                best = found
        if best is not None and best[1].reached >= (1 - near) * target:
            break
    return best[1] if best is not None else None


def measured(
    measure: Measure,
    target: float,
    start: Widths,
    shares: Sequence[float],
    steps: Sequence[int],
    multiple: int,
    near: float,
) -> Chosen:
    """Widen `start`, which is within the budget, by whole multiples and then one stage by smaller units, until the budget is near.

    For a slow measure: it is asked a few times for each stage. One width stays below its share as long as REACH allows.
    """
    units = list(whole_units(shares, steps, multiple))
    widths = _widened(measure, target, start, shares, [_lcm(unit, step) for unit, step in zip(units, steps)])
    order = sorted(range(len(shares)), key=lambda stage: widths[stage] / shares[stage])
    for stage in order:
        for unit in units_below(units[stage])[1:]:
            if measure(widths) >= (1 - near) * target:
                return Chosen(widths, measure(widths), tuple(units))
            wider = _plus(widths, stage, _lcm(unit, steps[stage]))
            if measure(wider) <= target:
                widths, units[stage] = wider, unit
    return Chosen(widths, measure(widths), tuple(units))


def notes(chosen: Chosen, multiple: int) -> Tuple[str, ...]:
    """Say which stages (from 1) are no multiples of `multiple`, and by which unit they go instead."""
    return tuple(
        f'stage {stage}: {width} channels, a multiple of {math.gcd(width, multiple)} and not of {multiple}'
        for stage, width in enumerate(chosen.widths, 1)
        if width % multiple
    )


def _tries(whole: Tuple[int, ...], multiple: int) -> Iterator[List[Tuple[int, ...]]]:
    """Yield lists of units to look through together: whole, one stage with smaller units, two stages, all of them.

    A half is nearly as fast in any stage; less than that costs least in the last, whose maps are the smallest.
    """
    half, rest = units_below(multiple)[1:2], units_below(multiple)[2:]
    stages = range(len(whole))
    single: List[Tuple[int, ...]] = [(stage,) for stage in stages]
    orders = [(half, single), (rest, single[-1:]), (rest, single[:-1])]
    orders += [(half + rest, list(itertools.combinations(stages, count))) for count in sorted({2, len(whole)} - {1})]
    yield [whole]
    for units, choices in orders:
        for unit in units:
            tries = [
                tuple(min(unit, old) if stage in chosen else old for stage, old in enumerate(whole))
                for chosen in choices
                if all(unit < whole[stage] for stage in chosen)
            ]
            if tries:
                yield tries


def _closest(
    costs: WidthCosts, kind: str, target: float, shares: Sequence[float], steps: Sequence[int], units: Sequence[int]
) -> Optional[Tuple[Tuple[int, float, Widths], Chosen]]:
    """Rank all combinations of multiples near the shares: nearest to the budget, then to the shares' proportions; (rank, choice)."""
    choices = _candidates(shares, [_lcm(unit, step) for unit, step in zip(units, steps)])
    if not all(choices):
        return None
    reached, off = np.zeros(()), np.zeros(())  # of every combination: an axis a stage
    for stage, own_choices in enumerate(choices):
        own = np.array([float(getattr(costs.stage(stage, width), kind)) for width in own_choices])
        reached = reached[..., None] + own
        if stage:
            between = [
                [getattr(costs.reduction(stage - 1, b, a), kind) for a in own_choices] for b in choices[stage - 1]
            ]
            reached = reached + np.array(between, float)
        off = np.maximum(off[..., None], [abs(math.log(width / shares[stage])) for width in own_choices])
    distance = (target - reached) / target
    places = np.argwhere(distance >= 0)
    if not len(places):
        return None
    bins = (distance[distance >= 0] / CLOSE).astype(int)
    places, offs = places[bins == bins.min()], off[distance >= 0][bins == bins.min()]
    place = places[int(np.argmin(offs))]  # the first, and so the narrowest early stages, of equals
    widths = tuple(choice[index] for choice, index in zip(choices, place))
    exact = float(getattr(costs(widths), kind))
    return (int(bins.min()), float(offs.min()), widths), Chosen(widths, exact, tuple(units))


def _candidates(shares: Sequence[float], steps: Sequence[int]) -> List[List[int]]:
    """List each stage's multiples near its share, the nearest of them where all combinations would be too many."""
    choices = [
        sorted(_near(share, step), key=lambda width, share=share: abs(width - share))[:MOST_OF_A_STAGE]  # type: ignore[misc]
        for share, step in zip(shares, steps)
    ]
    while math.prod(map(len, choices)) > MOST:
        longest = max(range(len(choices)), key=lambda stage: len(choices[stage]))
        choices[longest] = choices[longest][: -(-len(choices[longest]) * 2 // 3)]
    return [sorted(choice) for choice in choices]


def _near(share: float, step: int) -> List[int]:
    """List the multiples of a step within REACH of a share."""
    first, last = math.ceil((1 - REACH) * share / step), math.floor((1 + REACH) * share / step)
    return [step * count for count in range(max(1, first), last + 1)]


def _widened(measure: Measure, target: float, widths: Widths, shares: Sequence[float], steps: Sequence[int]) -> Widths:
    """Widen single stages by their step, always the one that lags its share most of those that fit, until none does."""
    open_stages = set(range(len(widths)))
    while open_stages:
        stage = min(open_stages, key=lambda stage: (widths[stage] / shares[stage], stage))
        wider = _plus(widths, stage, steps[stage])
        if wider[stage] <= (1 + REACH) * shares[stage] and measure(wider) <= target:
            widths = wider
        else:
            open_stages.discard(stage)  # what did not fit fits no better once others are wider
    return widths


def _plus(widths: Widths, stage: int, step: int) -> Widths:
    return widths[:stage] + (widths[stage] + step,) + widths[stage + 1 :]


def _lcm(one: int, other: int) -> int:
    return one * other // math.gcd(one, other)
