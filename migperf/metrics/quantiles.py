"""Quantiles of samples, and how many samples it takes before they mean anything."""

import math

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float64]


def samples_needed(quantile: float, confidence: float = 0.99) -> int:
    """Return how many samples it takes to see at least one beyond the quantile with that confidence.

    Solves ``1 - quantile**n >= confidence``: 44 for p90, 90 for p95, 459 for p99, 4,603 for p99.9.
    """
    return math.ceil(math.log1p(-confidence) / math.log(quantile))


def percentile(samples: Samples, quantile: float) -> float:
    """Return the quantile (0 to 1) by linear interpolation between order statistics (Hyndman and Fan, type 7)."""
    return float(np.quantile(samples, quantile))


def supported_percentile(samples: Samples, quantile: float) -> float | None:
    """Return the quantile (0 to 1); None where so few samples cannot support it."""
    return percentile(samples, quantile) if len(samples) >= samples_needed(quantile) else None
