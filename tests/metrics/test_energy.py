"""The energy of a window comes from the best meter that covers it, and says which; where none does it is absent."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from migperf.metrics.energy import energy_of
from migperf.metrics.metric import Kind
from migperf.metrics.series import Series
from migperf.metrics.update_period import update_period_ms
from tests.metrics.made_series import (
    LOST,
    Curve,
    curves,
    every,
    gap,
    made,
    metric,
    ns,
    read,
    reading_times,
    times,
    window,
)

COUNTER = metric(Kind.COUNTER, name="energy", unit="J")
INSTANT = metric(name="power_instant", unit="W")
AVERAGE = metric(name="power_average", unit="W", lookback_s=1)
WINDOW = window(2, 8)


def counted(power_w: float, times_s: list[float]) -> Series:
    return read(COUNTER, lambda time_s: 5000 + power_w * time_s, times_s)


def constant(power_w: float, times_s: list[float], *gaps: object) -> Series:
    return read(INSTANT, lambda _: power_w, times_s, *gaps)


def seen_period_ms(period_ms: int, reading_ms: int, value_of: object = float) -> float | None:
    """What is seen of a meter with that period when it is read so often, for 10 s."""
    times_s = every(reading_ms / 1000, 0, 10)
    values = [value_of(1000 * time_s // period_ms) for time_s in times_s]
    return update_period_ms(made(INSTANT, times_s, values), ns(0), ns(10))


# Which meter


def test_the_counter_is_preferred_to_power() -> None:
    energy = energy_of(WINDOW, counted(100, every(0.1, 0, 10)), [constant(300, every(0.1, 0, 10))])
    assert energy.joules == pytest.approx(600)
    assert energy.method == "difference of the energy counter"
    assert (energy.covered, energy.absent) == (1, None)


def test_without_a_counter_power_is_integrated() -> None:
    energy = energy_of(WINDOW, None, [constant(300, every(0.1, 0, 10))])
    assert energy.joules == pytest.approx(1800)
    assert energy.method == "integral of power_instant (trapezoid)"


def test_a_counter_that_could_not_be_read_gives_way_to_power() -> None:
    unread = made(COUNTER, [], [], gap(0, None, LOST))
    assert energy_of(WINDOW, unread, [constant(300, every(0.1, 0, 10))]).joules == pytest.approx(1800)


def test_a_counter_that_stands_still_measures_nothing() -> None:
    still = counted(0, every(0.1, 0, 10))
    assert energy_of(WINDOW, still, [constant(300, every(0.1, 0, 10))]).joules == pytest.approx(1800)
    assert "did not change" in energy_of(WINDOW, still).absent


def test_power_averaged_by_its_sensor_serves_where_nothing_better_does() -> None:
    average = read(AVERAGE, lambda _: 200.0, every(0.1, 0, 10))
    energy = energy_of(WINDOW, None, [made(INSTANT, [], [], gap(0, None, LOST)), average])
    assert energy.joules == pytest.approx(1200)
    assert energy.method == "integral of power_average (trapezoid)"


def test_without_any_meter_the_energy_is_absent() -> None:
    assert energy_of(WINDOW, None).absent == "nothing here measures energy or power"


# How much of the window


def test_power_that_was_not_read_for_a_twentieth_of_the_window_gives_no_energy() -> None:
    energy = energy_of(WINDOW, None, [constant(300, [*every(0.1, 0, 4), *every(0.1, 5, 10)], gap(3.9, 5, LOST))])
    assert energy.joules is None
    assert "read over 81.7% of the window" in energy.absent
    assert "fell off the bus" in energy.absent


def test_a_little_that_was_not_read_is_taken_to_be_like_the_rest_and_said() -> None:
    energy = energy_of(WINDOW, None, [constant(300, [*every(0.1, 0, 4), *every(0.1, 4.1, 10)], gap(3.9, 4.1))])
    assert energy.joules == pytest.approx(1800)
    assert energy.method == "integral of power_instant (trapezoid), 96.7% read"


def test_a_counter_last_read_just_before_the_end_serves_too() -> None:
    energy = energy_of(WINDOW, counted(100, every(0.1, 0, 7.95)))
    assert energy.joules == pytest.approx(600)
    assert energy.method == "difference of the energy counter, 98.3% read"


def test_every_meter_that_failed_is_named_with_its_reason() -> None:
    restarted = made(COUNTER, [0, 3, 4, 9], [10, 20, 5, 30])
    reason = energy_of(WINDOW, restarted, [made(INSTANT, [], [], gap(0, None, LOST))]).absent
    assert "energy: the counter went back" in reason
    assert "power_instant: fell off the bus" in reason


@given(curves(), reading_times(), times(1, 4), times(6, 9), st.integers(20, 300))
def test_energy_by_a_counter_that_is_updated_now_and_then_is_right_within_one_period_at_each_edge(
    curve: Curve, times_s: list[float], start_s: float, end_s: float, period_ms: int
) -> None:
    """Whichever is longer, the period of updating or that of reading; a stale counter is stale at both edges."""

    def counter(time_s: float) -> float:
        updated_s = 1000 * time_s // period_ms * period_ms / 1000
        return curve.integral(0, updated_s) if updated_s else 0.0

    energy = energy_of(window(start_s, end_s), read(COUNTER, counter, times_s))
    slack_s = max(period_ms / 1000, float(np.diff(times_s).max())) + period_ms / 1000
    assert energy.joules == pytest.approx(curve.integral(start_s, end_s), abs=curve.highest * slack_s)


@given(st.floats(1, 1e9), st.floats(1, 1e9))
def test_what_was_taken_before_the_window_is_no_part_of_its_energy(before_w: float, inside_w: float) -> None:
    """Read at the very edge, so that nothing has to be interpolated."""
    times_s = every(0.5, 0, 10)
    power = [before_w if time_s < 2 else inside_w for time_s in times_s]
    counter = np.concatenate([[0], np.cumsum(power[:-1]) * 0.5])
    for energy in (
        energy_of(WINDOW, made(COUNTER, times_s, counter)),
        energy_of(WINDOW, None, [made(INSTANT, times_s, power)]),
    ):
        assert energy.joules == pytest.approx(6 * inside_w, rel=1e-6, abs=1e-6 * before_w)


# How often a meter has something new


@pytest.mark.parametrize(("period_ms", "reading_ms"), [(100, 10), (25, 10), (15, 10), (100, 30), (100, 100)])
def test_the_period_of_updating_is_seen_from_when_values_change(period_ms: int, reading_ms: int) -> None:
    assert seen_period_ms(period_ms, reading_ms) == pytest.approx(period_ms, rel=0.03)


def test_a_period_shorter_than_that_of_reading_cannot_be_seen() -> None:
    assert seen_period_ms(20, 100) == pytest.approx(100, rel=0.01), "an upper bound"


def test_updates_that_leave_the_value_as_it_was_are_skipped_over() -> None:
    assert seen_period_ms(100, 10, lambda n: n if n % 4 else n - 1) == pytest.approx(100, rel=0.03)


def test_a_value_that_never_changed_has_no_period() -> None:
    assert seen_period_ms(100, 10, lambda _: 7.0) is None
    assert update_period_ms(made(INSTANT, [], []), 0, 1) is None


def test_a_gap_is_no_long_period() -> None:
    series = made(INSTANT, [0, 1, 2, 7, 8, 9], [0, 1, 2, 3, 4, 5], gap(2, 7))
    assert update_period_ms(series, ns(0), ns(9)) == 1000
