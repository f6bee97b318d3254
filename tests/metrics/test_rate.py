"""The mean growth of a total is what it grew by per time passed, and never what cannot have happened."""

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from migperf.metrics.rate import Rate

S = 1_000_000_000
STEPS = st.lists(st.tuples(st.integers(1, 10 * S), st.floats(0, 1e6)), min_size=1, max_size=30)


def rates_of(rate: Rate, readings: list[tuple[int, float]]) -> list[float]:
    return [rate.since_last(at_ns, total) for at_ns, total in readings]


def accumulated(steps: list[tuple[int, float]]) -> list[tuple[int, float]]:
    readings = [(0, 0.0)]
    for elapsed_ns, grown in steps:
        readings.append((readings[-1][0] + elapsed_ns, readings[-1][1] + grown))
    return readings


@given(STEPS)
def test_the_rates_times_their_times_are_the_growth(steps: list[tuple[int, float]]) -> None:
    readings = accumulated(steps)
    first, *rates = rates_of(Rate(), readings)
    assert math.isnan(first)
    grown = sum(rate * (b[0] - a[0]) / S for rate, (a, b) in zip(rates, pairwise(readings), strict=True))
    assert math.isclose(grown, readings[-1][1], rel_tol=1e-6, abs_tol=1e-6)


@given(st.lists(st.tuples(st.integers(0, 5 * S), st.floats(-100, 100)), min_size=1, max_size=30))
def test_no_rate_is_negative_whatever_the_total_does(steps: list[tuple[int, float]]) -> None:
    assert all(math.isnan(rate) or rate >= 0 for rate in rates_of(Rate(), accumulated(steps)))


@given(STEPS)
def test_no_rate_is_above_what_is_possible_and_no_growth_is_lost(steps: list[tuple[int, float]]) -> None:
    readings = accumulated(steps)
    readings.append((readings[-1][0] + 10**8 * S, readings[-1][1]))
    rates = rates_of(Rate(most_per_s=4), readings)
    told = [(at_ns, rate) for (at_ns, _), rate in zip(readings, rates, strict=True) if not math.isnan(rate)]
    assert all(rate <= 4 for _, rate in told)
    grown = sum(rate * (at_ns - before) / S for (before, _), (at_ns, rate) in pairwise([(0, 0.0), *told]))
    assert math.isclose(grown, readings[-1][1], rel_tol=1e-6, abs_tol=1e-6)


def test_a_total_that_falls_for_one_reading_loses_nothing() -> None:
    readings = [(0, 10.0), (1 * S, 11.0), (2 * S, 4.0), (3 * S, 15.0)]
    assert rates_of(Rate(), readings)[1::2] == [1.0, 2.0]


def test_a_total_that_stays_lower_is_counted_from_there() -> None:
    rates = rates_of(Rate(), [(0, 10.0), (1 * S, 4.0), (2 * S, 5.0), (3 * S, 8.0)])
    assert [math.isnan(rate) for rate in rates] == [True, True, True, False]
    assert rates[3] == 3.0
