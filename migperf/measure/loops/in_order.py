"""Timings that end in another order than they began in, brought back into order."""

import heapq

from migperf.measure.loops.timers import Timing


class InOrder:
    """Holds timings back until nothing that began earlier can come any more, since series are ordered by time."""

    def __init__(self) -> None:
        self._held: list[tuple[int, int, Timing]] = []
        self._number = 0

    def add(self, timing: Timing) -> None:
        """Take in a timing."""
        heapq.heappush(self._held, (timing.start_ns, self._number, timing))
        self._number += 1

    def before(self, start_ns: int | None) -> list[Timing]:
        """Return, in order, what began before ``start_ns``, the earliest beginning still to come; None: all of it."""
        released = []
        while self._held and (start_ns is None or self._held[0][0] < start_ns):
            released.append(heapq.heappop(self._held)[2])
        return released
