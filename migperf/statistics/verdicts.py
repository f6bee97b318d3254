"""The four verdicts on a ratio, and what would decide where there is none."""

import math
from dataclasses import dataclass

from migperf.statistics.sample_size import runs_for_difference, runs_for_sameness
from migperf.statistics.samples import Interval
from migperf.statistics.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """What would decide an undecided comparison, with 80 % power if the ratio is what it seems to be.

    ``runs_each`` counts all runs of each side, those made included; None for more than 1,000.
    """

    runs_each: int | None
    to_show: str


def verdict_on(ratio: float, interval: Interval, margin: float) -> Verdict:
    """Return the verdict on a ratio with its interval.

    Sameness by two one-sided tests (Schuirmann 1987) at half of 1 - level each; the others as ``Verdict`` says.
    """
    if interval.within(1 / (1 + margin), 1 + margin):
        return Verdict.SAME
    if interval.high < 1 and ratio < 1 / (1 + margin):
        return Verdict.FASTER
    if interval.low > 1 and ratio > 1 + margin:
        return Verdict.SLOWER
    return Verdict.UNDECIDED


def needed_runs(difference: float, spread: float, margin: float, level: float) -> Needed:
    """Return what would decide; ``difference`` is of logarithms, ``spread`` relative between runs of one side."""
    least = math.log1p(margin)
    if abs(difference) > least:
        runs = runs_for_difference(difference, spread, level)
        return Needed(runs_each=runs, to_show=f"a difference of {math.expm1(difference):+.1%}")
    runs = runs_for_sameness(least, difference, spread, level)
    return Needed(runs_each=runs, to_show=f"that they differ by less than {margin:.1%}")


def explain(verdict: Verdict, interval: Interval, margin: float) -> str:
    """Return the reason of a verdict as a sentence."""
    found = f"the ratio lies between {interval.low:.4f} and {interval.high:.4f} ({interval.level:.1%})"
    match verdict:
        case Verdict.SAME:
            return f"{found}, within {margin:.1%} of 1"
        case Verdict.UNDECIDED:
            return f"{found}: neither within {margin:.1%} of 1, nor a difference of more than that"
        case _:
            return f"{found}, without 1"
