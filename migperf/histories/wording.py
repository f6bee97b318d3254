"""Saying how large a regression is, in a line."""

from collections.abc import Mapping

from migperf.histories.worsening import Shifted


def percent(ratio: float) -> str:
    """Return a relative change with its sign, such as ``+12.3 %``."""
    return f"{100 * (ratio - 1):+.3g} %"


def size_of(metrics: Mapping[str, Shifted]) -> str:
    """Return by how much the metrics that got worse moved, the surest first, with the interval of that one."""
    worse = [(name, shifted) for name, shifted in metrics.items() if shifted.worse]
    (name, first), *others = worse
    text = f"{name} {percent(first.ratio)} ({percent(first.low)} to {percent(first.high)})"
    return ", ".join((text, *(f"{other} {percent(shifted.ratio)}" for other, shifted in others)))
