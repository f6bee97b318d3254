"""What an instance can be relied on to do, from what is known of it."""

from hypothesis import given
from hypothesis import strategies as st

from migperf.analysis.advisor.demand import LatencyLimit
from migperf.analysis.advisor.evidence import (
    Capacity,
    Evidence,
    Excluded,
    Rank,
    Unmeasured,
    capacity_of,
    expected_not_to_fit,
    slowed,
)
from migperf.measure.benchmark import Statistic

P99 = LatencyLimit(statistic=Statistic.P99, limit_ms=20)


def known(per_s: float | None, rank: Rank = Rank.SERVER, memory_mib: float | None = None, **ms: float) -> Evidence:
    latency = {Statistic(name): value for name, value in ms.items()}
    return Evidence(
        board="A100",
        profile="1g.10gb",
        rank=rank,
        says="out of memory",
        per_s=per_s,
        latency_ms=latency,
        memory_mib=memory_mib,
    )


def relied_on(*found: Evidence, limit: LatencyLimit | None = P99) -> float:
    capacity = capacity_of(found, limit)
    assert isinstance(capacity, Capacity), capacity
    return capacity.per_s


def test_the_highest_rate_that_keeps_the_limit_counts() -> None:
    assert relied_on(known(100, p99=10), known(150, p99=19), known(200, p99=21)) == 150
    assert relied_on(known(100, p99=10), known(200, p99=21), limit=None) == 200


def test_under_load_goes_before_without_load_however_much_less_it_is() -> None:
    found = [known(100, Rank.MAX_RATE, p99=20), known(170, Rank.SERVER, p99=19), known(300, Rank.CLOSED_LOOP, p99=5)]
    assert relied_on(*found) == 100
    assert relied_on(*found[1:]) == 170
    assert relied_on(*found[2:]) == 300
    assert relied_on(known(90, Rank.MAX_RATE, p99=25), *found[1:]) == 170


def test_a_higher_percentile_speaks_for_a_lower_one_and_not_the_other_way_round() -> None:
    assert relied_on(known(100, p99=10), limit=LatencyLimit(statistic=Statistic.P95, limit_ms=10)) == 100
    assert isinstance(capacity_of([known(100, p95=10)], P99), Unmeasured)
    assert isinstance(capacity_of([known(100, mean=1)], P99), Unmeasured)
    assert isinstance(capacity_of([known(100, p99=1)], LatencyLimit(statistic=Statistic.MEAN, limit_ms=20)), Unmeasured)


def test_what_breaks_the_limit_or_does_not_fit_is_excluded_and_what_nobody_measured_is_unknown() -> None:
    broken = capacity_of([known(100, p99=25), known(50, p99=22)], P99)
    assert isinstance(broken, Excluded)
    assert "p99 of latency is 22 ms at best, the limit 20 ms" in broken
    assert capacity_of([known(None)], P99) == Excluded("out of memory")
    assert relied_on(known(None), known(80, p99=1)) == 80
    assert isinstance(capacity_of([], P99), Unmeasured)


def test_a_neighbour_takes_throughput_and_room_below_the_limit() -> None:
    found = [known(100, p99=10), known(150, p99=19)]
    alone = capacity_of(found, P99)
    assert isinstance(alone, Capacity)
    assert slowed(found, P99, alone, 1.0) == 150
    assert slowed(found, P99, alone, 1.25) == 100 / 1.25
    assert slowed(found, P99, alone, 2.5) == 0
    assert slowed(found, None, alone, 2.5) == 150 / 2.5


@given(
    st.lists(st.tuples(st.floats(1, 1000), st.floats(1, 20), st.sampled_from(Rank)), min_size=1, max_size=6),
    st.floats(1, 5),
    st.floats(1, 5),
)
def test_more_slowdown_never_leaves_more(found: list[tuple[float, float, Rank]], one: float, other: float) -> None:
    evidence = [known(per_s, rank, p99=ms) for per_s, ms, rank in found]
    alone = capacity_of(evidence, P99)
    assert isinstance(alone, Capacity)
    less, more = (slowed(evidence, P99, alone, slowdown) for slowdown in sorted((one, other)))
    assert more <= less <= alone.per_s


def test_what_it_took_elsewhere_says_where_it_will_hardly_fit() -> None:
    found = [known(100, memory_mib=12_000, p99=1), known(100, memory_mib=11_000, p99=1), known(5, p99=1)]
    assert expected_not_to_fit(found, 9_728) == (
        "it took 11,000 MiB elsewhere and 9,728 MiB are there: it will hardly fit"
    )
    assert expected_not_to_fit(found, 11_000) is None
    assert expected_not_to_fit(found, None) is None
    assert expected_not_to_fit([], 100) is None
