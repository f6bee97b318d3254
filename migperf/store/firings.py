"""Firings of schedules: writing down what became of each, and finding them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, defer

from migperf.schedules.firing import FiringOutcome
from migperf.store.models import ExperimentRow, FiringRow, Run
from migperf.store.scheduled import NOTHING, Submitted
from migperf.store.states import RunState

_UNDER_WAY = tuple(state for state in RunState if not state.is_final)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFiring:
    """A firing to be written down."""

    due_at: datetime
    by_hand: bool = False
    outcome: FiringOutcome
    reason: str | None = None
    went_by: int = 0
    submitted: Submitted = NOTHING


def record(session: Session, schedule_id: str, new: NewFiring, now: datetime) -> FiringRow:
    """Write down what became of a firing. Raises IntegrityError if that has been done."""
    row = FiringRow(
        schedule_id=schedule_id,
        due_at=new.due_at,
        fired_at=now,
        by_hand=new.by_hand,
        outcome=new.outcome,
        reason=new.reason,
        went_by=new.went_by,
        run_id=new.submitted.run_id,
        experiment_id=new.submitted.experiment_id,
    )
    session.add(row)
    session.flush()
    return row


def is_known(session: Session, schedule_id: str, due_at: datetime) -> bool:
    """Tell whether it is written down what became of the firing of that time."""
    query = select(FiringRow.id).where(FiringRow.schedule_id == schedule_id, FiringRow.due_at == due_at)
    return session.scalar(query) is not None


def latest(session: Session, schedule_id: str, limit: int) -> Sequence[FiringRow]:
    """Return at most ``limit`` firings of a schedule, the one seen to last first."""
    query = select(FiringRow).where(FiringRow.schedule_id == schedule_id)
    return session.scalars(query.order_by(FiringRow.id.desc()).limit(limit)).all()


def last_of(session: Session, schedule_ids: Collection[str]) -> Mapping[str, FiringRow]:
    """Return the firing that was seen to last, by schedule; nothing of those that never fired."""
    newest = select(func.max(FiringRow.id)).where(FiringRow.schedule_id.in_(schedule_ids))
    query = select(FiringRow).where(FiringRow.id.in_(newest.group_by(FiringRow.schedule_id)))
    return {row.schedule_id: row for row in session.scalars(query)}


def runs_of(session: Session, rows: Collection[FiringRow]) -> Mapping[str, RunState]:
    """Return the states of the runs that firings have submitted, by id."""
    ids = {row.run_id for row in rows if row.run_id is not None}
    return {row.id: row.state for row in session.execute(select(Run.id, Run.state).where(Run.id.in_(ids)))}


def experiments_of(session: Session, rows: Collection[FiringRow]) -> Mapping[str, ExperimentRow]:
    """Return the experiments that firings have submitted, by id; their documents and plans are not read."""
    ids = {row.experiment_id for row in rows if row.experiment_id is not None}
    unread = (defer(ExperimentRow.plan, raiseload=True), defer(ExperimentRow.document, raiseload=True))
    query = select(ExperimentRow).where(ExperimentRow.id.in_(ids)).options(*unread)
    return {row.id: row for row in session.scalars(query)}


def under_way(session: Session, schedule_id: str) -> int:
    """Return how many firings of the schedule have submitted what has not ended."""
    runs = select(func.count()).select_from(FiringRow).join(Run, Run.id == FiringRow.run_id)
    runs = runs.where(FiringRow.schedule_id == schedule_id, Run.state.in_(_UNDER_WAY))
    experiments = select(func.count()).select_from(FiringRow)
    experiments = experiments.join(ExperimentRow, ExperimentRow.id == FiringRow.experiment_id)
    experiments = experiments.where(FiringRow.schedule_id == schedule_id, ExperimentRow.finished_at.is_(None))
    return (session.scalar(runs) or 0) + (session.scalar(experiments) or 0)
