"""Budgets as one writes them."""

from __future__ import annotations

from typing import Tuple

from ..base.errors import UserError
from ..base.text import COUNTS, SECONDS, parse_quantity, shown

COUNTED = ('params', 'flops', 'mac')
KINDS = COUNTED + ('latency',)
Limit = Tuple[str, float]  # what is bounded, and by how much


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


def parse_budgets(text: str) -> Tuple[Limit, ...]:
    """Read one budget as parse_budget does, or two counts that are to be met at once: 'params=3.0M,flops=600M'. Raises UserError."""
    limits = tuple(parse_budget(part.strip()) for part in str(text).split(','))
    kinds = [kind for kind, _ in limits]
    if len(limits) > 1 and (len(limits) > 2 or len(set(kinds)) < 2 or not set(kinds) <= set(COUNTED)):
        raise UserError(
            f'budget: {shown(text)}: two budgets that are met at once are two different ones of {", ".join(COUNTED)}'
        )
    return limits
