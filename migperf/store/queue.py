"""The queue: runs that wait for a partition, in the order in which they get one."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session

from migperf.store.groups import unsettled
from migperf.store.models import GpuRow, GroupRow, LayoutChange, Lease, Run
from migperf.store.states import ChangeState, RunState

_BATCH = 200
_COLUMNS = (Run.id, Run.benchmark, Run.layout, Run.priority, Run.created_at, Run.group_id)


@dataclass(frozen=True, slots=True)
class Queued:
    """A run that waits: where it may go, and the layout that it wants a GPU cut into for it."""

    run_id: str
    where: dict[str, Any]
    layout: str | None
    restore_layout: bool
    group_id: str | None = None


def queued(session: Session) -> Iterator[Queued]:
    """Yield every queued run, highest priority first, then oldest; read batch by batch.

    Runs that leave the queue while it is read do not make it skip others.
    """
    order = (Run.priority.desc(), Run.created_at, Run.id)
    query = select(*_COLUMNS).where(Run.state == RunState.QUEUED)
    query = query.order_by(*order).limit(_BATCH)
    rows = session.execute(query).all()
    while rows:
        yield from (_queued(row) for row in rows)
        last = rows[-1]
        rows = session.execute(query.where(_behind(last.priority, last.created_at, last.id))).all()


@dataclass(frozen=True, slots=True)
class QueuedGroup:
    """A group all of whose runs wait to be placed in one step, in the order of their places in it."""

    group_id: str
    runs: tuple[Queued, ...]
    sharing: dict[str, Any] | None
    shares: int


def queued_group(session: Session, group_id: str) -> QueuedGroup | None:
    """Return the group; None if its runs are not placed together, or not all of them wait."""
    group = session.get_one(GroupRow, group_id)
    if not group.together:
        return None
    query = select(*_COLUMNS).where(Run.group_id == group_id, Run.state == RunState.QUEUED).order_by(Run.member)
    rows = session.execute(query).all()
    if len(rows) < group.size:
        return None
    return QueuedGroup(group_id, tuple(_queued(row) for row in rows), group.sharing, group.shares)


def is_together(session: Session, group_id: str) -> bool:
    """Tell whether the runs of the group are placed in one step."""
    return session.get_one(GroupRow, group_id).together


def anything_to_do(session: Session, now: datetime) -> bool:
    """Tell in one query whether a placement pass would find anything: most passes beside a measurement do not."""
    active = Lease.released_at.is_(None)
    reasons = (
        exists().where(Run.state == RunState.QUEUED),
        exists().where(LayoutChange.state == ChangeState.QUEUED),
        exists().where(active, or_(Lease.claimed_at.is_(None), Lease.deadline < now)),
        exists().where(GpuRow.restore_layout.is_not(None)),
        exists().where(unsettled()),
    )
    return bool(session.scalar(select(or_(*reasons))))


def layouts_wanted(session: Session) -> bool:
    """Tell whether a run waits that wants a GPU cut for it."""
    wanted = exists().where(Run.state == RunState.QUEUED, Run.layout.is_not(None))
    return bool(session.scalar(select(wanted)))


def _queued(row: Any) -> Queued:  # noqa: ANN401 - a row of the columns
    return Queued(row.id, row.benchmark["where"], row.layout, row.benchmark.get("restore_layout", False), row.group_id)


def _behind(priority: int, created_at: Any, run_id: str) -> ColumnElement[bool]:  # noqa: ANN401 - a bound value
    same_priority = Run.priority == priority
    return or_(
        Run.priority < priority,
        and_(same_priority, Run.created_at > created_at),
        and_(same_priority, Run.created_at == created_at, Run.id > run_id),
    )
