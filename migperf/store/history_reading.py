"""Histories as they are drawn: many points at once, in the order of time, without their environments; newest events."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pydantic_core import from_json
from sqlalchemy import Result, Select, Text, cast, func, select, type_coerce, union_all
from sqlalchemy.orm import Session
from sqlalchemy.types import NullType

from migperf.store.bulk import table_of
from migperf.store.history_tables import HistoryEventRow, PointRow


class DrawnPoint(NamedTuple):
    """What a chart draws of a point; see PointRow. A tuple, since a chart reads ten thousand of them."""

    history_id: str
    id: int
    stored_at: str | datetime
    """As the driver gives it: text from SQLite. Of ten thousand times a page tells a few."""
    origin: str
    figures: Mapping[str, Any]
    changed: Sequence[Any]
    taints: Sequence[str]
    left_out: str | None
    number: int | None

    @property
    def at(self) -> datetime:
        """When it was measured, in UTC."""
        read = datetime.fromisoformat(self.stored_at) if isinstance(self.stored_at, str) else self.stored_at
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)


class NamedPoint(NamedTuple):
    """What a point was made of; see PointRow."""

    id: int
    key: str
    run_id: str | None
    repeats: int


def newest_events(session: Session, history_id: str, limit: int) -> Sequence[HistoryEventRow]:
    """Return at most ``limit`` of what became of the changes of a history, the newest first."""
    query = select(HistoryEventRow).where(HistoryEventRow.history_id == history_id)
    return session.scalars(query.order_by(HistoryEventRow.id.desc()).limit(limit)).all()


def count_points(session: Session, history_id: str) -> int:
    """Return how many points a history has, judged or not."""
    return session.scalar(select(func.count()).select_from(PointRow).where(PointRow.history_id == history_id)) or 0


def drawn_points(session: Session, history_id: str, limit: int) -> Sequence[DrawnPoint]:
    """Return at most ``limit`` points of a history, the newest ones, in the order of time."""
    return _drawn(session.execute(_newest(history_id, limit)))[::-1]


def named_points(session: Session, history_id: str, first: datetime, last: datetime) -> Mapping[int, NamedPoint]:
    """Return what the points of a stretch of time were made of, by their ids; the ends are in it."""
    columns = table_of(PointRow).columns
    query = select(*(columns[name] for name in NamedPoint._fields)).where(columns.history_id == history_id)
    rows = session.execute(query.where(columns.at.between(first, last)))
    return {row.id: NamedPoint._make(row) for row in rows}


def drawn_points_of(session: Session, history_ids: Sequence[str], each: int) -> Mapping[str, Sequence[DrawnPoint]]:
    """Return the newest points of some histories, at most ``each`` of one, in the order of time."""
    found: defaultdict[str, list[DrawnPoint]] = defaultdict(list)
    if history_ids:
        # One index search for each history: numbering all points by a window function would read them all.
        parts = [select(_newest(history_id, each).subquery()) for history_id in history_ids]
        for point in _drawn(session.execute(union_all(*parts))):
            found[point.history_id].append(point)
    return {key: sorted(points, key=lambda point: (point.at, point.id)) for key, points in found.items()}


def _newest(history_id: str, limit: int) -> Select[Any]:
    """Return what is read of points: times and JSON as the driver gives them.

    SQLAlchemy's reading of them took longer than all else of a page with a chart.
    """
    columns = table_of(PointRow).columns
    query = select(
        columns.history_id,
        columns.id,
        type_coerce(columns.at, NullType).label("stored_at"),
        columns.origin,
        *(cast(columns[name], Text).label(name) for name in ("figures", "changed", "taints")),
        columns.left_out,
        columns.number,
    )
    return query.where(columns.history_id == history_id).order_by(columns.at.desc(), columns.id.desc()).limit(limit)


def _drawn(answer: Result[*tuple[Any, ...]]) -> list[DrawnPoint]:
    rows: Sequence[Any] = answer.all()
    return [
        DrawnPoint(
            history_id,
            key,
            at,
            origin,
            from_json(figures),
            () if changed == _NONE else from_json(changed),
            () if taints == _NONE else from_json(taints),
            left_out,
            number,
        )
        for history_id, key, at, origin, figures, changed, taints, left_out, number in rows
    ]


_NONE = "[]"
