"""The sampler keeps its rate by absolute deadlines, reads what runs share once, and no source can spoil a run."""

import threading
import time

import numpy as np
import pytest

from migperf.metrics.absence import Absence, AbsenceState
from migperf.metrics.catalogue import SAMPLER_COST, SAMPLER_LATENESS
from migperf.metrics.metric import Metric, Scope
from migperf.metrics.sampler import NOTHING, Sampler, Sources
from migperf.metrics.series import Series
from migperf.metrics.source import SourceEndedError
from migperf.metrics.watch import Watch
from tests.metrics.sources import Bangs, Counting, Together, raising, stall

OWN = tuple(Metric.of(quantity, Scope.HOST, "sampler") for quantity in (SAMPLER_LATENESS, SAMPLER_COST))


def sampler(shared: Sources = NOTHING) -> Sampler:
    return Sampler("test", *OWN, lambda: shared)


def by_name(watch: Watch) -> dict[str, Series]:
    return {series.metric.name: series for series in watch.series()}


def sample(source: Counting, hz: float, seconds: float) -> dict[str, Series]:
    watch = sampler().watch(Sources((source,)), hz)
    time.sleep(seconds)
    watch.close()
    return by_name(watch)


def eventually(condition: object, seconds: float = 3.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return bool(condition())


def test_samples_fall_on_a_grid_of_absolute_deadlines() -> None:
    lateness = sample(Counting(), hz=50, seconds=0.6)["sampler_lateness"].chunk
    steps = np.diff(lateness.time_ns - lateness.value * 1e6)[1:] / 20e6
    assert len(steps) > 15
    assert np.allclose(steps, np.round(steps), atol=1e-6), "each due time is a whole number of periods after the last"


def test_deadlines_missed_in_a_stall_are_left_out_not_made_up() -> None:
    ticks = sample(Counting({5: stall(0.2)}), hz=50, seconds=0.6)["ticks"].chunk
    assert np.diff(ticks.time_ns).max() > 180e6
    assert ticks.value.tolist() == [float(i + 1) for i in range(len(ticks))]


def test_a_stalled_source_shows_as_a_gap_with_its_reason() -> None:
    ticks = sample(Counting({5: stall(0.5)}), hz=50, seconds=1.0)["ticks"]
    (gap,) = ticks.gaps
    assert gap.absence.state is AbsenceState.STALLED
    assert "took" in gap.absence.reason
    assert 5.0 not in ticks.chunk.value, "when the value of the reading that hung was so, nobody knows"
    assert (gap.start_ns, gap.end_ns) == tuple(ticks.chunk.time_ns[3:5].tolist())


def test_a_source_that_hangs_at_the_end_does_not_keep_the_run_waiting() -> None:
    hangs = threading.Event()
    source = Counting({4: lambda: hangs.wait(20)})
    watch = sampler().watch(Sources((source,)), 50)
    time.sleep(0.8)
    began = time.monotonic()
    watch.close()
    ticks = by_name(watch)["ticks"]
    assert time.monotonic() - began < 0.5
    assert len(ticks) == 3
    assert ticks.absence is not None
    assert ticks.absence.state is AbsenceState.STALLED
    hangs.set()
    assert eventually(lambda: source.closed)


def test_a_value_that_is_missing_once_is_a_gap() -> None:
    source = Counting({3: lambda: source.miss(Absence(AbsenceState.NO_DATA, "none yet"))})
    ticks = sample(source, hz=50, seconds=0.3)["ticks"]
    assert ticks.chunk.value[:3].tolist() == [1.0, 2.0, 4.0]
    assert [gap.absence.reason for gap in ticks.gaps] == ["none yet"]


def test_a_source_that_raises_leaves_a_gap_with_the_error_and_is_read_again_later() -> None:
    source = Counting({4: raising(ZeroDivisionError("oops"))})
    series = sample(source, hz=20, seconds=1.6)
    assert len(series["sampler_cost"]) > 20, "the sampler itself goes on"
    (gap,) = series["ticks"].gaps
    assert gap.absence == Absence(AbsenceState.FAILED, "ZeroDivisionError: oops")
    assert gap.end_ns is not None
    assert gap.end_ns - gap.start_ns > 1e9, "it is left alone for a second"
    assert series["ticks"].chunk.value[:4].tolist() == [1.0, 2.0, 3.0, 5.0]


def test_a_source_that_has_ended_as_expected_leaves_no_gap() -> None:
    source = Counting({4: raising(SourceEndedError("exit"))})
    ticks = sample(source, hz=50, seconds=0.5)["ticks"]
    assert ticks.chunk.value.tolist() == [1.0, 2.0, 3.0]
    assert ticks.gaps == ()
    assert source.readings == 4


def test_sources_are_closed_when_sampling_ends() -> None:
    own, shared = Counting(), Counting()
    watch = sampler(Sources((shared,))).watch(Sources((own,)), 50)
    time.sleep(0.1)
    watch.close()
    assert eventually(lambda: own.closed and shared.closed)


def test_a_source_is_not_read_more_often_than_it_has_news() -> None:
    source = Counting(period_ns=100_000_000)
    ticks = sample(source, hz=100, seconds=1.05)["ticks"].chunk
    assert 8 <= source.readings <= 11
    assert np.diff(ticks.time_ns).min() > 80e6
    assert len(ticks) == source.readings


def test_a_period_that_is_no_multiple_of_the_turn_waits_for_the_next_turn() -> None:
    ticks = sample(Counting(period_ns=110_000_000), hz=10, seconds=1.1)["ticks"].chunk
    assert np.diff(ticks.time_ns).min() > 150e6


def test_what_runs_share_is_read_once_and_told_to_each() -> None:
    shared = Counting()
    one = sampler(Sources((shared,)))
    watches = [one.watch(NOTHING, 50) for _ in range(7)]
    time.sleep(0.6)
    for watch in watches:
        watch.close()
    told = [by_name(watch)["ticks"].chunk for watch in watches]
    assert shared.readings <= 40, "seven runs do not cost seven readings"
    assert all(len(chunk) > 20 for chunk in told)
    last = set(told[0].time_ns.tolist())
    assert all(len(last & set(chunk.time_ns.tolist())) > 20 for chunk in told), "all have the same readings"


def test_what_is_read_together_is_told_to_each_run_as_its_own() -> None:
    first, second, stranger = Counting(), Counting(), Counting()
    together = Together((first, second))
    one = sampler(Sources(joint=(together,)))
    watches = [one.watch(Sources((own,)), 50) for own in (first, second, stranger)]
    time.sleep(0.3)
    assert together.joined == [0, 1]
    for watch in watches:
        watch.close()
    told = [set(by_name(watch)["ticks"].chunk.value.tolist()) for watch in watches]
    assert told[:2] == [{0.0}, {10.0}]
    assert (first.readings, second.readings) == (0, 0)
    assert len(told[2]) == stranger.readings > 5, "what is not known there is read by itself"
    assert eventually(lambda: together.closed and first.closed and stranger.closed)


def test_a_run_that_ends_wants_nothing_of_what_is_read_together_any_more() -> None:
    first, second = Counting(), Counting()
    together = Together((first, second))
    one = sampler(Sources(joint=(together,)))
    early, late = one.watch(Sources((first,)), 50), one.watch(Sources((second,)), 50)
    assert eventually(lambda: len(by_name(early).get("ticks", ())) > 0)
    early.close()
    assert eventually(lambda: together.joined == [1])
    assert eventually(lambda: first.closed)
    before = len(by_name(late)["ticks"])
    assert eventually(lambda: len(by_name(late)["ticks"]) > before)
    late.close()
    assert by_name(early)["ticks"].gaps == ()


def test_a_slower_run_beside_a_faster_one_keeps_its_rate_for_what_is_its_own() -> None:
    one = sampler()
    fast, slow = one.watch(Sources((Counting(),)), 100), one.watch(Sources((Counting(),)), 10)
    time.sleep(1.05)
    fast.close()
    slow.close()
    assert len(by_name(fast)["ticks"]) > 80
    assert 9 <= len(by_name(slow)["ticks"]) <= 13


def test_a_run_that_joins_a_slower_one_makes_no_gap_of_the_time_before() -> None:
    one = sampler(Sources((Counting(),)))
    slow = one.watch(NOTHING, 1)
    time.sleep(0.7)
    fast = one.watch(NOTHING, 100)
    time.sleep(0.3)
    fast.close()
    time.sleep(1.2)
    slow.close()
    assert by_name(slow)["ticks"].gaps == ()
    assert len(by_name(fast)["ticks"]) > 20


def test_a_run_that_begins_while_others_go_on_is_watched_at_once() -> None:
    one = sampler(Sources((Counting(),)))
    slow = one.watch(NOTHING, 0.2)
    time.sleep(0.1)
    late = one.watch(NOTHING, 20)
    time.sleep(0.4)
    late.close()
    slow.close()
    assert len(by_name(late)["ticks"]) > 4
    assert by_name(slow)["ticks"].chunk.time_ns[0] < by_name(late)["ticks"].chunk.time_ns[0]


def test_a_sampler_without_runs_ends_its_thread_and_begins_again_for_the_next() -> None:
    one = sampler(Sources((Counting(),)))
    for _ in range(2):
        watch = one.watch(NOTHING, 50)
        assert eventually(lambda w=watch: len(w.series()) > 2)
        time.sleep(0.1)
        watch.close()
        assert len(by_name(watch)["ticks"]) > 1
        assert eventually(lambda: not [t for t in threading.enumerate() if t.name == "sampler-test"])


def test_events_reach_every_run_that_is_watched_and_no_other() -> None:
    bangs = Bangs()
    one = sampler(Sources(events=(bangs,)))
    first, second = one.watch(NOTHING, 50), one.watch(NOTHING, 10)
    time.sleep(0.1)
    bangs.happen(79.0)
    time.sleep(0.1)
    first.close()
    bangs.happen(31.0)
    time.sleep(0.2)
    second.close()
    assert by_name(first)["bangs"].chunk.value.tolist() == [79.0]
    assert by_name(second)["bangs"].chunk.value.tolist() == [79.0, 31.0]
    assert eventually(lambda: bangs.closed)


def test_what_is_taken_on_the_way_is_all_there_is() -> None:
    watch = sampler().watch(Sources((Counting(),)), 100)
    taken: list[float] = []
    for _ in range(5):
        time.sleep(0.05)
        taken += [v for u in watch.take() if u.metric.name == "ticks" for v in u.chunk.value]
    watch.close()
    taken += [v for u in watch.take() if u.metric.name == "ticks" for v in u.chunk.value]
    assert taken == by_name(watch)["ticks"].chunk.value.tolist()


def test_a_run_that_is_over_before_the_first_reading_says_so() -> None:
    hangs = threading.Event()
    watch = sampler().watch(Sources((Counting({1: lambda: hangs.wait(10)}),)), 50)
    time.sleep(0.05)
    watch.close()
    hangs.set()
    absence = by_name(watch)["ticks"].absence
    assert absence is not None
    assert absence.state is AbsenceState.NO_DATA


@pytest.mark.parametrize("hz", [0.5, 10, 100])
def test_the_first_reading_comes_at_once_whatever_the_rate(hz: float) -> None:
    watch = sampler().watch(Sources((Counting(),)), hz)
    assert eventually(lambda: any(len(series) for series in watch.series()), 0.4)
    watch.close()
