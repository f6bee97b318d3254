"""Measuring goes on until enough is known, and what it claims then still holds."""

import math
from itertools import pairwise

import numpy as np
import pytest

from migperf.statistics.checkpoints import Checkpoints
from migperf.statistics.precision import (
    Decision,
    MeanPrecision,
    PrecisionMonitor,
    QuantilePrecision,
    cautious_level,
)
from migperf.statistics.sample_quantiles import quantile_of
from migperf.statistics.samples import Samples
from tests.statistics.synthetic import Noise, autoregressive, lognormal, periodic


def measure(monitor: PrecisionMonitor, series: Samples) -> Decision:
    """Feed the series, as a measuring loop does, until the monitor has enough or the series ends."""
    begin, end = 0, monitor.least_samples
    while begin < len(series):
        monitor.add(series[begin:end])
        if (decision := monitor.decide()).converged:
            return decision
        begin, end = end, math.ceil(end * 1.1)
    return decision


def stopped_coverage(noise: Noise, spread: float, repetitions: int, longest: int, seed: int = 21) -> float:
    generator = np.random.default_rng(seed)
    decisions = [measure(MeanPrecision(0.01), 1 + spread * noise(longest, generator)) for _ in range(repetitions)]
    assert np.mean([d.converged for d in decisions]) >= 0.98
    return sum(d.interval is not None and d.interval.contains(1) for d in decisions) / repetitions


CASES = {
    "independent": (autoregressive(0.0), 0.06, 1_000, 2_000),
    "ar 0.5": (autoregressive(0.5), 0.05, 1_000, 4_000),
    "ar 0.9, ended by the least number of batches": (autoregressive(0.9), 0.01, 500, 16_000),
    "ar 0.9": (autoregressive(0.9), 0.05, 500, 16_000),
    "lognormal": (lognormal(1.0), 0.1, 1_000, 4_000),
    "correlated lognormal": (lognormal(0.5, correlation=0.9), 0.03, 500, 16_000),
}


@pytest.mark.no_cover
@pytest.mark.parametrize("case", CASES)
def test_the_interval_at_which_measuring_ended_covers_93_to_97_times_of_100(case: str) -> None:
    """Repetitions are so many that chance moves the share by less than a percent (one standard deviation)."""
    noise, spread, repetitions, longest = CASES[case]
    assert 0.93 <= stopped_coverage(noise, spread, repetitions, longest) <= 0.97


@pytest.mark.no_cover
def test_a_periodic_series_is_covered_at_least_as_often() -> None:
    """Its batches undo each other, which is not made use of."""
    assert stopped_coverage(periodic(7.0), 0.2, 400, 8_000) >= 0.93


@pytest.mark.slow
@pytest.mark.parametrize("spread", [0.01, 0.03, 0.1])
@pytest.mark.parametrize(
    "noise",
    [autoregressive(r) for r in (0.0, 0.5, 0.9, 0.95)] + [lognormal(1.0), lognormal(0.5, correlation=0.9)],
    ids=["ar 0", "ar 0.5", "ar 0.9", "ar 0.95", "lognormal", "correlated lognormal"],
)
def test_it_does_so_for_every_spread_over_many_repetitions(noise: Noise, spread: float) -> None:
    assert 0.93 <= stopped_coverage(noise, spread, 1_500, 60_000, seed=22) <= 0.975


@pytest.mark.no_cover
@pytest.mark.parametrize("quantile", [0.5, 0.9])
def test_a_percentile_can_be_what_is_to_be_known_precisely(quantile: float) -> None:
    generator, noise = np.random.default_rng(23), lognormal(0.5, correlation=0.6)
    truth = 1 + 0.1 * quantile_of(noise(1_000_000, generator), quantile)
    found = [measure(QuantilePrecision(quantile, 0.01), 1 + 0.1 * noise(20_000, generator)) for _ in range(200)]
    assert all(d.converged for d in found)
    assert 0.93 <= np.mean([d.interval is not None and d.interval.contains(truth) for d in found]) <= 0.99


def test_a_precise_series_converges_at_the_least_number_of_samples_and_not_before() -> None:
    monitor = MeanPrecision(0.01)
    series = 1 + 0.001 * np.random.default_rng(24).standard_normal(64)
    monitor.add(series[:63])
    assert monitor.decide().why == "fewer than the 64 samples that it takes to say anything"
    monitor.add(series[63:])
    decision = monitor.decide()
    assert (monitor.least_samples, decision.samples, decision.converged) == (64, 64, True)
    assert decision.half_width_rel <= 0.01
    assert decision.interval is not None
    assert decision.interval.level == 0.95


def test_a_series_whose_correlation_is_long_is_not_ended_though_its_samples_agree() -> None:
    """A slow wave: the first samples agree to a tenth of the target, about a value that is not the mean."""
    monitor = MeanPrecision(0.01)
    monitor.add(1 + 0.02 * np.sin(np.arange(200) / 300))
    decision = monitor.decide()
    assert not decision.converged
    assert "independent" in decision.why


def test_what_is_missing_is_said_in_a_sentence() -> None:
    monitor = MeanPrecision(0.001)
    monitor.add(1 + 0.1 * np.random.default_rng(25).standard_normal(1_000))
    decision = monitor.decide()
    assert not decision.converged
    assert decision.why.startswith("within 0.")
    assert decision.why.endswith("% after 1000 samples, asked for 0.10%")


def test_a_percentile_is_not_ended_before_it_is_supported() -> None:
    monitor = QuantilePrecision(0.99, 0.5)
    assert monitor.least_samples == 459
    monitor.add(1 + 0.01 * np.random.default_rng(26).standard_normal(600))
    decision = monitor.decide()
    assert not decision.converged
    assert decision.why == "6 independent samples beyond the quantile; it takes 12"


def test_the_series_is_looked_at_only_when_it_has_grown_by_a_quarter() -> None:
    checkpoints = Checkpoints(64)
    looks = [count for count in range(1, 1_000) if checkpoints.reached(count)]
    assert looks[:4] == [64, 80, 100, 125]
    assert all(later >= 1.25 * earlier for earlier, later in pairwise(looks))


def test_between_looks_the_decision_is_the_same_object_so_asking_costs_nothing() -> None:
    monitor = MeanPrecision(0.0001)
    monitor.add(np.random.default_rng(27).random(1_000))
    first = monitor.decide()
    monitor.add(np.random.default_rng(28).random(10))
    assert monitor.decide() is first


def test_memory_does_not_grow_with_the_series() -> None:
    monitor = MeanPrecision(0.0001)
    for _ in range(50):
        monitor.add(np.random.default_rng(29).random(10_000))
        monitor.decide()
    assert len(monitor._batches.means) < 512
    assert len(monitor._batches._rest) < monitor._batches._size


def test_intervals_that_end_a_measurement_are_a_little_wider_than_they_claim() -> None:
    assert 0.95 < cautious_level(0.95) < 0.98
