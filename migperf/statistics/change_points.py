"""Where the level of a noisy series changes: optimal segmentation into stretches of constant mean."""

import math

import numpy as np

from migperf.statistics.samples import Samples

PENALTY = 3.0
"""Cost of a segment in units of the noise's variance times the logarithm of the length; 2 would be Schwarz's
criterion, which assumes independent Gaussian noise."""
LEAST_SEGMENT = 4
"""Samples in a segment, so that two outliers side by side are none."""
HIGHEST_CORRELATION = 0.9
_MAD_OF_DIFFERENCE = 0.6745 * math.sqrt(2)
LEAST_NOISE = 1e-6
"""Relative to the level: a series without noise is cut at real steps, not at rounding errors."""


def change_points(samples: Samples) -> tuple[int, ...]:
    """Return the indices at which a new level begins, ascending, without 0.

    The segmentation with the least sum of squared deviations plus penalty, found exactly by dynamic programming
    (Jackson et al., An algorithm for optimal partitioning of data on an interval, IEEE Signal Processing Letters 12,
    2005; the pruning of PELT, Killick, Fearnhead and Eckley, JASA 107, 2012, does not pay for a few hundred samples).
    Costs time in proportion to the square of the length: group long series first.
    """
    if len(samples) < 2 * LEAST_SEGMENT:
        return ()
    penalty = PENALTY * noise(samples) ** 2 * math.log(len(samples))
    return _cuts(_best_last_starts(samples - samples.mean(), penalty))


def noise(samples: Samples) -> float:
    """Return the noise that counts for means, in the unit of the samples: insensitive to steps and outliers.

    It is the standard deviation for independent samples, and larger for correlated ones: the square root of n times
    the variance of a mean of n samples. As in an autoregressive process of order one, whose correlation r follows from
    the spread of differences: over two steps it is 1 + r times the variance over one. Spreads are median absolute
    differences, taken as Gaussian.
    """
    one, two = (float(np.median(np.abs(samples[lag:] - samples[:-lag]))) / _MAD_OF_DIFFERENCE for lag in (1, 2))
    correlation = min(HIGHEST_CORRELATION, max(0.0, (two / one) ** 2 - 1)) if one > 0 else 0.0
    least = LEAST_NOISE * float(np.abs(samples).mean())
    return max(one * math.sqrt(1 + correlation) / (1 - correlation), least)


def _best_last_starts(samples: Samples, penalty: float) -> list[int]:
    """Return for every length, from 0, where the last segment of the best segmentation of such a prefix begins."""
    count = len(samples)
    sums = np.concatenate([[0.0], np.cumsum(samples)])
    squares = np.concatenate([[0.0], np.cumsum(samples**2)])
    best = np.full(count + 1, math.inf)
    best[0] = 0.0
    starts = [0] * (count + 1)
    for end in range(LEAST_SEGMENT, count + 1):
        ours = slice(0, end - LEAST_SEGMENT + 1)
        length = np.arange(end, LEAST_SEGMENT - 1, -1)
        within = squares[end] - squares[ours] - (sums[end] - sums[ours]) ** 2 / length
        total = best[ours] + within + penalty
        starts[end] = int(np.argmin(total))
        best[end] = total[starts[end]]
    return starts


def _cuts(starts: list[int]) -> tuple[int, ...]:
    cuts: list[int] = []
    end = len(starts) - 1
    while (start := starts[end]) > 0:
        cuts.append(start)
        end = start
    return tuple(reversed(cuts))
