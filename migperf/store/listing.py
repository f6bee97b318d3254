"""Listing runs: filters, sort orders, and pages by cursor, which neither skip nor repeat a run while others arrive."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, cast, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from migperf.errors import MigperfError
from migperf.store import experiments
from migperf.store.models import Label, PartitionRow, Run
from migperf.store.states import RunState

_MAX_INTEGER = (1 << 31) - 1


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

    @property
    def column(self) -> InstrumentedAttribute[Any]:
        """The column to sort by."""
        column: InstrumentedAttribute[Any] = getattr(Run, self.removeprefix("-"))
        return column

    @property
    def descending(self) -> bool:
        """Whether the highest comes first."""
        return self.startswith("-")


class BadCursorError(MigperfError):
    """A cursor was not made by this listing, or for another sort order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """Which runs to list; what is left out does not matter. Sorting by ``finished_at`` lists only finished runs."""

    states: tuple[RunState, ...] = ()
    workload: str | None = None
    scenario: str | None = None
    fingerprint: str | None = None
    partition: str | None = None
    kind: str | None = None
    experiment: str | None = None
    """Only runs of the experiment with this id."""
    tainted: bool | None = None
    """Only runs with taints, or only those that have none; where nobody has looked, a run is neither."""
    created_after: datetime | None = None
    created_before: datetime | None = None
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunPage:
    """Some runs, and the cursor of the next page, None on the last."""

    runs: Sequence[Run]
    next_cursor: str | None


def list_runs(session: Session, wanted: RunFilter, sort: SortOrder, limit: int, cursor: str | None) -> RunPage:
    """Return one page of runs. Raises BadCursorError, and NotFoundError for an experiment that does not exist."""
    if wanted.experiment is not None:
        experiments.require(session, wanted.experiment)
    query = select(Run).where(*_conditions(wanted))
    if sort.column is Run.finished_at:
        query = query.where(Run.finished_at.is_not(None))
    if cursor is not None:
        query = query.where(_beyond(sort, cursor))
    rows = session.scalars(_sorted(query, sort).limit(limit + 1)).unique().all()
    more = len(rows) > limit
    return RunPage(rows[:limit], _cursor(sort, rows[limit - 1]) if more else None)


def _conditions(wanted: RunFilter) -> list[ColumnElement[bool]]:
    equal = {
        Run.workload: wanted.workload,
        Run.scenario: wanted.scenario,
        Run.fingerprint: wanted.fingerprint,
        Run.partition: wanted.partition,
        Run.experiment_id: wanted.experiment,
    }
    conditions: list[ColumnElement[bool]] = [column == value for column, value in equal.items() if value is not None]
    if wanted.states:
        conditions.append(Run.state.in_(wanted.states))
    if wanted.kind is not None:
        conditions.append(Run.partition.in_(select(PartitionRow.uuid).where(PartitionRow.kind == wanted.kind)))
    if wanted.tainted is not None:
        taints = cast(Run.taints, Text)
        conditions.append(taints != "[]" if wanted.tainted else taints == "[]")
    if wanted.created_after is not None:
        conditions.append(Run.created_at > wanted.created_after)
    if wanted.created_before is not None:
        conditions.append(Run.created_at < wanted.created_before)
    conditions += [
        Run.id.in_(select(Label.run_id).where(Label.key == key, Label.value == value))
        for key, value in wanted.labels.items()
    ]
    return conditions


def _sorted(query: Select[Run], sort: SortOrder) -> Select[Run]:
    columns = (sort.column, Run.id)
    return query.order_by(*(column.desc() if sort.descending else column.asc() for column in columns))


def _beyond(sort: SortOrder, cursor: str) -> ColumnElement[bool]:
    value, run_id = _read_cursor(sort, cursor)
    if sort.descending:
        return or_(sort.column < value, and_(sort.column == value, Run.id < run_id))
    return or_(sort.column > value, and_(sort.column == value, Run.id > run_id))


def _cursor(sort: SortOrder, last: Run) -> str:
    value = getattr(last, sort.column.key)
    text = value.isoformat() if isinstance(value, datetime) else value
    return base64.urlsafe_b64encode(json.dumps([sort, text, last.id]).encode()).decode().rstrip("=")


def _read_cursor(sort: SortOrder, cursor: str) -> tuple[Any, str]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        made_for, text, run_id = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        if made_for != sort or not isinstance(run_id, str):
            raise BadCursorError(f"the cursor was made for sort={made_for}; leave it out to begin anew")
        return _cursor_value(sort, text), _storable(run_id)
    except (ValueError, TypeError, RecursionError) as error:
        raise BadCursorError("the cursor is damaged; leave it out to begin anew") from error


def _cursor_value(sort: SortOrder, text: Any) -> Any:  # noqa: ANN401 - a date, a number or a name
    if sort.column.key.endswith("_at"):
        moment = datetime.fromisoformat(text)
        if moment.utcoffset() != timedelta(0):
            raise ValueError(f"{text} is not in UTC")
        return moment
    expected = int if sort.column is Run.priority else str
    if not isinstance(text, expected):
        raise TypeError(text)
    return _storable(text)


def _storable(value: Any) -> Any:  # noqa: ANN401 - a number or a name
    """Refuse what no cursor of ours holds and a database cannot compare with."""
    if isinstance(value, int) and abs(value) > _MAX_INTEGER:
        raise ValueError("the number is too large")
    if isinstance(value, str) and b"\0" in value.encode():
        raise ValueError("the text contains the character U+0000")
    return value
