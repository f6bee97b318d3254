"""The scheduler process: fires schedules in time, passes over the queue, judges results, delivers alerts, thins series.

Several of them do no harm. Judging is done beside the rest, since it may take long.
"""

import logging
import signal
import threading
import time
from collections.abc import Callable, Sequence

from sqlalchemy.exc import SQLAlchemyError

from migperf.jobs.beside import Beside
from migperf.jobs.confirming import Confirming
from migperf.jobs.dispatch import Dispatcher
from migperf.jobs.firing import Timekeeper
from migperf.jobs.judging import Judge
from migperf.jobs.postman import Postman
from migperf.jobs.retention import Retention
from migperf.settings import Settings
from migperf.store import schema
from migperf.store.database import Database

_log = logging.getLogger(__name__)
LONGEST_S, SHORTEST_S = 1.0, 0.02
"""How long the scheduler waits between two looks at the schedules: somebody may have stored one meanwhile."""


def run_scheduler(settings: Settings) -> int:
    """Run passes until asked to stop (SIGTERM, SIGINT); return the exit status."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    database = Database(settings.sqlalchemy_url)
    schema.require_head(database)
    postman = Postman.of(database, settings)
    dispatcher = Dispatcher(database, settings)
    timekeeper = Timekeeper(database, settings.node_stale_s)
    judge, confirming = Judge(database), Confirming(database, settings.node_stale_s)
    retention = Retention(database, settings)
    interval_s = settings.placement_interval_s
    passes = Passes((dispatcher.run_pass, postman.step, retention.step), interval_s)
    try:
        with Beside((judge.step, confirming.step), interval_s, stop):
            keep_time(timekeeper, passes, stop)
    finally:
        postman.close()
        dispatcher.close()
        database.close()
    return 0


class Passes:
    """Placement passes at intervals, each followed by what is done between them."""

    def __init__(self, steps: Sequence[Callable[[], object]], interval_s: float) -> None:
        self._steps = tuple(steps)
        self._interval_s = interval_s
        self._next_s = time.monotonic()

    @property
    def left_s(self) -> float:
        """Seconds until the next one."""
        return self._next_s - time.monotonic()

    def run(self) -> None:
        """Run one now; the next one is an interval later, also if this one fails."""
        self._next_s = time.monotonic() + self._interval_s
        for step in self._steps:
            step()


def keep_time(timekeeper: Timekeeper, passes: Passes, stop: threading.Event) -> None:
    """Fire schedules and run passes until ``stop`` is set. A database that is away for a while is waited for."""
    while not stop.is_set():
        pause_s = LONGEST_S
        try:
            # What was submitted is to be placed at once.
            if timekeeper.step() or passes.left_s <= 0:
                passes.run()
            until_s = timekeeper.until_next_s()
            pause_s = min(pause_s, passes.left_s, LONGEST_S if until_s is None else until_s)
        except SQLAlchemyError as error:
            _log.warning("a look at schedules and queue failed, next one in %g s: %s", pause_s, error)
        stop.wait(max(pause_s, SHORTEST_S))
