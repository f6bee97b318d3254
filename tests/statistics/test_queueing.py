"""The queueing formulas agree with each other and with cases that are known by hand."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migperf.statistics.queueing import latency_below, latency_quantile, mean_wait

LOADS = st.floats(0.05, 0.9)


@settings(max_examples=15, deadline=None)
@given(LOADS, st.booleans())
def test_the_mean_of_the_distribution_is_the_mean_of_pollaczek_and_khinchine(load: float, constant: bool) -> None:
    step = 0.05
    mean = sum(1 - latency_below((k + 0.5) * step, load, constant=constant) for k in range(500)) * step
    beyond = 1 - latency_below(25.0, load, constant=constant)
    if beyond < 1e-3:
        assert mean == pytest.approx(1 + mean_wait(load, constant=constant), rel=0.01)


@settings(max_examples=50, deadline=None)
@given(LOADS, st.booleans(), st.floats(0.01, 0.99))
def test_the_quantile_is_where_the_distribution_gets_to_it(load: float, constant: bool, quantile: float) -> None:
    time = latency_quantile(quantile, load, constant=constant)
    assert latency_below(time, load, constant=constant) >= quantile - 1e-9
    assert latency_below(time - 1e-6, load, constant=constant) <= quantile + 1e-9


def test_cases_known_by_hand() -> None:
    assert mean_wait(0.5, constant=True) == 0.5
    assert mean_wait(0.5, constant=False) == 1
    assert latency_below(1.0, 0.3, constant=True) == pytest.approx(0.7), "who finds the server free takes one service"
    assert latency_below(2.0, 0.5, constant=True) == pytest.approx(0.5 * (math.exp(0.5)))
    assert latency_quantile(0.5, 0.5, constant=False) == pytest.approx(2 * math.log(2))
