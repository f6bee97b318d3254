"""Statistics as pure functions on samples. They know nothing of runs; each says where it comes from."""

import math

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

Samples = npt.NDArray[np.float64]
MIN_BATCH = 2


def batch_means_interval(samples: Samples, level: float = 0.95, batches: int = 20) -> tuple[float, float] | None:
    """Return the confidence interval of the mean of a correlated, stationary series; None for too few samples.

    Non-overlapping batch means (Law and Kelton, Simulation Modeling and Analysis, 9.5.3): neighbouring samples are
    averaged in ``batches`` batches of equal length, whose means are nearly independent, and Student's t is applied to
    these. Needs at least two samples in each batch; samples left over at the beginning are not used for the spread.
    """
    size = len(samples) // batches
    if size < MIN_BATCH:
        return None
    means = samples[len(samples) - size * batches :].reshape(batches, size).mean(axis=1)
    half = float(stdtrit(batches - 1, 0.5 + level / 2) * means.std(ddof=1) / math.sqrt(batches))
    centre = float(samples.mean())
    return centre - half, centre + half


def samples_needed(quantile: float, confidence: float = 0.99) -> int:
    """Return how many samples it takes to see at least one beyond the quantile with that confidence.

    Solves ``1 - quantile**n >= confidence``: 44 for p90, 90 for p95, 459 for p99, 4,603 for p99.9.
    """
    return math.ceil(math.log1p(-confidence) / math.log(quantile))


def percentile(samples: Samples, quantile: float) -> float:
    """Return the quantile (0 to 1) by linear interpolation between order statistics (Hyndman and Fan, type 7)."""
    return float(np.quantile(samples, quantile))
