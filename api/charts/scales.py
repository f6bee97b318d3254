"""Where values and times lie in a drawing, and which of them are written at its axes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

_STEPS = (1, 2, 5, 10)
_MOST_DECIMALS = 6
_LARGEST_PLAIN = 1e9
_LEAST_SPAN_REL = 0.02
"""A scale shows at least so much to both sides: noise of a thousandth must not look like a storm."""
_PADDING_REL = 0.06
_DAYS_WITHOUT_HOURS = 4
_LEAST_WITHOUT_SECONDS = timedelta(minutes=1)
"""Between one time and the next."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A place at an axis, and what is written there."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Scale:
    """Takes values between ``low`` and ``high`` linearly to places between ``start`` and ``end``."""

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def over(cls, values: Sequence[float], start: float, end: float) -> Self:
        """Return a scale on which all these values lie, with room about them. ValueError for no values."""
        low, high = min(values), max(values)
        middle = low / 2 + high / 2
        half = max((high / 2 - low / 2) * (1 + 2 * _PADDING_REL), abs(middle) * _LEAST_SPAN_REL, 1e-300)
        return cls(middle - half, middle + half, start, end)

    def place(self, value: float) -> float:
        """Return where a value lies, to a tenth; what is outside lies on the edge."""
        share = min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self, most: int = 6) -> tuple[Tick, ...]:
        """Return round values within the scale, at most so many, from the lowest on."""
        step = _round_step((self.high - self.low) / most)
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        return tuple(Tick(self.place(n * step), label(n * step, step)) for n in range(first, last + 1))


def _round_step(least: float) -> float:
    """Return the smallest of 1, 2, 5 times a power of ten that is not less."""
    power = 10.0 ** math.floor(math.log10(least))
    return next((step * power for step in _STEPS if step * power >= least), 10 * power)


def label(value: float, step: float) -> str:
    """Return a value to the place that tells it from the next one, a ``step`` away."""
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    if decimals > _MOST_DECIMALS or abs(value) >= _LARGEST_PLAIN:
        digits = 0 if value == 0 else max(0, math.floor(math.log10(abs(value))) - math.floor(math.log10(step) + 1e-9))
        return f"{value:.{min(digits, 15)}e}"
    return f"{value:,.{decimals}f}"


def spread(count: int, most: int) -> list[int]:
    """Return at most so many indices of ``count`` things, evenly apart, each in the middle of its part."""
    parts = min(count, most)
    return [(2 * part + 1) * count // (2 * parts) for part in range(parts)]


def time_labels(times: Sequence[datetime]) -> list[str]:
    """Return times in UTC, only as fine as it takes to tell them apart."""
    if not times:
        return []
    apart = max(times) - min(times)
    if apart >= timedelta(days=_DAYS_WITHOUT_HOURS):
        form = "%Y-%m-%d"
    elif apart >= _LEAST_WITHOUT_SECONDS * (len(times) - 1):
        form = "%m-%d %H:%M"
    else:
        form = "%m-%d %H:%M:%S"
    return [time.astimezone(UTC).strftime(form) for time in times]
