"""How fast a total grows, from its readings: arithmetic for metrics of kind AVERAGE."""

import math

from migperf.metrics.metric import NS_PER_S

NO_VALUE = math.nan


class Rate:
    """The mean growth per second of a total since the reading before; NaN while that cannot be told.

    ``most_per_s`` is the most that the total can grow by in a second. What grew by more had grown earlier and was only
    seen now, so it is averaged over the readings to come until it is possible.
    """

    def __init__(self, most_per_s: float = math.inf) -> None:
        self._most_per_s = most_per_s
        self._at_ns: int | None = None
        self._total = 0.0
        self._fell = False

    def since_last(self, now_ns: int, total: float, grain: float = 0.0) -> float:
        """Return the growth per second until ``now_ns``, given the total of that time, which errs by ``grain`` at most.

        A total that falls is waited for once: part of it may have been on the move from one place to another. If it
        stays lower, the part is gone and counting begins anew.
        """
        if self._at_ns is None:
            return self._begin(now_ns, total)
        elapsed_s, grown = (now_ns - self._at_ns) / NS_PER_S, total - self._total
        if grown < 0 and self._fell:
            return self._begin(now_ns, total)
        self._fell = grown < 0
        if grown < 0 or elapsed_s <= 0 or grown > self._most_per_s * elapsed_s + grain:
            return NO_VALUE
        self._begin(now_ns, total)
        return grown / elapsed_s

    def _begin(self, at_ns: int, total: float) -> float:
        self._at_ns, self._total, self._fell = at_ns, total, False
        return NO_VALUE
