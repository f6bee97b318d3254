"""Firings under a fake clock: each once, in order, put off by the jitter, made up for or left out when missed."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise, takewhile
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migperf.schedules.document import Schedule
from migperf.schedules.firing import (
    MAX_COUNTED,
    MOST_WAITING,
    Due,
    FiringOutcome,
    Moment,
    decide,
    due,
    moments,
    next_times,
    settled_until,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def schedule(cron: str = "* * * * *", **more: Any) -> Schedule:
    benchmark = {"workload": "test-step", "scenario": "train"}
    return Schedule.model_validate({"migperf": 1, "name": "s", "cron": cron, "benchmark": benchmark, **more})


def fired(kept: Schedule, times: list[datetime], since: datetime = NOON) -> list[Due]:
    """What a scheduler that looks at these times sees to, with a memory of what it has."""
    known: set[datetime] = set()
    found = []
    for now in times:
        one = due(kept, "key", since, now)
        since = settled_until(one, since, now)
        if one is not None and one.moment.at not in known:
            known.add(one.moment.at)
            found.append(one)
    return found


def test_the_next_five_times_are_those_of_the_expression() -> None:
    assert next_times(schedule("*/10 * * * *"), "key", NOON) == tuple(NOON + n * 10 * MINUTE for n in range(1, 6))


def test_the_jitter_is_the_same_wherever_it_is_worked_out_and_differs_by_schedule_and_firing() -> None:
    kept = schedule("0 * * * *", jitter_s=1800)
    delays = [m.fires_at - m.at for m in islice(moments(kept, "key", NOON), 50)]
    assert delays == [m.fires_at - m.at for m in islice(moments(kept, "key", NOON), 50)]
    assert len(set(delays)) == 50
    assert delays != [m.fires_at - m.at for m in islice(moments(kept, "other", NOON), 50)]
    assert timedelta() <= min(delays) < 5 * MINUTE
    assert 25 * MINUTE < max(delays) < 30 * MINUTE


def test_a_jitter_longer_than_the_time_between_firings_keeps_their_order() -> None:
    kept = schedule("*/5 * * * *", jitter_s=3600)
    found = list(islice(moments(kept, "key", NOON), 100))
    assert all(a.at <= a.fires_at < b.at for a, b in pairwise(found))


def test_what_the_jitter_has_put_off_is_still_among_the_next_times() -> None:
    kept = schedule("0 12 * * *", jitter_s=3600)
    (first,) = islice(moments(kept, "key", NOON - HOUR), 1)
    assert first.fires_at > first.at
    assert next_times(kept, "key", first.at, 1) == (first.fires_at,)
    assert next_times(kept, "key", first.at, 1, since=first.at) > (first.fires_at,), "it is settled"


def test_nothing_is_due_before_its_time_and_nothing_twice() -> None:
    kept = schedule("0 * * * *", jitter_s=600)
    (first,) = islice(moments(kept, "key", NOON), 1)
    assert due(kept, "key", NOON, first.fires_at - timedelta(microseconds=1)) is None
    assert due(kept, "key", NOON, first.fires_at) == Due(first, 0)
    assert due(kept, "key", first.at, first.fires_at) is None


@pytest.mark.parametrize("down", [HOUR, 30 * DAY, 800 * DAY])
def test_after_a_time_without_a_scheduler_the_last_firing_stands_for_all(down: timedelta) -> None:
    found = due(schedule(), "key", NOON, NOON + down)
    assert found == Due(Moment(NOON + down, NOON + down), min(MAX_COUNTED, down // MINUTE - 1))


def test_what_is_late_by_more_than_the_grace_is_missed_where_missed_is_skipped() -> None:
    found = Due(Moment(NOON, NOON), 0)
    strict = schedule(missed="skip", grace_s=60)
    assert decide(strict, found, NOON + MINUTE, 0) is None
    left = decide(strict, found, NOON + MINUTE + timedelta(seconds=1), 0)
    assert left is not None
    assert left.outcome is FiringOutcome.MISSED
    assert left.reason == "nobody saw to it for 61 s, more than the grace of 60 s"
    assert decide(schedule(missed="once", grace_s=60), found, NOON + DAY, 0) is None


def test_overlaps_are_skipped_or_queued_up_to_a_bound() -> None:
    found = Due(Moment(NOON, NOON), 0)
    skipped = decide(schedule(overlap="skip"), found, NOON, 1)
    assert skipped is not None
    assert skipped.outcome is FiringOutcome.SKIPPED
    assert decide(schedule(overlap="queue"), found, NOON, MOST_WAITING - 1) is None
    bounded = decide(schedule(overlap="queue"), found, NOON, MOST_WAITING)
    assert bounded is not None
    assert bounded.outcome is FiringOutcome.SKIPPED


def test_a_clock_that_is_put_back_fires_nothing_twice_and_goes_on_from_where_it_is() -> None:
    times = [NOON + 3 * HOUR, NOON + HOUR + MINUTE, *(NOON + HOUR + n * MINUTE for n in range(2, 240))]
    seen = [one.moment.at for one in fired(schedule("0 * * * *"), times)]
    assert seen == [NOON + 3 * HOUR, NOON + 2 * HOUR, NOON + 4 * HOUR], "15:00 was seen to when the clock was wrong"


def test_a_clock_that_was_wrong_by_years_does_not_stop_a_schedule() -> None:
    times = [NOON + 3000 * DAY, *(NOON + n * MINUTE for n in range(1, 121))]
    seen = [one.moment.at for one in fired(schedule("0 * * * *"), times)]
    assert seen[1:] == [NOON + HOUR, NOON + 2 * HOUR]


def test_a_clock_that_leaps_ahead_fires_once_for_what_it_leapt_over() -> None:
    (found,) = fired(schedule("0 * * * *"), [NOON + 10 * HOUR + MINUTE])
    assert (found.moment.at, found.went_by) == (NOON + 10 * HOUR, 9)


@pytest.mark.parametrize(
    ("day", "hours"),
    [(datetime(2026, 3, 29, tzinfo=UTC), [1]), (datetime(2026, 10, 25, tzinfo=UTC), [0])],
    ids=["the clock jumps from 2 to 3", "the clock goes back from 3 to 2"],
)
def test_on_the_days_on_which_clocks_are_changed_a_nightly_schedule_fires_once(day: datetime, hours: list[int]) -> None:
    kept = schedule("30 2 * * *", time_zone="Europe/Berlin")
    times = [day - HOUR + n * MINUTE for n in range(8 * 60)]
    found = fired(kept, times, since=times[0])
    assert [one.moment.at.hour for one in found] == hours
    assert [one.went_by for one in found] == [0]


KEPT = st.builds(
    schedule,
    st.sampled_from(["* * * * *", "*/7 * * * *", "0 * * * *", "30 2 * * *", "0 0 L * *", "15 2,3 * * SUN"]),
    time_zone=st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe"]),
    jitter_s=st.sampled_from([0, 30, 600, 21_600]),
)
STEPS = st.lists(st.integers(1, 60 * 60 * 6), min_size=1, max_size=40)
LEAPS = st.lists(st.integers(-60 * 60 * 24 * 40, 60 * 60 * 24 * 40), min_size=1, max_size=25)


@settings(max_examples=60, deadline=None)
@given(KEPT, STEPS)
def test_while_the_clock_goes_on_every_firing_is_seen_to_or_counted(kept: Schedule, steps: list[int]) -> None:
    begin, times = datetime(2026, 10, 24, 12, tzinfo=UTC), []
    for step in steps:
        times.append((times[-1] if times else begin) + timedelta(seconds=step))
    found = fired(kept, times, since=begin)
    expected = list(takewhile(lambda moment: moment.fires_at <= times[-1], moments(kept, "key", begin)))
    if not expected or sum(one.went_by + 1 for one in found) >= MAX_COUNTED:
        return
    assert sum(one.went_by + 1 for one in found) == len(expected)
    assert found[-1].moment == expected[-1]
    assert all(one.moment in expected for one in found)


@settings(max_examples=60, deadline=None)
@given(KEPT, LEAPS)
def test_however_the_clock_leaps_nothing_fires_twice_or_before_its_time(kept: Schedule, leaps: list[int]) -> None:
    begin, times = datetime(2026, 10, 24, 12, tzinfo=UTC), []
    for leap in leaps:
        times.append((times[-1] if times else begin) + timedelta(seconds=leap))
    found = fired(kept, times, since=begin)
    ats = [one.moment.at for one in found]
    assert len(ats) == len(set(ats))
    assert all(one.moment.fires_at <= max(times) for one in found)
