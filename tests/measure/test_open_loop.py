"""An open loop agrees with queueing theory, hides no stall, and accounts for every request that arrived."""

import math
from bisect import insort
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migperf.measure.load import Load
from migperf.measure.loops.stopping import Ended
from migperf.statistics.intervals import mean_interval
from migperf.statistics.quantiles import quantile_interval
from migperf.statistics.queueing import latency_quantile, mean_wait
from tests.measure.virtual import serve

REQUESTS = {0.3: 50_000, 0.6: 100_000, 0.9: 200_000}
"""By share of the time that the server is busy: the fuller its queue, the longer what happened is felt."""
SERVICE_S = 0.004


def at_load(share: float, **more: object) -> Load:
    return Load.model_validate({"rate_per_s": share / SERVICE_S, **more})


@pytest.mark.no_cover
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_one_server_of_exponential_service_waits_as_m_m_1_says(share: float) -> None:
    generator = np.random.default_rng(1)
    warm = serve(at_load(share), lambda _: generator.exponential(SERVICE_S), requests=REQUESTS[share])
    queued = mean_interval(warm.parts_s["queueing"])
    assert queued.low <= SERVICE_S * mean_wait(share, constant=False) <= queued.high
    for quantile in (0.5, 0.9, 0.99):
        interval = quantile_interval(warm.latency_s, quantile)
        theory_s = SERVICE_S * latency_quantile(quantile, share, constant=False)
        assert interval.low <= theory_s <= interval.high, quantile
    assert warm.figures["utilisation"] == pytest.approx(share, rel=0.02)


@pytest.mark.no_cover
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_one_server_of_constant_service_waits_as_m_d_1_says(share: float) -> None:
    served = serve(at_load(share), lambda _: SERVICE_S, requests=REQUESTS[share], seed=2)
    queued = mean_interval(served.parts_s["queueing"])
    assert queued.low <= SERVICE_S * mean_wait(share, constant=True) <= queued.high
    for quantile in (0.5, 0.9, 0.99):
        interval = quantile_interval(served.latency_s, quantile)
        theory_s = SERVICE_S * latency_quantile(quantile, share, constant=True)
        assert interval.low - 1e-6 <= theory_s <= interval.high + 1e-6, quantile


def test_a_stall_is_in_the_tail_of_all_who_arrived_meanwhile() -> None:
    """Without planned arrivals, one slow request would be seen instead of a hundred (coordinated omission)."""
    served = iter([*([0.001] * 500), 1.0])
    stalled = serve(Load(rate_per_s=100, arrivals="constant"), lambda _: next(served, 0.001), requests=1000)
    late = np.sort(stalled.latency_s[stalled.latency_s > 0.0015])
    assert len(late) == pytest.approx(111, abs=2), "arrivals of the stall, and of the time until the queue is empty"
    assert late[-1] == pytest.approx(1.0, abs=0.02)
    assert np.quantile(stalled.latency_s, 0.95) > 0.3


def test_latency_counts_from_the_plan_and_not_from_when_this_program_woke_up() -> None:
    late = serve(Load(rate_per_s=10, arrivals="constant"), lambda _: 0.001, requests=500, wake_late_ns=2_000_000)
    assert late.latency_s.max() == pytest.approx(0.003)
    assert late.figures["dispatch_lateness_p99"] == pytest.approx(2)


@dataclass
class Until:
    """Ends a phase after so many seconds."""

    s: float

    def take(self, times_ms: Sequence[float]) -> None:
        pass

    def lose(self, requests: int) -> None:
        pass

    def ended(self, steps: int, elapsed_ns: int) -> Ended | None:
        return Ended("time") if elapsed_ns >= round(self.s * 1e9) else None

    def fraction(self, steps: int, elapsed_ns: int) -> float:
        return 0.0


def simulated(
    arrivals_s: list[float], service_s: list[float], load: Load
) -> tuple[list[tuple[float, float]], int, int]:
    """Return arrival and latency of each answered request, and how many were dropped and given up; by events."""
    arrivals, turns = deque(round(at_s * 1e9) for at_s in arrivals_s), iter(service_s)
    delay, timeout = load.max_delay_ms * 1e6, math.inf if load.timeout_ms is None else round(load.timeout_ms * 1e6)
    limit = math.inf if load.queue_limit is None else load.queue_limit
    events = sorted({at + after for at in arrivals for after in (0, delay, timeout) if after < math.inf})
    queue: list[int] = []
    answered: list[tuple[float, float]] = []
    dropped = given_up = 0
    free = 0.0
    while events:
        now = events.pop(0)
        while (arrivals and arrivals[0] <= now) or (queue and queue[0] + timeout <= now):
            if queue and queue[0] + timeout <= (arrivals[0] if arrivals and arrivals[0] <= now else now):
                queue.pop(0)
                given_up += 1
            elif len(queue) < limit:
                queue.append(arrivals.popleft())
            else:
                arrivals.popleft()
                dropped += 1
        if free <= now and queue and (len(queue) >= load.max_batch or queue[0] + delay <= now):
            taken, queue = queue[: load.max_batch], queue[load.max_batch :]
            free = now + round(next(turns) * 1e9)
            answered += [(at / 1e9, (free - at) / 1e9) for at in taken]
            insort(events, free)
    return sorted(answered), dropped, given_up


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.floats(0, 0.02), min_size=1, max_size=60),
    st.lists(st.floats(0.0001, 0.03), min_size=60, max_size=60),
    st.integers(1, 4),
    st.sampled_from([0.0, 3.0, 10.0]),
    st.one_of(st.none(), st.integers(1, 5)),
    st.one_of(st.none(), st.floats(1, 40)),
)
def test_every_request_is_answered_dropped_or_given_up_as_a_simulation_by_events_says(
    gaps_s: list[float],
    service_s: list[float],
    max_batch: int,
    max_delay_ms: float,
    queue_limit: int | None,
    timeout_ms: float | None,
) -> None:
    arrivals_s = [round(at_s, 6) for at_s in np.cumsum(gaps_s).tolist()]
    service_s = [round(s, 6) for s in service_s]
    load = Load(
        rate_per_s=1,
        max_batch=max_batch,
        max_delay_ms=max_delay_ms if max_batch > 1 else 0,
        queue_limit=queue_limit,
        timeout_ms=None if timeout_ms is None else round(timeout_ms, 3),
    )
    turns = iter(service_s)
    done = serve(load, lambda _: next(turns), arrivals_s=arrivals_s, requests=10**9, measuring=Until(arrivals_s[-1]))
    answered, dropped, given_up = simulated(arrivals_s, service_s, load)
    assert done.planned_s.tolist() == pytest.approx([at_s for at_s, _ in answered])
    assert done.latency_s.tolist() == pytest.approx([latency_s for _, latency_s in answered], abs=1e-8)
    assert (done.figures["requests_dropped"], done.figures["requests_given_up"]) == (dropped, given_up)
    assert done.window.unanswered == dropped + given_up
