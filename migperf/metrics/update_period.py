"""How often a meter has a new value, as seen from its readings."""

import numpy as np
import numpy.typing as npt

from migperf.metrics.metric import NS_PER_S
from migperf.metrics.readings import stretches
from migperf.metrics.series import Chunk, Series

MS_PER_NS = 1_000 / NS_PER_S


def update_period_ms(series: Series, start_ns: int, end_ns: int) -> float | None:
    """Return the mean time between changes of the value within the span, ms; None if it changed less than twice.

    A change is noticed by the next reading, so no period shorter than that of reading can be seen: what comes out is
    then the period of reading, an upper bound. Updates that leave the value as it was are skipped over: times longer
    than the median by more than a period of reading do not count.
    """
    pieces = [Chunk(series.chunk.time_ns[part], series.chunk.value[part]) for part in stretches(series)]
    inside = [piece.between(start_ns, end_ns) for piece in pieces]
    between_ns = np.concatenate([np.empty(0, np.int64), *(np.diff(_changes_ns(piece)) for piece in inside)])
    if not len(between_ns):
        return None
    reading_ns = np.median(np.concatenate([np.diff(piece.time_ns) for piece in inside]))
    usual = between_ns <= np.median(between_ns) + reading_ns
    return float(between_ns[usual].mean()) * MS_PER_NS


def _changes_ns(piece: Chunk) -> npt.NDArray[np.int64]:
    """The times of the readings that differ from the one before."""
    changed = np.flatnonzero(np.diff(piece.value)) + 1
    return piece.time_ns[changed]
