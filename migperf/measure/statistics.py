"""Statistics as pure functions on samples. They know nothing of runs; each says where it comes from.

Quantiles are in ``migperf.metrics.quantiles``, which series need too.
"""

import math

from scipy.special import stdtrit

from migperf.metrics.quantiles import Samples

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
