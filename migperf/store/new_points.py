"""Points that come into histories, once each, whoever measured them: results of runs, and what was imported."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from migperf.histories.points import PointFigure
from migperf.statistics.detection.verdict import HistoryVerdict
from migperf.store.bulk import insert_if_new, insert_rows
from migperf.store.history_tables import HistoryRow, PointRow

TITLE_LENGTH = 255
_AT_ONCE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPoint:
    """A point to be added to a history."""

    at: datetime
    origin: str
    key: str
    figures: Mapping[str, PointFigure]
    environment: Mapping[str, Any]
    run_id: str | None = None
    repeats: int = 1
    taints: Sequence[str] = ()


def add_points(session: Session, history: HistoryRow, new: Sequence[NewPoint]) -> int:
    """Add points to a locked history, which is then to be judged; return how many it did not have.

    It has a point if it has one of that origin and key. The lock is what keeps others from adding it meanwhile.
    """
    known = _known(session, history, new)
    added = [point for point in new if (point.origin, point.key) not in known]
    insert_rows(session, PointRow, [_row(history, point) for point in added])
    if added:
        times = [point.at for point in added]
        # What came in between is judged with all that came after it.
        history.anew = history.anew or (history.points > 0 and min(times) <= history.latest_at)
        history.latest_at = max(history.latest_at, *times)
        history.pending, history.edition = True, history.edition + 1
    return len(added)


def _known(session: Session, history: HistoryRow, new: Sequence[NewPoint]) -> set[tuple[str, str]]:
    """Return origin and key of the points that the history has of these."""
    known: set[tuple[str, str]] = set()
    for begin in range(0, len(new), _AT_ONCE):
        keys = [point.key for point in new[begin : begin + _AT_ONCE]]
        query = select(PointRow.origin, PointRow.key).where(PointRow.history_id == history.id, PointRow.key.in_(keys))
        known.update((row.origin, row.key) for row in session.execute(query))
    return known


def _row(history: HistoryRow, new: NewPoint) -> dict[str, Any]:
    return {
        "history_id": history.id,
        "at": new.at,
        "origin": new.origin,
        "key": new.key,
        "run_id": new.run_id,
        "repeats": new.repeats,
        "figures": {name: figure.model_dump(exclude_none=True) for name, figure in new.figures.items()},
        "environment": dict(new.environment),
        "changed": [],
        "taints": list(new.taints),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class NewHistory:
    """What a history is about."""

    fingerprint: str
    hardware_key: str
    hardware: Mapping[str, Any]
    title: str
    workload: str
    scenario: str | None


def history_of(session: Session, new: NewHistory, at: datetime, now: datetime) -> HistoryRow:
    """Return the history of a benchmark on a class of hardware, locked; made if there was none."""
    row = {
        "id": str(uuid7()),
        "created_at": now,
        "fingerprint": new.fingerprint,
        "hardware_key": new.hardware_key,
        "hardware": dict(new.hardware),
        "title": new.title[:TITLE_LENGTH],
        "workload": new.workload,
        "scenario": new.scenario,
        "pending": False,
        "anew": False,
        "edition": 0,
        "points": 0,
        "latest_at": at,
        "verdict": HistoryVerdict.INSUFFICIENT_DATA,
        "why": "it has not been judged yet",
    }
    insert_if_new(session, HistoryRow, row)
    query = select(HistoryRow).where(
        HistoryRow.fingerprint == new.fingerprint, HistoryRow.hardware_key == new.hardware_key
    )
    return session.scalars(query.with_for_update().execution_options(populate_existing=True)).one()


def is_newest(history: HistoryRow, at: datetime) -> bool:
    """Tell whether the benchmark of a point of that time is the one by which the history can be measured again."""
    return history.benchmark is None or at >= history.latest_at
