"""The child's side of the pipe: collects timings, and sends them on between steps, seldom enough not to disturb."""

import time
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection

import numpy as np

from migperf.measure.events import Event, PhaseStarted, Progress, Timings, encode
from migperf.measure.phases import Phase
from migperf.measure.timers import Timing

FLUSH_INTERVAL_NS = 1_000_000_000


class Recorder:
    """Sends events to the supervisor. Timings are held back and sent at most once a second."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._gauge: Callable[[], Event | None] = lambda: None
        self._phase = Phase.STARTING
        self._start_ns: list[int] = []
        self._duration_ns: list[int] = []
        self._flushed_ns = time.monotonic_ns()

    def send(self, event: Event) -> None:
        """Send one event now."""
        self._connection.send_bytes(encode(event))

    def enter(self, phase: Phase) -> int:
        """Begin a phase; return when it began, CLOCK_MONOTONIC, ns."""
        self.flush()
        self._phase = phase
        now_ns = time.monotonic_ns()
        self.send(PhaseStarted(phase=phase, at_ns=now_ns))
        return now_ns

    def gauge(self, read: Callable[[], Event | None]) -> None:
        """Send what ``read`` returns with every progress report from now on."""
        self._gauge = read

    def record(self, timings: Iterable[Timing]) -> None:
        """Keep the timings of steps that have ended."""
        for timing in timings:
            self._start_ns.append(timing.start_ns)
            self._duration_ns.append(timing.duration_ns)

    def report_progress(self, now_ns: int, fraction: float, steps: int) -> None:
        """Send progress and the timings kept so far, if the last time is long enough ago."""
        if now_ns - self._flushed_ns >= FLUSH_INTERVAL_NS:
            self.flush()
            self.send(Progress(fraction=fraction, steps=steps))
            if (reading := self._gauge()) is not None:
                self.send(reading)

    def flush(self) -> None:
        """Send the timings kept so far."""
        if self._start_ns:
            columns = (np.array(self._start_ns, dtype=np.int64), np.array(self._duration_ns, dtype=np.int64))
            self.send(Timings.pack(self._phase, *columns))
            self._start_ns.clear()
            self._duration_ns.clear()
        self._flushed_ns = time.monotonic_ns()
