"""The mean of a figure over runs of one thing. The run is the unit: runs differ by more than their insides tell."""

import math
from collections.abc import Sequence

import numpy as np

from migperf.statistics.conventions import LEVEL
from migperf.statistics.samples import Interval

METHOD = "Student's t over runs"
LEAST_RUNS = 2


def mean_over_runs(
    values: Sequence[float], within_errors: Sequence[float] = (), level: float = LEVEL
) -> Interval | None:
    """Return the confidence interval of the mean of independent runs, in their unit; None for fewer than two.

    ``within_errors`` are the standard errors of those runs that know their own, in the same unit. The spread between
    runs contains the spread within, so it is never taken to be less: runs that agree by chance do not make an interval
    narrower than each run's own doubt (as in ``comparison.compare``). Values are taken as normal, which few runs cannot
    show; with two, Student's t is 12.7 at 95 %.
    """
    count = len(values)
    if count < LEAST_RUNS:
        return None
    from scipy.special import stdtrit

    runs = np.asarray(values, dtype=np.float64)
    inner = math.fsum(error**2 for error in within_errors) / len(within_errors) if within_errors else 0.0
    error = math.sqrt(max(float(runs.var(ddof=1)), inner) / count)
    mean, half = float(runs.mean()), float(stdtrit(count - 1, 0.5 + level / 2)) * error
    return Interval(low=mean - half, high=mean + half, level=level, method=METHOD)
