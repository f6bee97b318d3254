"""Intervals of means cover as often as they say, for correlated, skewed and periodic series."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from migperf.statistics.batching import BatchAccumulator, base_batches, batch_means, uncorrelated_batches
from migperf.statistics.intervals import (
    effective_sample_size,
    estimate_mean,
    mean_interval,
    ratio_interval,
    throughput_interval,
)
from tests.statistics.synthetic import Noise, autoregressive, lognormal, periodic

KINDS = {
    "independent": autoregressive(0.0),
    "ar 0.5": autoregressive(0.5),
    "ar 0.9": autoregressive(0.9),
    "ar 0.95": autoregressive(0.95),
    "lognormal": lognormal(1.0),
    "correlated lognormal": lognormal(0.5, correlation=0.9),
}


def coverage(noise: Noise, samples: int, repetitions: int, seed: int = 1) -> float:
    generator = np.random.default_rng(seed)
    intervals = [mean_interval(10 + noise(samples, generator)) for _ in range(repetitions)]
    return sum(i is not None and i.contains(10) for i in intervals) / repetitions


@pytest.mark.parametrize("kind", KINDS)
def test_the_95_percent_interval_covers_the_mean_93_to_97_times_of_100(kind: str) -> None:
    assert 0.93 <= coverage(KINDS[kind], 3_000, 500) <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("samples", [4_000, 20_000, 200_000])
@pytest.mark.parametrize("kind", KINDS)
def test_it_does_so_over_many_repetitions_and_lengths(kind: str, samples: int) -> None:
    assert 0.935 <= coverage(KINDS[kind], samples, 2_000, seed=2) <= 0.965


@pytest.mark.parametrize("period", [7.0, 50.0])
def test_a_periodic_series_is_covered_at_least_as_often(period: float) -> None:
    assert coverage(periodic(period), 3_000, 300) >= 0.93


@pytest.mark.parametrize("samples", [100, 300])
def test_a_series_that_is_too_correlated_for_its_length_rarely_gets_a_wrong_interval(samples: int) -> None:
    """Most get none; the few whose correlation happens not to show do."""
    generator = np.random.default_rng(3)
    intervals = [mean_interval(10 + autoregressive(0.98)(samples, generator)) for _ in range(400)]
    wrong = sum(i is not None and not i.contains(10) for i in intervals)
    assert wrong / 400 <= 0.06


def test_an_interval_is_absent_with_the_reason_for_too_few_samples() -> None:
    estimate = estimate_mean(np.arange(19.0))
    assert estimate.interval is None
    assert estimate.absent == "needs at least 20 samples, there are 19"
    assert estimate_mean(np.empty(0)).interval is None
    assert estimate_mean(np.arange(40.0)).absent is not None, "a ramp is one long correlation"


def test_a_series_that_never_varies_is_known_exactly() -> None:
    interval = mean_interval(np.full(100, 3.5))
    assert interval is not None
    assert (interval.low, interval.high) == (3.5, 3.5)


def test_a_skewed_series_gets_an_interval_that_reaches_further_to_its_long_side() -> None:
    samples = np.random.default_rng(4).lognormal(sigma=1.0, size=100)
    interval = mean_interval(samples)
    assert interval is not None
    assert interval.high - samples.mean() > 1.2 * (samples.mean() - interval.low)


def test_the_interval_of_throughput_is_that_of_the_cycle_time_turned_over() -> None:
    cycles = 0.01 * (1 + 0.1 * np.random.default_rng(5).standard_normal(1_000))
    of_time, of_rate = mean_interval(cycles), throughput_interval(cycles, per_cycle=32)
    assert of_time is not None
    assert of_rate is not None
    assert of_rate.low == pytest.approx(32 / of_time.high)
    assert of_rate.high == pytest.approx(32 / of_time.low)


def test_the_interval_of_a_ratio_covers_and_knows_what_moves_together() -> None:
    generator = np.random.default_rng(6)
    covered = 0
    for _ in range(300):
        common = autoregressive(0.8)(1_000, generator)
        numerators = 20 * (1 + 0.1 * common + 0.01 * generator.standard_normal(1_000))
        denominators = 10 * (1 + 0.1 * common + 0.01 * generator.standard_normal(1_000))
        interval = ratio_interval(numerators, denominators)
        assert interval is not None
        assert interval.half_width < 0.01, "what both share cancels out"
        covered += interval.contains(2)
    assert 0.92 <= covered / 300 <= 0.98


def test_a_ratio_without_a_denominator_has_no_interval() -> None:
    assert ratio_interval(np.ones(100), np.zeros(100)) is None
    assert throughput_interval(np.random.default_rng(1).standard_normal(100)) is None


def test_correlated_samples_count_as_fewer() -> None:
    """The variance of a mean of AR(1) is (1 + r) / (1 - r) times that of independent samples."""
    generator = np.random.default_rng(7)
    found = [effective_sample_size(autoregressive(0.9)(5_000, generator)) for _ in range(50)]
    assert np.median(found) == pytest.approx(5_000 / 19, rel=0.15)
    assert effective_sample_size(np.ones(50)) == 50


@given(portions=st.lists(st.integers(min_value=0, max_value=1_500), max_size=12), seed=st.integers(0, 99))
def test_batches_of_a_growing_series_do_not_depend_on_the_portions(portions: list[int], seed: int) -> None:
    series = np.random.default_rng(seed).random(sum(portions))
    growing, at_once = BatchAccumulator(), BatchAccumulator()
    at_once.add(series)
    for portion in np.split(series, np.cumsum(portions)[:-1]) if portions else []:
        growing.add(portion)
    assert growing.count == len(series)
    assert len(growing.means) < 512
    np.testing.assert_allclose(growing.means, at_once.means, rtol=1e-12)
    if len(series):
        assert growing.mean == pytest.approx(series.mean())
        size = 2 ** max(0, math.ceil(math.log2((len(series) + 1) / 512)))
        whole = series[: len(series) // size * size]
        np.testing.assert_allclose(growing.means, batch_means(whole, size), rtol=1e-12)


def test_a_long_series_is_averaged_into_a_few_hundred_batches_and_a_short_one_is_kept() -> None:
    assert len(base_batches(np.arange(511.0))) == 511
    assert 256 <= len(base_batches(np.arange(1_000_003.0))) < 512
    assert base_batches(np.arange(1_000.0))[-1] == pytest.approx(998), "the newest samples are used, three at a time"


def test_batches_grow_until_they_look_independent() -> None:
    generator = np.random.default_rng(8)
    assert 20 <= len(uncorrelated_batches(autoregressive(0.95)(400, generator))) < 100
    kept = [len(uncorrelated_batches(generator.random(400))) == 400 for _ in range(200)]
    assert np.mean(kept) == pytest.approx(0.8, abs=0.1), "the test errs in one of five cases, at little cost"
