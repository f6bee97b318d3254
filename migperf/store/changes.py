"""Changes of layout: asked for over the API, or by the service itself; executed by the GPU's node under a lease.

While a change holds its GPU nothing new is put on it, but runs go on there on partitions that the change leaves alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select, update
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from migperf.errors import ConflictError, MigperfError, NotFoundError
from migperf.gpus.layout import Layout
from migperf.store.models import GpuRow, LayoutChange, Lease
from migperf.store.states import ChangeState

ATTEMPTS = 3
"""How often a change is begun whose worker dies in the middle of it."""


class Origin(StrEnum):
    """Who wants a change."""

    REQUEST = "request"
    """A user."""
    RESTORE = "restore"
    """A run with a layout of its own has ended, and asked for what was there before."""
    BOOT = "boot"
    """The host has booted, which forgets every layout."""
    COMMAND = "command"
    """Somebody cuts the GPU from the command line of its host, which takes the lease at once."""


class ChangeLeaseLostError(MigperfError):
    """The lease of a change has been released: its worker may do nothing more to the GPU."""

    def __init__(self, token: int) -> None:
        super().__init__(f"lease {token} of a change of layout is not held any more")


@dataclass(frozen=True, slots=True)
class HeldChange:
    """A lease and its change, both locked and current."""

    lease: Lease
    change: LayoutChange


def request(
    session: Session, gpu: str, layout: Layout, now: datetime, *, origin: Origin = Origin.REQUEST, force: bool = False
) -> LayoutChange:
    """Queue a change; one of this GPU that still waits is cancelled, for it would be undone at once."""
    waiting = update(LayoutChange).where(LayoutChange.gpu == gpu, LayoutChange.state == ChangeState.QUEUED)
    session.execute(waiting.values(state=ChangeState.CANCELLED, finished_at=now, reason="replaced by a newer change"))
    change = LayoutChange(
        id=str(uuid7()),
        gpu=gpu,
        layout=str(layout),
        origin=str(origin),
        force=force,
        state=ChangeState.QUEUED,
        created_at=now,
    )
    session.add(change)
    session.flush()
    return change


def get(session: Session, change_id: str) -> LayoutChange:
    """Return the change. Raises NotFoundError."""
    change = session.get(LayoutChange, change_id)
    if change is None:
        raise NotFoundError("layout change", change_id)
    return change


def latest(session: Session, gpu: str, limit: int = 1) -> Sequence[LayoutChange]:
    """Return the newest changes of a GPU, newest first."""
    query = select(LayoutChange).where(LayoutChange.gpu == gpu)
    return session.scalars(query.order_by(LayoutChange.created_at.desc(), LayoutChange.id.desc()).limit(limit)).all()


def waiting(session: Session) -> Sequence[LayoutChange]:
    """Return the changes that wait for their GPU, oldest first."""
    query = select(LayoutChange).where(LayoutChange.state == ChangeState.QUEUED)
    return session.scalars(query.order_by(LayoutChange.created_at, LayoutChange.id)).all()


def pending(session: Session) -> Sequence[LayoutChange]:
    """Return the changes that have not ended, whatever their GPU, in the order in which they were asked for."""
    query = select(LayoutChange).where(LayoutChange.state.in_([state for state in ChangeState if not state.is_final]))
    return session.scalars(query.order_by(LayoutChange.created_at, LayoutChange.id)).all()


def cancel(session: Session, change_id: str, now: datetime) -> LayoutChange:
    """Cancel a change that has not begun. Raises NotFoundError, and ConflictError when it has."""
    change = lock(session, change_id)
    if change.state is ChangeState.CANCELLED:
        return change
    if change.state is not ChangeState.QUEUED:
        raise ConflictError(f"layout change {change_id} is {change.state}; only one that waits can be cancelled")
    _end(session, change, ChangeState.CANCELLED, now, "cancelled on request")
    return change


def lock(session: Session, change_id: str) -> LayoutChange:
    """Return the change as it is now, its row locked until the transaction ends. Raises NotFoundError."""
    query = select(LayoutChange).where(LayoutChange.id == change_id).with_for_update()
    change = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if change is None:
        raise NotFoundError("layout change", change_id)
    return change


def grant(session: Session, change: LayoutChange, node: str, now: datetime, lease_s: float) -> Lease:
    """Give a waiting change its GPU; the database refuses it beside an exclusive lease or another change."""
    change.state = ChangeState.PLACED
    lease = Lease(
        change_id=change.id,
        gpu=change.gpu,
        device=change.gpu,
        node=node,
        attempt=change.attempts + 1,
        granted_at=now,
        deadline=now + timedelta(seconds=lease_s),
    )
    session.add(lease)
    session.flush()
    return lease


def refuse(session: Session, change: LayoutChange, now: datetime, reason: str) -> None:
    """End a change that waits and can never be made."""
    _end(session, change, ChangeState.FAILED, now, reason)


def hold(session: Session, token: int) -> HeldChange:
    """Lock the change of an active lease and return both. Raises ChangeLeaseLostError."""
    change_id = session.scalars(select(Lease.change_id).where(Lease.id == token)).one_or_none()
    if change_id is None:
        raise ChangeLeaseLostError(token)
    change = lock(session, change_id)
    lease = session.get_one(Lease, token, populate_existing=True)
    if lease.released_at is not None:
        raise ChangeLeaseLostError(token)
    return HeldChange(lease, change)


def claim(session: Session, token: int, incarnation: str, now: datetime, lease_s: float) -> HeldChange | None:
    """Begin the change that the lease was granted for; None if another call has. Raises ChangeLeaseLostError."""
    held = hold(session, token)
    if held.lease.claimed_at is not None:
        return None
    held.lease.claimed_at, held.lease.incarnation = now, incarnation
    held.lease.deadline = now + timedelta(seconds=lease_s)
    held.change.attempts = held.lease.attempt
    held.change.state, held.change.started_at = ChangeState.RUNNING, now
    return held


def renew(session: Session, token: int, now: datetime, lease_s: float) -> None:
    """Push the deadline of the lease out. Raises ChangeLeaseLostError."""
    hold(session, token).lease.deadline = now + timedelta(seconds=lease_s)


def finish(
    session: Session, token: int, state: ChangeState, now: datetime, *, reason: str | None = None
) -> LayoutChange:
    """Release the lease and end its change. Raises ChangeLeaseLostError."""
    held = hold(session, token)
    _release(held.lease, str(state), now)
    _end(session, held.change, state, now, reason)
    return held.change


def lose(session: Session, lease: Lease, now: datetime, reason: str) -> LayoutChange:
    """Release a lease whose attempt came to nothing; the change waits again, or fails after its last attempt.

    Beginning again is safe: a change is made from how the GPU is cut by then.
    """
    change = lock(session, lease.change_id or "")
    _release(lease, "lost", now)
    if lease.claimed_at is not None and lease.attempt >= ATTEMPTS:
        _end(session, change, ChangeState.FAILED, now, f"{reason}; given up after {ATTEMPTS} attempts")
    else:
        change.state, change.reason = ChangeState.QUEUED, reason
    return change


def _release(lease: Lease, outcome: str, now: datetime) -> None:
    lease.released_at, lease.outcome = now, outcome


def _end(session: Session, change: LayoutChange, state: ChangeState, now: datetime, reason: str | None) -> None:
    """End a change. With it ends the wish to put an earlier layout back: it is done, was overruled, or cannot be."""
    change.state, change.finished_at, change.reason = state, now, reason
    if change.origin == Origin.RESTORE or state is ChangeState.APPLIED:
        session.execute(update(GpuRow).where(GpuRow.uuid == change.gpu).values(restore_layout=None))
