"""Schedules: storing, finding, changing and deleting them, and how far their firings have been seen to."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import delete as sql_delete
from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from migperf.errors import ConflictError, NotFoundError
from migperf.schedules.document import Schedule, validate
from migperf.schedules.firing import moments
from migperf.store.models import ScheduleRow
from migperf.store.newest import NewestPage, newest_page

_TIMING = ("cron", "time_zone")
_NAMED = 20
"""So many names are told to who asks for one that is not there."""


def add(session: Session, schedule: Schedule, now: datetime) -> ScheduleRow:
    """Store a schedule; it fires from now on. Raises ConflictError if there is one of that name."""
    row = ScheduleRow(id=str(uuid7()), created_at=now, since=now, **_stored(schedule, now))
    settle(row, schedule, now)
    with _name_is_free(session, schedule.name):
        session.add(row)
    return row


def get(session: Session, key: str) -> ScheduleRow:
    """Return the schedule with this id or this name. Raises NotFoundError."""
    query = select(ScheduleRow).where(or_(ScheduleRow.id == key, ScheduleRow.name == key))
    rows = session.scalars(query).all()
    # A name may look like an id; the id goes before it.
    found = next((row for row in rows if row.id == key), None) or next(iter(rows), None)
    if found is None:
        raise NotFoundError("schedule", key, names=session.scalars(select(ScheduleRow.name).limit(_NAMED)))
    return found


def lock(session: Session, schedule_id: str) -> ScheduleRow:
    """Return the schedule as it is now, its row locked until the transaction ends. Raises NotFoundError.

    Whoever fires or changes a schedule holds this lock, so that one firing is decided on once.
    """
    query = select(ScheduleRow).where(ScheduleRow.id == schedule_id).with_for_update()
    row = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if row is None:
        raise NotFoundError("schedule", schedule_id)
    return row


def latest(session: Session, limit: int, before: str | None = None) -> NewestPage[ScheduleRow]:
    """Return at most ``limit`` schedules, newest first; with ``before`` of those older than the one of that id."""
    return newest_page(session, select(ScheduleRow), ScheduleRow.id, limit, before)


def names_of(session: Session, schedule_ids: Collection[str]) -> Mapping[str, str]:
    """Return the names of schedules, by id; nothing of those that do not exist any more."""
    if not schedule_ids:
        return {}
    query = select(ScheduleRow.id, ScheduleRow.name).where(ScheduleRow.id.in_(schedule_ids))
    return {row.id: row.name for row in session.execute(query)}


def read(row: ScheduleRow) -> Schedule:
    """Return the schedule of a row. Raises ScheduleError if this version cannot read what an earlier one stored."""
    return validate(document_of(row))


def document_of(row: ScheduleRow) -> dict[str, Any]:
    """Return the document of a row, which may be stored again."""
    return row.document | {"paused": row.paused}


def replace(session: Session, key: str, schedule: Schedule, now: datetime) -> ScheduleRow:
    """Put another document in the place of a schedule's; its firings stay.

    With another cron expression or time zone it begins anew: what fell before is none of it. Raises NotFoundError,
    and ConflictError if another schedule has the name.
    """
    row = lock(session, get(session, key).id)
    before = document_of(row)
    stored = _stored(schedule, now)
    # Firings were not seen to while it was paused, and are not made up for.
    begins_anew = any(before[name] != stored["document"][name] for name in _TIMING) or before["paused"]
    with _name_is_free(session, schedule.name):
        for name, value in stored.items():
            setattr(row, name, value)
    settle(row, schedule, now if begins_anew else row.since)
    return row


def pause(session: Session, key: str, now: datetime, *, paused: bool) -> ScheduleRow:
    """Pause a schedule, or have it go on from now; what fell while it was paused is not made up for."""
    row = lock(session, get(session, key).id)
    if row.paused is not paused:
        row.paused, row.changed_at = paused, now
        if not paused:
            settle(row, read(row), now)
    return row


def delete(session: Session, key: str) -> None:
    """Delete a schedule with its firings; what it submitted stays. Raises NotFoundError."""
    row = lock(session, get(session, key).id)
    session.execute(sql_delete(ScheduleRow).where(ScheduleRow.id == row.id))
    session.expunge(row)


def settle(row: ScheduleRow, schedule: Schedule, since: datetime) -> None:
    """Write down that all firings up to ``since`` are settled, and when the first one after it happens."""
    upcoming = next(moments(schedule, row.id, since), None)
    row.since = since
    row.next_fires_at = None if upcoming is None else upcoming.fires_at


def to_see_to(session: Session, now: datetime) -> Sequence[str]:
    """Return the ids of schedules that have something due, or that a clock that was put back has left behind."""
    is_due = or_(ScheduleRow.next_fires_at <= now, ScheduleRow.since > now)
    return session.scalars(select(ScheduleRow.id).where(~ScheduleRow.paused, is_due).order_by(ScheduleRow.id)).all()


def next_firing_at(session: Session) -> datetime | None:
    """Return when the next firing of any schedule happens; None where none does."""
    return session.scalar(select(func.min(ScheduleRow.next_fires_at)).where(~ScheduleRow.paused))


def _stored(schedule: Schedule, now: datetime) -> dict[str, Any]:
    return {
        "name": schedule.name,
        "changed_at": now,
        "document": schedule.model_dump(mode="json", exclude={"paused"}),
        "paused": schedule.paused,
    }


@contextmanager
def _name_is_free(session: Session, name: str) -> Iterator[None]:
    """Write what the block changes, and say so if that name is taken."""
    try:
        with session.begin_nested():
            yield
            session.flush()
    except IntegrityError as error:
        raise ConflictError(f"there is a schedule named {name!r}; choose another name, or change that one") from error
