"""Is one thing faster than another? From the raw samples of one or several runs of each.

A run is the unit: what differs between runs (placement of memory, clocks, a neighbour) is usually more than what the
spread within a run shows, so two runs can differ significantly and still be runs of the same thing. Samples are such
that less is better, as durations are.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from migperf.statistics.conventions import LEVEL, MARGIN
from migperf.statistics.ranks import EffectSize, RankTest, effect_size, rank_test
from migperf.statistics.run_values import MEAN, Statistic, inner_variance, log_values
from migperf.statistics.samples import Interval, Samples
from migperf.statistics.spreads import Basis, Spread, spread_of_pairs, spread_of_runs
from migperf.statistics.verdict import Verdict
from migperf.statistics.verdicts import Needed, explain, needed_runs, verdict_on

ASSUMED_SPREAD = 0.02
_LARGEST_EXPONENT = 709.0
"""Of a float: few pairs at a high level can tell so little that the interval goes beyond."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A candidate beside a baseline.

    ``ratio`` is the candidate's value over the baseline's (less than 1: the candidate is faster), ``spread_rel`` the
    standard deviation between runs of one side that the interval rests on, ``within_share`` the part of its square
    that the spread within the runs accounts for (where it is most of it, longer runs help as well as more).
    """

    verdict: Verdict
    ratio: float
    interval: Interval
    margin: float
    basis: Basis
    baseline_runs: int
    candidate_runs: int
    spread_rel: float
    within_share: float | None
    ranks: RankTest
    effect: EffectSize
    needed: Needed | None
    why: str


def compare(
    baseline: Sequence[Samples],
    candidate: Sequence[Samples],
    *,
    statistic: Statistic = MEAN,
    margin: float = MARGIN,
    level: float = LEVEL,
    assumed_spread: float = ASSUMED_SPREAD,
) -> Comparison:
    """Compare the runs of two things, each run given by its samples in the order of time; all must be positive.

    Student's t on the logarithms of the runs' values, the top level of the hierarchy in Kalibera and Jones (Rigorous
    benchmarking in reasonable time, ISMM 2013, section 6): the spread between runs contains that within them. From four
    runs of each on each side has its own spread (Welch); with fewer, both have one. A spread is never taken to be less
    than the runs' inner spread explains. With one run of each, ``assumed_spread`` stands for what cannot be known:
    only a difference that is large beside it is shown, and sameness never is.
    """
    logs = log_values(baseline, statistic), log_values(candidate, statistic)
    inner = inner_variance((*baseline, *candidate), statistic)
    spread = spread_of_runs(*logs, inner, assumed_spread)
    return _conclude(baseline, candidate, logs, spread, _Question(inner, margin, level))


def compare_pairs(
    baseline: Sequence[Samples],
    candidate: Sequence[Samples],
    *,
    statistic: Statistic = MEAN,
    margin: float = MARGIN,
    level: float = LEVEL,
) -> Comparison:
    """Compare runs that were made in pairs, one of each side by turns on the same partition; at least two pairs.

    Student's t on the logarithms of the ratios: what drifts slowly, such as temperature, touches both of a pair.
    """
    if len(baseline) != len(candidate) or len(baseline) < 2:  # noqa: PLR2004 - one pair has no spread
        raise ValueError(f"needs at least two pairs, there are {len(baseline)} and {len(candidate)} runs")
    logs = log_values(baseline, statistic), log_values(candidate, statistic)
    inner = inner_variance((*baseline, *candidate), statistic)
    return _conclude(baseline, candidate, logs, spread_of_pairs(*logs, inner), _Question(inner, margin, level))


@dataclass(frozen=True, slots=True)
class _Question:
    inner_variance: float
    margin: float
    level: float


def _conclude(
    baseline: Sequence[Samples],
    candidate: Sequence[Samples],
    logs: tuple[Samples, Samples],
    spread: Spread,
    question: _Question,
) -> Comparison:
    difference = float(logs[1].mean() - logs[0].mean())
    interval = interval_of_ratio(difference, spread, question.level)
    verdict = verdict_on(math.exp(difference), interval, question.margin)
    between, undecided = spread.between_runs, verdict is Verdict.UNDECIDED
    return Comparison(
        verdict=verdict,
        ratio=math.exp(difference),
        interval=interval,
        margin=question.margin,
        basis=spread.basis,
        baseline_runs=len(baseline),
        candidate_runs=len(candidate),
        spread_rel=between,
        within_share=question.inner_variance / between**2 if between > 0 else None,
        ranks=rank_test(baseline, candidate, logs),
        effect=effect_size(np.concatenate(baseline), np.concatenate(candidate)),
        needed=needed_runs(difference, between, question.margin, question.level) if undecided else None,
        why=explain(verdict, interval, question.margin),
    )


def interval_of_ratio(difference: float, spread: Spread, level: float = LEVEL) -> Interval:
    """Return the interval of a ratio, given the difference of the mean logarithms and its spread; Student's t."""
    half = float(stdtrit(spread.freedom, 0.5 + level / 2)) * spread.error
    return Interval(
        low=math.exp(difference - half),
        high=math.exp(min(difference + half, _LARGEST_EXPONENT)),
        level=level,
        method=f"Student's t on logarithms, spread from {spread.basis}",
    )
