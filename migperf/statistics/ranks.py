"""Comparing two sets of values by rank, without assuming a distribution; and how much one lies below the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from migperf.statistics.batching import base_batches, batch_means, uncorrelated_batches
from migperf.statistics.samples import Samples

LEAST_RUNS = 4
"""Of each: with three, no order of the runs is improbable enough (1 in 10, two-sided)."""


class Unit(StrEnum):
    """What was ranked, which says what the test is about."""

    RUNS = "runs"
    """One value for each run: speaks of the things that were run."""
    BATCHES = "batches"
    """Means of batches within runs: speaks of these runs only, since what differs between runs is not seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RankTest:
    """A Mann-Whitney test; ``p_value`` is that of two sides which differ by chance only, two-sided."""

    p_value: float
    unit: Unit
    baseline_units: int
    candidate_units: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectSize:
    """How samples of a candidate lie to those of a baseline.

    ``superiority`` is the probability that a random sample of the candidate is less than one of the baseline, ties
    counted half (Vargha and Delaney's A, Journal of Educational and Behavioral Statistics 25, 2000); ``cliffs_delta``
    is the same on a scale from -1 to 1 (Cliff, Psychological Bulletin 114, 1993). Descriptive: they have no error bars.
    """

    superiority: float

    @property
    def cliffs_delta(self) -> float:
        """1: every sample of the candidate is less; 0: balanced; -1: every one is more."""
        return 2 * self.superiority - 1


def rank_test(baseline: Sequence[Samples], candidate: Sequence[Samples], values: tuple[Samples, Samples]) -> RankTest:
    """Test whether two sides differ, from their runs' samples and the runs' values.

    Never on raw samples: where these are correlated, the test would find differences between any two runs. With four
    runs of each it ranks their values; with fewer it ranks means of batches of one size, long enough to be
    independent in each run (Mann and Whitney, Annals of Mathematical Statistics 18, 1947; exact for few units).
    """
    if min(map(len, values)) >= LEAST_RUNS:
        return _mann_whitney(*values, Unit.RUNS)
    runs = (*baseline, *candidate)
    size = min(max(map(_independent_size, runs)), *map(len, runs))
    first, second = (np.concatenate([batch_means(run, size) for run in side]) for side in (baseline, candidate))
    return _mann_whitney(first, second, Unit.BATCHES)


def effect_size(baseline: Samples, candidate: Samples) -> EffectSize:
    """Return how the candidate's samples lie to the baseline's."""
    ordered = np.sort(baseline)
    above = len(ordered) - np.searchsorted(ordered, candidate, side="right")
    tied = len(ordered) - np.searchsorted(ordered, candidate, side="left") - above
    return EffectSize(superiority=float((above + tied / 2).mean()) / len(ordered))


def _mann_whitney(baseline: Samples, candidate: Samples, unit: Unit) -> RankTest:
    from scipy.stats import mannwhitneyu

    p_value = float(mannwhitneyu(baseline, candidate, alternative="two-sided").pvalue)
    return RankTest(p_value=p_value, unit=unit, baseline_units=len(baseline), candidate_units=len(candidate))


def _independent_size(run: Samples) -> int:
    return len(run) // len(uncorrelated_batches(base_batches(run)))
