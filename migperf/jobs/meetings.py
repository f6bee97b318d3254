"""The groups whose runs this worker performs at this moment: where their supervisors meet."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from migperf.measure.rendezvous import Rendezvous


class Meetings:
    """One rendezvous for each group, from the first of its runs that begins to the last that ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[str, tuple[Rendezvous, int]] = {}

    @contextmanager
    def attend(self, gang: str, size: int) -> Iterator[Rendezvous]:
        """Take part in the meeting of the runs that were placed together as ``gang``."""
        with self._lock:
            rendezvous, present = self._held.get(gang, (Rendezvous(size), 0))
            self._held[gang] = rendezvous, present + 1
        try:
            yield rendezvous
        finally:
            self._leave(gang)

    def _leave(self, gang: str) -> None:
        with self._lock:
            rendezvous, present = self._held.pop(gang)
            if present > 1:
                self._held[gang] = rendezvous, present - 1
