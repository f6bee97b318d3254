"""The orders in which runs are listed, and cursors: places in such an order that stay while runs come and go."""

import base64
import json
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from sqlalchemy.orm import InstrumentedAttribute

from migperf.errors import MigperfError
from migperf.store.models import Run

_MAX_INTEGER = (1 << 31) - 1
_BEFORE = "before"
"""Ends the cursors that lead back."""


class SortOrder(StrEnum):
    """What runs are sorted by; a minus sign means the highest first. Ties are broken by id."""

    CREATED = "created_at"
    NEWEST = "-created_at"
    FINISHED = "finished_at"
    LAST_FINISHED = "-finished_at"
    WORKLOAD = "workload"
    WORKLOAD_DOWN = "-workload"
    PRIORITY = "priority"
    HIGHEST_PRIORITY = "-priority"
    SHORTEST = "duration_s"
    LONGEST = "-duration_s"

    @property
    def column(self) -> InstrumentedAttribute[Any]:
        """The column to sort by."""
        column: InstrumentedAttribute[Any] = getattr(Run, self.removeprefix("-"))
        return column

    @property
    def some_have_none(self) -> bool:
        """Whether there are runs without it, which are left out of this order."""
        return bool(self.column.property.columns[0].nullable)

    @property
    def descending(self) -> bool:
        """Whether the highest comes first."""
        return self.startswith("-")


class BadCursorError(MigperfError):
    """A cursor was not made by this listing, or for another sort order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a page begins: beside the run that has this value of what is sorted by, and this id."""

    sort: SortOrder
    value: Any
    run_id: str
    back: bool
    """Whether the page is the one before it, and not the one after it."""

    @classmethod
    def after(cls, sort: SortOrder, run: Run) -> Self:
        """Return the beginning of the page after a run."""
        return cls(sort=sort, value=getattr(run, sort.column.key), run_id=run.id, back=False)

    @classmethod
    def before(cls, sort: SortOrder, run: Run) -> Self:
        """Return the end of the page before a run."""
        return cls(sort=sort, value=getattr(run, sort.column.key), run_id=run.id, back=True)

    @classmethod
    def read(cls, sort: SortOrder, cursor: str) -> Self:
        """Read a cursor. Raises BadCursorError."""
        try:
            padded = cursor + "=" * (-len(cursor) % 4)
            made_for, text, run_id, *direction = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
            if made_for != sort or not isinstance(run_id, str):
                raise BadCursorError(f"the cursor was made for sort={made_for}; leave it out to begin anew")
            if direction not in ([], [_BEFORE]):
                raise ValueError(f"{direction} is no direction")
            return cls(sort=sort, value=_value(sort, text), run_id=_storable(run_id), back=bool(direction))
        except (ValueError, TypeError, RecursionError) as error:
            raise BadCursorError("the cursor is damaged; leave it out to begin anew") from error

    def __str__(self) -> str:
        text = self.value.isoformat() if isinstance(self.value, datetime) else self.value
        cursor = json.dumps([self.sort, text, self.run_id, *([_BEFORE] if self.back else [])])
        return base64.urlsafe_b64encode(cursor.encode()).decode().rstrip("=")


def _value(sort: SortOrder, text: Any) -> Any:  # noqa: ANN401 - a date, a number or a name
    if sort.column.key.endswith("_at"):
        moment = datetime.fromisoformat(text)
        if moment.utcoffset() != timedelta(0):
            raise ValueError(f"{text} is not in UTC")
        return moment
    if sort.column is Run.duration_s:
        return _finite(text)
    expected = int if sort.column is Run.priority else str
    if not isinstance(text, expected):
        raise TypeError(text)
    return _storable(text)


def _finite(number: Any) -> float:  # noqa: ANN401 - what stands in a cursor
    if not isinstance(number, float) or not math.isfinite(number):
        raise TypeError(number)
    return number


def _storable(value: Any) -> Any:  # noqa: ANN401 - a number or a name
    """Refuse what no cursor of ours holds and a database cannot compare with."""
    if isinstance(value, int) and abs(value) > _MAX_INTEGER:
        raise ValueError("the number is too large")
    if isinstance(value, str) and b"\0" in value.encode():
        raise ValueError("the text contains the character U+0000")
    return value
