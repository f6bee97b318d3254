"""Leases: who holds which partition until when. A lease's id is its fencing token.

Nothing is written to a run without its current token; every function here that takes a token raises LeaseLostError
when it is no longer the current one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, case, delete, select, update
from sqlalchemy.orm import Session

from migperf.errors import MigperfError
from migperf.store import changes, runs
from migperf.store.models import Artifact, LayoutChange, Lease, ResultRow, Run, SeriesRow
from migperf.store.states import RunState


class LeaseLostError(MigperfError):
    """The lease has been released: somebody else may hold the partition, and nothing may be written any more."""

    def __init__(self, token: int) -> None:
        super().__init__(f"lease {token} is not held any more")
        self.token = token


@dataclass(frozen=True, slots=True)
class Lost:
    """A run or a change of layout that lost its lease, and what became of it."""

    holder: str
    state: str
    reason: str | None

    @classmethod
    def of(cls, holder: Run | LayoutChange) -> "Lost":
        """Describe the holder as it is now."""
        kind = "run" if isinstance(holder, Run) else "layout change"
        return cls(f"{kind} {holder.id}", str(holder.state), holder.reason)


@dataclass(frozen=True, slots=True)
class Held:
    """A lease and its run, both locked and current."""

    lease: Lease
    run: Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Berth:
    """What a run gets: a partition, or a whole GPU that is yet to be cut for it."""

    node: str
    partition: str | None
    gpu: str | None = None
    exclusive: bool = False
    device: str | None = None
    """The CPU that the partition is a share of; None where it is the GPU, or the partition itself."""
    gang: str | None = None
    """The same for all runs of a group that are placed in one step."""


def grant(session: Session, run: Run, berth: Berth, now: datetime, lease_s: float) -> Lease:
    """Give a queued run its berth; the database refuses one that is held already (IntegrityError)."""
    lease = Lease(
        run_id=run.id,
        partition=berth.partition,
        gpu=berth.gpu,
        device=berth.device or berth.gpu or berth.partition,
        exclusive=berth.exclusive,
        gang=berth.gang,
        node=berth.node,
        attempt=run.attempt + 1,
        granted_at=now,
        deadline=now + timedelta(seconds=lease_s),
    )
    session.add(lease)
    run.partition = berth.partition
    runs.move(session, run, RunState.PLACED, now)
    session.flush()
    return lease


def occupy(session: Session, token: int, partition: str) -> Held:
    """Say which partition a run with a layout of its own got, now that its GPU is cut. Raises LeaseLostError."""
    held = hold(session, token)
    held.lease.partition = held.run.partition = partition
    runs.touch(held.run)
    return held


def partitions_of_gang(session: Session, gang: str) -> frozenset[str]:
    """Return the UUIDs of the partitions that the runs of a group hold."""
    held = select(Lease.partition).where(Lease.gang == gang, Lease.released_at.is_(None), Lease.partition.is_not(None))
    return frozenset(filter(None, session.scalars(held)))


def is_for_change(session: Session, token: int) -> bool:
    """Tell whether the lease was granted for a change of layout, and not for a run."""
    return session.scalar(select(Lease.change_id).where(Lease.id == token)) is not None


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


@dataclass(frozen=True, slots=True)
class Wishes:
    """What others want of a run while it runs."""

    cancel: bool
    give_back: bool
    """Somebody entitled needs its partition: the run goes back into the queue, at no cost to its retry limit."""


def beat(session: Session, token: int, phase: str, progress: float, now: datetime, lease_s: float) -> Wishes:
    """Push the deadline out and write the progress of the phase down. Raises LeaseLostError.

    Called every second beside a payload that is being measured, hence two statements and no object. The run's row
    is locked first, as everywhere; the second statement sees a release that the first one had to wait for.
    """
    holder = select(Lease.run_id).where(Lease.id == token, Lease.released_at.is_(None)).scalar_subquery()
    news = and_(Run.phase == phase, Run.progress != progress)
    written = update(Run).where(Run.id == holder)
    written = written.values(
        progress=case((news, progress), else_=Run.progress), version=Run.version + case((news, 1), else_=0)
    )
    renewed = update(Lease).where(Lease.id == token, Lease.released_at.is_(None))
    renewed = renewed.values(deadline=now + timedelta(seconds=lease_s))
    plain = {"synchronize_session": False}
    run = session.execute(written.returning(Run.cancel_requested_at), execution_options=plain).one_or_none()
    lease = session.execute(renewed.returning(Lease.give_back_requested_at), execution_options=plain).one_or_none()
    if run is None or lease is None:
        raise LeaseLostError(token)
    return Wishes(cancel=run.cancel_requested_at is not None, give_back=lease.give_back_requested_at is not None)


def finish(session: Session, token: int, state: RunState, now: datetime, reason: str | None = None) -> Run:
    """Release the lease and end its run in a final state. Raises LeaseLostError."""
    held = hold(session, token)
    _release(held.lease, str(state), now)
    runs.move(session, held.run, state, now, reason)
    held.run.progress = 1.0 if state is RunState.SUCCEEDED else held.run.progress
    return held.run


def lose(session: Session, lease: Lease, now: datetime, reason: str) -> Lost:
    """Release a lease whose attempt came to nothing, and queue its holder again if its limit allows."""
    if lease.change_id is not None:
        return Lost.of(changes.lose(session, lease, now, reason))
    return Lost.of(_lose_run(session, lease, now, reason))


def _lose_run(session: Session, lease: Lease, now: datetime, reason: str) -> Run:
    run = runs.lock(session, _run_of(lease))
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


def try_again(session: Session, token: int, now: datetime, reason: str) -> bool:
    """Give up an attempt whose outcome is spoiled and queue its run again, if it may be tried once more.

    False, and nothing is done, where ``taint_retry_limit`` is used up or the run is to be cancelled: what this attempt
    came to is then what there is. Raises LeaseLostError.
    """
    held = hold(session, token)
    run = held.run
    if run.taint_retries >= run.taint_retry_limit or run.cancel_requested_at is not None:
        return False
    run.taint_retries += 1
    _release(held.lease, "spoiled", now)
    requeue(session, run, now, f"{reason}; try {run.taint_retries} of taint_retry_limit = {run.taint_retry_limit}")
    return True


def requeue(session: Session, run: Run, now: datetime, reason: str) -> None:
    """Put a run back into the queue and forget what its last attempt had begun to store."""
    for table in (SeriesRow, ResultRow, Artifact):
        session.execute(delete(table).where(table.run_id == run.id))
    run.phase, run.progress, run.started_at, run.environment = None, 0.0, None, None
    run.clock_zero_ns = None
    runs.move(session, run, RunState.QUEUED, now, reason)


def expire(session: Session, now: datetime) -> list[Lost]:
    """Release every lease whose deadline is over; return what held them."""
    overdue = session.scalars(select(Lease).where(Lease.released_at.is_(None), Lease.deadline < now)).all()
    still = (lease for lease in overdue if _is_held(session, lease) and lease.deadline < now)
    return [lose(session, lease, now, _expiry(lease)) for lease in still]


def reclaim(session: Session, node: str, incarnation: str, now: datetime) -> list[Lost]:
    """Release what earlier incarnations of a node's worker held: they are dead, and their children with them."""
    query = select(Lease).where(
        Lease.released_at.is_(None),
        Lease.node == node,
        Lease.claimed_at.is_not(None),
        Lease.incarnation != incarnation,
    )
    reason = f"the worker of node {node} died"
    return [lose(session, lease, now, reason) for lease in session.scalars(query).all() if _is_held(session, lease)]


def withdraw(session: Session, node: str, now: datetime) -> list[Lost]:
    """Release what was placed on a node that stops before it has begun it."""
    query = select(Lease).where(Lease.released_at.is_(None), Lease.node == node, Lease.claimed_at.is_(None))
    reason = f"the worker of node {node} was stopped"
    still = (one for one in session.scalars(query).all() if _is_held(session, one) and one.claimed_at is None)
    return [lose(session, lease, now, reason) for lease in still]


def ask_back(session: Session, run_ids: Iterable[str], now: datetime) -> None:
    """Ask these runs to give back what they hold; asking twice changes nothing."""
    held = update(Lease).where(Lease.released_at.is_(None), Lease.run_id.in_(list(run_ids)))
    session.execute(held.where(Lease.give_back_requested_at.is_(None)).values(give_back_requested_at=now))


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


def _is_held(session: Session, lease: Lease) -> bool:
    """Lock the holder and read the lease anew; False where it was released since it was read."""
    if lease.change_id is not None:
        changes.lock(session, lease.change_id)
    else:
        runs.lock(session, _run_of(lease))
    session.refresh(lease)
    return lease.released_at is None


def _run_of(lease: Lease) -> str:
    if lease.run_id is None:
        raise LeaseLostError(lease.id)
    return lease.run_id


def _expiry(lease: Lease) -> str:
    return f"lease {lease.id} of node {lease.node} was not renewed until {lease.deadline.isoformat(timespec='seconds')}"


def _release(lease: Lease, outcome: str, now: datetime) -> None:
    lease.released_at, lease.outcome = now, outcome
