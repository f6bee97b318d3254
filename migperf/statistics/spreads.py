"""How much the runs of two things spread, from which follows how well their difference is known."""

import math
from dataclasses import dataclass
from enum import StrEnum

from migperf.statistics.samples import Samples

WELCH_FROM = 4
NORMAL = 1e9
"""Degrees of freedom of a spread that was assumed, not estimated: Student's t is the normal distribution then."""


class Basis(StrEnum):
    """Where the spread between runs comes from, on which the interval rests."""

    BOTH = "each side's own runs"
    """Welch's t: each side has its own spread."""
    POOLED = "all runs together"
    """With few runs: both sides are taken to spread alike, relative to their values."""
    PAIRS = "pairs of runs"
    ASSUMED = "an assumed spread"
    """There is one run of each, which tells nothing of the spread between runs."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Of the difference of two mean logarithms: standard error, degrees of freedom, and the spread between runs.

    All are relative, so without unit.
    """

    error: float
    freedom: float
    between_runs: float
    basis: Basis


def spread_of_runs(baseline: Samples, candidate: Samples, inner: float, assumed: float) -> Spread:
    """Return the spread of two sides' runs, given by the logarithms of their values.

    ``inner`` is the variance within a run, below which no estimate goes; ``assumed`` is the spread between runs that
    is taken where there is one run of each. Welch's degrees of freedom: Biometrika 34, 1947.
    """
    counts = len(baseline), len(candidate)
    if max(counts) == 1:
        between = math.sqrt(inner + assumed**2)
        return Spread(between * math.sqrt(2), NORMAL, between, Basis.ASSUMED)
    if min(counts) < WELCH_FROM:
        return _pooled(baseline, candidate, inner)
    return _welch(baseline, candidate, inner)


def spread_of_pairs(baseline: Samples, candidate: Samples, inner: float) -> Spread:
    """Return the spread of the differences of runs that were made in pairs; ``inner`` as in ``spread_of_runs``."""
    pairs = len(baseline)
    variance = max(float((candidate - baseline).var(ddof=1)), 2 * inner)
    return Spread(math.sqrt(variance / pairs), pairs - 1, math.sqrt(variance / 2), Basis.PAIRS)


def _pooled(baseline: Samples, candidate: Samples, inner: float) -> Spread:
    counts = len(baseline), len(candidate)
    freedom = sum(counts) - 2
    squares = sum(float(((logs - logs.mean()) ** 2).sum()) for logs in (baseline, candidate))
    between = math.sqrt(max(squares / freedom, inner))
    return Spread(between * math.sqrt(1 / counts[0] + 1 / counts[1]), freedom, between, Basis.POOLED)


def _welch(baseline: Samples, candidate: Samples, inner: float) -> Spread:
    counts = len(baseline), len(candidate)
    parts = [max(float(logs.var(ddof=1)), inner) / len(logs) for logs in (baseline, candidate)]
    total = sum(parts)
    shares = sum(part**2 / (count - 1) for part, count in zip(parts, counts, strict=True))
    freedom = total**2 / shares if shares > 0 else NORMAL
    return Spread(math.sqrt(total), freedom, math.sqrt(total / (1 / counts[0] + 1 / counts[1])), Basis.BOTH)
