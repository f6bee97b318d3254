"""Changes in a history are found where they are, soon, and hardly ever where there are none."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from scipy.stats import t as student

from migperf.statistics.detection.history import LEAST_POINTS, SETTLED, History
from migperf.statistics.detection.judgement import Event, Judgement
from migperf.statistics.detection.metric_rule import Better, MetricRule
from migperf.statistics.detection.noise import variance_of_mean
from migperf.statistics.detection.points import Point
from migperf.statistics.detection.shift import shift_between
from migperf.statistics.detection.splits import Stretch
from migperf.statistics.detection.thresholds import ALARM, alarm_threshold, as_normal, order_is_surprising
from migperf.statistics.detection.timeline import WINDOW
from migperf.statistics.detection.verdict import HistoryVerdict, Revision
from migperf.statistics.samples import Interval, Samples
from tests.statistics.synthetic import autoregressive, lognormal

RULE = MetricRule(better=Better.LOWER, minimum_effect=0.005)


def steps(*levels: tuple[int, float], noise: float = 0.01, seed: int = 1) -> Samples:
    """So many points at each level, with independent noise."""
    level = np.concatenate([np.full(count, value) for count, value in levels])
    return level * (1 + noise * np.random.default_rng(seed).standard_normal(len(level)))


def history(values: Iterable[float], rule: MetricRule = RULE) -> History:
    return History(rule=rule).extend(Point(float(value)) for value in values)


def judgements(values: Iterable[float], rule: MetricRule = RULE) -> list[Judgement]:
    found, now = [], History(rule=rule)
    for value in values:
        now = now.append(Point(float(value)))
        found.append(now.judgement)
    return found


def first_alarm(values: Iterable[float], rule: MetricRule = RULE) -> tuple[int, int] | None:
    """Return at how many points there was the first alarm, and where it puts the change."""
    found = judgements(values, rule)
    return next(((each.points, each.changes[-1].first) for each in found if each.changes), None)


def events(values: Iterable[float]) -> list[Event]:
    return [event for each in judgements(values) for event in each.events]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("before", "size"), [(12, 1.5), (20, 1.2), (30, 1.1), (60, 1.05)])
def test_a_large_step_is_found_at_the_third_point_after_it(before: int, size: float, seed: int) -> None:
    """Also after a short history: what a service that fires every minute has when it is deployed."""
    found = first_alarm(steps((before, 1.0), (4, size), seed=seed))
    assert found is not None
    assert found[0] <= before + 4
    assert abs(found[1] - before) <= 1


def test_a_step_names_the_last_good_and_the_first_bad_point_and_its_size() -> None:
    judged = history(steps((60, 1.0), (30, 1.05))).judgement
    assert judged.verdict is HistoryVerdict.REGRESSED
    (change,) = judged.changes
    assert (change.last_good, change.first_bad) == (59, 60)
    assert change.earliest <= 60 <= change.latest
    assert change.interval.contains(1.05)
    assert change.interval.half_width < 0.015
    assert judged.noise_rel == pytest.approx(0.01, rel=0.25)


def test_an_improvement_has_no_bad_point() -> None:
    judged = history(steps((60, 1.0), (10, 0.9))).judgement
    assert judged.verdict is HistoryVerdict.IMPROVED
    assert (judged.changes[-1].first_bad, judged.changes[-1].last_good) == (None, None)
    higher = history(steps((60, 1.0), (10, 0.9)), replace(RULE, better=Better.HIGHER)).judgement
    assert higher.verdict is HistoryVerdict.REGRESSED


NOISES = {
    "independent": autoregressive(0.0),
    "AR(0.5)": autoregressive(0.5),
    "skewed": lognormal(0.5),
    "outliers": lambda count, generator: (
        generator.standard_normal(count)
        + np.where(generator.random(count) < 0.03, generator.exponential(20, size=count), 0)
    ),
    "bimodal": lambda count, generator: 0.7 * generator.standard_normal(count) + 4 * (generator.random(count) < 0.3),
}


@pytest.mark.no_cover
@pytest.mark.parametrize("name", NOISES)
def test_an_unchanged_history_hardly_ever_raises_an_alarm(name: str) -> None:
    """Promised is one in a hundred of 200 points; benchmarks/detection.py counts a thousand."""
    generator = np.random.default_rng(71)
    alarms = [first_alarm(1 + 0.01 * NOISES[name](200, generator)) for _ in range(12)]
    assert sum(alarm is not None for alarm in alarms) == 0


@pytest.mark.no_cover
@pytest.mark.parametrize("name", NOISES)
def test_a_step_of_eight_standard_deviations_is_found_in_any_noise(name: str) -> None:
    generator = np.random.default_rng(72)
    found = [
        first_alarm(np.repeat([1.0, 1.08], [50, 30]) * (1 + 0.01 * NOISES[name](80, generator))) for _ in range(10)
    ]
    assert all(alarm is not None and abs(alarm[1] - 50) <= 3 for alarm in found)


def test_two_outliers_side_by_side_are_none_and_neither_is_a_third_later() -> None:
    values = steps((100, 1.0))
    values[[50, 51, 54]] *= 3
    assert first_alarm(values) is None


def test_three_runs_in_a_rare_slow_mode_are_no_change() -> None:
    """Each of three slow runs has happened before: what is left is their order, which is no surprise."""
    values = steps((80, 1.0), noise=0.002)
    values[[5, 17, 30, 44, 58, 70, 71, 72]] *= 1.05
    assert first_alarm(values[:73]) is None


def test_a_regression_that_is_mended_after_five_runs_is_two_changes() -> None:
    """And the size of the first is measured on its own five points only."""
    judged = history(steps((40, 1.0), (5, 1.3), (20, 1.0))).judgement
    assert judged.verdict is HistoryVerdict.IMPROVED
    assert [change.first for change in judged.changes] == [40, 45]
    assert judged.changes[0].after == 5
    assert judged.changes[0].interval.contains(1.3)


def test_a_change_is_measured_up_to_the_next_also_where_that_was_found_late() -> None:
    """A second change that takes ten points to be seen has till then been counted to the level of the first."""
    judged = history(steps((60, 1.0), (12, 1.1), (25, 1.08), seed=9)).judgement
    first, second = judged.changes
    assert (first.first, second.first) == (60, 72)
    assert (first.after, first.provisional) == (12, True)
    assert second.after > 12


def test_a_change_that_later_points_do_not_bear_out_is_withdrawn() -> None:
    """Six odd runs raise an alarm that the runs after them take back."""
    values = steps((60, 1.0), (6, 1.03), (40, 1.0), seed=1)
    found = events(values)
    assert [event.revision for event in found] == [Revision.ADDED, Revision.WITHDRAWN]
    assert (found[1].first, found[1].was) == (None, found[0].first)
    assert history(values).judgement.changes == ()


def test_a_change_moves_when_later_points_show_a_better_place() -> None:
    """An odd run just before a change is taken for a part of it, until there are enough points to do without it."""
    values = np.concatenate([steps((59, 1.0)), [1.03], steps((10, 1.5))])
    assert events(values) == [Event(Revision.ADDED, 59, None), Event(Revision.MOVED, 60, 59)]
    assert history(values).judgement.changes[-1].first == 60


def test_a_change_waits_while_a_further_one_may_be_about_to_be_shown() -> None:
    """The first points after a mended regression say nothing of where it began, and do not withdraw it."""
    found = events(steps((40, 1.0), (6, 1.3), (12, 1.0), seed=2))
    assert found == [Event(Revision.ADDED, 40, None), Event(Revision.ADDED, 46, None)]


def test_a_change_stays_where_it_is_when_the_points_after_it_change_again() -> None:
    """A small change that is not seen yet makes the noise look correlated, which says nothing of the place."""
    assert events(steps((60, 1.0), (12, 1.1), (15, 1.08), seed=10)) == [Event(Revision.ADDED, 60, None)]


def test_a_settled_change_stays_as_it_is() -> None:
    values = steps((60, 1.0), (SETTLED + 40, 1.05))
    settled = history(values[: 60 + SETTLED]).judgement.changes
    assert not settled[-1].provisional
    assert history(values).judgement.changes == settled


def test_what_is_older_than_the_window_is_kept_and_does_not_change_what_is_seen() -> None:
    values = steps((60, 1.0), (WINDOW, 1.1), (10, 1.2))
    judged = history(values).judgement
    assert [change.first for change in judged.changes] == [60, 60 + WINDOW]


def test_a_change_below_the_least_effect_raises_no_alarm() -> None:
    values = steps((60, 1.0), (60, 1.01), noise=0.001)
    assert first_alarm(values, replace(RULE, minimum_effect=0.02)) is None
    assert first_alarm(values, replace(RULE, minimum_effect=0.005)) is not None
    assert history(values, replace(RULE, minimum_effect=0.03)).judgement.verdict is HistoryVerdict.UNCHANGED


def test_the_verdict_says_what_the_data_can_say() -> None:
    assert History(rule=RULE).judgement.verdict is HistoryVerdict.INSUFFICIENT_DATA
    few = history(np.ones(LEAST_POINTS - 1)).judgement
    assert (few.verdict, few.changes) == (HistoryVerdict.INSUFFICIENT_DATA, ())
    assert "at least 10 points, there are 9" in few.why
    assert history(np.ones(LEAST_POINTS)).judgement.verdict is HistoryVerdict.UNCHANGED
    noisy = history(steps((40, 1.0), noise=0.03)).judgement
    assert noisy.verdict is HistoryVerdict.UNDECIDED
    assert "could hide" in noisy.why


def test_one_point_that_is_far_off_is_suspected_and_no_alarm() -> None:
    """So that the benchmark can be run once more before anybody is alarmed."""
    judged = history([*steps((40, 1.0)), 1.1]).judgement
    assert judged.verdict is HistoryVerdict.UNDECIDED
    assert judged.changes == ()
    assert judged.suspected is not None
    assert judged.suspected.first == 40
    assert judged.suspected.worse


def test_a_history_without_noise_shows_any_step_that_matters() -> None:
    assert first_alarm(np.repeat([3.0, 3.03], [30, 5])) == (33, 30)
    assert first_alarm(np.repeat([3.0, 3.006], [30, 30])) is None


def with_error(value: float, error_rel: float) -> Point:
    half = 1.96 * error_rel * value
    return Point(value, Interval(low=value - half, high=value + half, level=0.95, method="made up"))


def test_runs_that_could_tell_little_move_little() -> None:
    values = steps((40, 1.0), (4, 1.1))
    sure = [with_error(value, 0.005) for value in values]
    unsure = [*sure[:40], *(with_error(value, 0.05) for value in values[40:])]
    assert History(rule=RULE).extend(sure).judgement.changes != ()
    assert History(rule=RULE).extend(unsure).judgement.changes == ()


def test_runs_that_agree_by_chance_are_no_less_noisy_than_their_own_intervals_say() -> None:
    values = np.repeat([1.0, 1.02], [40, 4])
    assert History(rule=RULE).extend(with_error(value, 0.001) for value in values).judgement.changes != ()
    assert History(rule=RULE).extend(with_error(value, 0.02) for value in values).judgement.changes == ()


PLAN = st.lists(
    st.tuples(st.integers(1, 25), st.sampled_from([0.8, 0.95, 0.98, 1.0, 1.01, 1.03, 1.1, 1.5])), min_size=1, max_size=4
)
"""Levels in turn, also such that last for a few points only."""


def planned(plan: Sequence[tuple[int, float]], seed: int) -> Samples:
    return steps(*plan, seed=seed)


def close(mine: Judgement, other: Judgement) -> None:
    assert (mine.verdict, mine.points, mine.events) == (other.verdict, other.points, other.events)
    assert len(mine.changes) == len(other.changes)
    for ours, theirs in zip(mine.changes, other.changes, strict=True):
        assert (ours.first, ours.earliest, ours.latest) == (theirs.first, theirs.earliest, theirs.latest)
        assert (ours.ratio, ours.evidence) == pytest.approx((theirs.ratio, theirs.evidence), rel=1e-6)
        assert (ours.worse, ours.after, ours.provisional) == (theirs.worse, theirs.after, theirs.provisional)


@pytest.mark.no_cover
@settings(max_examples=15, deadline=None)
@given(plan=PLAN, seed=st.integers(0, 99), unit=st.sampled_from([1e-9, 0.001, 3.7, 1000.0]))
def test_the_unit_does_not_matter(plan: Sequence[tuple[int, float]], seed: int, unit: float) -> None:
    values = planned(plan, seed)
    for mine, other in zip(judgements(values), judgements(unit * values), strict=True):
        close(mine, other)


@pytest.mark.no_cover
@settings(max_examples=15, deadline=None)
@given(plan=PLAN, seed=st.integers(0, 99))
def test_a_rate_is_judged_as_the_time_that_it_is_the_inverse_of(plan: Sequence[tuple[int, float]], seed: int) -> None:
    values = planned(plan, seed)
    times, rates = history(values).judgement, history(1 / values, replace(RULE, better=Better.HIGHER)).judgement
    inverted = tuple(replace(change, ratio=1 / change.ratio) for change in rates.changes)
    close(times, replace(rates, changes=inverted))


@pytest.mark.no_cover
@settings(max_examples=15, deadline=None)
@given(plan=PLAN, seed=st.integers(0, 99), data=st.data())
def test_points_may_come_in_any_portions_and_the_history_be_kept_in_between(
    plan: Sequence[tuple[int, float]], seed: int, data: st.DataObject
) -> None:
    points = [Point(float(value)) for value in planned(plan, seed)]
    cut = data.draw(st.integers(0, len(points)))
    begun = History(rule=RULE).extend(points[:cut])
    resumed = History.resume(RULE, points[:cut], begun.judgement).extend(points[cut:])
    assert resumed.judgement == History(rule=RULE).extend(points).judgement


@pytest.mark.no_cover
@settings(max_examples=30, deadline=None)
@given(plan=PLAN, seed=st.integers(0, 99))
def test_the_events_retell_the_changes(plan: Sequence[tuple[int, float]], seed: int) -> None:
    """Who keeps a record of each change by the events alone has at any time exactly the changes that there are."""
    kept: set[int] = set()
    for judged in judgements(planned(plan, seed)):
        for event in judged.events:
            if event.was is not None:
                kept.remove(event.was)
            if event.first is not None:
                assert event.first not in kept
                kept.add(event.first)
        firsts = [change.first for change in judged.changes]
        assert sorted(kept) == firsts
        assert all(change.earliest <= change.first <= change.latest < judged.points for change in judged.changes)
        ends = [*firsts, judged.points][1:]
        assert all(change.first + change.after <= end for change, end in zip(judged.changes, ends, strict=True))


def test_a_history_is_resumed_with_the_points_that_were_judged() -> None:
    judged = history(np.ones(12)).judgement
    with pytest.raises(ValueError, match="is of 12 points, and there are 11: give the points that were judged"):
        History.resume(RULE, [Point(1.0)] * 11, judged)


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_a_value_that_has_no_logarithm_is_refused_with_the_remedy(value: float) -> None:
    with pytest.raises(ValueError, match="leave out what was not measured"):
        Point(value)


@pytest.mark.parametrize("effect", [0.0, 1.0, -0.1, math.nan])
def test_a_least_effect_that_is_no_share_is_refused(effect: float) -> None:
    with pytest.raises(ValueError, match="minimum_effect is relative and must lie between 0 and 1"):
        MetricRule(better=Better.LOWER, minimum_effect=effect)


@given(metrics=st.integers(1, 50))
def test_many_metrics_together_raise_no_more_false_alarms_than_one(metrics: int) -> None:
    assert metrics * norm.sf(alarm_threshold(100, metrics)) <= norm.sf(alarm_threshold(100))
    assert alarm_threshold(20, metrics) > alarm_threshold(100, metrics) > ALARM


@given(size=st.floats(0.01, 12), freedom=st.floats(3, 300))
def test_student_s_t_becomes_the_normal_deviate_of_the_same_p_value(size: float, freedom: float) -> None:
    expected = norm.isf(student.sf(size, freedom))
    found = as_normal(np.array([size, -size]), np.array([freedom, freedom]))
    assert found == pytest.approx([expected, -expected], abs=0.1)


def test_an_order_is_surprising_that_independent_noise_hardly_makes() -> None:
    before = np.arange(60.0)
    assert order_is_surprising(before, before[-3:] + 60)
    assert order_is_surprising(before, before[:3] - 60)
    assert not order_is_surprising(before, np.array([58.5, 70.0, 80.0, 57.5]))
    assert not order_is_surprising(before, before[20:40] + 0.5)


@given(correlated=st.floats(0, 0.9), count=st.integers(1, 40))
def test_the_variance_of_a_mean_is_the_sum_of_its_covariances(correlated: float, count: int) -> None:
    apart = np.abs(np.subtract.outer(np.arange(count), np.arange(count)))
    found = variance_of_mean(np.array([correlated]), np.array([float(count)]))
    assert found[0] == pytest.approx((correlated**apart).sum() / count**2)


@pytest.mark.no_cover
@pytest.mark.parametrize(("correlation", "least"), [(0.0, 0.94), (0.5, 0.92)])
def test_the_interval_of_a_size_covers_it(correlation: float, least: float) -> None:
    generator = np.random.default_rng(73)
    covered = 0
    for _ in range(400):
        noise = 0.01 * autoregressive(correlation)(80, generator)
        before, after = (Stretch(part, np.zeros(len(part))) for part in (noise[:50], noise[50:] + math.log(1.03)))
        covered += shift_between(before, after, [], 0.0005).interval().contains(1.03)
    assert covered >= least * 400


@pytest.mark.no_cover
def test_the_place_of_a_change_lies_within_its_bounds() -> None:
    found = [history(steps((50, 1.0), (SETTLED, 1.03), seed=seed)).judgement.changes for seed in range(30)]
    within = sum(any(change.earliest <= 50 <= change.latest for change in changes) for changes in found)
    assert within >= 0.9 * 30
