"""When a series has been measured precisely enough: sequential stopping on the width of a confidence interval.

Looking often and stopping at the first interval that happens to be narrow would make intervals that miss too often.
So the width is looked at only when the series has grown by a quarter, never rests on fewer than 30 independent
batches, and is that of a slightly wider interval than is claimed at the end.
"""

import math
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from migperf.statistics.batching import BatchAccumulator
from migperf.statistics.checkpoints import Checkpoints
from migperf.statistics.conventions import LEVEL
from migperf.statistics.intervals import MeanEstimate, estimate_from_batches
from migperf.statistics.quantiles import QuantileEstimate, estimate_quantile
from migperf.statistics.sample_quantiles import samples_needed
from migperf.statistics.samples import Interval, Samples

LEAST_SAMPLES = 64
LEAST_BATCHES = 30.0
LEAST_RARE_SAMPLES = 12.0
"""Effectively independent samples on the rarer side of a quantile before its interval may end a measurement."""
CAUTION = 0.75
"""The part of 1 - level that the intervals use which are looked at; found by simulation, see the documentation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Whether a series is known precisely enough, after so many samples.

    ``half_width_rel`` is the interval's longer side relative to the value (infinite: no interval yet), ``interval`` is
    in the unit of the samples, and ``why`` is a sentence for people.
    """

    converged: bool
    half_width_rel: float
    interval: Interval | None
    samples: int
    why: str


class PrecisionMonitor(Protocol):
    """Fed with the samples of a growing series in any portions; says when enough is known."""

    @property
    def least_samples(self) -> int:
        """How many samples it takes at the least before it can converge."""
        ...

    def add(self, samples: Samples) -> None:
        """Take in the next samples, in the order of time."""
        ...

    def decide(self) -> Decision:
        """Return the decision at the last checkpoint; cheap enough to be asked after every step."""
        ...


class MeanPrecision:
    """Goes on until the mean is known to a relative half-width, such as 0.01 for 1 %.

    Fixed-width stopping (Chow and Robbins, Annals of Mathematical Statistics 36, 1965) on batch means. Memory is
    constant; adding costs time in proportion to what is added, a look some 0.2 ms however long the series.
    """

    def __init__(self, target_rel: float, level: float = LEVEL, least_samples: int = LEAST_SAMPLES) -> None:
        self._target_rel, self._level, self._least = target_rel, level, max(least_samples, LEAST_SAMPLES)
        self._batches = BatchAccumulator()
        self._checkpoints = Checkpoints(self._least)
        self._decision = _too_early(self._least)

    @property
    def least_samples(self) -> int:
        """See PrecisionMonitor."""
        return self._least

    def add(self, samples: Samples) -> None:
        """See PrecisionMonitor."""
        self._batches.add(samples)

    def decide(self) -> Decision:
        """See PrecisionMonitor."""
        if self._checkpoints.reached(self._batches.count):
            self._decision = self._look()
        return self._decision

    def _look(self) -> Decision:
        batches = self._batches
        estimate = estimate_from_batches(batches.means, batches.mean, batches.count, cautious_level(self._level))
        if estimate.interval is not None and estimate.batches < LEAST_BATCHES:
            estimate = replace(estimate, absent=_too_correlated(estimate))
        return _decision(estimate, self._target_rel, self._level)


class QuantilePrecision:
    """Goes on until a quantile (0 to 1) is known to a relative half-width.

    Keeps all samples. A look sorts them, but looks become rarer as the series grows: all looks together cost as much
    as sorting it some five times.
    """

    def __init__(
        self, quantile: float, target_rel: float, level: float = LEVEL, least_samples: int = LEAST_SAMPLES
    ) -> None:
        self._quantile, self._target_rel, self._level = quantile, target_rel, level
        self._least = max(least_samples, LEAST_SAMPLES, samples_needed(quantile))
        self._samples: list[Samples] = []
        self._count = 0
        self._checkpoints = Checkpoints(self._least)
        self._decision = _too_early(self._least)

    @property
    def least_samples(self) -> int:
        """See PrecisionMonitor."""
        return self._least

    def add(self, samples: Samples) -> None:
        """See PrecisionMonitor."""
        self._samples.append(samples)
        self._count += len(samples)

    def decide(self) -> Decision:
        """See PrecisionMonitor."""
        if self._checkpoints.reached(self._count):
            self._samples = [np.concatenate(self._samples)]
            self._decision = self._look()
        return self._decision

    def _look(self) -> Decision:
        estimate = estimate_quantile(self._samples[0], self._quantile, cautious_level(self._level))
        rare = estimate.effective_samples * min(self._quantile, 1 - self._quantile)
        if estimate.interval is not None and rare < LEAST_RARE_SAMPLES:
            why = f"{rare:.0f} independent samples beyond the quantile; it takes {LEAST_RARE_SAMPLES:g}"
            estimate = replace(estimate, absent=why)
        return _decision(estimate, self._target_rel, self._level)


def cautious_level(level: float) -> float:
    """Return the level at which to compute an interval that is to cover at ``level`` where its width decided the end.

    For the final figures of a series that a monitor ended.
    """
    return 1 - (1 - level) * CAUTION


def _decision(estimate: MeanEstimate | QuantileEstimate, target_rel: float, level: float) -> Decision:
    half_width = estimate.half_width_rel
    found = f"within {half_width:.2%} after {estimate.samples} samples, asked for {target_rel:.2%}"
    return Decision(
        converged=estimate.absent is None and half_width <= target_rel,
        half_width_rel=half_width,
        interval=replace(estimate.interval, level=level) if estimate.interval else None,
        samples=estimate.samples,
        why=estimate.absent or found,
    )


def _too_correlated(estimate: MeanEstimate) -> str:
    return (
        f"{estimate.samples} samples are worth {estimate.batches:.1f} independent batches; it takes {LEAST_BATCHES:g}"
    )


def _too_early(least: int) -> Decision:
    why = f"fewer than the {least} samples that it takes to say anything"
    return Decision(converged=False, half_width_rel=math.inf, interval=None, samples=0, why=why)
