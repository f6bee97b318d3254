"""Moments at which GPM was sampled, and the rule of which of them an average lies between."""

import numpy as np

from migperf.native.compiled import MomentsState, pointer_to

SHORTEST_WINDOW_NS = 100_000_000
"""Two samples must be further apart than this (nvml.h on nvmlGpmMetricsGet)."""
ROOM = 16
"""Enough for samples every 7 ms (the sampler's are 10 ms apart at least). More often than that, an average can begin
earlier than it could: it is then of 200 ms at most."""


class Moments:
    """The latest moments, numbered from 0 on; what was sampled then is kept elsewhere, in ``ROOM`` places."""

    def __init__(self) -> None:
        self._complete_ns = np.zeros(ROOM, np.int64)
        self._times: memoryview[int] = self._complete_ns.data
        self.state = MomentsState(ROOM, 0, 0, pointer_to(self._complete_ns))

    @property
    def end(self) -> int:
        """The number of the moment after the latest."""
        return int(self.state.end)

    def earlier(self, now_ns: int) -> int | None:
        """Return the latest that is more than 100 ms older than ``now_ns``, and let go of those before it."""
        first, end, times, last_ns = self.state.first, self.state.end, self._times, now_ns - SHORTEST_WINDOW_NS
        while end - first > 1 and times[(first + 1) % ROOM] < last_ns:
            first += 1
        self.state.first = first
        return first if first < end and times[first % ROOM] < last_ns else None

    def begin(self) -> int:
        """Return the number of the moment that samples are taken for now.

        Without room, the latest is taken again: no average begins at it yet.
        """
        if self.state.end - self.state.first == ROOM:
            self.state.end -= 1
        return int(self.state.end)

    def keep(self, complete_ns: int) -> None:
        """Keep the moment that was begun, as all its samples were taken by this time."""
        self._times[self.state.end % ROOM] = complete_ns
        self.state.end += 1

    def drop(self) -> None:
        """Let go of all: no average begins before now."""
        self.state.first = self.state.end
