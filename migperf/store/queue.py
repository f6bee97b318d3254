"""The queue: runs that wait for a partition, in the order in which they get one."""

from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import Session

from migperf.store.groups import unsettled
from migperf.store.models import GpuRow, GroupRow, LayoutChange, Lease, Run
from migperf.store.states import ChangeState, RunState

_BATCH = 200
_COLUMNS = (
    Run.id,
    Run.benchmark["where"].label("where"),
    Run.benchmark["restore_layout"].label("restore_layout"),
    Run.benchmark["environment"].label("environment"),
    Run.layout,
    Run.group_id,
)
"""Of a benchmark only what placement needs: a queue can be long."""


@dataclass(frozen=True, slots=True)
class Queued:
    """A run that waits: where it may go, and the layout that it wants a GPU cut into for it."""

    run_id: str
    where: dict[str, Any]
    layout: str | None
    restore_layout: bool
    group_id: str | None = None
    environment: str | None = None
    """The software environment that it wants; None is the worker's own."""


def queued(session: Session) -> Generator[Sequence[Queued], None, None]:
    """Yield every queued run, highest priority first, then oldest; read batch by batch, in one query.

    Runs that leave the queue while it is read do not make it skip others. Close it when no more is wanted.
    """
    query = select(*_COLUMNS).where(Run.state == RunState.QUEUED)
    query = query.order_by(Run.priority.desc(), Run.created_at, Run.id).execution_options(yield_per=_BATCH)
    with session.execute(query) as rows:
        for batch in rows.partitions():
            yield [_queued(row) for row in batch]


def queued_one(session: Session, run_id: str) -> Queued | None:
    """Return one run as it waits; None if it does not."""
    row = session.execute(select(*_COLUMNS).where(Run.id == run_id, Run.state == RunState.QUEUED)).one_or_none()
    return None if row is None else _queued(row)


@dataclass(frozen=True, slots=True)
class QueuedGroup:
    """A group all of whose runs wait to be placed in one step, in the order of their places in it."""

    group_id: str
    runs: tuple[Queued, ...]
    sharing: dict[str, Any] | None
    shares: int


def queued_groups(session: Session, group_ids: Collection[str]) -> Mapping[str, QueuedGroup | None]:
    """Return those of the groups that are placed in one step, by id; None for one not all of whose runs wait.

    Each has a run that waits.
    """
    if not group_ids:
        return {}
    query = select(*_COLUMNS, GroupRow.size, GroupRow.sharing, GroupRow.shares)
    query = query.join(GroupRow, GroupRow.id == Run.group_id)
    query = query.where(Run.group_id.in_(group_ids), Run.state == RunState.QUEUED, GroupRow.together)
    rows = session.execute(query.order_by(Run.group_id, Run.member))
    return {group_id: _whole(list(of_group)) for group_id, of_group in groupby(rows, lambda row: row.group_id)}


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


def ahead_of(session: Session, priority: int, most: int) -> int:
    """Return how many runs wait that would be placed before a new one of that priority; no more than ``most``."""
    before = select(Run.id).where(Run.state == RunState.QUEUED, Run.priority >= priority).limit(most)
    return session.scalar(select(func.count()).select_from(before.subquery())) or 0


def ahead_of_run(session: Session, run_id: str, most: int) -> int:
    """Return how many runs are before a queued one in the order in which they are placed; no more than ``most``."""
    own = select(Run.priority, Run.created_at).where(Run.id == run_id)
    priority, created_at = session.execute(own).one()
    sooner = or_(Run.created_at < created_at, and_(Run.created_at == created_at, Run.id < run_id))
    is_before = or_(Run.priority > priority, and_(Run.priority == priority, sooner))
    before = select(Run.id).where(Run.state == RunState.QUEUED, is_before).limit(most)
    return session.scalar(select(func.count()).select_from(before.subquery())) or 0


@dataclass(frozen=True, slots=True)
class Brief:
    """A run of the queue at a glance."""

    run_id: str
    workload: str
    scenario: str
    created_at: datetime
    experiment_id: str | None


def briefs(session: Session, run_ids: Collection[str]) -> Mapping[str, Brief]:
    """Return these runs at a glance, by id."""
    query = select(Run.id, Run.workload, Run.scenario, Run.created_at, Run.experiment_id).where(Run.id.in_(run_ids))
    return {row.id: Brief(*row) for row in session.execute(query)}


def length(session: Session, most: int) -> int:
    """Return how many runs wait; no more than ``most``."""
    found = select(Run.id).where(Run.state == RunState.QUEUED).limit(most)
    return session.scalar(select(func.count()).select_from(found.subquery())) or 0


def _queued(row: Any) -> Queued:  # noqa: ANN401 - a row of the columns
    return Queued(row.id, row.where, row.layout, bool(row.restore_layout), row.group_id, row.environment)


def _whole(rows: Sequence[Any]) -> QueuedGroup | None:
    """Return the group of those of its runs that wait; None if they are not all."""
    first = rows[0]
    if len(rows) < first.size:
        return None
    return QueuedGroup(first.group_id, tuple(map(_queued, rows)), first.sharing, first.shares)
