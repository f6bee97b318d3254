"""Numbers are shown with the digits that their interval defends, and never say more or other than was computed."""

import math
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from migperf.statistics.digits import EXACT_DIGITS, last_place, show

finite = st.floats(allow_nan=False, allow_infinity=False, width=64)
moderate = st.floats(min_value=1e-6, max_value=1e9)
relative = st.floats(min_value=1e-9, max_value=0.99)


def exact(value: float) -> Decimal:
    return Decimal(repr(value))


@pytest.mark.parametrize(
    ("value", "low", "high", "shown"),
    [
        (61.2345, 60.1, 62.4, ("61.2", "60.1", "62.4")),
        (61.2345, 56.2, 66.3, ("61", "56", "67")),
        (1234.5, 1100.0, 1369.0, ("1230", "1100", "1370")),
        (1234.5, 700.0, 1769.0, ("1200", "700", "1800")),
        (0.0123456, 0.0123, 0.0124, ("0.01235", "0.01230", "0.01240")),
        (4.51832, 4.5023, 4.5341, ("4.518", "4.502", "4.535")),
        (100.0, 99.9, 140.0, ("100", "90", "140")),
        (10.0, 0.4, 19.6, ("10", "0", "20")),
        (0.0, -0.02, 0.02, ("0.000", "-0.020", "0.020")),
        (1.5e12, 1.4e12, 1.6e12, ("1.50e+12", "1.40e+12", "1.60e+12")),
    ],
)
def test_an_interval_decides_which_digits_are_shown(
    value: float, low: float, high: float, shown: tuple[str, str, str]
) -> None:
    found = show(value, low, high)
    assert (found.value, found.low, found.high) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"),
        (236.4, "236"),
        (24105.0, "24105"),
        (0.97991, "0.980"),
        (8.5678, "8.57"),
        (-12.345, "-12.3"),
        (1.23456e-9, "1.23e-9"),
        (math.inf, "inf"),
        (math.nan, "nan"),
    ],
)
def test_without_an_interval_three_digits_are_shown_and_all_of_a_whole_number(value: float, shown: str) -> None:
    found = show(value)
    assert (found.value, found.low, found.high) == (shown, None, None)


@given(value=finite)
def test_a_value_alone_is_within_half_of_its_last_digit(value: float) -> None:
    place = last_place(value)
    assert abs(Decimal(show(value).value) - exact(value)) <= Decimal(1).scaleb(place) / 2


@given(value=finite, below=moderate, above=moderate)
def test_a_value_with_an_interval_is_within_half_of_its_last_digit(value: float, below: float, above: float) -> None:
    low, high = value - below, value + above
    assume(math.isfinite(low) and math.isfinite(high) and low < high)
    place = last_place(value, max(high - value, value - low))
    assert abs(Decimal(show(value, low, high).value) - exact(value)) <= Decimal(1).scaleb(place) / 2


@given(value=moderate, below=relative, above=relative)
def test_the_interval_that_is_shown_covers_the_one_that_was_computed(value: float, below: float, above: float) -> None:
    low, high = value * (1 - below), value * (1 + above)
    shown = show(value, low, high)
    assert shown.low is not None
    assert shown.high is not None
    assert Decimal(shown.low) <= exact(low)
    assert exact(high) <= Decimal(shown.high)
    assert Decimal(shown.low) <= Decimal(shown.value) <= Decimal(shown.high)


@given(value=moderate, share=st.floats(min_value=1e-9, max_value=0.5))
def test_no_digit_is_shown_that_the_interval_does_not_defend(value: float, share: float) -> None:
    width = value * share
    place = last_place(value, width)
    assert place >= exact(width).adjusted() - 1, "at most two digits of the uncertainty"
    assert place <= exact(width).adjusted() or exact(value).adjusted() - place == EXACT_DIGITS - 1


@given(value=finite)
def test_an_interval_without_width_pretends_no_precision(value: float) -> None:
    assert show(value, value, value).value == show(value).value


@pytest.mark.parametrize("width", [5e-324, 1e308])
@pytest.mark.parametrize("value", [5e-324, -1e-300, 1.0, 1e308])
def test_extreme_numbers_are_shown_too(value: float, width: float) -> None:
    shown = show(value, value - width / 2, value + width / 2)
    assert float(shown.value) == pytest.approx(value, rel=0.5, abs=5e-324)
