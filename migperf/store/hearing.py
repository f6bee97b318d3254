"""What came of the firings of schedules: how much each measured, and being told of those that measured nothing."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import Session

from migperf.alerts.alert import NewAlert
from migperf.histories.watch import Watch
from migperf.schedules.errors import ScheduleError
from migperf.schedules.firing import FiringOutcome
from migperf.store import alerts, channels, judging, schedules, watching
from migperf.store.history_tables import HistoryRow, PointRow
from migperf.store.models import ExperimentRow, FiringRow, Run, ScheduleRow
from migperf.store.states import FINAL_STATES, RunState

KIND = "measured_nothing"
_AT_ONCE = 100
_END_OF_REASON = "\n\n"


def is_waiting(session: Session) -> bool:
    """Tell whether a firing has come to its end of which that is not written down."""
    return bool(_ended(session, 1))


def hear(session: Session, now: datetime) -> int:
    """Write down how much firings that have ended measured; return how many those were.

    People are told of the first firing of a schedule that measured nothing after one that did.
    """
    ended = _ended(session, _AT_ONCE)
    for firing in ended:
        firing.heard_at = now
        firing.measured, firing.silence = _measured(session, firing)
        session.flush()
        if firing.measured == 0:
            _tell(session, firing, now)
    return len(ended)


def _ended(session: Session, limit: int) -> Sequence[FiringRow]:
    """Return firings that are not heard of and of which nothing is to come, oldest first, locked."""
    run_is_heard = exists().where(Run.id == FiringRow.run_id, Run.state.in_(FINAL_STATES), ~Run.history_due)
    has_finished = exists().where(ExperimentRow.id == FiringRow.experiment_id, ExperimentRow.finished_at.is_not(None))
    is_due = exists().where(Run.experiment_id == FiringRow.experiment_id, Run.history_due)
    submitted_nothing = FiringRow.run_id.is_(None) & FiringRow.experiment_id.is_(None)
    over = or_(submitted_nothing, run_is_heard, has_finished & ~is_due)
    query = select(FiringRow).where(FiringRow.heard_at.is_(None), over).order_by(FiringRow.id).limit(limit)
    return session.scalars(query.with_for_update(skip_locked=True)).all()


def _measured(session: Session, firing: FiringRow) -> tuple[int | None, str | None]:
    """Return how many points came of a firing that count, and why there are none."""
    match firing.outcome:
        case FiringOutcome.SKIPPED:
            return None, None
        case FiringOutcome.MISSED | FiringOutcome.REFUSED:
            return 0, firing.reason
    if firing.run_id is None and firing.experiment_id is None:
        return None, None  # what it submitted is deleted
    of_it = Run.id == firing.run_id if firing.run_id is not None else Run.experiment_id == firing.experiment_id
    query = select(PointRow, HistoryRow).join(HistoryRow, HistoryRow.id == PointRow.history_id)
    made = session.execute(query.join(Run, Run.id == PointRow.run_id).where(of_it)).all()
    counted = sum(judging.counts(point, watching.watch_of(history) or Watch()) for point, history in made)
    if counted:
        return counted, None
    if made:
        rules = sorted({rule for point, _ in made for rule in point.taints})
        return 0, f"what was measured is tainted ({', '.join(rules)}) and left out, as the schedule's watch has it"
    return 0, _why_not(session, of_it)


def _why_not(session: Session, of_it: ColumnElement[bool]) -> str:
    """Return why runs that have ended made no point: how they ended, and the reason of one that did not succeed."""
    rows = session.execute(select(Run.state, func.count()).where(of_it).group_by(Run.state))
    counts: dict[RunState, int] = {row[0]: row[1] for row in rows}
    failed = select(Run).where(of_it, Run.state != RunState.SUCCEEDED).order_by(Run.id).limit(1)
    if (run := session.scalars(failed).unique().first()) is not None:
        reason = f": {run.reason.partition(_END_OF_REASON)[0]}" if run.reason else ""
        others = f" ({counts[run.state]} of {sum(counts.values())} did)" if sum(counts.values()) > 1 else ""
        return f"run {run.id} ended as {run.state}{reason}{others}"
    if not counts:
        return "it submitted no run"
    return "its runs were on simulated partitions, or are to be in no history"


def _tell(session: Session, firing: FiringRow, now: datetime) -> None:
    query = select(FiringRow.measured).where(
        FiringRow.schedule_id == firing.schedule_id, FiringRow.id < firing.id, FiringRow.measured.is_not(None)
    )
    if session.scalar(query.order_by(FiringRow.id.desc()).limit(1)) == 0:
        return  # people were told when it began
    row = session.get_one(ScheduleRow, firing.schedule_id)
    try:
        watch = schedules.read(row).watch
    except ScheduleError:
        watch = Watch()  # of an earlier version, which is why it measures nothing
    if watch is None:
        return
    chosen, _ = channels.chosen(session, watch.channels)
    new = NewAlert(
        kind=KIND,
        subject=f"{firing.schedule_id}:{firing.id}",
        title=f"schedule {row.name} measured nothing",
        text=f"Its firing of {firing.due_at:%Y-%m-%d %H:%M} UTC measured nothing: {firing.silence}",
        facts={"schedule": row.name},
        link=f"/schedules/{row.id}",
    )
    alerts.raise_alert(session, new, now, chosen)
