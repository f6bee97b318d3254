"""Cron expressions in time zones: refused by field, and right where clocks and calendars are odd."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migperf.schedules.cron import checked_cron, checked_zone, times_after

BERLIN = "Europe/Berlin"
"""Clocks go from 2 to 3 on 29 March 2026, and from 3 back to 2 on 25 October 2026."""


def utc(*at: int) -> datetime:
    return datetime(*at, tzinfo=UTC)


def falls(cron: str, after: datetime, count: int, zone: str = "UTC") -> list[str]:
    """The next times by the clocks of the zone."""
    moments = islice(times_after(cron, zone, after), count)
    return [moment.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M %z") for moment in moments]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("0 3 * *", "4 fields are not the 5"),
        ("0 0 3 * * *", "6 fields are not the 5"),
        ("@daily", "1 fields are not the 5"),
        ("60 3 * * *", "'60' is no minute; write 0 to 59"),
        ("0 24 * * *", "'24' is no hour; write 0 to 23"),
        ("0 0 0 * *", "'0' is no day of month; write 1 to 31"),
        ("0 0 * 13 *", "'13' is no month; write 1 to 12"),
        ("0 0 * * 8", "'8' is no day of week; write 0 to 7"),
        ("5-1 * * * *", "'5-1' is no minute"),
        ("*/0 * * * *", "'*/0' is no minute"),
        ("0 0 30 2 *", "'30' is no day of month; write 1 to 31 or L, in a month that has it"),
        ("0 0 */31 * 1L", "no day of the next 50 years"),
    ],
)
def test_an_expression_that_is_none_is_refused_with_its_field_and_what_would_do(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        checked_cron(text)
    assert told in str(refused.value)


def test_an_expression_is_kept_with_single_spaces() -> None:
    assert checked_cron("  30\t2 * *  mon-fri ") == "30 2 * * mon-fri"


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5"])
def test_zones_of_the_database_are_taken(name: str) -> None:
    assert checked_zone(name) == name


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Europe/Berln", "did you mean Europe/Berlin"),
        ("Europe", "is no time zone"),
        ("../../etc/passwd", "is no time zone"),
        ("localtime", "is no time zone"),
        ("", "is no time zone"),
        ("UTC\0", "is no time zone"),
        ("CEST!", "is no time zone"),
    ],
)
def test_a_name_that_is_no_zone_is_refused_also_the_zone_of_the_host(name: str, told: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        checked_zone(name)
    assert told in str(refused.value)


def test_a_time_that_a_day_does_not_have_falls_when_the_clock_has_jumped() -> None:
    assert falls("30 2 * * *", utc(2026, 3, 28, 12), 2, BERLIN) == ["2026-03-29 03:00 +0200", "2026-03-30 02:30 +0200"]


def test_a_time_that_a_day_has_twice_falls_once() -> None:
    expected = ["2026-10-25 02:30 +0200", "2026-10-26 02:30 +0100"]
    assert falls("30 2 * * *", utc(2026, 10, 24, 12), 2, BERLIN) == expected


def test_asked_in_the_second_of_two_hours_what_fell_in_the_first_is_over() -> None:
    second = utc(2026, 10, 25, 1, 15)
    assert falls("30 2 * * *", second, 1, BERLIN) == ["2026-10-26 02:30 +0100"]


def test_what_falls_every_half_hour_goes_by_elapsed_time_through_both_changes() -> None:
    for begin in (utc(2026, 3, 28, 23, 45), utc(2026, 10, 24, 22, 45)):
        moments = list(islice(times_after("*/30 * * * *", BERLIN, begin), 12))
        assert {b - a for a, b in pairwise(moments)} == {timedelta(minutes=30)}


def test_29_february_falls_in_leap_years_only() -> None:
    assert falls("0 12 29 2 *", utc(2026, 1, 1), 2) == ["2028-02-29 12:00 +0000", "2032-02-29 12:00 +0000"]
    assert falls("0 0 29 2 *", utc(2096, 3, 1), 1) == ["2104-02-29 00:00 +0000"], "2100 is no leap year"


def test_the_31st_leaves_short_months_out_and_the_last_day_does_not() -> None:
    assert [at[5:10] for at in falls("0 0 31 * *", utc(2026, 1, 1), 3)] == ["01-31", "03-31", "05-31"]
    assert [at[5:10] for at in falls("0 0 L * *", utc(2026, 1, 1), 3)] == ["01-31", "02-28", "03-31"]


def test_the_moment_itself_is_not_after_it() -> None:
    assert falls("0 3 * * *", utc(2026, 1, 1, 3), 1) == ["2026-01-02 03:00 +0000"]
    assert falls("0 3 * * *", utc(2026, 1, 1, 2, 59, 59, 999999), 1) == ["2026-01-01 03:00 +0000"]


ZONES = st.sampled_from([BERLIN, "UTC", "America/New_York", "Australia/Lord_Howe", "America/Santiago"])
AFTER = st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
MINUTES = st.sampled_from(["*", "0", "30", "*/15", "5,35", "10-12"])
HOURS = st.sampled_from(["*", "0", "1", "2", "2,3", "*/2", "1-3", "23"])
DAYS = st.sampled_from(["*", "1", "L", "28-31"])
CRONS = st.tuples(MINUTES, HOURS, DAYS, st.just("*"), st.sampled_from(["*", "SUN"]))


@settings(max_examples=60, deadline=None)
@given(CRONS.map(" ".join), ZONES, AFTER)
def test_times_grow_and_do_not_depend_on_where_one_begins_to_look(cron: str, zone: str, after: datetime) -> None:
    """Two schedulers, and one that was down, must come to the same times."""
    moments = list(islice(times_after(cron, zone, after), 12))
    assert all(a < b for a, b in pairwise([after, *moments]))
    for number, moment in enumerate(moments[:-1]):
        assert next(times_after(cron, zone, moment)) == moments[number + 1]
        assert next(times_after(cron, zone, moment - timedelta(seconds=1))) == moment
