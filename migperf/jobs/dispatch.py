"""The placement pass: expire leases, place queued runs, and wake the nodes that got something to do.

Anybody may run a pass at any time: the API after a submission, a worker after a run, the scheduler every second.
What one pass leaves undone because its process died, the next one completes.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from kombu.exceptions import KombuError, OperationalError
from sqlalchemy.orm import Session

from migperf.gpus.partition import Partition
from migperf.gpus.selector import Selector
from migperf.jobs.celery_app import SUPERVISE, queue_of, sender_app
from migperf.jobs.placement import Free, Waiting, match
from migperf.settings import Settings
from migperf.store import leases, nodes, runs
from migperf.store.database import Database, lock_for_pass, now
from migperf.store.queue import queued
from migperf.store.states import RunState

_PASS_LOCK = 0x6D69_6771
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WakeUp:
    """A message to be sent: which node, and the token of the lease that waits there."""

    node: str
    token: int


class Dispatcher:
    """Runs placement passes. Safe to use from several threads and processes at once."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._celery = sender_app(settings)

    def run_pass(self) -> None:
        """Bring the queue forward by one pass. A broker that is down is logged; the next pass sends again."""
        with self._database.write() as session:
            wake_ups = self._decide(session)
        for wake_up in wake_ups:
            self._wake(wake_up)

    def close(self) -> None:
        """Close the connections to the broker."""
        self._celery.close()

    def _decide(self, session: Session) -> list[WakeUp]:
        lock_for_pass(session, _PASS_LOCK)
        time = now(session)
        for run in leases.expire(session, time):
            _log.warning("run %s: %s", run.id, run.reason)
        self._place(session, time)
        waiting = leases.to_wake(session, time, self._settings.wake_resend_s)
        return [WakeUp(lease.node, lease.id) for lease in waiting]

    def _place(self, session: Session, time: datetime) -> None:
        free = _free(session, time, self._settings.node_stale_s)
        if not free:
            return
        waiting = (Waiting(run_id, Selector.model_validate(where)) for run_id, where in queued(session))
        for found in match(waiting, free):
            run = runs.lock(session, found.run_id)
            if run.state is RunState.QUEUED:
                uuid, node = found.free.partition.uuid, found.free.node
                leases.grant(session, run, uuid, node, time, self._settings.lease_s)
                _log.info("run %s placed on %s of node %s", run.id, uuid, node)

    def _wake(self, wake_up: WakeUp) -> None:
        queue = queue_of(wake_up.node)
        try:
            self._celery.send_task(SUPERVISE, args=(wake_up.token,), queue=queue, ignore_result=True)
        except (OperationalError, KombuError, OSError) as error:
            _log.warning("could not wake node %s (%s); the next pass tries again", wake_up.node, error)


def _free(session: Session, time: datetime, stale_s: float) -> Sequence[Free]:
    rows = nodes.free_partitions(session, time, stale_s)
    return [Free(Partition.model_validate(row.description), row.node) for row in rows]
