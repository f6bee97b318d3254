"""Histories: finding them, their points and what became of their changes; leaving points out, and deleting."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, or_, select
from sqlalchemy.orm import Session

from migperf.errors import NotFoundError
from migperf.histories.watch import Watch
from migperf.statistics.detection.verdict import HistoryVerdict
from migperf.store import judging, watching
from migperf.store.history_tables import (
    ConfirmationRow,
    HistoryEventRow,
    HistoryRow,
    PointRow,
    RegressionEntryRow,
    RegressionRow,
)
from migperf.store.listing import BadCursorError
from migperf.store.newest import NewestPage, newest_page

_MOST = (1 << 63) - 1
"""Ids of points and events are no larger."""
_RESULTS = 60
"""So many histories say what was measured of a workload."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryFilter:
    """Which histories to list; what is left out does not matter."""

    workload: str | None = None
    scenario: str | None = None
    fingerprint: str | None = None
    verdict: HistoryVerdict | None = None
    watched: bool | None = None
    text: str | None = None
    """Some letters of the title, capital or not."""


def get(session: Session, history_id: str) -> HistoryRow:
    """Return a history. Raises NotFoundError."""
    row = session.get(HistoryRow, history_id)
    if row is None:
        raise NotFoundError("history", history_id)
    return row


def latest(session: Session, wanted: HistoryFilter, limit: int, before: str | None = None) -> NewestPage[HistoryRow]:
    """Return at most ``limit`` histories, the one begun last first; with ``before`` those begun before that one."""
    return newest_page(session, select(HistoryRow).where(*_conditions(wanted)), HistoryRow.id, limit, before)


def _conditions(wanted: HistoryFilter) -> list[ColumnElement[bool]]:
    equal = {
        HistoryRow.workload: wanted.workload,
        HistoryRow.scenario: wanted.scenario,
        HistoryRow.fingerprint: wanted.fingerprint,
        HistoryRow.verdict: wanted.verdict,
    }
    conditions: list[ColumnElement[bool]] = [column == value for column, value in equal.items() if value is not None]
    if wanted.watched is not None:
        conditions.append(HistoryRow.watch.is_not(None) if wanted.watched else HistoryRow.watch.is_(None))
    if wanted.text:
        conditions.append(HistoryRow.title.icontains(wanted.text, autoescape=True))
    return conditions


def newest_results(session: Session, workload: str) -> list[tuple[HistoryRow, PointRow]]:
    """Return the histories of a workload that were added to last, each with the newest point that is a run still there.

    A point that somebody left out is none of them.
    """
    of_history = (PointRow.history_id == HistoryRow.id, PointRow.run_id.is_not(None), PointRow.left_out.is_(None))
    newest = select(PointRow.id).where(*of_history).order_by(PointRow.at.desc(), PointRow.id.desc()).limit(1)
    added_to = select(HistoryRow.id, newest.scalar_subquery().label("point_id")).where(HistoryRow.workload == workload)
    added_to = added_to.order_by(HistoryRow.latest_at.desc(), HistoryRow.id.desc()).limit(_RESULTS)
    points: dict[str, int | None] = {row.id: row.point_id for row in session.execute(added_to)}
    rows = session.scalars(select(HistoryRow).where(HistoryRow.id.in_(points))).all()
    found = points_with(session, [point for point in points.values() if point is not None])
    return [(row, found[point]) for row in rows if (point := points[row.id]) is not None]


def newest_points(session: Session, history_id: str, limit: int, before: PointRow | None = None) -> Sequence[PointRow]:
    """Return at most ``limit`` points, the newest first, judged or not; with ``before`` those older than that one."""
    query = select(PointRow).where(PointRow.history_id == history_id)
    if before is not None:
        same = (PointRow.at == before.at) & (PointRow.id < before.id)
        query = query.where(or_(PointRow.at < before.at, same))
    return session.scalars(query.order_by(PointRow.at.desc(), PointRow.id.desc()).limit(limit)).all()


def page_of_points(session: Session, history_id: str, limit: int, cursor: str | None = None) -> NewestPage[PointRow]:
    """Return a page of the points of a history, the newest first. Raises BadCursorError."""
    before = None if cursor is None else _at_cursor(session, history_id, cursor)
    found = newest_points(session, history_id, limit + 1, before)
    shown = found[:limit]
    return NewestPage(shown, str(shown[-1].id) if len(found) > limit else None)


def _at_cursor(session: Session, history_id: str, cursor: str) -> PointRow:
    try:
        return point(session, history_id, _number(cursor))
    except NotFoundError as error:
        raise BadCursorError("the cursor names no point of this history; leave it out to begin anew") from error


def _number(cursor: str) -> int:
    """Return the id that a cursor is. Raises BadCursorError."""
    if not (cursor.isascii() and cursor.isdecimal() and int(cursor) <= _MOST):
        raise BadCursorError("the cursor is damaged; leave it out to begin anew")
    return int(cursor)


def point(session: Session, history_id: str, point_id: int) -> PointRow:
    """Return a point of a history. Raises NotFoundError."""
    row = session.get(PointRow, point_id)
    if row is None or row.history_id != history_id:
        raise NotFoundError(f"point of history {history_id}", str(point_id))
    return row


def points_with(session: Session, point_ids: Sequence[int]) -> dict[int, PointRow]:
    """Return points by their ids."""
    return {row.id: row for row in session.scalars(select(PointRow).where(PointRow.id.in_(point_ids)))}


def numbered(session: Session, history_id: str, numbers: Collection[int]) -> dict[int, PointRow]:
    """Return judged points of a history by their numbers."""
    query = select(PointRow).where(PointRow.history_id == history_id, PointRow.number.in_(numbers))
    return {row.number: row for row in session.scalars(query) if row.number is not None}


def latest_events(
    session: Session, history_id: str, limit: int, before: int | None = None
) -> Sequence[HistoryEventRow]:
    """Return at most ``limit`` of what became of changes, the newest first; with ``before`` what came before that."""
    query = select(HistoryEventRow).where(HistoryEventRow.history_id == history_id)
    if before is not None:
        query = query.where(HistoryEventRow.id < before)
    return session.scalars(query.order_by(HistoryEventRow.id.desc()).limit(limit)).all()


def page_of_events(
    session: Session, history_id: str, limit: int, cursor: str | None = None
) -> NewestPage[HistoryEventRow]:
    """Return a page of what became of changes, the newest first. Raises BadCursorError."""
    found = latest_events(session, history_id, limit + 1, None if cursor is None else _number(cursor))
    shown = found[:limit]
    return NewestPage(shown, str(shown[-1].id) if len(found) > limit else None)


def of_run(session: Session, run_id: str) -> tuple[HistoryRow, PointRow] | None:
    """Return the history that a run is a point of, and that point; None where it is, or not yet, none."""
    query = select(HistoryRow, PointRow).join(PointRow, PointRow.history_id == HistoryRow.id)
    row = session.execute(query.where(PointRow.run_id == run_id).limit(1)).first()
    return None if row is None else (row[0], row[1])


def watch(session: Session, history_id: str, asked: Watch | None) -> HistoryRow:
    """Watch a history so from now on, or no more. Raises NotFoundError.

    A schedule whose runs belong to it has no say any more, unless it is not watched at all.
    """
    row = _locked(session, history_id)
    watching.set_by_hand(row, asked)
    return row


def leave_out(session: Session, history_id: str, point_id: int, reason: str | None) -> PointRow:
    """Leave a point out of what is judged, for a reason, or take it in again (None). Raises NotFoundError."""
    history = _locked(session, history_id)
    row = point(session, history_id, point_id)
    if (row.left_out is None) != (reason is None):
        history.anew, history.pending, history.edition = True, True, history.edition + 1
    row.left_out = reason
    return row


def remove(session: Session, history_id: str) -> None:
    """Delete a history with its points, its regressions and what was said of them; its runs stay.

    They do not come back into it: a new history begins with the next run. Raises NotFoundError.
    """
    row = _locked(session, history_id)
    of_history = select(RegressionRow.id).where(RegressionRow.history_id == history_id)
    session.execute(delete(RegressionEntryRow).where(RegressionEntryRow.regression_id.in_(of_history)))
    for table in (ConfirmationRow, RegressionRow, HistoryEventRow, PointRow):
        session.execute(delete(table).where(table.history_id == history_id))
    session.execute(delete(HistoryRow).where(HistoryRow.id == history_id))
    session.expunge(row)


def _locked(session: Session, history_id: str) -> HistoryRow:
    row = judging.lock(session, history_id)
    if row is None:
        raise NotFoundError("history", history_id)
    return row
