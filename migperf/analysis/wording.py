"""The answer to a comparison in one sentence."""

from migperf.statistics.comparison import ASSUMED_SPREAD, Comparison
from migperf.statistics.samples import Interval
from migperf.statistics.spreads import Basis
from migperf.statistics.verdict import Verdict
from migperf.statistics.verdicts import Needed


def headline(found: Comparison | str, about: str) -> str:
    """Return the verdict, what it is about and what it rests on; in place of a comparison, why there is none."""
    if isinstance(found, str):
        return f"not compared: {found}"
    difference = _difference(found.ratio, found.interval)
    match found.verdict:
        case Verdict.SAME:
            said = f"the same within {100 * found.margin:g} %: {about} differs by {difference}"
        case Verdict.UNDECIDED:
            said = f"undecided: {about} differs by {difference}{_remedy(found.needed)}"
        case verdict:
            said = f"{verdict}: {about} differs by {difference}"
    return said + _caution(found)


def _difference(ratio: float, interval: Interval) -> str:
    bounds = f"{_percent(interval.low)} to {_percent(interval.high)}"
    return f"{_percent(ratio)} ({100 * interval.level:.4g} % interval {bounds})"


def _percent(ratio: float) -> str:
    return f"{100 * (ratio - 1):+.2f} %"


def _remedy(needed: Needed | None) -> str:
    if needed is None:
        return ""
    if needed.runs_each is None:
        return f"; not even 1,000 runs of each would probably show {needed.to_show}"
    return f"; {needed.runs_each} runs of each would probably show {needed.to_show}"


def _caution(comparison: Comparison) -> str:
    if comparison.basis is not Basis.ASSUMED:
        return ""
    return f"; with one run of each, a spread of {100 * ASSUMED_SPREAD:g} % between runs is assumed"
