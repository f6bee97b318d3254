"""The answer to a comparison in one sentence."""

from migperf.statistics.comparison import ASSUMED_SPREAD, Comparison
from migperf.statistics.samples import Interval
from migperf.statistics.spreads import Basis
from migperf.statistics.verdict import Verdict

_DECIMALS = ((2, 0.01), (1, 0.1))
"""Of per cent, for intervals narrower (half of them, of the ratio) than that."""


def headline(found: Comparison | str, about: str) -> str:
    """Return the verdict, what it is about and what it rests on; in place of a comparison, why there is none."""
    if isinstance(found, str):
        return f"not compared: {found}"
    difference = _difference(found.ratio, found.interval)
    match found.verdict:
        case Verdict.SAME:
            said = f"the same within {100 * found.margin:g} %: {about} differs by {difference}"
        case Verdict.UNDECIDED:
            said = f"undecided: {about} differs by {difference}{_remedy(found)}"
        case verdict:
            said = f"{verdict}: {about} differs by {difference}"
    return said + _caution(found)


def _difference(ratio: float, interval: Interval) -> str:
    """Return by how many per cent something differs, to about the digits that the interval can defend."""
    decimals = next((d for d, width in _DECIMALS if interval.half_width < width), 0)
    difference, low, high = (f"{100 * (value - 1):+.{decimals}f} %" for value in (ratio, interval.low, interval.high))
    return f"{difference} ({100 * interval.level:.4g} % interval {low} to {high})"


def _remedy(comparison: Comparison) -> str:
    if comparison.needed is None:
        return ""
    runs, to_show = comparison.needed.runs_each, comparison.needed.to_show
    units = "pairs" if comparison.basis is Basis.PAIRS else "runs of each"
    if runs is None:
        return f"; not even 1,000 {units} would probably show {to_show}"
    return f"; {runs} {units} would probably show {to_show}"


def _caution(comparison: Comparison) -> str:
    if comparison.basis is not Basis.ASSUMED:
        return ""
    return f"; with one run of each, a spread of {100 * ASSUMED_SPREAD:g} % between runs is assumed"
