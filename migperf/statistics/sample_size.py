"""How many runs or samples a question takes, and what a given number of them can find.

Differences and spreads are relative and small (0.01 for 1 %), so that they are differences of logarithms as well.
``spread`` is the standard deviation between the values of single runs of one thing.
"""

import math
from bisect import bisect_left
from collections.abc import Callable

from scipy.special import nctdtr, ndtri, stdtrit

from migperf.statistics.conventions import LEVEL

POWER = 0.8
MOST_RUNS = 1_000
"""Looked no further than this: nobody makes so many runs."""


def power_of_difference(runs: int, difference: float, spread: float, level: float = LEVEL) -> float:
    """Return the probability that so many runs, from 2, of each of two things show the difference between them.

    Two-sided t test of two groups with equal spread, by the noncentral t distribution (Cohen, Statistical Power
    Analysis for the Behavioral Sciences, 2.2).
    """
    if spread == 0:
        return 1.0 if difference else 1 - level
    freedom = 2 * runs - 2
    quantile, shift = _two_sided(freedom, level), abs(difference) / _error(runs, spread)
    return 1 - _noncentral_t(freedom, shift, quantile) + _noncentral_t(freedom, shift, -quantile)


def power_of_sameness(runs: int, margin: float, difference: float, spread: float, level: float = LEVEL) -> float:
    """Return the probability that so many runs, from 2, of each show that two things differ by less than the margin.

    ``difference`` is what they differ by in truth. The interval at ``level`` is to lie within the margin on both sides
    (Julious, Sample sizes for clinical trials with normal data, Statistics in Medicine 23, 2004, section 5). A lower
    bound, close where it is high.
    """
    if spread == 0:
        return 1.0 if abs(difference) < margin else 0.0
    freedom, error = 2 * runs - 2, _error(runs, spread)
    quantile = _two_sided(freedom, level)
    missed = [_noncentral_t(freedom, (margin + side) / error, quantile) for side in (-difference, difference)]
    return max(0.0, 1 - sum(missed))


def runs_for_difference(difference: float, spread: float, level: float = LEVEL, power: float = POWER) -> int | None:
    """Return how many runs of each of two things show the difference between them; None for more than 1,000."""
    return _least(lambda runs: power_of_difference(runs, difference, spread, level) >= power)


def runs_for_sameness(
    margin: float, difference: float, spread: float, level: float = LEVEL, power: float = POWER
) -> int | None:
    """Return how many runs of each show that two things differ by less than the margin; None for more than 1,000."""
    return _least(lambda runs: power_of_sameness(runs, margin, difference, spread, level) >= power)


def smallest_difference(runs: int, spread: float, level: float = LEVEL, power: float = POWER) -> float:
    """Return the smallest relative difference that so many runs, from 2, of each show with that power.

    Found by bisection to a thousandth of the spread.
    """
    low, high = 0.0, 100 * spread
    while high - low > spread / 1_000:
        middle = (low + high) / 2
        low, high = (low, middle) if power_of_difference(runs, middle, spread, level) >= power else (middle, high)
    return high


def samples_for_mean(
    variation: float, half_width_rel: float, correlation_time: float = 1.0, level: float = LEVEL
) -> int:
    """Return how many samples of one series determine its mean to a relative half-width.

    ``variation`` is their standard deviation relative to the mean; ``correlation_time`` is how many samples are worth
    one independent one, (1 + r) / (1 - r) for an autoregressive process of order one.
    """
    quantile = float(ndtri(0.5 + level / 2))
    return math.ceil(correlation_time * (quantile * variation / half_width_rel) ** 2)


def _error(runs: int, spread: float) -> float:
    return spread * math.sqrt(2 / runs)


def _two_sided(freedom: int, level: float) -> float:
    return float(stdtrit(freedom, 0.5 + level / 2))


def _noncentral_t(freedom: int, shift: float, value: float) -> float:
    """Return the distribution function; 0 far below the shift, where scipy gives up and returns NaN."""
    below = float(nctdtr(freedom, shift, value))
    return 0.0 if math.isnan(below) else below


def _least(enough: Callable[[int], bool]) -> int | None:
    """Return the least number of runs that is enough, given that more are enough as well."""
    candidates = range(2, MOST_RUNS + 1)
    index = bisect_left(candidates, True, key=enough)
    return candidates[index] if index < len(candidates) else None
