"""When a schedule fires, what is due at a moment, and what is to be done about it.

A firing is known by its schedule and by the time at which its cron expression falls (``at``). It happens at
``fires_at``, which the jitter puts off, but never up to the next firing: so firings keep their order, and whoever works
them out for the same schedule comes to the same.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice, takewhile

from migperf.schedules.cron import times_after
from migperf.schedules.document import Missed, Overlap, Schedule

MAX_COUNTED = 1_000
"""Firings that went by are counted up to here."""
MOST_WAITING = 10
"""A schedule that queues what overlaps has no more firings under way: a queue that nobody serves ends there."""
_LOOKING_BACK = (timedelta(minutes=2), timedelta(hours=1), timedelta(days=1), timedelta(days=32), timedelta(days=366))


class FiringOutcome(StrEnum):
    """What has become of a firing."""

    SUBMITTED = "submitted"
    """Its run or experiment was queued."""
    SKIPPED = "skipped"
    """What an earlier firing submitted had not ended."""
    MISSED = "missed"
    """Nobody saw to it in time."""
    REFUSED = "refused"
    """What it was to submit could not be had."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One firing: when its cron expression falls, and when it happens."""

    at: datetime
    fires_at: datetime


@dataclass(frozen=True, slots=True)
class Due:
    """The last firing that is due, and how many went by between the one seen to before and this one."""

    moment: Moment
    went_by: int
    """At most MAX_COUNTED."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to become of a firing that is not submitted, and why."""

    outcome: FiringOutcome
    reason: str


def moments(schedule: Schedule, key: str, after: datetime) -> Iterator[Moment]:
    """Yield the firings whose ``at`` is after ``after``, in order; ``key`` tells the schedule from all others."""
    times = times_after(schedule.cron, schedule.time_zone, after)
    at = next(times, None)
    while at is not None:
        following = next(times, None)
        room_s = schedule.jitter_s if following is None else min(schedule.jitter_s, (following - at).total_seconds())
        yield Moment(at, at + timedelta(seconds=room_s * _share(key, at)))
        at = following


def next_times(
    schedule: Schedule, key: str, after: datetime, count: int = 5, *, since: datetime | None = None
) -> tuple[datetime, ...]:
    """Return when it happens next, jitter included: at most ``count`` moments after ``after``.

    ``since`` leaves out firings whose ``at`` is not after it, as ``due`` does.
    """
    # The jitter may have put off, until after ``after``, what falls before.
    begin = after - timedelta(seconds=schedule.jitter_s)
    if since is not None:
        begin = max(begin, min(since, after))
    upcoming = (m.fires_at for m in moments(schedule, key, begin) if m.fires_at > after)
    return tuple(islice(upcoming, count))


def due(schedule: Schedule, key: str, since: datetime, now: datetime) -> Due | None:
    """Return what is due at ``now`` of the firings whose ``at`` is after ``since``; None if nothing is."""
    last = _last(schedule, key, since, now)
    if last is None:
        return None
    earlier = takewhile(lambda moment: moment.at < last.at, moments(schedule, key, since))
    return Due(last, sum(1 for _ in islice(earlier, MAX_COUNTED)))


def settled_until(found: Due | None, since: datetime, now: datetime) -> datetime:
    """Return up to when all firings are settled once ``found``, which ``due`` gave for the others, has been seen to.

    A clock that was put back takes it along: else nothing would happen until it came by again. Firings between the two
    come up once more; it is for the caller to know them by their ``at``.
    """
    return min(since, now) if found is None else found.moment.at


def decide(schedule: Schedule, found: Due, now: datetime, under_way: int) -> Decision | None:
    """Return why a firing is not to be submitted, None if it is.

    ``under_way`` is how many earlier firings have submitted what has not ended.
    """
    late_s = (now - found.moment.fires_at).total_seconds()
    if schedule.missed is Missed.SKIP and late_s > schedule.grace_s:
        reason = f"nobody saw to it for {late_s:.0f} s, more than the grace of {schedule.grace_s:g} s"
        return Decision(FiringOutcome.MISSED, reason)
    if schedule.overlap is Overlap.SKIP and under_way:
        return Decision(FiringOutcome.SKIPPED, "what an earlier firing submitted has not ended")
    if under_way >= MOST_WAITING:
        reason = f"what {under_way} earlier firings submitted has not ended; more do not wait"
        return Decision(FiringOutcome.SKIPPED, reason)
    return None


def _last(schedule: Schedule, key: str, since: datetime, now: datetime) -> Moment | None:
    """Return the last firing after ``since`` that has happened by ``now``.

    Looks back further and further, so that a schedule that fires often is not worked through since long ago.
    """
    for back in _LOOKING_BACK:
        if now - back <= since:
            break
        if (found := _last_after(schedule, key, now - back, now)) is not None:
            return found
    return _last_after(schedule, key, since, now)


def _last_after(schedule: Schedule, key: str, after: datetime, now: datetime) -> Moment | None:
    found = None
    for moment in takewhile(lambda moment: moment.fires_at <= now, moments(schedule, key, after)):
        found = moment
    return found


def _share(key: str, at: datetime) -> float:
    """Return what part of the jitter a firing has: from 0, below 1, the same wherever and whenever it is asked for."""
    digest = hashlib.sha256(f"{key} {int(at.timestamp())}".encode()).digest()
    return int.from_bytes(digest[:6]) / (1 << 48)
