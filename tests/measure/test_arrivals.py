"""Arrivals are a plan: the same for a seed, in order, at the mean rate asked for, and as irregular as asked for."""

from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from migperf.measure.load import Load
from migperf.measure.loops.arrivals import arrival_times_ns, mean_rate_per_s


def times_s(load: Load, number: int, seed: int = 1) -> np.ndarray:
    return np.array(list(islice(arrival_times_ns(load, seed), number))) / 1e9


LOADS = st.one_of(
    st.builds(Load, rate_per_s=st.floats(0.1, 1e5), arrivals=st.sampled_from(["poisson", "constant"])),
    st.builds(
        Load,
        rate_per_s=st.floats(0.1, 1e4),
        arrivals=st.just("bursty"),
        burst_factor=st.floats(1.1, 4),
        burst_share=st.floats(0.05, 0.25),
        burst_s=st.floats(0.01, 10),
    ),
)


@given(LOADS, st.integers(0, 2**63 - 1))
def test_a_seed_decides_all_arrivals_and_they_are_in_order(load: Load, seed: int) -> None:
    first, again = times_s(load, 300, seed), times_s(load, 300, seed)
    assert first.tolist() == again.tolist()
    assert (np.diff(first) >= 0).all()
    assert first[0] >= 0


@pytest.mark.parametrize("arrivals", ["poisson", "constant", "bursty"])
def test_the_mean_rate_is_the_one_asked_for(arrivals: str) -> None:
    load = Load(rate_per_s=50, arrivals=arrivals, burst_s=0.2)
    arrived = times_s(load, 1_000_000)
    assert len(arrived) / arrived[-1] == pytest.approx(50, rel=0.03)
    assert mean_rate_per_s(load) == 50


def dispersion(load: Load, window_s: float) -> float:
    """Return the variance of the arrivals in a stretch of time over their mean: 1 for a Poisson process."""
    arrived = times_s(load, 200_000)
    counts = np.histogram(arrived, np.arange(0, arrived[-1], window_s))[0]
    return float(counts.var() / counts.mean())


def test_poisson_arrivals_are_independent_constant_ones_even_and_bursts_burst() -> None:
    assert dispersion(Load(rate_per_s=50), 1) == pytest.approx(1, abs=0.1)
    assert dispersion(Load(rate_per_s=50, arrivals="constant"), 1) < 0.02
    assert dispersion(Load(rate_per_s=50, arrivals="bursty"), 1) > 10
    gaps = np.diff(times_s(Load(rate_per_s=50), 100_000))
    assert np.quantile(gaps, 0.9) == pytest.approx(np.log(10) / 50, rel=0.03), "gaps are exponential"


def test_in_a_burst_requests_come_so_many_times_as_fast_for_that_share_of_the_time() -> None:
    load = Load(rate_per_s=200, arrivals="bursty", burst_factor=4, burst_share=0.2, burst_s=1)
    arrived = times_s(load, 400_000)
    counts = np.histogram(arrived, np.arange(0, arrived[-1], 0.1))[0] / 0.1
    bursting = counts > 350
    assert bursting.mean() == pytest.approx(0.2, abs=0.04)
    assert np.median(counts[bursting]) == pytest.approx(800, rel=0.05)
    assert np.median(counts[~bursting]) == pytest.approx(50, rel=0.25)


@given(st.lists(st.floats(0, 100), min_size=2, max_size=20).map(sorted).filter(lambda t: t[-1] > 1e-3))
def test_a_trace_is_kept_to_the_nanosecond_and_begins_anew_after_it(trace: list[float]) -> None:
    load = Load(arrivals="trace", trace_s=tuple(trace))
    arrived = times_s(load, 2 * len(trace))
    once, again = arrived[: len(trace)], arrived[len(trace) :]
    assert once == pytest.approx(trace, abs=1.1e-9)
    assert np.diff(again) == pytest.approx(np.diff(once), abs=1e-6)
    assert mean_rate_per_s(load) == pytest.approx(len(trace) / (again[0] - once[0]), rel=1e-6)


@pytest.mark.parametrize(
    ("given_load", "remedy"),
    [
        ({"arrivals": "trace"}, "belong together"),
        ({"trace_s": [0, 1]}, "belong together"),
        ({"arrivals": "trace", "trace_s": [0, 2, 1]}, "sort it"),
        ({"arrivals": "trace", "trace_s": [1]}, "at least two"),
        ({"arrivals": "trace", "trace_s": [0, 1e-9]}, "a million a second"),
        ({"arrivals": "bursty", "burst_factor": 6, "burst_share": 0.5}, "lower one"),
        ({"max_delay_ms": 3}, "raise max_batch"),
        ({"streams": 0}, "greater than or equal to 1"),
    ],
)
def test_a_load_that_contradicts_itself_is_refused_with_the_remedy(given_load: dict[str, object], remedy: str) -> None:
    with pytest.raises(ValidationError, match=remedy):
        Load.model_validate({"rate_per_s": None, **given_load})
