"""How the readings of a series hang together, and what they tell of a time span: pure functions on times and gaps."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from migperf.metrics.series import Gap, Series


def linked(series: Series) -> npt.NDArray[np.bool_]:
    """Tell of each reading and the next whether no gap lies between them, bool of shape (readings - 1,)."""
    time_ns = series.chunk.time_ns
    together = np.ones(max(len(time_ns) - 1, 0), np.bool_)
    for gap in series.gaps:
        first = int(np.searchsorted(time_ns, gap.start_ns, side="right")) - 1
        last = len(together) if gap.end_ns is None else int(np.searchsorted(time_ns, gap.end_ns, side="left"))
        together[max(first, 0) : last] = False
    return together


def stretches(series: Series) -> list[slice]:
    """Return the runs of readings without a gap among them, in order, as slices of the columns."""
    if not len(series):
        return []
    breaks = np.flatnonzero(~linked(series)) + 1
    return [slice(first, last) for first, last in pairwise([0, *breaks.tolist(), len(series)])]


def within(series: Series, start_ns: int, end_ns: int) -> slice:
    """Return which readings tell of the span alone: made in it, what they look back on included."""
    first_ns = start_ns + series.metric.lookback_ns
    first = int(np.searchsorted(series.chunk.time_ns, first_ns, side="left"))
    last = int(np.searchsorted(series.chunk.time_ns, end_ns, side="right"))
    return slice(first, max(first, last))


def overlap_ns(gap: Gap, start_ns: int, end_ns: int) -> int:
    """Return how much of the span the gap takes, ns."""
    gap_end_ns = end_ns if gap.end_ns is None else min(gap.end_ns, end_ns)
    return max(0, gap_end_ns - max(gap.start_ns, start_ns))


def longest_gap(series: Series, start_ns: int, end_ns: int) -> Gap | None:
    """Return the gap that takes most of the span; None if none reaches into it."""
    reaching = [gap for gap in series.gaps if overlap_ns(gap, start_ns, end_ns)]
    return max(reaching, key=lambda gap: overlap_ns(gap, start_ns, end_ns), default=None)
