"""The waiting room of an open loop: which requests have arrived, which wait, which are answered next and which never.

Pure bookkeeping on planned times: it knows no clock and waits for nothing. Requests arrive when they were planned to,
so nothing that the server does, and no delay of this program, makes one later: the queue is as long as it would be.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from migperf.measure.load import Load

NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Taken:
    """Requests to be answered together, by their planned arrivals, ns, and when they could have been taken, ns."""

    planned_ns: tuple[int, ...]
    ready_ns: int


@dataclass(slots=True)
class WaitingRoom:
    """Requests that have arrived and were neither begun nor lost; first come, first served.

    ``dropped`` and ``given_up`` hold the planned arrivals, ns, of those that found the queue full, and of those that
    had waited for the time-out. An arrival at the same time as an earlier one's time-out finds its place free.
    """

    arrivals: Iterator[int]
    load: Load
    dropped: list[int] = field(default_factory=list)
    given_up: list[int] = field(default_factory=list)
    _waiting: deque[int] = field(default_factory=deque)
    _next_ns: int = 0

    def __post_init__(self) -> None:
        self._next_ns = next(self.arrivals)

    def __len__(self) -> int:
        return len(self._waiting)

    def waiting(self) -> tuple[int, ...]:
        """Return the planned arrivals of those that wait, ns."""
        return tuple(self._waiting)

    @property
    def oldest_ns(self) -> int:
        """The planned arrival of the first request that waits, or else of the next to come."""
        return self._waiting[0] if self._waiting else self._next_ns

    def admit(self, now_ns: int) -> None:
        """Let arrive what was planned until now, and give up what has waited too long."""
        while self._next_ns <= now_ns:
            self._give_up(self._next_ns)
            limit = self.load.queue_limit
            if limit is not None and len(self._waiting) >= limit:
                self.dropped.append(self._next_ns)
            else:
                self._waiting.append(self._next_ns)
            self._next_ns = next(self.arrivals)
        self._give_up(now_ns)

    def take(self, now_ns: int) -> Taken | None:
        """Return the requests that a free server answers now; None where it is to wait until ``due_ns``."""
        self.admit(now_ns)
        if not self._waiting or now_ns < (ready_ns := self._ready_ns()):
            return None
        count = min(len(self._waiting), self.load.max_batch)
        return Taken(tuple(self._waiting.popleft() for _ in range(count)), ready_ns)

    def due_ns(self) -> int:
        """Return when ``take`` is to be asked again by a server that got nothing."""
        return min(self._ready_ns(), self._next_ns) if self._waiting else self._next_ns

    def _ready_ns(self) -> int:
        """Return when those that wait may be taken: when they fill a batch, or the first has waited for others."""
        waited_ns = self._waiting[0] + round(self.load.max_delay_ms * NS_PER_MS)
        full = len(self._waiting) >= self.load.max_batch
        return min(waited_ns, self._waiting[self.load.max_batch - 1]) if full else waited_ns

    def _give_up(self, now_ns: int) -> None:
        if self.load.timeout_ms is None:
            return
        latest_ns = now_ns - round(self.load.timeout_ms * NS_PER_MS)
        while self._waiting and self._waiting[0] <= latest_ns:
            self.given_up.append(self._waiting.popleft())
