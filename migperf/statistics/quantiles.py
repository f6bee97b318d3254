"""Percentiles with intervals, and how many samples it takes before they mean anything."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import bdtr, bdtrik

from migperf.statistics.conventions import LEVEL
from migperf.statistics.intervals import effective_sample_size
from migperf.statistics.sample_quantiles import quantile_of, samples_needed
from migperf.statistics.samples import Interval, Samples

METHOD = "order statistics"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantileEstimate:
    """A quantile of a series, in the unit of the samples; what the series cannot support is None, with the reason.

    ``effective_samples`` is how many independent samples would tell the share of samples below the quantile as well.
    """

    value: float | None
    interval: Interval | None
    samples: int
    effective_samples: float
    absent: str | None = None

    @property
    def half_width_rel(self) -> float:
        """The longer side of the interval relative to the quantile; infinite without an interval."""
        if self.interval is None or not self.value:
            return math.inf
        return max(self.interval.high - self.value, self.value - self.interval.low) / abs(self.value)


def estimate_quantile(samples: Samples, quantile: float, level: float = LEVEL) -> QuantileEstimate:
    """Return the quantile (0 to 1) of a correlated, stationary series with its confidence interval.

    The interval lies between two order statistics, whose ranks the binomial distribution gives (Conover, Practical
    Nonparametric Statistics, 3.2). Correlation is allowed for by counting effective instead of actual samples, from
    the variance of the share of samples below the quantile (Woodruff, Confidence intervals for medians and other
    position measures, JASA 47, 1952; Heidelberger and Lewis, Quantile estimation in dependent sequences, Operations
    Research 32, 1984). No distribution is assumed.
    """
    count, needed = len(samples), samples_needed(quantile)
    if count < needed:
        reason = f"needs at least {needed} samples, there are {count}"
        return QuantileEstimate(value=None, interval=None, samples=count, effective_samples=float(count), absent=reason)
    ordered = np.sort(samples)
    value = quantile_of(ordered, quantile)
    effective = effective_sample_size(_below(samples, value))
    ranks = _ranks(quantile, count, effective, level)
    if ranks is None:
        reason = f"{count} samples are worth {effective:.0f} independent ones, too few for an interval at {level:.0%}"
        return QuantileEstimate(value=value, interval=None, samples=count, effective_samples=effective, absent=reason)
    low, high = (float(ordered[rank - 1]) for rank in ranks)
    interval = Interval(low=low, high=high, level=level, method=METHOD)
    return QuantileEstimate(value=value, interval=interval, samples=count, effective_samples=effective)


def quantile_interval(samples: Samples, quantile: float, level: float = LEVEL) -> Interval | None:
    """Return the interval of a quantile (0 to 1), in the unit of the samples; None if they support none.

    As ``estimate_quantile``.
    """
    return estimate_quantile(samples, quantile, level).interval


def _below(samples: Samples, value: float) -> Samples:
    """Return for each sample whether it lies below: 1, 0, and one half where it is equal, as many may be."""
    return np.asarray(((samples < value).astype(np.float64) + (samples <= value)) / 2)


def _ranks(quantile: float, count: int, effective: float, level: float) -> tuple[int, int] | None:
    """Return the ranks, from 1, of the order statistics that bound the interval; None if one lies outside."""
    tail, whole = (1 - level) / 2, math.floor(effective)
    if whole < 1 or bdtr(0, whole, quantile) > tail or 1 - bdtr(whole - 1, whole, quantile) > tail:
        return None
    scale = count / effective
    low = math.floor(float(bdtrik(tail, effective, quantile)) * scale) + 1
    high = math.ceil(float(bdtrik(1 - tail, effective, quantile)) * scale) + 1
    return (low, high) if high <= count else None
