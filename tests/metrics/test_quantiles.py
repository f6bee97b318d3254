"""A percentile lies among its samples, and is there only where enough of them support it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from migperf.metrics.quantiles import percentile, samples_needed, supported_percentile


@pytest.mark.parametrize(("quantile", "needed"), [(0.9, 44), (0.95, 90), (0.99, 459), (0.999, 4603)])
def test_a_percentile_needs_so_many_samples(quantile: float, needed: int) -> None:
    assert samples_needed(quantile) == needed


@given(st.floats(0.5, 0.9999))
def test_that_many_samples_suffice_and_one_fewer_does_not(quantile: float) -> None:
    n = samples_needed(quantile)
    assert 1 - quantile**n >= 0.99 - 1e-12
    assert 1 - quantile ** (n - 1) < 0.99 + 1e-12


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50), st.floats(0, 1))
def test_a_percentile_lies_among_the_samples(values: list[float], quantile: float) -> None:
    assert min(values) <= percentile(np.array(values), quantile) <= max(values)


def test_a_percentile_that_too_few_samples_support_is_absent() -> None:
    assert supported_percentile(np.arange(43.0), 0.9) is None
    assert supported_percentile(np.arange(44.0), 0.9) == pytest.approx(38.7)
