"""The end of warm-up is found where it is, and not where there is none."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from migperf.statistics.change_points import change_points, noise
from migperf.statistics.samples import Samples
from migperf.statistics.steady_state import Steadiness, SteadyState, SteadyVerdict, find_steady_state
from tests.statistics.synthetic import autoregressive, step_times

N = 1_000
AT = np.arange(N)
Curve = Callable[[Samples], Samples]
REPETITIONS = 40
QUIET = {"noise": 0.01, "outliers": 0.01}
NOISY = {"noise": 0.03, "outliers": 0.01, "correlation": 0.3}

WARM_UPS = {
    "none": (np.ones(N), 0),
    "step": (np.where(AT < 300, 1.2, 1.0), 300),
    "small step": (np.where(AT < 300, 1.05, 1.0), 300),
    "step up": (np.where(AT < 200, 0.8, 1.0), 200),
    "two steps": (np.where(AT < 100, 1.5, np.where(AT < 300, 1.1, 1.0)), 300),
    "cold start": (np.where(AT < 2, 50.0, 1.0), 2),
    "exponential": (1 + 0.5 * np.exp(-AT / 50), round(50 * math.log(0.5 / 0.02))),
}
NEVER_STEADY = {
    "drift": 1 + 0.1 * AT / N,
    "drift down": 1.1 - 0.1 * AT / N,
    "ongoing steps": np.where((AT // 100) % 2 == 0, 1.0, 1.1),
    "a late step": np.where(AT < 700, 1.0, 1.1),
    "a decay as long as the series": 1 + 0.5 * np.exp(-AT / 400),
}


def verdicts(curve: Samples, seed: int = 31, **how: float) -> list[SteadyVerdict]:
    generator = np.random.default_rng(seed)
    return [find_steady_state(step_times(curve, generator=generator, **how)) for _ in range(REPETITIONS)]


@pytest.mark.parametrize("name", WARM_UPS)
def test_a_warm_up_s_end_is_found_to_3_percent_of_the_series(name: str) -> None:
    """With 1 % of noise and 1 % of outliers; an exponential ends where it is within the tolerance of its limit."""
    curve, end = WARM_UPS[name]
    found = verdicts(curve, **QUIET)
    assert sum(v.state is Steadiness.STEADY for v in found) >= 0.98 * REPETITIONS
    starts = [v.steady_from for v in found if v.steady_from is not None]
    assert np.percentile(np.abs(np.array(starts) - end), 90) <= 0.03 * N


@pytest.mark.parametrize("name", WARM_UPS)
def test_noise_of_3_percent_delays_the_answer_but_does_not_falsify_it(name: str) -> None:
    curve, end = WARM_UPS[name]
    found = verdicts(np.repeat(curve, 4), **NOISY)
    steady = [v for v in found if v.state is Steadiness.STEADY]
    assert len(steady) >= 0.95 * REPETITIONS
    starts = np.array([v.steady_from for v in steady], dtype=float)
    assert np.percentile(np.abs(starts - 4 * end), 80) <= 0.05 * 4 * N


@pytest.mark.parametrize("how", [QUIET, NOISY], ids=["quiet", "noisy"])
@pytest.mark.parametrize("name", NEVER_STEADY)
def test_a_series_that_is_never_steady_is_never_called_so(name: str, how: dict[str, float]) -> None:
    found = verdicts(NEVER_STEADY[name], **how)
    assert not [v.why for v in found if v.steady_from is not None]


@pytest.mark.parametrize(("noise_rel", "samples"), [(0.01, 300), (0.03, 2_000), (0.05, 4_000)])
def test_a_steady_series_is_hardly_ever_said_not_to_be(noise_rel: float, samples: int) -> None:
    found = verdicts(np.ones(samples), noise=noise_rel, outliers=0.01, correlation=0.3)
    assert sum(v.state is Steadiness.STEADY for v in found) >= 0.96 * REPETITIONS
    assert np.median([v.steady_from or 0 for v in found]) <= 11


def test_noise_that_could_hide_a_drift_is_said_to_be_what_keeps_the_answer() -> None:
    found = verdicts(np.ones(100), noise=0.05)
    assert sum(v.state is Steadiness.TOO_NOISY for v in found) >= 0.8 * REPETITIONS
    assert all("give or take" in v.why for v in found if v.state is Steadiness.TOO_NOISY)


def test_a_drift_is_called_by_its_name_and_size() -> None:
    found = verdicts(1 + 0.05 * AT / N, noise=0.005)
    drifting = [v for v in found if v.state is Steadiness.DRIFTING]
    assert len(drifting) >= 0.8 * REPETITIONS
    assert all(0.02 < v.drift_rel < 0.055 for v in drifting if v.drift_rel is not None)


def test_too_few_samples_are_not_steady_yet() -> None:
    verdict = find_steady_state(np.ones(63))
    assert (verdict.state, verdict.steady_from) == (Steadiness.TOO_FEW, None)
    assert find_steady_state(np.ones(64)).steady_from == 0


def test_a_series_without_noise_is_cut_at_its_step_exactly() -> None:
    verdict = find_steady_state(np.where(np.arange(200) < 77, 3.0, 2.0))
    assert (verdict.state, verdict.steady_from, verdict.level) == (Steadiness.STEADY, 77, 2.0)


@pytest.mark.parametrize("slow", [1, 2])
@pytest.mark.parametrize("samples", [100, 4_000])
def test_a_slow_first_step_is_left_out_and_nothing_else(slow: int, samples: int) -> None:
    """A filter against outliers alone would take it for one, and its step for steady."""
    curve = np.where(np.arange(samples) < slow, 50.0, 1.0)
    assert find_steady_state(step_times(curve, 0.01, np.random.default_rng(39))).steady_from == slow


def test_a_step_within_the_tolerance_is_none() -> None:
    curve = np.where(AT < 300, 1.006, 1.0)
    assert find_steady_state(step_times(curve, 0.002, np.random.default_rng(32))).steady_from == 0
    assert find_steady_state(step_times(curve, 0.002, np.random.default_rng(32)), tolerance=0.003).steady_from == 300


def online(series: Samples, portion: int = 8) -> tuple[int, int] | None:
    """Return at which length the growing series was first called steady, and from where on."""
    monitor = SteadyState()
    for begin in range(0, len(series), portion):
        monitor.add(series[begin : begin + portion])
        if (start := monitor.steady_from) is not None:
            return begin + portion, start
    return None


def test_a_growing_series_is_called_steady_soon_after_its_warm_up() -> None:
    generator = np.random.default_rng(33)
    curve = 1 + 0.5 * np.exp(-np.arange(4_000) / 100)
    answers = [online(step_times(curve, 0.01, generator, outliers=0.01)) for _ in range(20)]
    assert all(answer is not None for answer in answers)
    for length, start in (answer for answer in answers if answer is not None):
        assert length <= 3 * 322 * 1.25, "the warm-up, as much again, and the step between looks"
        assert curve[start] <= 1.03


def test_a_change_that_comes_later_takes_the_answer_back() -> None:
    monitor = SteadyState()
    monitor.add(step_times(np.ones(300), 0.01, np.random.default_rng(34)))
    assert monitor.steady_from == 0
    monitor.add(step_times(np.full(150, 1.2), 0.01, np.random.default_rng(35)))
    assert monitor.verdict().state is Steadiness.CHANGING
    monitor.add(step_times(np.full(300, 1.2), 0.01, np.random.default_rng(36)))
    assert monitor.verdict(now=True).steady_from == 300 // 3 * 3


def test_it_looks_only_when_the_series_has_grown_by_a_quarter() -> None:
    monitor = SteadyState()
    assert monitor.verdict().state is Steadiness.TOO_FEW
    monitor.add(np.ones(100))
    first = monitor.verdict()
    monitor.add(np.ones(24))
    assert monitor.verdict() is first
    monitor.add(np.ones(1))
    assert monitor.verdict().samples == 125


def test_the_noise_of_a_correlated_series_is_that_of_its_means() -> None:
    """(1 + r) / (1 - r) under the root for AR(1), whatever its steps and outliers."""
    generator = np.random.default_rng(37)
    series = autoregressive(0.6)(20_000, generator) + np.repeat([0.0, 50.0], 10_000)
    series[::100] += 30
    assert noise(series) == pytest.approx(2.0, rel=0.2)


def test_changes_of_level_are_found_and_two_outliers_side_by_side_are_none() -> None:
    generator = np.random.default_rng(38)
    series = np.repeat([0.0, 5.0, 2.0], [40, 60, 100]) + generator.standard_normal(200)
    assert change_points(series) == pytest.approx((40, 100), abs=2)
    quiet = generator.standard_normal(200)
    quiet[50:52] = 4.0
    assert change_points(quiet) == ()
    assert change_points(np.ones(3)) == ()
