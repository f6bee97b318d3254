"""Quantiles of the samples that there are, and how many it takes before they mean anything.

Apart from their intervals, so that who only reads results need not load what computes them.
"""

import math

import numpy as np

from migperf.statistics.samples import Samples


def samples_needed(quantile: float, confidence: float = 0.99) -> int:
    """Return how many samples it takes to see at least one beyond the quantile (0 to 1) with that confidence.

    Solves ``1 - quantile**n >= confidence``: 44 for p90, 90 for p95, 459 for p99, 4,603 for p99.9. For quantiles below
    one half it is the samples below that are few, and ``1 - quantile`` takes its place.
    """
    return math.ceil(math.log1p(-confidence) / math.log(max(quantile, 1 - quantile)))


def quantile_of(samples: Samples, quantile: float) -> float:
    """Return the quantile (0 to 1) by linear interpolation between order statistics (Hyndman and Fan, type 7)."""
    return float(np.quantile(samples, quantile))


def supported_quantile(samples: Samples, quantile: float) -> float | None:
    """Return the quantile (0 to 1); None where so few samples cannot support it."""
    return quantile_of(samples, quantile) if len(samples) >= samples_needed(quantile) else None
