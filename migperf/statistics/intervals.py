"""Confidence intervals of means, ratios and rates of one correlated, stationary series.

They say how well one series determines its own mean. What differs between runs, no single series can tell.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from migperf.statistics.batching import base_batches, lag_one_correlation, uncorrelated_batches
from migperf.statistics.conventions import LEVEL
from migperf.statistics.samples import Interval, Samples

METHOD = "batch means"
LEAST_SAMPLES = 20
LEAST_BATCHES = 10.0
"""Below so many effectively independent batches no interval is given: the spread could not be trusted."""
HIGHEST_CORRELATION = 0.95
"""Of neighbouring batches; an estimate above it, from some twenty batches, means no more than "high"."""
LEAST_FREEDOM = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanEstimate:
    """The mean of a series and how well it is known; ``mean`` and ``standard_error`` in the unit of the samples.

    ``batches`` is the number of independent batches that the spread rests on (a fraction, if they are not quite
    independent). Where there is no interval, ``absent`` says why.
    """

    mean: float
    standard_error: float
    batches: float
    samples: int
    interval: Interval | None
    absent: str | None = None

    @property
    def half_width_rel(self) -> float:
        """The longer side of the interval relative to the mean; infinite without an interval or with a mean of 0."""
        if self.interval is None or self.mean == 0:
            return math.inf
        return max(self.interval.high - self.mean, self.mean - self.interval.low) / abs(self.mean)


def estimate_mean(samples: Samples, level: float = LEVEL) -> MeanEstimate:
    """Return the mean of a correlated, stationary series, in its unit, with its confidence interval.

    The method is in the family of N-Skart (Tafazzoli, Steiger and Wilson, N-Skart: a nonsequential skewness- and
    autoregression-adjusted batch-means procedure, IEEE Transactions on Automatic Control 56, 2011): batches are
    lengthened until von Neumann's test passes; the correlation that is left widens the standard error as in an
    autoregressive process of order one and lowers the degrees of freedom; Willink's adjustment of Student's t
    allows for skewness.
    """
    if len(samples) == 0:
        return _without_interval(math.nan, math.inf, 0.0, 0)
    return estimate_from_batches(base_batches(samples), float(samples.mean()), len(samples), level)


def estimate_from_batches(means: Samples, mean: float, samples: int, level: float = LEVEL) -> MeanEstimate:
    """Return what ``estimate_mean`` returns, from the base batches of a series, its mean and its length."""
    if len(means) < LEAST_SAMPLES:
        return _without_interval(mean, math.inf, float(len(means)), samples)
    chosen = uncorrelated_batches(means)
    inflation = correlation_inflation(chosen)
    batches = len(chosen) / inflation
    error = math.sqrt(float(chosen.var(ddof=1)) * inflation / len(chosen))
    if batches < LEAST_BATCHES:
        return _without_interval(mean, error, batches, samples)
    low, high = _skewed_t_interval(mean, error, _skewness(chosen) / (6 * math.sqrt(len(chosen))), batches - 1, level)
    interval = Interval(low=low, high=high, level=level, method=METHOD)
    return MeanEstimate(mean=mean, standard_error=error, batches=batches, samples=samples, interval=interval)


def mean_interval(samples: Samples, level: float = LEVEL) -> Interval | None:
    """Return the confidence interval of the mean of a correlated, stationary series; None if it supports none.

    As ``estimate_mean``.
    """
    return estimate_mean(samples, level).interval


def throughput_interval(cycle_times: Samples, per_cycle: float = 1.0, level: float = LEVEL) -> Interval | None:
    """Return the interval of ``per_cycle`` divided by the mean cycle time: what is done per unit of time.

    A cycle reaches from the end of one step to the end of the next, so that gaps count. None if the series supports
    no interval, or one that reaches zero.
    """
    interval = mean_interval(cycle_times, level)
    return interval.inverted(per_cycle) if interval is not None and interval.low > 0 else None


def ratio_interval(numerators: Samples, denominators: Samples, level: float = LEVEL) -> Interval | None:
    """Return the interval of the ratio of the means of two series that were taken together, step by step.

    The classical ratio estimator: the interval of the mean of ``numerator - ratio * denominator``, divided by the
    mean denominator (Law, Simulation Modeling and Analysis, 9.5.3, and Cochran, Sampling Techniques, 2.11), with
    batch means for the correlation. None if the series support none.
    """
    centre = float(denominators.mean()) if len(denominators) else 0.0
    if centre == 0:
        return None
    ratio = float(numerators.mean()) / centre
    residual = mean_interval(numerators - ratio * denominators, level)
    if residual is None:
        return None
    low, high = sorted((ratio + residual.low / centre, ratio + residual.high / centre))
    return Interval(low=low, high=high, level=level, method=METHOD)


def effective_sample_size(samples: Samples) -> float:
    """Return how many independent samples would determine the mean as well as this series does; at most its length.

    The variance of the samples over that of their mean, the latter as in ``estimate_mean``.
    """
    estimate = estimate_mean(samples)
    variance = float(np.var(samples, ddof=1)) if len(samples) > 1 else 0.0
    if variance == 0 or len(samples) < LEAST_SAMPLES:
        return float(len(samples))
    return min(float(len(samples)), variance / estimate.standard_error**2) if estimate.standard_error else 1.0


def correlation_inflation(batches: Samples) -> float:
    """Return by how much the correlation of neighbouring batches widens the variance of their mean; at least 1.

    (1 + r) / (1 - r) as in an autoregressive process of order one, r corrected for its bias in short series (Kendall,
    Note on bias in the estimation of autocorrelation, Biometrika 41, 1954).
    """
    raw = lag_one_correlation(batches)
    correlation = min(HIGHEST_CORRELATION, max(0.0, raw + (1 + 3 * raw) / len(batches)))
    return (1 + correlation) / (1 - correlation)


def _skewness(batches: Samples) -> float:
    """Return the third standardised moment with the usual correction for few batches; 0 without spread."""
    count, spread = len(batches), float(batches.std())
    if spread == 0:
        return 0.0
    moment = float(((batches - batches.mean()) ** 3).mean()) / spread**3
    return moment * math.sqrt(count * (count - 1)) / (count - 2)


def _skewed_t_interval(mean: float, error: float, skew: float, freedom: float, level: float) -> tuple[float, float]:
    """Return Student's interval, shifted for skewness (Willink, A confidence interval and test for the mean of an
    asymmetric distribution, Communications in Statistics: Theory and Methods 34, 2005); ``skew`` is his ``a``.
    """  # noqa: D205
    quantile = float(stdtrit(max(LEAST_FREEDOM, freedom), 0.5 + level / 2))
    return mean - error * _willink(quantile, skew), mean - error * _willink(-quantile, skew)


def _willink(quantile: float, skew: float) -> float:
    if abs(skew) < 1e-9:  # noqa: PLR2004 - the limit of the formula, which divides zero by zero
        return quantile
    return float(np.cbrt(1 + 6 * skew * (quantile - skew)) - 1) / (2 * skew)


def _without_interval(mean: float, error: float, batches: float, samples: int) -> MeanEstimate:
    reason = f"{samples} samples are worth {batches:.1f} independent ones or batches; it takes {LEAST_BATCHES:g}"
    if samples < LEAST_SAMPLES:
        reason = f"needs at least {LEAST_SAMPLES} samples, there are {samples}"
    return MeanEstimate(mean=mean, standard_error=error, batches=batches, samples=samples, interval=None, absent=reason)
