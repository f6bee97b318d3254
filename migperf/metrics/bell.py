"""Wakes one thread that waits for its next turn. An Event does so too, but takes ten times as long to wait."""

import threading


class Bell:
    """One thread waits, any may ring; ringing before it waits, or again before it has heard, counts once."""

    def __init__(self) -> None:
        self._silence = threading.Lock()
        self._silence.acquire()

    def ring(self) -> None:
        """Let the one that waits, or waits next, wait no longer."""
        try:
            self._silence.release()
        except RuntimeError:
            # It was rung already, and nobody has heard it yet.
            return

    def wait(self, seconds: float) -> bool:
        """Wait until the bell is rung, but no longer than so; tell whether it was."""
        return self._silence.acquire(timeout=max(0.0, seconds))
