"""Why queued runs wait, read from the database as it stands: for one run, and for the head of the queue."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from sqlalchemy.orm import Session

from migperf.jobs.holders import Situation
from migperf.jobs.offering import read_offer
from migperf.jobs.placement import Together, Waiting
from migperf.jobs.queue_reader import QueueReader, asking_of
from migperf.jobs.waits import MOST_AHEAD, Wait, why_waiting
from migperf.store import changes, nodes
from migperf.store.queue import ahead_of_run, queued_one


@dataclass(frozen=True, slots=True)
class Queueing:
    """A run of the queue, or runs that are placed in one step, and why it waits."""

    run_ids: tuple[str, ...]
    wait: Wait


def read_situation(session: Session, now: datetime, stale_s: float) -> Situation:
    """Return what there is and who has it; a node silent for ``stale_s`` seconds has nothing to give."""
    holders: dict[str, str] = {}
    for lease in nodes.occupied(session):
        taken = (lease.partition, *((lease.device, lease.gpu) if lease.closes_gpu else ()))
        holders |= {uuid: lease.run for uuid in taken if uuid is not None and lease.run is not None}
    awaited = frozenset(change.gpu for change in changes.waiting(session))
    return Situation(offer=read_offer(session, now, stale_s), holders=holders, awaited=awaited)


def why_run_waits(session: Session, run_id: str, now: datetime, stale_s: float) -> Wait | None:
    """Return why a run waits; None if it does not wait."""
    run = queued_one(session, run_id)
    if run is None:
        return None
    ahead = ahead_of_run(session, run_id, MOST_AHEAD)
    return why_waiting(asking_of(session, run), read_situation(session, now, stale_s), ahead)


def head_of_queue(session: Session, now: datetime, stale_s: float, most: int) -> list[Queueing]:
    """Return the first of the queue in the order in which they are placed; groups that cannot be yet are left out."""
    with closing(QueueReader(session).waiting()) as waiting:
        first = list(islice(waiting, most))
    return list(_explained(first, read_situation(session, now, stale_s))) if first else []


def _explained(first: list[Waiting | Together], situation: Situation) -> Iterator[Queueing]:
    ahead = 0
    for asking in first:
        runs = tuple(run.run_id for run in asking.runs) if isinstance(asking, Together) else (asking.run_id,)
        yield Queueing(runs, why_waiting(asking, situation, ahead))
        ahead += len(runs)
