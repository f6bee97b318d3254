"""The distribution of a run's steps: every step is counted once, and quantiles are those of the figures."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from migperf.analysis.timing_distribution import RESOLUTION_MS, histogram, quantiles

DURATIONS = st.lists(st.integers(0, 10**12).map(lambda ns: ns / 1e6), min_size=1, max_size=300)


@given(DURATIONS, st.integers(1, 400))
def test_every_step_is_counted_once_between_growing_edges(values_ms: list[float], bins: int) -> None:
    found = histogram(np.array(values_ms), bins)
    assert found.counts.sum() == len(values_ms)
    assert len(found.counts) == len(found.edges_ms) - 1 <= bins
    assert (np.diff(found.edges_ms) > 0).all()
    assert found.edges_ms[0] <= max(min(values_ms), RESOLUTION_MS)
    assert found.edges_ms[-1] >= max(values_ms)


@given(DURATIONS, st.integers(1, 400))
def test_added_up_the_counts_are_the_cumulative_distribution(values_ms: list[float], bins: int) -> None:
    found = histogram(np.array(values_ms), bins)
    at_least = np.maximum(values_ms, RESOLUTION_MS)
    below = [int((at_least < edge).sum()) for edge in found.edges_ms[1:-1]]
    assert found.counts.cumsum()[:-1].tolist() == below


def test_bins_are_not_narrower_than_the_clock() -> None:
    found = histogram(np.array([1.0, 1.000002, 1.000003]), 400)
    assert len(found.counts) == 3


def test_quantiles_that_so_few_steps_cannot_tell_are_left_open() -> None:
    found = {one.probability: one.value_ms for one in quantiles(np.arange(1.0, 101.0))}
    assert found[0.5] == pytest.approx(50.5)
    assert found[0.95] == pytest.approx(95.05)
    assert (found[0.99], found[0.01]) == (None, None)
