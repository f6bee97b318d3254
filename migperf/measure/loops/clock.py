"""The clock that planned arrivals are kept by."""

import os
import time
from typing import Protocol

SPIN_NS = 150_000
"""Waking up from sleep comes some 60 us late; the rest of the way is waited awake."""


class Clock(Protocol):
    """Tells the time, and waits for one. Tests have one that only goes on when somebody waits."""

    def now_ns(self) -> int:
        """Return the time, ns."""
        ...

    def sleep_until_ns(self, due_ns: int) -> None:
        """Return when that time has come."""
        ...


class MonotonicClock:
    """CLOCK_MONOTONIC; sleeps, and is awake for the last moment before the time comes."""

    def now_ns(self) -> int:
        """See Clock."""
        return time.monotonic_ns()

    def sleep_until_ns(self, due_ns: int) -> None:
        """See Clock."""
        left_ns = due_ns - SPIN_NS - time.monotonic_ns()
        if left_ns > 0:
            time.sleep(left_ns / 1e9)
        while time.monotonic_ns() < due_ns:
            os.sched_yield()  # sleeping for no time at all would take what the kernel's timers may be late: 50 us
