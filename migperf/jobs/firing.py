"""Firing schedules: each firing and what it submits are written in one transaction, so there are both or neither.

Celery beat is not used: its firing is a message, which would come twice from two of them and be lost with the broker,
and it knows neither overlaps nor firings that were missed.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from migperf.errors import MigperfError, NotFoundError
from migperf.schedules.document import Schedule
from migperf.schedules.errors import ScheduleError
from migperf.schedules.firing import FiringOutcome, decide, due, settled_until
from migperf.store import database, firings, scheduled, schedules
from migperf.store.database import Database
from migperf.store.firings import NewFiring
from migperf.store.models import FiringRow, ScheduleRow

_log = logging.getLogger(__name__)
Clock = Callable[[Session], datetime]


class Timekeeper:
    """Fires what is due. Safe to use from several threads and processes at once: each firing happens once.

    ``clock`` says what time it is for the schedules; that of the database where it is left out. What is submitted is
    dated by the database's in any case.
    """

    def __init__(self, opened: Database, stale_s: float, clock: Clock = database.now) -> None:
        self._database = opened
        self._stale_s = stale_s
        self._clock = clock

    def step(self) -> int:
        """See to everything that is due; return how many firings that were. Each has a transaction of its own."""
        with self._database.read() as session:
            waiting = schedules.to_see_to(session, self._clock(session))
        return sum(self._see_to(schedule_id) for schedule_id in waiting)

    def until_next_s(self) -> float | None:
        """Return how many seconds there are until the next firing, as things stand; None where there is none."""
        with self._database.read() as session:
            fires_at = schedules.next_firing_at(session)
            return None if fires_at is None else (fires_at - self._clock(session)).total_seconds()

    def _see_to(self, schedule_id: str) -> bool:
        try:
            with self._database.write() as session:
                row = schedules.lock(session, schedule_id)
                fired = None if row.paused else _fire_if_due(session, row, self._clock(session), self._stale_s)
        except NotFoundError:
            return False  # deleted meanwhile
        if fired is not None:
            _log.info("schedule %s of %s: %s", row.name, fired.due_at, fired.reason or fired.outcome)
        return fired is not None


def fire_by_hand(session: Session, row: ScheduleRow, now: datetime, stale_s: float) -> FiringRow:
    """Submit what the schedule submits, whatever its times, whatever is under way, and also while it is paused.

    Raises MigperfError if it cannot be had.
    """
    submitted = scheduled.submit(session, schedules.read(row), now, stale_s)
    new = NewFiring(due_at=now, by_hand=True, outcome=FiringOutcome.SUBMITTED, submitted=submitted)
    return firings.record(session, row.id, new, now)


def _fire_if_due(session: Session, row: ScheduleRow, now: datetime, stale_s: float) -> FiringRow | None:
    try:
        schedule = schedules.read(row)
    except ScheduleError as error:
        return _give_up(session, row, now, error)
    found = due(schedule, row.id, row.since, now)
    schedules.settle(row, schedule, settled_until(found, row.since, now))
    if found is None or firings.is_known(session, row.id, found.moment.at):
        return None
    new = NewFiring(due_at=found.moment.at, outcome=FiringOutcome.SUBMITTED, went_by=found.went_by)
    decision = decide(schedule, found, now, firings.under_way(session, row.id))
    if decision is None:
        new = _submitted(session, schedule, new, stale_s)
    else:
        new = replace(new, outcome=decision.outcome, reason=decision.reason)
    return firings.record(session, row.id, new, now)


def _submitted(session: Session, schedule: Schedule, new: NewFiring, stale_s: float) -> NewFiring:
    """Submit what the schedule submits, and say of the firing what came of it."""
    try:
        with session.begin_nested():
            return replace(new, submitted=scheduled.submit(session, schedule, database.now(session), stale_s))
    except MigperfError as error:
        return replace(new, outcome=FiringOutcome.REFUSED, reason=str(error))


def _give_up(session: Session, row: ScheduleRow, now: datetime, error: ScheduleError) -> FiringRow:
    """Write down that the document cannot be read any more, and wait for another one."""
    row.since, row.next_fires_at = now, None
    new = NewFiring(due_at=now, outcome=FiringOutcome.REFUSED, reason=str(error))
    return firings.record(session, row.id, new, now)
