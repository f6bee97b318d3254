"""The statistics say what they claim: intervals cover, percentiles need enough samples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from migperf.measure.statistics import batch_means_interval, percentile, samples_needed


@pytest.mark.parametrize(("quantile", "needed"), [(0.9, 44), (0.95, 90), (0.99, 459), (0.999, 4603)])
def test_a_percentile_needs_so_many_samples(quantile: float, needed: int) -> None:
    assert samples_needed(quantile) == needed


@given(st.floats(0.5, 0.9999))
def test_that_many_samples_suffice_and_one_fewer_does_not(quantile: float) -> None:
    n = samples_needed(quantile)
    assert 1 - quantile**n >= 0.99 - 1e-12
    assert 1 - quantile ** (n - 1) < 0.99 + 1e-12


@pytest.mark.parametrize("correlation", [0.0, 0.7])
def test_the_interval_covers_the_mean_as_often_as_it_says_also_for_correlated_samples(correlation: float) -> None:
    """A naive interval covers about half of the time at this correlation."""
    generator = np.random.default_rng(5)
    covered = 0
    for _ in range(400):
        noise = generator.normal(size=2_000)
        series = np.empty_like(noise)
        series[0] = noise[0] / np.sqrt(1 - correlation**2)
        for i in range(1, len(noise)):
            series[i] = correlation * series[i - 1] + noise[i]
        low, high = batch_means_interval(series + 10)
        covered += low <= 10 <= high
    assert 0.92 <= covered / 400 <= 0.98


def test_too_few_samples_give_no_interval() -> None:
    assert batch_means_interval(np.arange(39.0)) is None
    assert batch_means_interval(np.arange(40.0)) is not None


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50), st.floats(0, 1))
def test_a_percentile_lies_among_the_samples(values: list[float], quantile: float) -> None:
    assert min(values) <= percentile(np.array(values), quantile) <= max(values)
