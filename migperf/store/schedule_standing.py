"""How schedules stand: what came of the last firing of each that was to measure something, and was heard of."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, aliased

from migperf.statistics.detection.verdict import HistoryVerdict
from migperf.store.history_tables import HistoryRow, PointRow
from migperf.store.models import FiringRow, Run, ScheduleRow

WORST_FIRST = (
    HistoryVerdict.REGRESSED,
    HistoryVerdict.UNDECIDED,
    HistoryVerdict.INSUFFICIENT_DATA,
    HistoryVerdict.UNCHANGED,
    HistoryVerdict.IMPROVED,
)
_GONE = "what it measured was left out of its history, or that was deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleStanding:
    """The worst verdict over the histories that a firing measured; None where it measured nothing, and then why."""

    firing: FiringRow
    verdict: HistoryVerdict | None
    reason: str | None = None
    history_id: str | None = None
    """A history of that verdict."""
    histories: int = 0
    """How many it measured."""


_Found = tuple[str, HistoryVerdict]
"""Id and verdict of a history."""


def standings(session: Session, schedule_ids: Collection[str]) -> Mapping[str, ScheduleStanding]:
    """Return how schedules stand; nothing of those of which nothing was heard yet."""
    heard = _last_heard(session, schedule_ids)
    measured = [firing for firing in heard if firing.measured]
    found: defaultdict[int, list[_Found]] = defaultdict(list)
    for firing_id, history in (*_of_runs(session, measured), *_of_experiments(session, measured)):
        found[firing_id].append(history)
    return {firing.schedule_id: _standing(firing, found[firing.id]) for firing in heard}


def _last_heard(session: Session, schedule_ids: Collection[str]) -> Sequence[FiringRow]:
    """Return of each schedule the last firing that was heard of, and of which it is known what it measured."""
    of = aliased(FiringRow)
    last = select(of.id).where(
        of.schedule_id == ScheduleRow.id,
        of.measured.is_not(None),
        # Of what was deleted nothing can be said any more.
        or_(of.measured == 0, of.run_id.is_not(None), of.experiment_id.is_not(None)),
    )
    newest = last.order_by(of.due_at.desc()).limit(1).correlate(ScheduleRow).scalar_subquery()
    ids = select(newest).where(ScheduleRow.id.in_(schedule_ids))
    return session.scalars(select(FiringRow).where(FiringRow.id.in_(ids))).all()


def _of_runs(session: Session, firings: Sequence[FiringRow]) -> Iterator[tuple[int, _Found]]:
    by_run: dict[str | None, int] = {firing.run_id: firing.id for firing in firings if firing.run_id is not None}
    if not by_run:
        return
    query = select(PointRow.run_id, HistoryRow.id, HistoryRow.verdict)
    query = query.join(HistoryRow, HistoryRow.id == PointRow.history_id)
    for run_id, history_id, verdict in session.execute(query.where(PointRow.run_id.in_(by_run), _IS_JUDGED)):
        yield by_run[run_id], (history_id, verdict)


def _of_experiments(session: Session, firings: Sequence[FiringRow]) -> Iterator[tuple[int, _Found]]:
    by_experiment: dict[str | None, int] = {
        firing.experiment_id: firing.id for firing in firings if firing.experiment_id is not None
    }
    if not by_experiment:
        return
    query = select(Run.experiment_id, HistoryRow.id, HistoryRow.verdict).join(PointRow, PointRow.run_id == Run.id)
    query = query.join(HistoryRow, HistoryRow.id == PointRow.history_id)
    for experiment_id, history_id, verdict in session.execute(
        query.where(Run.experiment_id.in_(by_experiment), _IS_JUDGED).distinct()
    ):
        yield by_experiment[experiment_id], (history_id, verdict)


_IS_JUDGED = PointRow.number.is_not(None)


def _standing(firing: FiringRow, found: Sequence[_Found]) -> ScheduleStanding:
    if not found:
        return ScheduleStanding(firing=firing, verdict=None, reason=firing.silence or _GONE)
    history_id, verdict = min(found, key=lambda one: (WORST_FIRST.index(one[1]), one[0]))
    return ScheduleStanding(firing=firing, verdict=verdict, history_id=history_id, histories=len(found))
