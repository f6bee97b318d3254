"""Keeping a lease alive beside work that cannot stop to renew it, and writing to a database that may be away."""

import logging
import threading
from collections.abc import Callable
from typing import Self

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from migperf.errors import MigperfError
from migperf.store.database import Database

STORE_RETRY_S = 1.0
_log = logging.getLogger(__name__)


class KeepAlive:
    """Renews a lease from a thread of its own for as long as it is entered; remembers when the lease was lost."""

    def __init__(self, renew: Callable[[], None], every_s: float) -> None:
        """``renew`` raises a MigperfError when the lease is lost."""
        self._renew = renew
        self._every_s = every_s
        self._done = threading.Event()
        self._lost: MigperfError | None = None
        self._thread = threading.Thread(target=self._run, name="keep-alive", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def check(self) -> None:
        """Raise what the renewal raised when the lease was lost."""
        if self._lost is not None:
            raise self._lost

    def _run(self) -> None:
        while not self._done.wait(self._every_s):
            try:
                self._renew()
            except OperationalError as error:
                _log.warning("a lease could not be renewed: %s", error)
            except MigperfError as error:
                self._lost = error
                return


def write_when_possible(database: Database, stopping: threading.Event, write: Callable[[Session], None]) -> None:
    """Write in one transaction; wait for a database that is away, unless this process is to stop."""
    while True:
        try:
            with database.write() as session:
                write(session)
        except OperationalError as error:
            if stopping.wait(STORE_RETRY_S):
                raise
            _log.warning("the database is away (%s); trying again", error)
        else:
            return
