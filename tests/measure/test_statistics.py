"""The statistics say what they claim: intervals cover."""

import numpy as np
import pytest

from migperf.measure.statistics import batch_means_interval


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
