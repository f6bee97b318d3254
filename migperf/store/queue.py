"""The queue: runs that wait for a partition, in the order in which they get one."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from migperf.store.models import Run
from migperf.store.states import RunState

_BATCH = 200


def queued(session: Session) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield id and selector of every queued run, highest priority first, then oldest; read batch by batch.

    Runs that leave the queue while it is read do not make it skip others.
    """
    order = (Run.priority.desc(), Run.created_at, Run.id)
    query = select(Run.id, Run.benchmark, Run.priority, Run.created_at).where(Run.state == RunState.QUEUED)
    query = query.order_by(*order).limit(_BATCH)
    rows = session.execute(query).all()
    while rows:
        yield from ((row.id, row.benchmark["where"]) for row in rows)
        last = rows[-1]
        rows = session.execute(query.where(_behind(last.priority, last.created_at, last.id))).all()


def _behind(priority: int, created_at: Any, run_id: str) -> ColumnElement[bool]:  # noqa: ANN401 - a bound value
    same_priority = Run.priority == priority
    return or_(
        Run.priority < priority,
        and_(same_priority, Run.created_at > created_at),
        and_(same_priority, Run.created_at == created_at, Run.id > run_id),
    )
