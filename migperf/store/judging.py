"""Judging histories: reading what is new, and writing down what is said of it. The arithmetic lies between the two.

Judging all points of a long history takes seconds, and nobody should wait for that: so it is done outside of a
transaction, and counts only if nothing has come in between.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from migperf.histories.environment import changes_between
from migperf.histories.imported_metric import ImportedMetrics, metrics_from
from migperf.histories.judging import NOTHING_TO_WATCH, Judged, Noted, Points, judge
from migperf.histories.points import PointFigure
from migperf.histories.watch import Watch
from migperf.histories.watched_metrics import usual
from migperf.statistics.detection.judgement import Event
from migperf.statistics.detection.metric_rule import MetricRule
from migperf.statistics.detection.verdict import Revision
from migperf.store import confirmations, regressions, watching
from migperf.store.bulk import insert_rows, table_of
from migperf.store.database import Database, now
from migperf.store.history_tables import HistoryEventRow, HistoryRow, PointRow

_log = logging.getLogger(__name__)


def pending(session: Session) -> Sequence[str]:
    """Return the ids of histories that have something to judge."""
    return session.scalars(select(HistoryRow.id).where(HistoryRow.pending).order_by(HistoryRow.id)).all()


def put_off(session: Session, history_id: str) -> None:
    """Have a history not judged until something new comes."""
    if (history := lock(session, history_id)) is not None:
        history.pending, history.why = False, "it cannot be judged; the scheduler's log says why"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """What is to be judged: the edition of the history that is in here."""

    history: HistoryRow
    edition: int
    rules: Mapping[str, MetricRule]
    former: Judged
    recent: Sequence[PointRow]
    new: Sequence[PointRow]


def judge_history(database: Database, history_id: str) -> bool:
    """Judge what is new in a history; False if something came in between, or it is gone: see to it again then."""
    with database.read() as session:
        reading = _read(session, history_id)
    if reading is None:
        return False
    judged, noted = judge(
        reading.rules, reading.former, _points(reading.recent, reading.rules), _points(reading.new, reading.rules)
    )
    with database.write() as session:
        history = lock(session, history_id)
        if history is None or history.edition != reading.edition:
            return False
        _write(session, history, reading, judged, noted, now(session))
    return True


def lock(session: Session, history_id: str) -> HistoryRow | None:
    """Return a history as it is now, its row locked until the transaction ends; None if it is gone."""
    query = select(HistoryRow).where(HistoryRow.id == history_id).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def _read(session: Session, history_id: str) -> _Reading | None:
    history = session.get(HistoryRow, history_id)
    if history is None:
        return None
    watch = watching.watch_of(history) or Watch()
    former = None if history.anew else said_of(history)
    if former is not None:
        reading = _reading(session, history, watch, former)
        # Another metric than before, so all of them are judged as another family.
        if not former.points or set(reading.rules) == set(former.metrics):
            return reading
    return _reading(session, history, watch, Judged())


def _reading(session: Session, history: HistoryRow, watch: Watch, former: Judged) -> _Reading:
    recent = _judged_since(session, history.id, former) if former.points else ()
    new = [row for row in _after(session, history.id, recent) if counts(row, watch)]
    imported = metrics_from(history.imported_metrics)
    names = sorted({*former.metrics, *_watched(watch, imported, new)})
    rules = {name: watch.rule(name, imported) for name in names}
    edition = history.edition
    return _Reading(history=history, edition=edition, rules=rules, former=former, recent=recent, new=new)


def counts(row: PointRow, watch: Watch) -> bool:
    """Tell whether a point is judged."""
    return why_left_out(row, watch) is None


def why_left_out(row: PointRow, watch: Watch) -> str | None:
    """Return why a point is not judged; None where it is."""
    if row.left_out is not None:
        return f"left out: {row.left_out}"
    if row.taints and watch.tainted == "leave_out":
        return f"tainted ({', '.join(row.taints)}), and such results are left out"
    return None


def _watched(watch: Watch, imported: ImportedMetrics, rows: Iterable[PointRow]) -> Iterable[str]:
    """Return the metrics that these points have and that are watched."""
    known = {name for row in rows for name in row.figures}
    return usual(known, imported) if watch.metrics is None else [name for name in watch.metrics if name in known]


def said_of(history: HistoryRow) -> Judged:
    """Return what was said of a history; nothing where it was not judged, or as this version cannot read."""
    if history.judged is None:
        return Judged()
    try:
        return Judged.read(history.judged)
    except ValueError as error:
        _log.warning("what was said of history %s cannot be read any more, so it is judged anew: %s", history.id, error)
        return Judged()


def _judged_since(session: Session, history_id: str, former: Judged) -> Sequence[PointRow]:
    query = select(PointRow).where(PointRow.history_id == history_id, PointRow.number >= former.unread())
    return session.scalars(query.order_by(PointRow.number)).all()


def _after(session: Session, history_id: str, recent: Sequence[PointRow]) -> Sequence[PointRow]:
    """Return the points that came after those that were judged, in the order of time."""
    query = select(PointRow).where(PointRow.history_id == history_id)
    if recent:
        query = query.where(PointRow.at > recent[-1].at)
    return session.scalars(query.order_by(PointRow.at, PointRow.id)).all()


def _points(rows: Sequence[PointRow], rules: Mapping[str, MetricRule]) -> list[Points]:
    return [
        {name: PointFigure.model_validate(row.figures[name]).point() for name in rules if name in row.figures}
        for row in rows
    ]


def _write(
    session: Session,
    history: HistoryRow,
    reading: _Reading,
    judged: Judged,
    noted: Sequence[Noted],
    at: datetime,
) -> None:
    anew = not reading.former.points
    if anew:
        earlier = None if history.judged is None else _places(session, history, said_of(history))
        forget = update(PointRow).where(PointRow.history_id == history.id, PointRow.number.is_not(None))
        session.execute(forget.values(number=None))
    _number(session, reading)
    session.flush()
    if anew:
        _record(session, history, _compared(judged, earlier, _ids(session, history)), at)
    else:
        ids = {row.number: row.id for row in (*reading.recent, *reading.new)}
        _record(session, history, [(n.metric, _with_ids(n.event, ids), ids[n.number]) for n in noted], at)
    history.judged, history.judged_at = judged.as_data(), at
    history.points, history.verdict, history.why = judged.points, judged.verdict, judged.why or NOTHING_TO_WATCH
    history.pending = history.anew = False
    regressions.reconcile(session, history, judged, reading.rules, at)
    confirmations.see_to(session, history, judged, at)


def _number(session: Session, reading: _Reading) -> None:
    """Give the new points their numbers, and write down in what their environment differs from that before."""
    before = reading.recent[-1].environment if reading.recent else None
    rows = []
    for number, row in enumerate(reading.new, start=reading.former.points):
        changed = () if before is None else changes_between(before, row.environment)
        rows.append({"id": row.id, "number": number, "changed": [change.model_dump() for change in changed]})
        row.number, before = number, row.environment
    if rows:
        session.execute(update(PointRow), rows)


_Change = tuple[str, Event, int]
"""A metric, what became of a change of it, its places being ids of points, and the point because of which."""


def _record(session: Session, history: HistoryRow, changes: Iterable[_Change], at: datetime) -> None:
    rows = [
        {
            "history_id": history.id,
            "at": at,
            "metric": metric,
            "revision": str(event.revision),
            "point_id": point_id,
            "first_id": event.first,
            "was_id": event.was,
        }
        for metric, event, point_id in changes
    ]
    insert_rows(session, HistoryEventRow, rows)


def _with_ids(event: Event, ids: Mapping[int | None, int]) -> Event:
    """Return an event whose places are ids of points. One that lies before all that was read is not told of."""
    first, was = (None if number is None else ids.get(number) for number in (event.first, event.was))
    return Event(event.revision, first, was)


def _ids(session: Session, history: HistoryRow) -> dict[int, int]:
    columns = table_of(PointRow).columns
    query = select(columns.number, columns.id).where(columns.history_id == history.id, columns.number.is_not(None))
    return {row.number: row.id for row in session.execute(query)}


_Places = Mapping[str, frozenset[int]]
"""By metric, the ids of the first points of its changes."""


def _places(session: Session, history: HistoryRow, judged: Judged) -> _Places:
    ids = _ids(session, history)
    return {
        name: frozenset(ids[number] for change in one.changes if (number := judged.place(name, change.first)) in ids)
        for name, one in judged.metrics.items()
    }


def _compared(judged: Judged, earlier: _Places | None, ids: Mapping[int, int]) -> list[_Change]:
    """Return in what the changes differ from those that there were before all was judged anew."""
    if not ids:
        return []
    newest, found = ids[max(ids)], []
    for name, one in judged.metrics.items():
        present = {ids[judged.place(name, change.first)] for change in one.changes}
        known = frozenset() if earlier is None else earlier.get(name, frozenset())
        found += [(name, Event(Revision.ADDED, first, None), newest) for first in sorted(present - known)]
        found += [(name, Event(Revision.WITHDRAWN, None, was), newest) for was in sorted(known - present)]
    return found
