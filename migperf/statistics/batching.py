"""Batch means: averages of neighbouring samples, long enough that they hardly depend on each other.

A series of any length is first averaged into a few hundred base batches, so all that follows costs the same for a
thousand samples as for a billion.
"""

import math

import numpy as np

from migperf.statistics.samples import Samples

BASE_BATCHES = 256
"""At least so many base batches are kept, and fewer than twice as many."""
FEWEST_BATCHES = 20
"""Averaging goes on only while at least so many batches remain."""
CRITICAL_Z = 1.28
"""Lag-one correlation beyond so many standard errors (20 %, two-sided) means that batches are too short."""


def base_batches(samples: Samples) -> Samples:
    """Return the means of 256 to 511 batches of equal size, or the samples themselves if they are fewer than 512.

    What is left over is left out at the beginning, where a series is least settled.
    """
    size = len(samples) // BASE_BATCHES if len(samples) >= 2 * BASE_BATCHES else 1
    return batch_means(samples, size)


def batch_means(samples: Samples, size: int) -> Samples:
    """Return the means of batches of ``size`` neighbouring samples; those left over at the beginning are left out."""
    count = len(samples) // size
    means: Samples = samples[len(samples) - count * size :].reshape(count, size).mean(axis=1)
    return means


def lag_one_correlation(samples: Samples) -> float:
    """Return the correlation of each sample with the next, -1 to 1; 0 for a series that never varies."""
    deviations = samples - samples.mean()
    square = float(deviations @ deviations)
    return float(deviations[1:] @ deviations[:-1]) / square if square > 0 else 0.0


def uncorrelated_batches(means: Samples, fewest: int = FEWEST_BATCHES) -> Samples:
    """Average neighbouring batches by pairs until they look independent, or fewer than ``fewest`` would remain.

    The test is von Neumann's, in its form as lag-one serial correlation with mean -1/n and standard error 1/sqrt(n)
    (Fishman, Grouping observations in digital simulation, Management Science 24, 1978). It is two-sided, since batches
    that undo each other, as in a periodic series, are as dependent as those that follow each other.
    """
    while len(means) // 2 >= fewest and _look_correlated(means):
        means = batch_means(means, 2)
    return means


def _look_correlated(means: Samples) -> bool:
    root = math.sqrt(len(means))
    return abs(lag_one_correlation(means) * root + 1 / root) > CRITICAL_Z


class BatchAccumulator:
    """Base batches of a series that is still growing, in constant memory: 256 to 511 of them once it is long.

    Dynamic batch means (Yeh and Schmeiser, Simulation output analysis via dynamic batch means, WSC 2000): when there
    are twice as many batches as needed, neighbours are averaged and the size of a batch is doubled.
    """

    def __init__(self) -> None:
        self._means: Samples = np.empty(0)
        self._rest: Samples = np.empty(0)
        self._size = 1
        self._count = 0
        self._sum = 0.0

    @property
    def count(self) -> int:
        """How many samples were added."""
        return self._count

    @property
    def mean(self) -> float:
        """The mean of all samples, in their unit; NaN before the first."""
        return self._sum / self._count if self._count else math.nan

    @property
    def means(self) -> Samples:
        """The means of the complete batches, in the unit of the samples; below 512 samples the samples themselves."""
        return self._means

    def add(self, samples: Samples) -> None:
        """Take in the next samples; costs time in proportion to them."""
        self._count += len(samples)
        self._sum += float(samples.sum())
        pending = np.concatenate([self._rest, samples])
        while len(self._means) + len(pending) // self._size >= 2 * BASE_BATCHES:
            pending = self._double(pending)
        whole = len(pending) // self._size * self._size
        fresh = pending[:whole].reshape(-1, self._size).mean(axis=1)
        self._means, self._rest = np.concatenate([self._means, fresh]), pending[whole:]

    def _double(self, pending: Samples) -> Samples:
        """Average the batches by pairs; one that has no partner goes back to the pending samples, as its mean."""
        if len(self._means) % 2:
            pending = np.concatenate([np.full(self._size, self._means[-1]), pending])
            self._means = self._means[:-1]
        self._means = self._means.reshape(-1, 2).mean(axis=1)
        self._size *= 2
        return pending
