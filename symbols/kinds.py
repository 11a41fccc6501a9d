"""The kind of a trained network, as summary.json and network.json name it: 'searched', 'random', 'full', or 'gluoncv:<name>'."""

from __future__ import annotations

import dataclasses
from typing import Optional

GLUONCV = 'gluoncv'


@dataclasses.dataclass(frozen=True)
class NetworkKind:
    """The origin of a network: 'searched', 'random', 'full' or GLUONCV, then with its name in the model zoo of gluoncv."""

    origin: str
    zoo_name: Optional[str] = None

    @classmethod
    def parse(cls, text: str) -> NetworkKind:
        """Read the kind as it is written in a run's files."""
        origin, separator, name = text.partition(':')
        return cls(origin, name) if separator and origin == GLUONCV else cls(text)

    @classmethod
    def of_zoo(cls, name: str) -> NetworkKind:
        """Return the kind of the network `name` of gluoncv."""
        return cls(GLUONCV, name)

    def __str__(self) -> str:
        return self.origin if self.zoo_name is None else f'{self.origin}:{self.zoo_name}'
