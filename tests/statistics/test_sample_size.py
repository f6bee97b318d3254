"""The numbers of runs and samples that are recommended do what is promised."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import stdtrit

from migperf.statistics.intervals import mean_interval
from migperf.statistics.sample_size import (
    power_of_difference,
    runs_for_difference,
    runs_for_sameness,
    samples_for_mean,
    smallest_difference,
)
from tests.statistics.synthetic import autoregressive


def half_widths(runs: int, repetitions: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Differences of two sides' means of runs that spread by 1, and their intervals' half-widths."""
    generator = np.random.default_rng(seed)
    sides = generator.standard_normal((2, repetitions, runs))
    error = np.sqrt(sides.var(axis=2, ddof=1).sum(axis=0) / runs)
    return sides[1].mean(axis=1) - sides[0].mean(axis=1), stdtrit(2 * runs - 2, 0.975) * error


@pytest.mark.parametrize(("runs", "difference"), [(3, 2.0), (5, 2.0), (10, 1.0)])
def test_the_power_is_how_often_the_difference_is_found(runs: int, difference: float) -> None:
    found, half = half_widths(runs, 20_000, 51)
    simulated = np.mean(np.abs(found + difference) > half)
    assert power_of_difference(runs, difference, 1.0) == pytest.approx(simulated, abs=0.015)


@pytest.mark.parametrize("difference", [0.0, 0.3])
def test_so_many_runs_show_sameness_four_times_of_five(difference: float) -> None:
    runs = runs_for_sameness(1.0, difference, 1.0)
    assert runs is not None
    for count, enough in ((runs, True), (runs - 4, False)):
        found, half = half_widths(count, 20_000, 52)
        shown = np.mean(np.abs(found + difference) + half <= 1.0)
        assert bool(shown >= 0.785) is enough


@given(difference=st.floats(0.003, 0.5), spread=st.floats(0.001, 0.05))
def test_the_least_number_of_runs_has_the_power_and_one_less_has_not(difference: float, spread: float) -> None:
    runs = runs_for_difference(difference, spread)
    if runs is None:
        assert power_of_difference(1_000, difference, spread) < 0.8
    else:
        assert power_of_difference(runs, difference, spread) >= 0.8
        assert runs == 2 or power_of_difference(runs - 1, difference, spread) < 0.8


def test_the_smallest_difference_is_the_one_that_is_found_with_that_power() -> None:
    least = smallest_difference(5, 0.01)
    assert power_of_difference(5, least, 0.01) == pytest.approx(0.8, abs=0.002)
    assert smallest_difference(20, 0.01) < least / 1.9


def test_what_no_reasonable_number_of_runs_decides_is_said_so() -> None:
    assert runs_for_difference(0.0001, 0.05) is None
    assert runs_for_sameness(0.01, 0.01, 0.001) is None
    assert runs_for_sameness(0.01, 0.0, 1.0) is None


def test_things_without_spread_are_decided_by_two_runs() -> None:
    assert runs_for_difference(0.01, 0.0) == 2
    assert runs_for_sameness(0.01, 0.0, 0.0) == 2
    assert power_of_difference(2, 0.0, 0.0) == pytest.approx(0.05)


def test_so_many_samples_determine_a_mean_as_precisely_as_asked() -> None:
    assert samples_for_mean(0.1, 0.01) == 385
    samples = samples_for_mean(0.1, 0.01, correlation_time=19)
    assert samples == math.ceil(19 * 384.146)
    generator = np.random.default_rng(53)
    intervals = [mean_interval(1 + 0.1 * autoregressive(0.9)(samples, generator)) for _ in range(50)]
    assert np.median([i.half_width for i in intervals if i is not None]) == pytest.approx(0.01, rel=0.1)
