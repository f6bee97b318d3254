"""Listing rows whose ids grow with time, the newest first, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute, Session

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class NewestPage(Generic[Row]):
    """Some rows, the newest first, and the cursor of the next page, None on the last.

    The cursor is the id of the last row: what is added meanwhile makes no page skip or repeat anything.
    """

    rows: Sequence[Row]
    next_cursor: str | None


def newest_page(
    session: Session, rows: Select[Row], row_id: InstrumentedAttribute[str], limit: int, before: str | None = None
) -> NewestPage[Row]:
    """Return at most ``limit`` of the rows, newest first; with ``before`` of those older than the one of that id."""
    query = rows.order_by(row_id.desc()).limit(limit + 1)
    found = session.scalars(query if before is None else query.where(row_id < before)).all()
    shown = found[:limit]
    return NewestPage(shown, getattr(shown[-1], row_id.key) if len(found) > limit else None)
