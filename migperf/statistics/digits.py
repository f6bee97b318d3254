"""How many digits of a number to show: only those that its confidence interval can defend. Pure arithmetic."""

import math
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal

SIGNIFICANT = 3
"""Digits of a number that comes without an interval; whole numbers keep all of theirs."""
EXACT_DIGITS = 15
"""A float holds no more."""
_SMALLEST_PLAIN, _LARGEST_PLAIN = -5, 9
_WIDE = Context(prec=700)
"""Enough for any float beside any other."""
_KEEP_TWO_UP_TO = 354
_MINUTE_S = 60


@dataclass(frozen=True, slots=True)
class Shown:
    """A number as text, with the bounds of its interval at the same place."""

    value: str
    low: str | None = None
    high: str | None = None


def show(value: float, low: float | None = None, high: float | None = None) -> Shown:
    """Return a value, and its interval if it has one, with the digits that the interval defends.

    The value is rounded to nearest, the bounds outwards, so that what is shown covers what was computed.
    """
    if low is None or high is None:
        return Shown(at_place(value, last_place(value)))
    place = last_place(value, max(high - value, value - low))
    return Shown(
        at_place(value, place),
        at_place(low, place, ROUND_FLOOR),
        at_place(high, place, ROUND_CEILING),
    )


def last_place(value: float, half_width: float = 0.0) -> int:
    """Return the power of ten of the last digit worth showing.

    With an interval of that half width it follows the rule of the Particle Data Group ("Review of Particle Physics",
    introduction, section 5.3): two digits of an uncertainty that begins with 100 to 354, else one.
    """
    leading = _decimal(value).adjusted() if value and math.isfinite(value) else 0
    if not half_width or not math.isfinite(half_width):
        return min(0, leading - SIGNIFICANT + 1) if value else 0
    width = _decimal(half_width)
    first_three = int(width.scaleb(2 - width.adjusted(), _WIDE).to_integral_value(ROUND_HALF_EVEN))
    place = width.adjusted() - (first_three <= _KEEP_TWO_UP_TO)
    if not value:
        return place
    return max(min(place, leading), leading - EXACT_DIGITS + 1)


def at_place(value: float, place: int, rounding: str = ROUND_HALF_EVEN) -> str:
    """Return a number rounded to a power of ten: 1234.5 at place 1 is 1230."""
    if not math.isfinite(value):
        return str(value)
    rounded = _decimal(value).quantize(Decimal(1).scaleb(place), rounding, _WIDE)
    if rounded == 0:
        rounded = abs(rounded)
    plain = not rounded or _SMALLEST_PLAIN <= rounded.adjusted() <= _LARGEST_PLAIN
    return format(rounded, "f" if plain else "e")


def duration(seconds: float) -> str:
    """Return a length of time for people: 4.2 s, 3 min 5 s, 2 h 7 min."""
    if seconds < _MINUTE_S:
        return f"{seconds:.1f} s"
    minutes, rest_s = divmod(round(seconds), _MINUTE_S)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest_s} s"


def _decimal(value: float) -> Decimal:
    """Return the float as it reads: 0.02 is 0.02 here, not the 0.0200000000000000004 that it is in binary."""
    return Decimal(repr(float(value)))
