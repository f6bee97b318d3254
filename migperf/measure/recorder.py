"""The child's side of the pipe: collects timings, and sends them on between steps, seldom enough not to disturb."""

import time
from collections.abc import Callable, Iterable, Sequence
from multiprocessing.connection import Connection

import numpy as np
import numpy.typing as npt

from migperf.measure.events import Event, PhaseStarted, Progress, Timings, encode
from migperf.measure.loops.timers import Timing
from migperf.measure.phases import Phase

FLUSH_INTERVAL_NS = 1_000_000_000


class Recorder:
    """Sends events to the supervisor. Timings are held back and sent at most once a second.

    Without a connection nobody hears them.
    """

    def __init__(self, connection: Connection | None) -> None:
        self._connection = connection
        self._gauge: Callable[[], Event | None] = lambda: None
        self._phase: Phase | None = None
        self._timings: list[Timing] = []
        self._flushed_ns = time.monotonic_ns()

    def send(self, event: Event) -> None:
        """Send one event now."""
        if self._connection is not None:
            self._connection.send_bytes(encode(event))

    def enter(self, phase: Phase) -> int:
        """Begin a phase, unless it is under way; return the time, CLOCK_MONOTONIC, ns."""
        self.flush()
        now_ns = time.monotonic_ns()
        if phase is not self._phase:
            self._phase = phase
            self.send(PhaseStarted(phase=phase, at_ns=now_ns))
        return now_ns

    def gauge(self, read: Callable[[], Event | None]) -> None:
        """Send what ``read`` returns with every progress report from now on."""
        self._gauge = read

    def record(self, timings: Iterable[Timing]) -> None:
        """Keep the timings of steps that have ended."""
        self._timings.extend(timings)

    def report_progress(self, now_ns: int, fraction: float, steps: int) -> None:
        """Send progress and the timings kept so far, if the last time is long enough ago."""
        if now_ns - self._flushed_ns >= FLUSH_INTERVAL_NS:
            self.flush()
            self.send(Progress(fraction=fraction, steps=steps))
            if (reading := self._gauge()) is not None:
                self.send(reading)

    def flush(self) -> None:
        """Send the timings kept so far."""
        if self._timings:
            self.send(_packed(self._phase or Phase.STARTING, self._timings))
            self._timings.clear()
        self._flushed_ns = time.monotonic_ns()


def _packed(phase: Phase, timings: Sequence[Timing]) -> Timings:
    start_ns, duration_ns = (
        np.array([getattr(timing, column) for timing in timings], dtype=np.int64)
        for column in ("start_ns", "duration_ns")
    )
    parts: dict[str, npt.NDArray[np.int64]] = {}
    for position, timing in enumerate(timings):
        for part, took_ns in timing.parts:
            if part not in parts:
                parts[part] = np.full(len(timings), -1, dtype=np.int64)
            parts[part][position] = took_ns
    return Timings.pack(phase, start_ns, duration_ns, parts)
