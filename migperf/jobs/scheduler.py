"""The scheduler process: a placement pass at regular intervals, and old series thinned between them.

Several of them do no harm.
"""

import logging
import signal
import threading

from sqlalchemy.exc import SQLAlchemyError

from migperf.jobs.dispatch import Dispatcher
from migperf.jobs.retention import Retention
from migperf.settings import Settings
from migperf.store import schema
from migperf.store.database import Database

_log = logging.getLogger(__name__)


def run_scheduler(settings: Settings) -> int:
    """Run passes until asked to stop (SIGTERM, SIGINT); return the exit status."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    database = Database(settings.sqlalchemy_url)
    schema.require_head(database)
    dispatcher = Dispatcher(database, settings)
    try:
        keep_passing(dispatcher, Retention(database, settings), settings.placement_interval_s, stop)
    finally:
        dispatcher.close()
        database.close()
    return 0


def keep_passing(dispatcher: Dispatcher, retention: Retention, interval_s: float, stop: threading.Event) -> None:
    """Run a pass every interval until ``stop`` is set. A database that is away for a while is waited for."""
    while not stop.is_set():
        try:
            dispatcher.run_pass()
            retention.step()
        except SQLAlchemyError as error:
            _log.warning("placement pass failed, next one in %g s: %s", interval_s, error)
        stop.wait(interval_s)
