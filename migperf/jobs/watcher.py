"""A run's watcher on a node: renews the lease, writes progress and samples, and looks for a cancel."""

import logging
import threading
import time
from datetime import timedelta

from sqlalchemy.exc import OperationalError

from migperf.measure.outcome import Stop
from migperf.measure.phases import Phase
from migperf.measure.rendezvous import BrokenUp, Rendezvous
from migperf.measure.supervisor import Standing
from migperf.metrics.series import SeriesUpdate
from migperf.store import groups, leases, runs, series
from migperf.store.database import Database, now
from migperf.store.leases import LeaseLostError

NS_PER_US = 1_000
_log = logging.getLogger(__name__)


class DatabaseWatcher:
    """Tells the database what a run does, under the run's lease.

    A database that cannot be reached for a moment does not end the run: samples wait in memory. When it stays away
    for longer than the lease lasts, the lease counts as lost.
    """

    def __init__(self, database: Database, token: int, lease_s: float, stopping: threading.Event) -> None:
        self._database = database
        self._token = token
        self._lease_s = lease_s
        self._stopping = stopping
        self._renewed_s = time.monotonic()
        self._lost = False
        self._pending: list[SeriesUpdate] = []

    def entered(self, phase: Phase, at_ns: int) -> None:
        """See measure.supervisor.Watcher."""
        try:
            with self._database.write() as session:
                run = leases.renew(session, self._token, now(session), self._lease_s).run
                age = timedelta(microseconds=(time.monotonic_ns() - at_ns) // NS_PER_US)
                runs.note_phase(session, run, phase, now(session) - age)
        except LeaseLostError:
            self._lost = True
        except OperationalError as error:
            _log.warning("phase %s of lease %s not written: %s", phase, self._token, error)

    def tick(self, standing: Standing) -> Stop | None:
        """See measure.supervisor.Watcher."""
        if self._stopping.is_set():
            return Stop.HAND_BACK
        try:
            wishes = self._beat(standing)
        except LeaseLostError:
            return Stop.LEASE_LOST
        except OperationalError as error:
            _log.warning("lease %s not renewed: %s", self._token, error)
            overdue = time.monotonic() - self._renewed_s > self._lease_s
            return Stop.LEASE_LOST if overdue else None
        if wishes.cancel:
            return Stop.CANCEL
        return Stop.GIVE_BACK if wishes.give_back else None

    def samples(self, updates: list[SeriesUpdate]) -> None:
        """See measure.supervisor.Watcher."""
        self._pending += updates
        try:
            with self._database.write() as session:
                run = leases.renew(session, self._token, now(session), self._lease_s).run
                series.append(session, run.id, self._pending, run.clock_zero_ns or 0)
                series.compact(session, run.id)
            self._pending = []
        except LeaseLostError:
            self._lost = True
        except OperationalError as error:
            _log.warning("samples of lease %s wait for the database: %s", self._token, error)

    def _beat(self, standing: Standing) -> leases.Wishes:
        if self._lost:
            raise LeaseLostError(self._token)
        with self._database.write() as session:
            wishes = leases.beat(session, self._token, standing.phase, standing.fraction, now(session), self._lease_s)
        self._renewed_s = time.monotonic()
        return wishes


class AwaitingWatcher:
    """A watcher that also sees whether the runs of a group can still meet.

    One may lose its place before it begins, or fail before it has a child, as when its device cannot be shared. Such a
    run never comes to the rendezvous; the database knows why, and the others hear of it here.
    """

    def __init__(
        self, watcher: DatabaseWatcher, rendezvous: Rendezvous, database: Database, gang: str, size: int
    ) -> None:
        self._watcher, self._rendezvous = watcher, rendezvous
        self._database, self._gang, self._size = database, gang, size
        self.entered, self.samples = watcher.entered, watcher.samples

    def tick(self, standing: Standing) -> Stop | None:
        """See measure.supervisor.Watcher."""
        if not self._rendezvous.is_full and (missing := self._missing()) is not None:
            self._rendezvous.break_up(missing.reason, again=missing.again)
        return self._watcher.tick(standing)

    def _missing(self) -> BrokenUp | None:
        try:
            with self._database.read() as session:
                return groups.others_missing(session, self._gang, self._size)
        except OperationalError as error:
            _log.warning("whether the group of lease %s can meet is not known: %s", self._gang, error)
            return None
