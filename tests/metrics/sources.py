"""Sources that do what a test wants of them."""

import time
from collections.abc import Callable, Sequence

import numpy as np

from migperf.metrics.absence import Absence
from migperf.metrics.metric import Metric, Scope
from migperf.metrics.source import Occurrence, Row

TICKS = Metric(name="ticks", unit="1", scope=Scope.PROCESS, source="test")
BANGS = Metric(name="bangs", unit="1", scope=Scope.GPU, source="test")


class Counting:
    """Gives the number of its reading; ``at`` maps numbers of readings to what happens instead."""

    metrics = (TICKS,)

    def __init__(self, at: dict[int, Callable[[], object]] | None = None, period_ns: int = 0) -> None:
        self.period_ns = period_ns
        self.readings = 0
        self.closed = False
        self.absence: Absence | None = None
        self._at = at or {}
        self._row = np.zeros(1)

    def read(self, now_ns: int) -> Row:
        self.readings += 1
        self._row[0] = self.readings
        self.absence = None
        if (happens := self._at.get(self.readings)) is not None:
            happens()
        return self._row

    def miss(self, absence: Absence | None) -> None:
        """Have no value this time."""
        self._row[0] = np.nan
        self.absence = absence

    def why_not(self, index: int) -> Absence | None:
        return self.absence

    def close(self) -> None:
        self.closed = True


class Together(Counting):
    """Reads for as many runs as there are ``known`` sources, each of which has a column here: ten times its place."""

    metrics: tuple[Metric, ...] = ()

    def __init__(self, known: Sequence[Counting]) -> None:
        super().__init__()
        self.metrics = (TICKS,) * len(known)
        self.joined: list[int] = []
        self._known = tuple(known)
        self._row = np.full(len(known), np.nan)

    def join(self, source: object) -> slice | None:
        if source not in self._known:
            return None
        self.joined.append(self._known.index(source))  # type: ignore[arg-type]
        return slice(self.joined[-1], self.joined[-1] + 1)

    def leave(self, columns: slice) -> None:
        self.joined.remove(columns.start)

    def read(self, now_ns: int) -> Row:
        self.readings += 1
        for column in range(len(self._known)):
            self._row[column] = 10.0 * column if column in self.joined else np.nan
        return self._row


class Bangs:
    """An event source; ``happen`` makes an event."""

    metrics = (BANGS,)
    period_ns = 0

    def __init__(self) -> None:
        self.waiting: list[float] = []
        self.closed = False

    def happen(self, value: float) -> None:
        self.waiting.append(value)

    def poll(self, now_ns: int) -> Sequence[Occurrence]:
        told, self.waiting = self.waiting, []
        return [Occurrence(0, now_ns, value) for value in told]

    def why_not(self, index: int) -> Absence | None:
        return None

    def close(self) -> None:
        self.closed = True


def stall(seconds: float) -> Callable[[], None]:
    return lambda: time.sleep(seconds)


def raising(error: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail
