"""Whole numbers for the solver: on the safe side, exact for decimals as people write them, and precise."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from migperf.analysis.advisor.scaling import ceiling, floor, largest, unit_of

RATES = st.floats(1e-6, 1e12)


@given(RATES, st.lists(st.floats(0, 1e12), max_size=8))
def test_what_is_enough_in_whole_numbers_is_enough_in_truth(required: float, capacities: list[float]) -> None:
    unit = unit_of(required)
    if sum(floor(capacity, unit) for capacity in capacities) >= ceiling(required, unit):
        # A float is told by its shortest decimal: half a unit in its last place is what that may be off.
        assert sum(map(Fraction, capacities)) >= Fraction(required) * (1 - Fraction(1, 1 << 50))


@given(RATES, st.floats(1e-6, 1e9))
def test_capacities_are_rounded_down_and_requirements_up(value: float, scale: float) -> None:
    unit, exact = unit_of(scale), Fraction(str(value))
    assert ceiling(value, unit) * Fraction(unit) >= exact
    if exact / Fraction(unit) < 1 << 40:
        assert floor(value, unit) * Fraction(unit) <= exact < (floor(value, unit) + 1) * Fraction(unit)


@given(RATES)
def test_less_than_one_part_in_a_million_is_lost(required: float) -> None:
    unit = unit_of(required)
    assert 10**6 <= ceiling(required, unit) <= 10**7
    assert Fraction(unit) <= Fraction(str(required)) / 10**6


@given(st.integers(1, 9999), st.integers(1, 9), st.sampled_from([1, 10, 100, 1000]))
def test_decimals_that_just_suffice_do_suffice(tenths: int, count: int, divisor: int) -> None:
    capacity, required = tenths / divisor, float(Fraction(tenths * count, divisor))
    unit = unit_of(required)
    assert count * floor(capacity, unit) >= ceiling(required, unit)


def test_the_largest_of_nothing_is_one() -> None:
    assert (largest([]), largest([0.0]), largest([3.0, 7.0])) == (1.0, 1.0, 7.0)
    assert floor(1e300, unit_of(1.0)) == 1 << 40
