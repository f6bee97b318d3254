"""A comparison finds true differences as often as the documentation says, and false ones hardly ever."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from migperf.statistics.comparison import Comparison, compare, compare_pairs
from migperf.statistics.looks import level_per_look, planned_looks
from migperf.statistics.ranks import Unit, effect_size
from migperf.statistics.run_values import MEDIAN, Quantile
from migperf.statistics.samples import Interval, Samples
from migperf.statistics.spreads import Basis
from migperf.statistics.verdict import Verdict
from migperf.statistics.verdicts import verdict_on
from tests.statistics.synthetic import autoregressive, lognormal, runs

DIFFERENT = (Verdict.FASTER, Verdict.SLOWER)


def comparisons(
    count: int, difference: float, between: float, repetitions: int = 300, *, baseline_count: int | None = None
) -> list[Comparison]:
    generator = np.random.default_rng(41)
    return [
        compare(
            runs(baseline_count or count, 1.0, between, generator),
            runs(count, 1.0 + difference, between, generator),
        )
        for _ in range(repetitions)
    ]


def share(found: list[Comparison], *verdicts: Verdict) -> float:
    return Counter(c.verdict in verdicts for c in found)[True] / len(found)


@pytest.mark.no_cover
@pytest.mark.parametrize("between", [0.0, 0.005, 0.01])
@pytest.mark.parametrize("count", [1, 3, 5])
def test_runs_of_the_same_thing_are_called_different_in_at_most_5_percent(count: int, between: float) -> None:
    found = comparisons(count, 0.0, between)
    assert share(found, *DIFFERENT) <= 0.06
    assert np.mean([c.interval.contains(1) for c in found]) >= 0.93


@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("count", "between", "power"), [(3, 0.005, 0.7), (5, 0.005, 0.93), (5, 0.01, 0.6), (10, 0.01, 0.9)]
)
def test_a_difference_of_2_percent_is_found_with_the_documented_power(count: int, between: float, power: float) -> None:
    found = comparisons(count, 0.02, between, 200)
    assert share(found, Verdict.SLOWER) >= power
    assert share(found, Verdict.FASTER, Verdict.SAME) <= 0.02


@pytest.mark.no_cover
def test_the_same_thing_is_called_the_same_with_enough_runs() -> None:
    found = comparisons(10, 0.0, 0.005, 150)
    assert share(found, Verdict.SAME) >= 0.65
    assert share(comparisons(10, 0.02, 0.005, 150), Verdict.SAME) == 0


@pytest.mark.no_cover
def test_one_run_of_each_shows_only_what_is_large_beside_an_assumed_spread_and_never_sameness() -> None:
    found = comparisons(1, 0.0, 0.01)
    assert {c.verdict for c in found} == {Verdict.UNDECIDED}
    assert {c.basis for c in found} == {Basis.ASSUMED}
    assert share(comparisons(1, 0.1, 0.005), Verdict.SLOWER) >= 0.95


@pytest.mark.no_cover
def test_one_new_run_is_compared_with_the_spread_of_many_earlier_ones() -> None:
    assert share(comparisons(1, 0.0, 0.01, baseline_count=8), *DIFFERENT) <= 0.06
    assert share(comparisons(1, 0.05, 0.01, baseline_count=8), Verdict.SLOWER) >= 0.9


@pytest.mark.no_cover
def test_buying_runs_until_it_is_decided_does_not_raise_false_differences_above_the_level() -> None:
    """From 3 to 9 runs of each with a look after each two: the level is divided among the looks."""
    generator = np.random.default_rng(42)
    level = level_per_look(0.95, looks=4)
    false = 0
    for _ in range(200):
        sides = runs(9, 1.0, 0.01, generator, samples=50), runs(9, 1.0, 0.01, generator, samples=50)
        looks = (compare(sides[0][:n], sides[1][:n], level=level).verdict for n in (3, 5, 7, 9))
        false += next((v for v in looks if v is not Verdict.UNDECIDED), None) in DIFFERENT
    assert false / 200 <= 0.05


@pytest.mark.no_cover
@pytest.mark.parametrize(("difference", "verdict", "least"), [(0.0, Verdict.SAME, 0.7), (0.02, Verdict.SLOWER, 0.95)])
def test_buying_pairs_as_planned_decides_what_the_documentation_says(
    difference: float, verdict: Verdict, least: float
) -> None:
    generator, looks = np.random.default_rng(48), planned_looks(20)
    level = level_per_look(0.95, len(looks))
    found = []
    for _ in range(60):
        sides = runs(20, 1.0, 0.005, generator), runs(20, 1.0 + difference, 0.005, generator)
        answers = (compare_pairs(sides[0][:n], sides[1][:n], level=level).verdict for n in looks)
        found.append(next((v for v in answers if v is not Verdict.UNDECIDED), Verdict.UNDECIDED))
    assert found.count(verdict) / 60 >= least
    assert set(found) <= {verdict, Verdict.UNDECIDED}


def test_pairs_cancel_what_drifts() -> None:
    generator = np.random.default_rng(43)
    drift = np.linspace(1.0, 1.2, 6)
    faster = [d * r for d, r in zip(drift, runs(6, 0.97, 0.003, generator), strict=True)]
    slower = [d * r for d, r in zip(drift, runs(6, 1.0, 0.003, generator), strict=True)]
    assert compare(slower, faster).verdict is Verdict.UNDECIDED
    paired = compare_pairs(slower, faster)
    assert (paired.verdict, paired.basis) == (Verdict.FASTER, Basis.PAIRS)
    with pytest.raises(ValueError, match="two pairs"):
        compare_pairs(slower[:1], faster[:1])


@pytest.mark.no_cover
def test_pairs_of_the_same_thing_are_called_different_in_at_most_5_percent() -> None:
    generator = np.random.default_rng(44)
    found = [compare_pairs(runs(5, 1.0, 0.01, generator), runs(5, 1.0, 0.01, generator)) for _ in range(200)]
    assert share(found, *DIFFERENT) <= 0.06


@pytest.mark.no_cover
@pytest.mark.parametrize("statistic", [MEDIAN, Quantile(0.9)])
def test_percentiles_are_compared_in_the_same_way(statistic: Quantile) -> None:
    generator = np.random.default_rng(45)

    def tail(level: float) -> list[Samples]:
        return [level * np.exp(0.005 * generator.standard_normal()) * _skewed(generator) for _ in range(6)]

    same = [compare(tail(1.0), tail(1.0), statistic=statistic) for _ in range(100)]
    assert share(same, *DIFFERENT) <= 0.08
    assert share([compare(tail(1.0), tail(1.05), statistic=statistic) for _ in range(50)], Verdict.SLOWER) >= 0.9


def _skewed(generator: np.random.Generator) -> Samples:
    return 1 + 0.05 * lognormal(0.5, correlation=0.5)(800, generator)


@pytest.mark.no_cover
def test_ranks_are_of_runs_where_there_are_four_and_keep_their_level() -> None:
    found = comparisons(5, 0.0, 0.01)
    assert {c.ranks.unit for c in found} == {Unit.RUNS}
    assert np.mean([c.ranks.p_value < 0.05 for c in found]) <= 0.07


def test_ranks_within_single_runs_are_valid_for_correlated_samples() -> None:
    """On the raw samples the test would be significant in about half of the cases."""
    generator = np.random.default_rng(46)
    noise = autoregressive(0.9)
    found = [
        compare([1 + 0.05 * noise(2_000, generator)], [1 + 0.05 * noise(2_000, generator)]).ranks for _ in range(300)
    ]
    assert {r.unit for r in found} == {Unit.BATCHES}
    assert np.mean([r.p_value < 0.05 for r in found]) <= 0.1


def test_an_undecided_comparison_says_what_would_decide_it() -> None:
    generator = np.random.default_rng(47)
    close = compare(runs(3, 1.0, 0.01, generator), runs(3, 1.03, 0.02, generator))
    assert close.verdict is Verdict.UNDECIDED
    assert close.needed is not None
    assert close.needed.runs_each is not None
    assert 3 < close.needed.runs_each < 200
    decided = compare(runs(3, 1.0, 0.001, generator), runs(3, 1.5, 0.001, generator))
    assert decided.needed is None


def test_what_spreads_within_runs_is_told_apart_from_what_differs_between_them() -> None:
    short, alike = comparisons(5, 0.0, 0.0, 100), comparisons(5, 0.0, 0.02, 100)
    assert np.median([c.within_share for c in short if c.within_share is not None]) > 0.7
    assert np.median([c.within_share for c in alike if c.within_share is not None]) < 0.1


@given(low=st.floats(0.9, 1.1), width=st.floats(0, 0.2), where=st.floats(0, 1), margin=st.floats(0.001, 0.05))
def test_a_verdict_turns_over_with_the_ratio(low: float, width: float, where: float, margin: float) -> None:
    """Exchanging the sides exchanges faster and slower, and nothing else."""
    ratio = low + where * width
    interval = Interval(low=low, high=low + width, level=0.95, method="")
    turned = {Verdict.FASTER: Verdict.SLOWER, Verdict.SLOWER: Verdict.FASTER}
    verdict, back = verdict_on(ratio, interval, margin), verdict_on(1 / ratio, interval.inverted(), margin)
    near = any(abs(bound - x) < 1e-9 for bound in (low, low + width, ratio) for x in (1 / (1 + margin), 1, 1 + margin))
    assert near or turned.get(verdict, verdict) is back


@pytest.mark.parametrize(
    ("low", "ratio", "high", "verdict"),
    [
        (0.995, 1.0, 1.005, Verdict.SAME),
        (1.002, 1.005, 1.008, Verdict.SAME),
        (1.005, 1.02, 1.035, Verdict.SLOWER),
        (0.95, 0.97, 0.99, Verdict.FASTER),
        (1.001, 1.006, 1.011, Verdict.UNDECIDED),
        (0.98, 1.02, 1.06, Verdict.UNDECIDED),
    ],
)
def test_the_four_verdicts(low: float, ratio: float, high: float, verdict: Verdict) -> None:
    assert verdict_on(ratio, Interval(low=low, high=high, level=0.95, method=""), 0.01) is verdict


def test_effect_size_says_how_often_the_candidate_is_less() -> None:
    baseline, candidate = np.array([1.0, 2.0, 3.0]), np.array([2.0, 0.0])
    assert effect_size(baseline, candidate).superiority == pytest.approx((1.5 + 3) / 6)
    assert effect_size(baseline, baseline - 10).cliffs_delta == 1
    assert effect_size(baseline, baseline).cliffs_delta == 0


def test_values_that_have_no_ratio_are_refused() -> None:
    with pytest.raises(ValueError, match="positive"):
        compare([np.zeros(30)], [np.ones(30)])


def test_a_side_without_runs_and_a_run_without_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one run"):
        compare([np.ones(30)], [])
    with pytest.raises(ValueError, match="samples in every run"):
        compare([np.ones(30)], [np.empty(0)])


def test_too_few_samples_to_show_their_correlation_count_as_one() -> None:
    few = np.array([1.0, 1.3, 0.9, 1.2, 1.1])
    assert compare([few], [1.3 * few]).verdict is Verdict.UNDECIDED
    assert compare([few], [1.3 * few], statistic=MEDIAN).verdict is Verdict.UNDECIDED
    assert compare([few], [5 * few]).verdict is Verdict.SLOWER
    assert compare([few[:1]], [few[1:2]]).verdict is Verdict.SLOWER, "one sample tells nothing of its own error"


def test_an_interval_wider_than_any_number_ends_at_the_largest() -> None:
    found = compare_pairs([np.ones(30)] * 2, [np.ones(30), np.full(30, 1e4)], level=0.999)
    assert found.verdict is Verdict.UNDECIDED
    assert math.isfinite(found.interval.high)


def test_runs_that_never_vary_can_be_compared() -> None:
    assert compare([np.ones(30)] * 4, [np.ones(30)] * 4).verdict is Verdict.SAME
    assert compare([np.ones(30)] * 4, [np.full(30, 1.1)] * 4).verdict is Verdict.SLOWER
