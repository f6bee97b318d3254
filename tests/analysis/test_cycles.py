"""Steps in cycles: the integral of the clock over each, and only where the clock is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from migperf.analysis.cycles import REACH_NS, step_cycles
from migperf.metrics.absence import Absence, AbsenceState
from migperf.metrics.series import Chunk, Gap
from tests.analysis.made_runs import NS_PER_MS, back_to_back, clock

STALLED = Absence(AbsenceState.STALLED, "the sampler did not get to run")


def test_at_a_steady_clock_cycles_are_time_times_clock() -> None:
    durations_ms = np.array([5.0, 7.5, 1.25])
    found = step_cycles(back_to_back(durations_ms), clock([1500.0] * 5))
    np.testing.assert_allclose(found.mcycles, durations_ms * 1.5)
    assert (found.mean_mhz, found.left_out, found.kept_share) == (pytest.approx(1500), 0, 1.0)


def test_a_clock_halved_midway_makes_steps_twice_as_long_and_cycles_the_same() -> None:
    """100 steps at 2,000 MHz, then 100 at 1,000 MHz; the change lies between two readings and between two steps."""
    durations_ms = np.repeat([10.0, 20.0], 100)
    mhz = np.where(np.arange(320) * 10 - 105 < 1000, 2000.0, 1000.0)
    found = step_cycles(back_to_back(durations_ms), clock(mhz, every_ms=10, first_ms=-105))
    away = np.abs(np.arange(200) - 99.5) > 2
    np.testing.assert_allclose(found.mcycles[away], 20.0)
    assert found.mcycles.mean() == pytest.approx(20.0, rel=2e-3)
    assert found.mean_mhz == pytest.approx(4000 / 3, rel=2e-3)


def test_a_step_over_many_readings_has_the_clock_of_all_of_them() -> None:
    ramp = clock(np.linspace(1000, 2000, 11), every_ms=100, first_ms=0)
    found = step_cycles(Chunk.of([0], [1000.0]), ramp)
    np.testing.assert_allclose(found.mcycles, [1500.0])


@given(
    mhz=st.lists(st.floats(200, 2500), min_size=2, max_size=20),
    begin_ms=st.floats(0, 900),
    length_ms=st.floats(0.01, 900),
)
def test_cycles_are_the_integral_whatever_the_clock_does(mhz: list[float], begin_ms: float, length_ms: float) -> None:
    """Against the trapezoidal rule on a fine grid that has every reading on it."""
    readings = clock(mhz, every_ms=100, first_ms=0)
    begin_ns, length_ns = round(begin_ms * NS_PER_MS), length_ms * NS_PER_MS
    found = step_cycles(Chunk.of([begin_ns], [length_ms]), readings)
    end_ns = begin_ns + length_ns
    if end_ns > readings.chunk.time_ns[-1]:
        assert (len(found.mcycles), found.left_out) == (0, 1)
        return
    inside = [time for time in readings.chunk.time_ns if begin_ns < time < end_ns]
    grid = np.array([begin_ns, *inside, end_ns])
    expected = np.trapezoid(np.interp(grid, readings.chunk.time_ns, readings.chunk.value), grid) / 1e9
    np.testing.assert_allclose(found.mcycles, [expected], rtol=1e-6)


def test_steps_in_a_gap_of_the_clock_are_left_out_and_counted() -> None:
    gap = Gap(start_ns=150 * NS_PER_MS, end_ns=300 * NS_PER_MS, absence=STALLED)
    readings = clock([1000.0] * 3 + [1000.0] * 5, gaps=[gap])
    found = step_cycles(back_to_back(np.full(40, 10.0)), readings)
    begins_ms = 10 * np.arange(40)
    touching = (begins_ms + 10 > 100) & (begins_ms < 300)
    assert found.left_out == touching.sum()
    assert len(found.mcycles) == 40 - touching.sum()


def test_readings_too_far_apart_tell_nothing_of_what_is_between_them() -> None:
    near, far = (
        step_cycles(back_to_back(np.full(10, 10.0)), clock([1000.0, 1000.0], every_ms=every_ms, first_ms=0))
        for every_ms in (REACH_NS // NS_PER_MS, REACH_NS // NS_PER_MS + 1)
    )
    assert (near.left_out, far.left_out, far.kept_share) == (0, 10, 0.0)


@pytest.mark.parametrize("readings", [[], [1500.0]])
def test_without_two_readings_no_step_has_a_clock(readings: list[float]) -> None:
    found = step_cycles(back_to_back(np.full(10, 10.0)), clock(readings))
    assert (len(found.mcycles), found.left_out) == (0, 10)
    assert np.isnan(found.mean_mhz)


def test_steps_before_the_first_reading_and_after_the_last_are_left_out() -> None:
    found = step_cycles(back_to_back(np.full(30, 10.0)), clock([1000.0, 1000.0], first_ms=100))
    assert (len(found.mcycles), found.left_out) == (10, 20)
