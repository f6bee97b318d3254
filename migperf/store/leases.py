"""Leases: who holds which partition until when. A lease's id is its fencing token.

Nothing is written to a run without its current token; every function here that takes a token raises LeaseLostError
when it is no longer the current one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from migperf.errors import MigperfError
from migperf.store import runs
from migperf.store.models import Artifact, Lease, ResultRow, Run, SeriesRow
from migperf.store.states import RunState


class LeaseLostError(MigperfError):
    """The lease has been released: somebody else may hold the partition, and nothing may be written any more."""

    def __init__(self, token: int) -> None:
        super().__init__(f"lease {token} is not held any more")
        self.token = token


@dataclass(frozen=True, slots=True)
class Held:
    """A lease and its run, both locked and current."""

    lease: Lease
    run: Run


def grant(session: Session, run: Run, partition: str, node: str, now: datetime, lease_s: float) -> Lease:
    """Give a queued run the partition; the unique indexes refuse a second active lease on either."""
    lease = Lease(
        run_id=run.id,
        partition=partition,
        node=node,
        attempt=run.attempt + 1,
        granted_at=now,
        deadline=now + timedelta(seconds=lease_s),
    )
    session.add(lease)
    run.partition = partition
    runs.move(session, run, RunState.PLACED, now)
    session.flush()
    return lease


def hold(session: Session, token: int) -> Held:
    """Lock the run of an active lease and return both. Raises LeaseLostError."""
    run_id = session.scalars(select(Lease.run_id).where(Lease.id == token)).one_or_none()
    if run_id is None:
        raise LeaseLostError(token)
    run = runs.lock(session, run_id)
    lease = session.get_one(Lease, token, populate_existing=True)
    if lease.released_at is not None:
        raise LeaseLostError(token)
    return Held(lease, run)


def claim(session: Session, token: int, incarnation: str, now: datetime, lease_s: float) -> Held | None:
    """Begin the attempt that the lease was granted for; None if another call has done so already.

    Raises LeaseLostError.
    """
    held = hold(session, token)
    if held.lease.claimed_at is not None:
        return None
    held.lease.claimed_at = now
    held.lease.incarnation = incarnation
    held.lease.deadline = now + timedelta(seconds=lease_s)
    held.run.attempt = held.lease.attempt
    held.run.started_at = now
    runs.move(session, held.run, RunState.RUNNING, now)
    return held


def renew(session: Session, token: int, now: datetime, lease_s: float) -> Held:
    """Push the deadline of the lease out. Raises LeaseLostError."""
    held = hold(session, token)
    held.lease.deadline = now + timedelta(seconds=lease_s)
    return held


def finish(session: Session, token: int, state: RunState, now: datetime, reason: str | None = None) -> Run:
    """Release the lease and end its run in a final state. Raises LeaseLostError."""
    held = hold(session, token)
    _release(held.lease, str(state), now)
    runs.move(session, held.run, state, now, reason)
    held.run.progress = 1.0 if state is RunState.SUCCEEDED else held.run.progress
    return held.run


def lose(session: Session, lease: Lease, now: datetime, reason: str) -> Run:
    """Release a lease whose attempt came to nothing, and queue its run again if its retry limit allows."""
    run = runs.lock(session, lease.run_id)
    _release(lease, str(RunState.LOST), now)
    if run.state is RunState.RUNNING:
        run.losses += 1
    if run.cancel_requested_at is not None:
        runs.move(session, run, RunState.CANCELLED, now, "cancelled on request")
    elif run.losses > run.retry_limit:
        runs.move(session, run, RunState.LOST, now, f"{reason}; retry_limit = {run.retry_limit} is used up")
    else:
        requeue(session, run, now, reason)
    return run


def hand_back(session: Session, token: int, now: datetime, reason: str) -> Run:
    """Release the lease of an attempt that its own worker gave up, and queue the run again. Raises LeaseLostError."""
    held = hold(session, token)
    _release(held.lease, "handed_back", now)
    if held.run.cancel_requested_at is not None:
        runs.move(session, held.run, RunState.CANCELLED, now, "cancelled on request")
    else:
        requeue(session, held.run, now, reason)
    return held.run


def requeue(session: Session, run: Run, now: datetime, reason: str) -> None:
    """Put a run back into the queue and forget what its last attempt had begun to store."""
    for table in (SeriesRow, ResultRow, Artifact):
        session.execute(delete(table).where(table.run_id == run.id))
    run.phase, run.progress, run.started_at, run.environment = None, 0.0, None, None
    run.clock_zero_ns = None
    runs.move(session, run, RunState.QUEUED, now, reason)


def expire(session: Session, now: datetime) -> list[Run]:
    """Release every lease whose deadline is over; return their runs."""
    overdue = session.scalars(select(Lease).where(Lease.released_at.is_(None), Lease.deadline < now)).all()
    return [lose(session, held.lease, now, _expiry(held.lease)) for held in _still_active(session, overdue, now)]


def reclaim(session: Session, node: str, incarnation: str, now: datetime) -> list[Run]:
    """Release what earlier incarnations of a node's worker held: they are dead, and their children with them."""
    query = select(Lease).where(
        Lease.released_at.is_(None),
        Lease.node == node,
        Lease.claimed_at.is_not(None),
        Lease.incarnation != incarnation,
    )
    reason = f"the worker of node {node} died"
    return [lose(session, lease, now, reason) for lease in session.scalars(query).all()]


def withdraw(session: Session, node: str, now: datetime) -> list[Run]:
    """Release what was placed on a node that stops before it has begun it."""
    query = select(Lease).where(Lease.released_at.is_(None), Lease.node == node, Lease.claimed_at.is_(None))
    return [
        lose(session, lease, now, f"the worker of node {node} was stopped") for lease in session.scalars(query).all()
    ]


def to_wake(session: Session, now: datetime, resend_s: float) -> Sequence[Lease]:
    """Return the leases nobody has begun and that were not woken, or too long ago; mark them as woken now."""
    before = now - timedelta(seconds=resend_s)
    waiting = (
        Lease.released_at.is_(None),
        Lease.claimed_at.is_(None),
        Lease.woken_at.is_(None) | (Lease.woken_at < before),
    )
    leases = session.scalars(select(Lease).where(*waiting).order_by(Lease.id)).all()
    session.execute(update(Lease).where(Lease.id.in_([lease.id for lease in leases])).values(woken_at=now))
    return leases


def _still_active(session: Session, leases: Sequence[Lease], now: datetime) -> list[Held]:
    """Lock each run and keep those whose lease was not renewed or released meanwhile."""
    held = []
    for lease in leases:
        run = runs.lock(session, lease.run_id)
        session.refresh(lease)
        if lease.released_at is None and lease.deadline < now:
            held.append(Held(lease, run))
    return held


def _expiry(lease: Lease) -> str:
    return f"lease {lease.id} of node {lease.node} was not renewed until {lease.deadline.isoformat(timespec='seconds')}"


def _release(lease: Lease, outcome: str, now: datetime) -> None:
    lease.released_at, lease.outcome = now, outcome
