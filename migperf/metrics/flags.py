"""Several flags seen as one."""

from collections.abc import Sequence
from functools import reduce

import numpy as np

from migperf.metrics.metric import Metric
from migperf.metrics.series import Chunk, Gap, Series


def any_of(metric: Metric, flags: Sequence[Series]) -> Series:
    """Return the series of whether any of the flags is set, as each time when at least one of them was read tells.

    What remains without any reading stays a gap.
    """
    time_ns = reduce(np.union1d, (flag.chunk.time_ns for flag in flags), np.empty(0, np.int64))
    value = np.zeros(len(time_ns))
    for flag in flags:
        at = np.searchsorted(time_ns, flag.chunk.time_ns)
        value[at] = np.maximum(value[at], flag.chunk.value != 0)
    chunk = Chunk(time_ns, value)
    gaps = {gap for flag in flags for gap in flag.gaps if not _read_within(chunk, gap)}
    return Series(metric=metric, chunk=chunk, gaps=tuple(sorted(gaps, key=lambda gap: gap.start_ns)))


def _read_within(chunk: Chunk, gap: Gap) -> bool:
    """Whether there is a reading between the gap's ends."""
    end_ns = np.iinfo(np.int64).max if gap.end_ns is None else gap.end_ns
    return len(chunk.between(gap.start_ns + 1, int(end_ns) - 1)) > 0
