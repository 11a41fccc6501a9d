"""How long a run will still take, over all of its phases."""

from typing import Dict, Optional, Tuple

KEEP = 0.98  # share of what was measured that counts after a further unit: the last 50 units or so tell


class TimeLeft:
    """Seconds that planned work will still take, from how long work of its kind has taken.

    Work has a kind, a text such as 'search step', and an amount, in units of its own. What one unit takes is measured as work is
    done (`done`); before, it is what `plan` was told, or that of another kind. Whoever knows of later phases plans them too:

        left.plan('retrain step', 5000, like='search step')
        left.plan('export', 1, seconds=20)
    """

    def __init__(self) -> None:
        self._amounts: Dict[str, float] = {}
        self._guesses: Dict[str, float] = {}
        self._alike: Dict[str, Tuple[str, float]] = {}
        self._measured: Dict[str, Tuple[float, float]] = {}  # (units, seconds)

    def plan(
        self, kind: str, amount: float, seconds: Optional[float] = None, like: str = '', times: float = 1.0
    ) -> None:
        """Say how much work of a kind is left, in place of what was said before.

        seconds: what a unit is guessed to take; like, times: it is guessed to take as much as so many units of another kind.
        """
        self._amounts[kind] = max(0.0, amount)
        if seconds is not None:
            self._guesses[kind] = seconds
        if like:
            self._alike[kind] = (like, times)

    def done(self, kind: str, amount: float = 1.0, seconds: Optional[float] = None) -> None:
        """Say that work has been done; seconds: what it took, None where that says nothing of the rest."""
        self._amounts[kind] = max(0.0, self._amounts.get(kind, 0.0) - amount)
        if seconds is not None and amount > 0:
            units, total = self._measured.get(kind, (0.0, 0.0))
            decay = KEEP**amount
            self._measured[kind] = (decay * units + amount, decay * total + seconds)

    def drop(self, kind: str) -> None:
        """Say that no work of a kind is left, such as where a stage ended early."""
        self._amounts.pop(kind, None)

    def clear(self) -> None:
        """Forget what was planned, guessed and measured."""
        self._amounts, self._guesses, self._alike, self._measured = {}, {}, {}, {}

    def rate(self, kind: str) -> Optional[float]:
        """Return the seconds that a unit of a kind takes; None where that is not known."""
        factor, seen = 1.0, set()
        while kind not in seen:
            seen.add(kind)
            measured = self._measured
            if kind in measured:
                units, seconds = measured[kind]
                return factor * seconds / units
            if kind in self._guesses:
                return factor * self._guesses[kind]
            if kind in self._alike:
                kind, times = self._alike[kind]
                factor *= times
        return None

    def seconds(self) -> Optional[float]:
        """Return the seconds that all of the work will take; None where one kind of it is not known yet."""
        total = 0.0
        for kind, amount in list(self._amounts.items()):
            if amount:
                rate = self.rate(kind)
                if rate is None:
                    return None
                total += amount * rate
        return total
