"""From samples a second to the whole numbers of the solver, so that what it finds is never too little in truth.

Capacities are rounded down and requirements up, in a power of ten that leaves seven or eight digits: decimals as people
write them stay exact, and what is lost is less than one part in a million of the requirement.
"""

from collections.abc import Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

DIGITS = 7
_MOST = 1 << 40


def unit_of(largest: float) -> Decimal:
    """Return the power of ten in which a number of this size has DIGITS digits before the point, or one more."""
    return Decimal(1).scaleb(_exact(largest).adjusted() - DIGITS + 1)


def floor(value: float, unit: Decimal) -> int:
    """Return how many units are in a value, at most 2^40: more is as good as that."""
    return min(_MOST, int((_exact(value) / unit).to_integral_value(ROUND_FLOOR)))


def ceiling(value: float, unit: Decimal) -> int:
    """Return how many units it takes to reach a value."""
    return int((_exact(value) / unit).to_integral_value(ROUND_CEILING))


def largest(values: Iterable[float]) -> float:
    """Return the largest of the values above 0; 1 where there is none."""
    return max((value for value in values if value > 0), default=1.0)


def _exact(value: float) -> Decimal:
    """Return the shortest decimal that means the number: 0.1 is a tenth."""
    return Decimal(repr(float(value)))
