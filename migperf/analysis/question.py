"""What is asked about two sides, and the statistics' answer to it in one quantity."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from migperf.analysis.terms import StatisticName
from migperf.statistics.comparison import Comparison, compare, compare_pairs
from migperf.statistics.conventions import LEVEL, MARGIN
from migperf.statistics.run_values import MEAN, Quantile, Statistic, log_values
from migperf.statistics.sample_quantiles import samples_needed
from migperf.statistics.samples import Samples


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A comparison in one quantity, with each side's value in ``unit``: the geometric mean over its runs."""

    unit: str
    baseline_value: float
    candidate_value: float
    comparison: Comparison


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked: which statistic of the runs, which difference does not matter, and with what confidence.

    ``paired`` says that the runs of both sides, in their order, were made in pairs.
    """

    statistic: StatisticName = StatisticName.MEAN
    margin: float = MARGIN
    level: float = LEVEL
    paired: bool = False

    def answer(self, unit: str, baseline: Sequence[Samples], candidate: Sequence[Samples]) -> Compared:
        """Return the comparison of two sides, each run given by its samples in ``unit``."""
        statistic = self._computed()
        decide = compare_pairs if self.paired else compare
        first, second = (float(np.exp(log_values(side, statistic).mean())) for side in (baseline, candidate))
        return Compared(
            unit=unit,
            baseline_value=first,
            candidate_value=second,
            comparison=decide(baseline, candidate, statistic=statistic, margin=self.margin, level=self.level),
        )

    def unsupported(self, run_id: str, samples: Samples) -> str | None:
        """Return why the samples of a run do not support the statistic, or ratios of it; None if they do."""
        quantile = self.statistic.quantile
        needed = 1 if quantile is None else samples_needed(quantile)
        if len(samples) < needed:
            have = f"run {run_id} has {len(samples)}"
            return f"{self.statistic} needs at least {needed} steps in every run, {have}; raise min_steps or min_s"
        return None if samples.min() > 0 else f"run {run_id} has a step of no length, and ratios need lengths above 0"

    def _computed(self) -> Statistic:
        return MEAN if self.statistic.quantile is None else Quantile(self.statistic.quantile)
