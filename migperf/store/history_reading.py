"""Histories as they are drawn: many points at once, in the order of time, without their environments; newest events."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from pydantic_core import from_json
from sqlalchemy import Row, Select, Text, cast, func, select, union_all
from sqlalchemy.orm import Session

from migperf.store.bulk import table_of
from migperf.store.history_tables import HistoryEventRow, PointRow


class DrawnPoint(NamedTuple):
    """A point without the whole of its environment; see PointRow. A tuple, since a chart reads ten thousand of them."""

    history_id: str
    id: int
    at: datetime
    origin: str
    key: str
    run_id: str | None
    repeats: int
    figures: Mapping[str, Any]
    changed: Sequence[Any]
    taints: Sequence[str]
    left_out: str | None
    number: int | None


def newest_events(session: Session, history_id: str, limit: int) -> Sequence[HistoryEventRow]:
    """Return at most ``limit`` of what became of the changes of a history, the newest first."""
    query = select(HistoryEventRow).where(HistoryEventRow.history_id == history_id)
    return session.scalars(query.order_by(HistoryEventRow.id.desc()).limit(limit)).all()


def count_points(session: Session, history_id: str) -> int:
    """Return how many points a history has, judged or not."""
    return session.scalar(select(func.count()).select_from(PointRow).where(PointRow.history_id == history_id)) or 0


def drawn_points(session: Session, history_id: str, limit: int) -> Sequence[DrawnPoint]:
    """Return at most ``limit`` points of a history, the newest ones, in the order of time."""
    rows = [_drawn(row) for row in session.execute(_newest(history_id, limit)).all()]
    return rows[::-1]


def drawn_points_of(session: Session, history_ids: Sequence[str], each: int) -> Mapping[str, Sequence[DrawnPoint]]:
    """Return the newest points of some histories, at most ``each`` of one, in the order of time."""
    found: defaultdict[str, list[DrawnPoint]] = defaultdict(list)
    if history_ids:
        # One index search for each history: numbering all points by a window function would read them all.
        parts = [select(_newest(history_id, each).subquery()) for history_id in history_ids]
        for row in session.execute(union_all(*parts)).all():
            found[row.history_id].append(_drawn(row))
    return {history_id: sorted(rows, key=lambda row: (row.at, row.id)) for history_id, rows in found.items()}


def _newest(history_id: str, limit: int) -> Select[Any]:
    columns = table_of(PointRow).columns
    read = (cast(columns[name], Text).label(name) if name in _JSON else columns[name] for name in DrawnPoint._fields)
    query = select(*read).where(columns.history_id == history_id)
    return query.order_by(columns.at.desc(), columns.id.desc()).limit(limit)


_JSON = ("figures", "changed", "taints")
"""Read as text: the JSON that SQLAlchemy reads took longer than all else of a page with a chart."""
_PLACES_OF_JSON = tuple(map(DrawnPoint._fields.index, _JSON))


def _drawn(row: Row[Any]) -> DrawnPoint:
    read = list(row)
    for place in _PLACES_OF_JSON:
        read[place] = () if read[place] == "[]" else from_json(read[place])
    return DrawnPoint._make(read)
