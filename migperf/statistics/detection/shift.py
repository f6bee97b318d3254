"""By how much one stretch of a history lies above or below another."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from migperf.statistics.conventions import LEVEL
from migperf.statistics.detection.noise import correlation, middle, pooled, range_of, variance_of_mean
from migperf.statistics.detection.splits import LEAST_FREEDOM, Stretch
from migperf.statistics.samples import Interval

METHOD = "difference of two levels, correlated noise"


@dataclass(frozen=True, slots=True)
class Shift:
    """The difference of two levels of a logarithm, its standard error, and the degrees of freedom of that."""

    log: float
    error: float
    freedom: float

    @property
    def ratio(self) -> float:
        """The level after over the level before."""
        return math.exp(self.log)

    def interval(self, level: float = LEVEL) -> Interval:
        """Return the confidence interval of the ratio."""
        from scipy.special import stdtrit

        half = float(stdtrit(self.freedom, 0.5 + level / 2)) * self.error
        return Interval(low=math.exp(self.log - half), high=math.exp(self.log + half), level=level, method=METHOD)


def shift_between(before: Stretch, after: Stretch, older: Sequence[Stretch], floor: float) -> Shift:
    """Return the shift from one stretch to the next, the noise pooled over these and the ``older`` ones.

    Each level is the mean of its stretch with outliers drawn in towards its own median.
    """
    stretches = (before, after, *older)
    medians = [middle(stretch.logs) for stretch in stretches]
    deviations = [stretch.logs - median for stretch, median in zip(stretches, medians, strict=True)]
    errors = [stretch.errors for stretch in stretches]
    within = range_of(np.concatenate(deviations), np.concatenate(errors), floor)
    clipped = [within.clipped(*pair) for pair in zip(deviations, errors, strict=True)]
    levels = [median + within.scale * float(part.mean()) for median, part in zip(medians, clipped, strict=True)]
    spread = pooled(clipped)
    freedom = max(1, spread.points - spread.stretches)
    raw = np.array([spread.lagged / spread.square if spread.square > 0 else 0.0])
    likely, cautious = (float(each[0]) for each in correlation(raw, spread.points, spread.stretches))
    least = max(floor, middle(np.concatenate(errors))) / within.scale
    variance = max(spread.square / freedom, least**2)
    of_means = variance_of_mean(np.full(2, cautious), np.array([len(before), len(after)], dtype=np.float64)).sum()
    error = within.scale * math.sqrt(variance * float(of_means))
    return Shift(levels[1] - levels[0], error, max(LEAST_FREEDOM, freedom * (1 - likely) / (1 + likely)))
