"""A summary says what the series tells of the measured window alone: nothing of before, after, or of gaps."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from migperf.metrics.metric import Kind
from migperf.metrics.series import Chunk, Gap, Series
from migperf.metrics.summary import SeriesSummary, Window, summaries, summarise_series
from tests.metrics.made_series import (
    LOST,
    Curve,
    any_series,
    any_window,
    curves,
    every,
    gap,
    made,
    metric,
    read,
    reading_times,
    times,
    window,
)

HUGE = 1e12
SHIFT_NS = 1_700_000_000_123_456_789


def with_values(series: Series, changed: np.ndarray, value: float = HUGE) -> Series:
    return replace(series, chunk=Chunk(series.chunk.time_ns, np.where(changed, value, series.chunk.value)))


def untold(series: Series, of: Window) -> np.ndarray:
    """Which readings do not tell of the window alone; for a counter, which lie further out than next to it."""
    time_ns = series.chunk.time_ns
    before = time_ns - series.metric.lookback_ns < of.start_ns
    if series.metric.kind is Kind.AVERAGE:
        before = np.append(True, time_ns[:-1] < of.start_ns)[: len(time_ns)]
    return before | (time_ns > of.end_ns)


# What never counts


@given(any_series([Kind.GAUGE, Kind.AVERAGE, Kind.FLAG, Kind.EVENT, Kind.DURATION]), any_window())
def test_what_is_read_before_or_after_the_window_never_counts(series: Series, of: Window) -> None:
    disturbed = with_values(series, untold(series, of))
    assert summarise_series(disturbed, of) == summarise_series(series, of)


@given(any_series([Kind.COUNTER]), any_window(), st.integers(0, 10**9))
def test_what_a_counter_grew_by_before_the_reading_next_to_the_window_never_counts(
    series: Series, of: Window, more: int
) -> None:
    time_ns = series.chunk.time_ns
    before = max(0, int(np.searchsorted(time_ns, of.start_ns)) - 1)
    disturbed = replace(
        series, chunk=Chunk(time_ns, series.chunk.value + np.where(np.arange(len(time_ns)) < before, 0, more))
    )
    assert summarise_series(disturbed, of).total == pytest.approx(summarise_series(series, of).total)


@given(any_series(), any_window())
def test_shifting_time_changes_nothing(series: Series, of: Window) -> None:
    gaps = tuple(Gap(g.start_ns + SHIFT_NS, g.end_ns and g.end_ns + SHIFT_NS, g.absence) for g in series.gaps)
    later = Series(metric=series.metric, chunk=Chunk(series.chunk.time_ns + SHIFT_NS, series.chunk.value), gaps=gaps)
    assert summarise_series(later, Window(of.start_ns + SHIFT_NS, of.end_ns + SHIFT_NS)) == summarise_series(series, of)


@given(any_series(), any_window())
def test_a_summary_has_either_readings_that_tell_something_or_a_reason(series: Series, of: Window) -> None:
    summary = summarise_series(series, of)
    told = (summary.mean, summary.total, summary.share, summary.events)
    assert (summary.absent is None) == any(value is not None for value in told)
    assert summary.covered is None or 0 <= summary.covered <= 1


@given(any_series(), any_window())
def test_a_series_that_is_all_gap_tells_nothing_but_the_reason(series: Series, of: Window) -> None:
    unread = Series(metric=series.metric, gaps=(Gap(0, None, LOST),))
    assert summarise_series(unread, of) == SeriesSummary(metric=series.metric, samples=0, absent="fell off the bus")


@given(st.lists(st.floats(50, 700), min_size=2, max_size=5), st.sampled_from([Kind.GAUGE, Kind.AVERAGE]))
def test_nothing_is_drawn_across_a_gap(levels: list[float], kind: Kind) -> None:
    """One level from each gap to the next; each lasts for a second, and is read for half of it."""
    times_s = [second + tenth / 10 for second in range(len(levels)) for tenth in range(6)]
    values = np.repeat(levels, 6)
    gaps = [gap(second + 0.5, second + 1) for second in range(len(levels) - 1)]
    summary = summarise_series(made(metric(kind, unit="W"), times_s, values, *gaps), window(0, len(levels)))
    assert summary.total == pytest.approx(sum(levels) / 2)
    assert summary.mean == pytest.approx(np.mean(levels))
    assert summary.covered == pytest.approx(0.5)


# Gauges


def test_a_gauge_has_mean_extremes_and_median_of_the_readings_in_the_window() -> None:
    summary = summarise_series(made(metric(), [0, 1, 2, 3, 4], [99, 1, 5, 3, 99]), window(0.5, 3.5))
    assert (summary.samples, summary.mean, summary.minimum, summary.maximum) == (3, 3, 1, 5)
    assert (summary.p50, summary.p90, summary.covered) == (3, None, 1)
    assert (summary.total, summary.total_unit) == (None, None), "only power and rates add up to something"


def test_a_percentile_is_there_as_soon_as_enough_readings_support_it() -> None:
    summary = summarise_series(read(metric(), float, every(1, 0, 90)), window(0, 90))
    assert (summary.p90, summary.p95, summary.p99) == (pytest.approx(80.1), pytest.approx(84.55), None)


def test_a_sensor_that_averages_over_a_second_tells_of_the_window_only_a_second_after_it_began() -> None:
    series = made(metric(unit="W", lookback_s=1), every(0.5, 0, 6), [HUGE] * 6 + [100.0] * 6)
    summary = summarise_series(series, window(2, 5.5))
    assert (summary.samples, summary.maximum) == (6, 100)
    assert summary.total == pytest.approx(350), "the first reading that counts tells of the time from the beginning"


def test_a_reading_that_looks_back_stands_for_the_middle_of_that_time() -> None:
    """Of a power that rises evenly, the mean over a second is what it was half a second ago."""
    ramp = Curve([0, 10], [100, 600])
    sensor = read(metric(unit="W", lookback_s=1), lambda t: ramp.mean(t - 1, t) if t > 1 else HUGE, every(0.1, 0, 10))
    assert summarise_series(sensor, window(2, 8)).total == pytest.approx(ramp.integral(2, 8))


def test_a_window_shorter_than_what_a_sensor_averages_over_has_no_figures() -> None:
    series = read(metric(lookback_s=1), float, every(0.1, 0, 5))
    assert "tell of the measured window alone" in summarise_series(series, window(2, 2.9)).absent


@given(curves(), reading_times(), times(1, 4), times(6, 9), st.sampled_from([0.0, 1.0]))
def test_the_integral_of_power_differs_from_the_true_energy_by_no_more_than_power_can_change_between_readings(
    curve: Curve, times_s: list[float], start_s: float, end_s: float, lookback_s: float
) -> None:
    def sensor(time_s: float) -> float:
        return curve.mean(time_s - lookback_s, time_s) if lookback_s and time_s > lookback_s else curve(time_s)

    summary = summarise_series(read(metric(unit="W", lookback_s=lookback_s), sensor, times_s), window(start_s, end_s))
    bound = curve.steepest * (0.3 + lookback_s) * (end_s - start_s)
    assert (summary.total_unit, summary.covered) == ("J", 1)
    assert summary.total == pytest.approx(curve.integral(start_s, end_s), abs=bound + 1e-6)


# Averages


@given(curves(), reading_times(), times(1, 4), times(6, 9))
def test_averages_reproduce_the_true_mean_of_the_time_that_they_cover(
    curve: Curve, times_s: list[float], start_s: float, end_s: float
) -> None:
    values = [HUGE, *(curve.mean(a, b) for a, b in pairwise(times_s))]
    summary = summarise_series(made(metric(Kind.AVERAGE, unit="MiB/s"), times_s, values), window(start_s, end_s))
    inside_s = [time_s for time_s in times_s if start_s <= time_s <= end_s]
    assert summary.mean == pytest.approx(curve.mean(inside_s[0], inside_s[-1]), rel=1e-6)
    assert summary.total == pytest.approx(curve.integral(inside_s[0], inside_s[-1]), rel=1e-6)
    assert summary.total_unit == "MiB"
    assert summary.covered == pytest.approx((inside_s[-1] - inside_s[0]) / (end_s - start_s), rel=1e-6)


def test_the_first_average_of_a_series_and_the_first_after_a_gap_are_of_unknown_length() -> None:
    series = made(metric(Kind.AVERAGE), [0, 1, 2, 5, 6], [HUGE, 1, 2, HUGE, 3], gap(2, 5))
    summary = summarise_series(series, window(0, 6))
    assert (summary.samples, summary.mean, summary.covered) == (3, 2, 0.5)


# Counters


@given(curves(), reading_times(), times(1, 4), times(6, 9))
def test_a_counter_gives_the_energy_of_the_window_within_one_period_at_each_edge(
    curve: Curve, times_s: list[float], start_s: float, end_s: float
) -> None:
    series = read(metric(Kind.COUNTER, unit="J"), lambda t: 1e7 + curve.integral(0, t) if t else 1e7, times_s)
    summary = summarise_series(series, window(start_s, end_s))
    assert summary.total == pytest.approx(curve.integral(start_s, end_s), abs=0.3 * curve.highest)
    assert (summary.total_unit, summary.covered, summary.mean) == ("J", 1, None)


def test_a_counter_goes_on_counting_while_it_is_not_read() -> None:
    series = made(metric(Kind.COUNTER), [0, 1, 2, 8, 9, 10], [0, 10, 20, 80, 90, 100], gap(2, 8))
    summary = summarise_series(series, window(0.5, 9.5))
    assert (summary.total, summary.covered) == (90, 1)


def test_where_a_gap_lies_at_the_edge_a_counter_counts_from_the_first_reading_in_the_window() -> None:
    series = made(metric(Kind.COUNTER), [0, 5, 6, 7], [0, 1000, 1010, 1020], gap(0, 5))
    summary = summarise_series(series, window(4, 6.5))
    assert (summary.total, summary.covered) == (15, 0.6)


def test_a_counter_that_went_back_says_that_it_was_restarted() -> None:
    series = made(metric(Kind.COUNTER), [0, 1, 2, 3], [50, 60, 5, 10])
    assert "restarted" in summarise_series(series, window(0.5, 3)).absent
    assert summarise_series(series, window(2, 3)).total == 5, "what happened before the window is of no interest"


def test_one_reading_of_a_counter_is_none() -> None:
    series = made(metric(Kind.COUNTER), [0, 1, 2], [0, 10, 20])
    assert "too few readings" in summarise_series(series, window(0.5, 1.5)).absent


# Flags, events, durations


def test_a_flag_has_the_share_of_the_time_for_which_it_was_set_and_how_often_it_came_on() -> None:
    series = made(metric(Kind.FLAG), [0, 1, 2, 3, 4, 5], [1, 1, 0, 1, 0, 1])
    summary = summarise_series(series, window(0.5, 4.5))
    assert (summary.share, summary.events, summary.covered) == (pytest.approx(2 / 3.5), 2, 0.875)


def test_a_flag_does_not_hold_across_a_gap() -> None:
    series = made(metric(Kind.FLAG), [0, 1, 5, 6], [0, 1, 0, 0], gap(1, 5))
    summary = summarise_series(series, window(0, 6))
    assert (summary.share, summary.events, summary.covered) == (0, 1, pytest.approx(1 / 3))


def test_events_in_the_window_are_counted_and_none_is_a_count_too() -> None:
    series = made(metric(Kind.EVENT), [1, 2, 3], [48, 63, 63])
    assert summarise_series(series, window(1.5, 3)).events == 2
    assert summarise_series(series, window(4, 5)).events == 0


def test_events_that_could_not_be_told_are_no_zero() -> None:
    series = made(metric(Kind.EVENT), [1], [48], gap(2, None, LOST))
    assert summarise_series(series, window(3, 4)).absent == "fell off the bus"
    partly = summarise_series(series, window(0, 4))
    assert (partly.events, partly.covered) == (1, 0.5)


def test_durations_count_by_when_they_began() -> None:
    series = made(metric(Kind.DURATION, unit="ms"), [0, 1, 2, 3], [900, 4, 8, 900])
    summary = summarise_series(series, window(1, 2.5))
    assert (summary.samples, summary.mean, summary.total, summary.covered) == (2, 6, None, None)


# Reasons


def test_the_reason_is_that_of_the_gap_which_takes_most_of_the_window() -> None:
    series = made(metric(), [0, 9], [1, 1], gap(0, 2), gap(2, 9, LOST))
    assert summarise_series(series, window(1, 8)).absent == "fell off the bus"


def test_every_series_has_a_summary_in_its_order() -> None:
    named = [made(metric(name=name), [1], [1]) for name in ("b", "a")]
    assert [one.metric.name for one in summaries(named, window(0, 2))] == ["b", "a"]
