"""Percentiles come with intervals that cover, or not at all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from migperf.statistics.quantiles import estimate_quantile, quantile_interval
from migperf.statistics.sample_quantiles import quantile_of, samples_needed, supported_quantile
from tests.statistics.synthetic import Noise, autoregressive, lognormal


@pytest.mark.parametrize(("quantile", "needed"), [(0.9, 44), (0.95, 90), (0.99, 459), (0.999, 4_603), (0.1, 44)])
def test_a_percentile_needs_enough_samples_to_have_seen_one_beyond_it(quantile: float, needed: int) -> None:
    assert samples_needed(quantile) == needed
    assert supported_quantile(np.arange(needed - 1.0), quantile) is None
    assert supported_quantile(np.arange(float(needed)), quantile) == quantile_of(np.arange(float(needed)), quantile)


@given(quantile=st.floats(0.5, 0.9999), confidence=st.floats(0.5, 0.9999))
def test_that_number_of_samples_sees_one_beyond_it_and_one_less_does_not(quantile: float, confidence: float) -> None:
    needed = samples_needed(quantile, confidence)
    assert 1 - quantile**needed >= confidence - 1e-9
    assert 1 - quantile ** (needed - 1) <= confidence + 1e-9


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50), st.floats(0, 1))
def test_a_quantile_lies_among_the_samples(values: list[float], quantile: float) -> None:
    assert min(values) <= quantile_of(np.array(values), quantile) <= max(values)


def coverage(noise: Noise, quantile: float, samples: int, repetitions: int) -> float:
    generator = np.random.default_rng(11)
    truth = quantile_of(noise(1_000_000, generator), quantile)
    intervals = [quantile_interval(noise(samples, generator), quantile) for _ in range(repetitions)]
    return sum(i is not None and i.contains(truth) for i in intervals) / repetitions


@pytest.mark.parametrize("quantile", [0.5, 0.9, 0.99])
@pytest.mark.parametrize(
    "noise", [lognormal(1.0), autoregressive(0.7), lognormal(0.5, correlation=0.7)], ids=["skewed", "ar", "both"]
)
def test_the_95_percent_interval_covers_the_percentile_93_to_98_times_of_100(noise: Noise, quantile: float) -> None:
    """Ranks are whole numbers, so a little more often than asked."""
    assert 0.93 <= coverage(noise, quantile, 5_000, 300) <= 0.98


def test_independent_samples_get_the_ranks_of_the_binomial_distribution() -> None:
    """Ranks 40 and 61 of 100 for the median: Conover's table."""
    interval = quantile_interval(np.random.default_rng(1).permutation(np.arange(1.0, 101.0)), 0.5)
    assert interval is not None
    assert (interval.low, interval.high) == (40, 61)


def test_correlated_samples_get_a_wider_interval() -> None:
    samples = autoregressive(0.9)(2_000, np.random.default_rng(2))
    shuffled = np.random.default_rng(3).permutation(samples)
    correlated, independent = quantile_interval(samples, 0.5), quantile_interval(shuffled, 0.5)
    assert correlated is not None
    assert independent is not None
    assert correlated.half_width > 2 * independent.half_width


def test_what_the_samples_cannot_support_is_absent_with_the_reason() -> None:
    few = estimate_quantile(np.arange(458.0), 0.99)
    assert (few.value, few.interval) == (None, None)
    assert few.absent == "needs at least 459 samples, there are 458"
    correlated = estimate_quantile(np.repeat(np.random.default_rng(4).random(50), 10), 0.99)
    assert correlated.value is not None
    assert correlated.interval is None
    assert correlated.absent is not None
    assert "500 samples are worth" in correlated.absent
