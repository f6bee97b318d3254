"""The queue: runs that wait for a partition, in the order in which they get one."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session

from migperf.store.models import GpuRow, LayoutChange, Lease, Run
from migperf.store.states import ChangeState, RunState

_BATCH = 200


@dataclass(frozen=True, slots=True)
class Queued:
    """A run that waits: where it may go, and the layout that it wants a GPU cut into for it."""

    run_id: str
    where: dict[str, Any]
    layout: str | None
    restore_layout: bool


def queued(session: Session) -> Iterator[Queued]:
    """Yield every queued run, highest priority first, then oldest; read batch by batch.

    Runs that leave the queue while it is read do not make it skip others.
    """
    order = (Run.priority.desc(), Run.created_at, Run.id)
    query = select(Run.id, Run.benchmark, Run.layout, Run.priority, Run.created_at).where(Run.state == RunState.QUEUED)
    query = query.order_by(*order).limit(_BATCH)
    rows = session.execute(query).all()
    while rows:
        yield from (_queued(row.id, row.benchmark, row.layout) for row in rows)
        last = rows[-1]
        rows = session.execute(query.where(_behind(last.priority, last.created_at, last.id))).all()


def anything_to_do(session: Session, now: datetime) -> bool:
    """Tell in one query whether a placement pass would find anything: most passes beside a measurement do not."""
    active = Lease.released_at.is_(None)
    reasons = (
        exists().where(Run.state == RunState.QUEUED),
        exists().where(LayoutChange.state == ChangeState.QUEUED),
        exists().where(active, or_(Lease.claimed_at.is_(None), Lease.deadline < now)),
        exists().where(GpuRow.restore_layout.is_not(None)),
    )
    return bool(session.scalar(select(or_(*reasons))))


def layouts_wanted(session: Session) -> bool:
    """Tell whether a run waits that wants a GPU cut for it."""
    wanted = exists().where(Run.state == RunState.QUEUED, Run.layout.is_not(None))
    return bool(session.scalar(select(wanted)))


def _queued(run_id: str, benchmark: dict[str, Any], layout: str | None) -> Queued:
    return Queued(run_id, benchmark["where"], layout, benchmark.get("restore_layout", False))


def _behind(priority: int, created_at: Any, run_id: str) -> ColumnElement[bool]:  # noqa: ANN401 - a bound value
    same_priority = Run.priority == priority
    return or_(
        Run.priority < priority,
        and_(same_priority, Run.created_at > created_at),
        and_(same_priority, Run.created_at == created_at, Run.id > run_id),
    )
