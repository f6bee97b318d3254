"""What every module here speaks of: samples in the order in which they were taken, and intervals."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float64]
"""Shape (n,), in the order of time, all of one unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A confidence interval, in the unit of the samples; ``level`` is the coverage that it claims, 0 to 1."""

    low: float
    high: float
    level: float
    method: str

    @property
    def half_width(self) -> float:
        """Half of the distance between the bounds, in the unit of the samples."""
        return (self.high - self.low) / 2

    def contains(self, value: float) -> bool:
        """Tell whether the value lies within the bounds."""
        return self.low <= value <= self.high

    def within(self, low: float, high: float) -> bool:
        """Tell whether the whole interval lies between two values."""
        return low <= self.low and self.high <= high

    def inverted(self, numerator: float = 1.0) -> "Interval":
        """Return the interval of ``numerator`` divided by what this one is about, which must be positive."""
        if self.low <= 0:
            raise ValueError(f"an interval that reaches {self.low:g} cannot be inverted")
        return Interval(low=numerator / self.high, high=numerator / self.low, level=self.level, method=self.method)
