"""Placement passes after an answer has been sent: as few as needed, however many requests ask for one at once."""

import logging
import threading

from sqlalchemy.exc import SQLAlchemyError

from migperf.jobs.dispatch import Dispatcher

_log = logging.getLogger(__name__)


class PlacementPasses:
    """Runs one pass at a time. Requests that come meanwhile share the one that follows it."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._guard = threading.Lock()
        self._running = False
        self._wanted = False

    def run(self) -> None:
        """Have a pass begin after this call; returns at once if another thread will run it."""
        with self._guard:
            self._wanted = True
            if self._running:
                return
            self._running = True
        while self._take():
            self._pass()

    def _take(self) -> bool:
        with self._guard:
            self._running, self._wanted = self._wanted, False
            return self._running

    def _pass(self) -> None:
        try:
            self._dispatcher.run_pass()
        except SQLAlchemyError:
            _log.exception("a placement pass failed; the next one does its work")
