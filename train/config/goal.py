"""What a search shall leave of its supernet: `search.target`, as edges=30%, flops=50%, params=40%."""

import dataclasses
import re
from typing import Optional

from ...base.errors import UserError

QUANTITIES = ('edges', 'flops', 'params')
NONE = 'none'
ACCEPTED = 'edges=30%, flops=50% or params=40% (above 0 % and below 100 % of the supernet), or none'


@dataclasses.dataclass(frozen=True)
class Goal:
    """A share of the supernet. quantity: of QUANTITIES; share: above 0, below 1."""

    quantity: str
    share: float

    def __str__(self) -> str:
        return f'{self.quantity}={100 * self.share:g}%'


def parse_goal(text: str) -> Optional[Goal]:
    """Read `search.target`; None for 'none'. Raises UserError."""
    if text.strip().lower() == NONE:
        return None
    found = re.fullmatch(r'\s*([a-z]+)\s*=\s*([0-9]{1,3}(?:\.[0-9]{1,6})?)\s*%\s*', text, re.ASCII)
    if not found or found.group(1) not in QUANTITIES or not 0 < float(found.group(2)) < 100:
        raise UserError(f'search.target={text}: expected {ACCEPTED}')
    return Goal(found.group(1), float(found.group(2)) / 100)
