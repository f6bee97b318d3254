"""Numbers and times as people read them: no more digits than can be defended."""

import math
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from migperf.measure.figures import Interval
from migperf.statistics.digits import show

SIGNIFICANT_DIGITS = 4
_SMALLEST_PLAIN = 1e-4


def number(value: float, interval: Interval | None = None) -> str:
    """Return the value to the place that its interval supports, or to four significant digits."""
    half_width = (interval.high - interval.low) / 2 if interval else 0.0
    if half_width > 0:
        return _to_places(value, 1 - _magnitude(half_width))
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    if abs(value) < _SMALLEST_PLAIN:
        return f"{value:.{SIGNIFICANT_DIGITS - 1}e}"
    return _to_places(value, SIGNIFICANT_DIGITS - 1 - _magnitude(value))


def bounds(interval: Interval) -> str:
    """Return both ends of an interval with its level, such as ``4.10 to 4.13 (95 %)``."""
    low, high = number(interval.low, interval), number(interval.high, interval)
    return f"{low} to {high} ({interval.level:.0%})".replace("%", " %")


def defended(value: float, interval: Interval | None = None) -> str:
    """Return a figure's value in the digits that its interval defends, as ``migperf/statistics/digits.py`` has it."""
    return (show(value) if interval is None else show(value, interval.low, interval.high)).value


def defended_bounds(value: float, interval: Interval) -> str:
    """Return both ends of a figure's interval at the place of its value, rounded outwards, with the level."""
    shown = show(value, interval.low, interval.high)
    return f"{shown.low} to {shown.high} ({100 * interval.level:g} %)"


def moment(time: datetime) -> str:
    """Return a time to the second, in UTC."""
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def machine_time(time: datetime) -> str:
    """Return a time to the millisecond, in UTC, as elements ``time`` have it; HTML allows no finer one."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds")


def moment_in(time: datetime, zone: str) -> str:
    """Return a time to the second, as clocks of a time zone of the IANA database show it."""
    return time.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M:%S")


def size(count: int) -> str:
    """Return a number of bytes in the unit that suits it."""
    kib = 1024
    if count < kib:
        return f"{count} B"
    return f"{count / kib:,.1f} KiB" if count < kib * kib else f"{count / kib / kib:,.1f} MiB"


def _magnitude(value: float) -> int:
    return math.floor(math.log10(abs(value)))


def _to_places(value: float, places: int) -> str:
    return f"{round(value, places):,.{max(0, places)}f}"
