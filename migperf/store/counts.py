"""How many runs and changes of layout are in which state, and what waits: for whoever watches the whole service."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from migperf.store.models import LayoutChange, Lease, Run
from migperf.store.states import ChangeState, RunState

State = TypeVar("State", RunState, ChangeState)


def runs_by_state(session: Session) -> Mapping[RunState, int]:
    """Return the number of runs in every state, also of those in which there are none."""
    return dict.fromkeys(RunState, 0) | _counted(session, Run.state)


def changes_by_state(session: Session) -> Mapping[ChangeState, int]:
    """Return the number of changes of layout in every state, also of those in which there are none."""
    return dict.fromkeys(ChangeState, 0) | _counted(session, LayoutChange.state)


@dataclass(frozen=True, slots=True)
class Queue:
    """The runs that wait for a partition."""

    length: int
    oldest: datetime | None
    """When the one that waits longest was submitted; None while none waits."""


def queue(session: Session) -> Queue:
    """Return how many runs wait, and for how long. One that was begun and put back counts from its submission."""
    query = select(func.count(), func.min(Run.created_at)).where(Run.state == RunState.QUEUED)
    return Queue(*session.execute(query).one())


def oldest_unclaimed(session: Session) -> datetime | None:
    """Return when the lease was granted that has waited longest for its worker; None while none waits."""
    query = select(func.min(Lease.granted_at))
    return session.scalar(query.where(Lease.released_at.is_(None), Lease.claimed_at.is_(None)))


def progress_by_partition(session: Session) -> Mapping[str, float]:
    """Return how far the run on each partition is that has one under way: 0 to 1, by the partition's UUID."""
    query = select(Run.partition, Run.progress).where(Run.state == RunState.RUNNING)
    return {partition: progress for partition, progress in session.execute(query) if partition is not None}


def _counted(session: Session, column: InstrumentedAttribute[State]) -> dict[State, int]:
    rows = session.execute(select(column, func.count()).group_by(column))
    return {row[0]: row[1] for row in rows}
