"""Who watches a history: the schedule that its runs come from, or whoever said so by hand."""

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from migperf.histories.watch import Watch
from migperf.schedules.errors import ScheduleError
from migperf.store import schedules
from migperf.store.history_tables import HistoryRow
from migperf.store.models import FiringRow, Run, ScheduleRow


def watch_of(history: HistoryRow) -> Watch | None:
    """Return how a history is watched; None where nobody does."""
    return None if history.watch is None else Watch.model_validate(history.watch)


def take_over(session: Session, history: HistoryRow, run: Run) -> None:
    """Have a history watched as the schedule says that a run of it comes from, unless somebody set that by hand.

    A schedule that watches no more takes back what it said itself, and nothing that another one did.
    """
    by_hand = history.watch is not None and history.watched_by is None
    if by_hand or (schedule := schedule_of(session, run)) is None:
        return
    try:
        watch = schedules.read(schedule).watch
    except ScheduleError:
        return  # of an earlier version; its firings say so
    if watch is not None:
        _set(history, watch, schedule.id)
    elif history.watched_by == schedule.id:
        _set(history, None, None)


def set_by_hand(history: HistoryRow, watch: Watch | None) -> None:
    """Watch a locked history so from now on, or no more; what was said of it is said anew by these rules."""
    _set(history, watch, None)


def _set(history: HistoryRow, watch: Watch | None, watched_by: str | None) -> None:
    document = None if watch is None else watch.model_dump(mode="json")
    if document != history.watch:
        history.watch, history.anew, history.pending = document, history.points > 0, True
        history.edition += 1
    history.watched_by = watched_by


def schedule_of(session: Session, run: Run) -> ScheduleRow | None:
    """Return the schedule that had a run submitted; None for one that somebody asked for otherwise."""
    query = select(ScheduleRow).join(FiringRow, FiringRow.schedule_id == ScheduleRow.id)
    of_experiment = FiringRow.experiment_id == run.experiment_id
    submitted = FiringRow.run_id == run.id
    condition = submitted if run.experiment_id is None else or_(submitted, of_experiment)
    return session.scalars(query.where(condition).limit(1)).first()
