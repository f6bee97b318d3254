"""Wakes one thread that waits for its next turn. An Event does so too, but takes ten times as long to wait."""

import threading
import time

from migperf.native.compiled import Flag

SHORT_S = 0.02
"""A ring may be heard so much later."""


class Bell:
    """One thread waits, any may ring; ringing before it waits, or again before it has heard, counts once."""

    def __init__(self) -> None:
        self.rung = Flag()
        """Set when it is rung, for one that waits without it; cleared by whoever waits by it."""
        self._silence = threading.Lock()
        self._silence.acquire()

    def ring(self) -> None:
        """Let the one that waits, or waits next, wait no longer."""
        self.rung.set(True)
        try:
            self._silence.release()
        except RuntimeError:
            # It was rung already, and nobody has heard it yet.
            return

    def wait(self, seconds: float) -> bool:
        """Wait until the bell is rung, but no longer than so; tell whether it was. A short wait is never cut short."""
        if seconds >= SHORT_S:
            self.rung.set(False)
            return self._silence.acquire(timeout=seconds)
        # A lock with a timeout takes half as long again as sleeping, and for so little nobody has to be woken sooner.
        if seconds > 0:
            time.sleep(seconds)
        # Before listening: a ring between the two is heard now, and looks as if it were not.
        self.rung.set(False)
        return self._silence.acquire(blocking=False)
