"""What of a run's samples is compared: one value for each run, and how well the run determines it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from migperf.statistics.intervals import estimate_mean
from migperf.statistics.quantiles import estimate_quantile
from migperf.statistics.sample_quantiles import quantile_of
from migperf.statistics.samples import Samples

_NORMAL_QUANTILE = 1.96
"""Of the level at which a quantile's interval is taken, 95 %."""


class Statistic(Protocol):
    """What of a run's samples is compared."""

    def value(self, samples: Samples) -> float:
        """Return the statistic, in the unit of the samples."""
        ...

    def error_rel(self, samples: Samples) -> float:
        """Return its standard error within the run, relative to it."""
        ...


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of a run."""

    def value(self, samples: Samples) -> float:
        """See Statistic."""
        return float(samples.mean())

    def error_rel(self, samples: Samples) -> float:
        """See Statistic."""
        estimate = estimate_mean(samples)
        if math.isinf(estimate.standard_error):
            return _as_if_one(samples) / estimate.mean
        return estimate.standard_error / estimate.mean


@dataclass(frozen=True, slots=True)
class Quantile:
    """A quantile (0 to 1) of a run: 0.5 is the median."""

    quantile: float

    def value(self, samples: Samples) -> float:
        """See Statistic."""
        return quantile_of(samples, self.quantile)

    def error_rel(self, samples: Samples) -> float:
        """See Statistic."""
        estimate = estimate_quantile(samples, self.quantile)
        if estimate.interval is None:
            return _as_if_one(samples) / self.value(samples)
        return estimate.interval.half_width / (_NORMAL_QUANTILE * self.value(samples))


MEAN = Mean()
MEDIAN = Quantile(0.5)


def log_values(runs: Sequence[Samples], statistic: Statistic) -> Samples:
    """Return the logarithm of the statistic of each run, shape (runs,).

    ValueError if there is no run, or one without samples or with a value that is not positive.
    """
    if not runs or not all(map(len, runs)):
        raise ValueError("needs at least one run of each side, and samples in every run")
    values = np.array([statistic.value(run) for run in runs])
    if not (values > 0).all():
        raise ValueError(f"ratios need positive values, a run has {values.min():g}")
    logs: Samples = np.log(values)
    return logs


def inner_variance(runs: Sequence[Samples], statistic: Statistic) -> float:
    """Return the mean squared relative error of the statistic within a run; 0 if no run can tell its own."""
    errors = [statistic.error_rel(run) for run in runs]
    known = [error**2 for error in errors if math.isfinite(error)]
    return math.fsum(known) / len(known) if known else 0.0


def _as_if_one(samples: Samples) -> float:
    """Return the error of samples that are too few to show their correlation: taken together they count as one."""
    return float(samples.std(ddof=1)) if len(samples) > 1 else math.inf
