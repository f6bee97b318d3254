"""The highest rate of arrivals that keeps a latency limit: bisection on trials, each with its own confidence.

Pure: says which rate to try next, and is told what the trial showed.
"""

import math
from dataclasses import dataclass, field
from enum import StrEnum

STEP = 2.0
MOST_TRIALS = 60


class Shown(StrEnum):
    """What a trial at one rate has shown of the latency's percentile."""

    KEEPS = "keeps"
    """Its whole interval is within the limit."""
    BREAKS = "breaks"
    """Its whole interval is beyond the limit."""
    UNDECIDED = "undecided"
    """Neither, after all the time that a trial has."""


@dataclass(frozen=True, slots=True)
class RateFound:
    """The answer: the highest rate shown to keep the limit, and the lowest above it that was not, per second.

    ``keeps_per_s`` is None if no rate was shown to keep it, ``fails_per_s`` if none was found that does not.
    """

    keeps_per_s: float | None
    fails_per_s: float | None
    trials: int


@dataclass(slots=True)
class RateSearch:
    """Doubles or halves the rate until the limit lies between two rates, then bisects their logarithms.

    A rate that stays undecided counts as one that does not keep the limit: what is found was shown, and may be lower
    than what is true, but not higher (but for the trials' own confidence). Ends when the two rates are within
    ``tolerance``, relative, or one of the bounds is reached.
    """

    start_per_s: float
    tolerance: float
    lowest_per_s: float
    highest_per_s: float
    shown: list[tuple[float, Shown]] = field(default_factory=list)
    _keeps: float | None = None
    _fails: float | None = None

    def next_rate(self) -> float | None:
        """Return the rate to try next, per second; None when the search is over."""
        if len(self.shown) >= MOST_TRIALS:
            return None
        if self._keeps is None and self._fails is None:
            return min(max(self.start_per_s, self.lowest_per_s), self.highest_per_s)
        if self._fails is None:
            return None if self._keeps == self.highest_per_s else min(self._kept() * STEP, self.highest_per_s)
        if self._keeps is None:
            return None if self._fails == self.lowest_per_s else max(self._fails / STEP, self.lowest_per_s)
        return None if self._fails <= self._keeps * (1 + self.tolerance) else math.sqrt(self._keeps * self._fails)

    def tell(self, rate_per_s: float, shown: Shown) -> None:
        """Take in what the trial at the rate asked for has shown."""
        self.shown.append((rate_per_s, shown))
        if shown is Shown.KEEPS:
            self._keeps = rate_per_s
        else:
            self._fails = rate_per_s

    def found(self) -> RateFound:
        """Return the answer so far."""
        return RateFound(self._keeps, self._fails, len(self.shown))

    def _kept(self) -> float:
        return self._keeps or self.start_per_s
