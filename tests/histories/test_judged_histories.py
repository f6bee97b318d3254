"""Judging from what was said before is judging anew, and what is worse is told as one, until it is over."""

import json
import random
from collections.abc import Sequence

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from migperf.histories.judging import Judged, Noted, Points, judge
from migperf.histories.watch import Watch
from migperf.histories.worsening import Shifted, Worsening, match, worsenings
from migperf.statistics.detection.history import REACH
from migperf.statistics.detection.points import Point
from migperf.statistics.detection.verdict import HistoryVerdict, Revision

WATCH = Watch()
RULES = {name: WATCH.rule(name) for name in ("throughput", "batch_time_p50", "energy_per_sample")}


def points(levels: Sequence[float], seed: int, lacking: float = 0.0, noise: float = 0.01) -> list[Points]:
    """Points of three metrics of which two tell of each other; some lack the third."""
    generator, made = random.Random(seed), []
    for level in levels:
        time_ms = 10 * level * generator.gauss(1, noise)
        point = {"batch_time_p50": Point(time_ms), "throughput": Point(1000 / time_ms * generator.gauss(1, noise / 4))}
        if generator.random() >= lacking:
            point["energy_per_sample"] = Point(2.0 * generator.gauss(1, noise))
        made.append(point)
    return made


def in_portions(every: Sequence[Points], sizes: Sequence[int]) -> tuple[Judged, list[Noted]]:
    """Judge portions, keeping in between what a database keeps: JSON, and the points that are still read."""
    judged, noted, begin = Judged(), [], 0
    for size in sizes:
        judged = Judged.read(json.loads(json.dumps(judged.as_data())))
        new = every[begin : begin + size]
        judged, events = judge(RULES, judged, every[judged.unread() : begin], new)
        noted += events
        begin += len(new)
    return judged, noted


@pytest.mark.no_cover
@settings(max_examples=4, deadline=None, phases=[Phase.generate])
@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.2]), st.lists(st.integers(1, 30), min_size=1, max_size=4))
def test_judged_in_portions_is_judged_at_once(seed: int, lacking: float, sizes: list[int]) -> None:
    generator = random.Random(seed)
    change = generator.randrange(20, 280)
    every = points([1.0 if n < change else 1.08 for n in range(290)], seed, lacking)
    whole, events = judge(RULES, Judged(), (), every)
    portions, noted = in_portions(every, [290 - sum(sizes), *sizes])
    assert portions == whole
    assert noted == list(events)


def test_a_window_of_a_long_history_is_all_that_is_read_of_it() -> None:
    every = points([1.0] * 270, seed=3)
    judged, _ = judge(RULES, Judged(), (), every)
    assert judged.unread() == 270 - 256
    assert Judged().unread() == 0


def test_other_metrics_than_before_are_refused() -> None:
    judged, _ = judge(RULES, Judged(), (), points([1.0] * 12, seed=3))
    with pytest.raises(ValueError, match="judge all points anew"):
        judge({"throughput": RULES["throughput"]}, judged, (), ())


def test_places_count_the_points_of_the_history_also_for_a_metric_that_some_lack() -> None:
    every = points([1.0] * 30 + [1.2] * 10, seed=5)
    lacking = [{"throughput": point["throughput"]} if n % 3 == 0 else point for n, point in enumerate(every)]
    judged, noted = judge(RULES, Judged(), (), lacking)
    assert judged.lacking["batch_time_p50"] == tuple(range(0, 40, 3))
    added = {note.metric: note.event.first for note in noted if note.event.revision is Revision.ADDED}
    assert added == {"throughput": 30, "batch_time_p50": 31}


def test_a_step_of_two_metrics_is_one_worsening_and_over_when_both_are_back() -> None:
    levels = [1.0] * 30 + [1.2] * 20 + [1.0] * 10
    judged, _ = judge(RULES, Judged(), (), points(levels, seed=6))
    (worsening,) = worsenings(judged, RULES)
    assert (worsening.place, worsening.over_at) == (30, 50)
    assert set(worsening.worse) == {"throughput", "batch_time_p50"}
    assert worsening.metrics["throughput"].ratio == pytest.approx(1 / 1.2, rel=0.02)
    assert judged.verdict is HistoryVerdict.IMPROVED


def test_half_of_the_way_back_is_not_over() -> None:
    levels = [1.0] * 30 + [1.3] * 20 + [1.15] * 20
    judged, _ = judge(RULES, Judged(), (), points(levels, seed=7))
    (worsening,) = worsenings(judged, RULES)
    assert worsening.over_at is None


def test_several_steps_back_are_over_at_the_last() -> None:
    levels = [1.0] * 30 + [1.3] * 20 + [1.15] * 20 + [1.0] * 20
    judged, _ = judge(RULES, Judged(), (), points(levels, seed=8))
    (worsening,) = worsenings(judged, RULES)
    assert worsening.over_at == 70


def test_an_improvement_is_no_worsening() -> None:
    judged, _ = judge(RULES, Judged(), (), points([1.0] * 30 + [0.8] * 20, seed=9))
    assert judged.verdict is HistoryVerdict.IMPROVED
    assert worsenings(judged, RULES) == ()


def worsening(place: int) -> Worsening:
    shifted = Shifted(ratio=1.1, low=1.0, high=1.2, level=0.95, worse=True)
    return Worsening(place=place, earliest=place, latest=place, metrics={"latency_p50": shifted}, over_at=None)


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 200)),
    st.lists(st.integers(0, 200), unique=True, max_size=6),
)
def test_matching_uses_each_side_once_and_only_what_is_near(known: dict[str, int], places: list[int]) -> None:
    found = [worsening(place) for place in places]
    matched = match(known, found)
    assert sorted([*matched.known, *matched.gone]) == sorted(known)
    assert sorted(w.place for w in (*matched.known.values(), *matched.new)) == sorted(places)
    assert all(abs(known[name] - one.place) <= REACH for name, one in matched.known.items())
    for name in matched.gone:
        assert all(abs(known[name] - one.place) > REACH for one in matched.new), "two that are near were left apart"
