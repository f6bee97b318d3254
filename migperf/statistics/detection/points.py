"""One result in a history: a value, and how well its own run determined it."""

import math
from dataclasses import dataclass

from migperf.statistics.samples import Interval


@dataclass(frozen=True, slots=True)
class Point:
    """A result in the unit of its metric, with its own interval if the run had one.

    ValueError if the value is not positive and finite: changes are relative.
    """

    value: float
    interval: Interval | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.value) and self.value > 0):
            raise ValueError(
                f"a history is judged by relative changes and takes positive, finite values; one is {self.value:g}: "
                f"leave out what was not measured"
            )

    @property
    def error_rel(self) -> float:
        """The standard error within the run, relative to the value; 0 if it is not known."""
        if self.interval is None:
            return 0.0
        from scipy.special import ndtri

        return self.interval.half_width / (float(ndtri(0.5 + self.interval.level / 2)) * self.value)
