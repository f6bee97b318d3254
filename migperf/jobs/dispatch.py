"""The placement pass: expire leases, give GPUs to changes of layout and partitions to runs, and wake the nodes.

Anybody may run a pass at any time: the API after a submission, a worker after a run, the scheduler every second.
What one pass leaves undone because its process died, the next one completes.
"""

import logging
from dataclasses import dataclass
from datetime import datetime

from kombu.exceptions import KombuError, OperationalError
from sqlalchemy.orm import Session

from migperf.gpus.partition import PartitionKind
from migperf.jobs.celery_app import SUPERVISE, queue_of, sender_app
from migperf.jobs.layout_pass import place_changes, queue_restores
from migperf.jobs.offering import read_offer
from migperf.jobs.placement import Match, match
from migperf.jobs.queue_reader import QueueReader, Seen
from migperf.settings import Settings
from migperf.store import experiments, gpus, leases, nodes, runs
from migperf.store.database import PLACEMENT, Database, lock_for_pass, now
from migperf.store.leases import Berth
from migperf.store.queue import anything_to_do
from migperf.store.states import RunState

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
        with self._database.read() as session:
            if not anything_to_do(session, now(session)):
                return
        with self._database.write() as session:
            lock_for_pass(session, PLACEMENT)
            wake_ups = self.decide(session, now(session))
        for wake_up in wake_ups:
            self._wake(wake_up)

    def close(self) -> None:
        """Close the connections to the broker."""
        self._celery.close()

    def decide(self, session: Session, time: datetime) -> list[WakeUp]:
        """Do all of a pass that concerns the database, and return whom to wake; for who holds the lock of passes."""
        for lost in leases.expire(session, time):
            _log.warning("%s: %s", lost.holder, lost.reason)
        experiments.settle(session, time)
        self._place(session, time)
        waiting = leases.to_wake(session, time, self._settings.wake_resend_s)
        return [WakeUp(lease.node, lease.id) for lease in waiting]

    def _place(self, session: Session, time: datetime) -> None:
        offer = read_offer(session, time, self._settings.node_stale_s)
        shut = place_changes(session, offer, time, self._settings.lease_s)
        reader = QueueReader(session)
        for found in match(reader.waiting(), offer, shut):
            self._grant(session, reader.seen[found.run_id], found, time)
        queue_restores(session, offer, time)

    def _grant(self, session: Session, seen: Seen, found: Match, time: datetime) -> None:
        run = runs.lock(session, found.run_id)
        if run.state is not RunState.QUEUED:
            return
        if found.gpu is not None and seen.queued.restore_layout:
            gpus.remember_layout(session, found.gpu.uuid)
        if found.device is not None and found.partition is not None:
            nodes.store_share(session, found.node, found.partition, time)
        leases.grant(session, run, _berth(found, seen.gang), time, self._settings.lease_s)
        _log.info("run %s placed on %s of node %s", run.id, run.partition or found.gpu, found.node)

    def _wake(self, wake_up: WakeUp) -> None:
        queue = queue_of(wake_up.node)
        try:
            self._celery.send_task(SUPERVISE, args=(wake_up.token,), queue=queue, ignore_result=True)
        except (OperationalError, KombuError, OSError) as error:
            _log.warning("could not wake node %s (%s); the next pass tries again", wake_up.node, error)


def _berth(found: Match, gang: str | None) -> Berth:
    if found.partition is None:
        uuid = None if found.gpu is None else found.gpu.uuid
        return Berth(node=found.node, partition=None, gpu=uuid, exclusive=True, gang=gang)
    partition = found.partition
    return Berth(
        node=found.node,
        partition=partition.uuid,
        gpu=partition.gpu_uuid,
        exclusive=partition.kind is PartitionKind.GPU or gang is not None,
        device=found.device,
        gang=gang,
    )
