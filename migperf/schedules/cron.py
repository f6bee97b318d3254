"""Cron expressions in a time zone: which there are, and at which moments they fall.

The parser is cronsim's, which follows Debian's cron, also where clocks are changed: what is set for a certain time that
a day does not have happens as soon as the clock has jumped, and what is set for a time that a day has twice happens
once. Expressions whose minute or hour begins with a star go by elapsed time.
"""

import difflib
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

_FIELDS = {
    "minute": "0 to 59",
    "hour": "0 to 23",
    "day-of-month": "1 to 31 or L, in a month that has it",
    "month": "1 to 12 or JAN to DEC",
    "day-of-week": "0 to 7 or SUN to SAT",
}
_NO_ZONES = {"localtime", "Factory"}
"""Of the files that hosts keep beside the zones: what this host goes by, and a placeholder."""
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)


def checked_cron(text: str) -> str:
    """Return the expression with single spaces between its fields. Raises ValueError with the field and the remedy."""
    parts = text.split()
    if len(parts) != len(_FIELDS):
        raise ValueError(
            f"{len(parts)} fields are not the 5 of a cron expression: minute, hour, day of month, month, day of week; "
            "such as 30 2 * * MON-FRI"
        )
    try:
        found = next(CronSim(" ".join(parts), _ANY_TIME), None)
    except CronSimError as error:
        raise ValueError(_told(parts, str(error))) from error
    if found is None:
        raise ValueError("no day of the next 50 years is as it says; write a day that comes")
    return " ".join(parts)


def checked_zone(name: str) -> str:
    """Return the name of a time zone of the IANA database. Raises ValueError that names those that are near."""
    zones = zone_names()
    if name in zones:
        return name
    near = difflib.get_close_matches(name, zones, n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else "write one such as Europe/Berlin, or UTC"
    raise ValueError(f"{name!r} is no time zone of the IANA database; {hint}")


def times_after(cron: str, zone: str, after: datetime) -> Iterator[datetime]:
    """Yield the moments after ``after`` at which the expression falls, UTC, each later than the one before."""
    last = after.astimezone(UTC)
    for local in CronSim(cron, after.astimezone(ZoneInfo(zone))):
        moment = local.astimezone(UTC)
        # In the second of two hours of one name, cronsim begins again with what the first one had.
        if moment > last:
            yield moment
            last = moment


@cache
def zone_names() -> frozenset[str]:
    """Return the names of the time zones of the IANA database."""
    return frozenset(available_timezones() - _NO_ZONES)


def _told(parts: list[str], problem: str) -> str:
    """Return what is wrong by field, with what the field may hold."""
    for part, (name, allowed) in zip(parts, _FIELDS.items(), strict=True):
        if problem.endswith(name):
            forms = "*, lists (1,15), ranges (1-5), steps (*/10)"
            return f"{part!r} is no {name.replace('-', ' ')}; write {allowed}, {forms}"
    return f"{problem}; write 5 fields such as 30 2 * * MON-FRI"
