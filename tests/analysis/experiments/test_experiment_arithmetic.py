"""Aggregation over repeats and ratios: the order of runs does not matter, intervals contain what they are about."""

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migperf.analysis.experiments.axes import axes_of, cell_label
from migperf.analysis.experiments.observations import FigureKey, Observation, Of
from migperf.analysis.experiments.ratios import Ratio, ratio_of
from migperf.analysis.experiments.values import CellFigure, over_repeats
from migperf.measure.figures import Interval
from migperf.metrics.metric import Scope
from migperf.statistics.run_means import mean_over_runs
from migperf.statistics.spreads import Basis

KEY = FigureKey("throughput", Of.TOTAL)
positive = st.floats(min_value=1e-3, max_value=1e6)
several = st.lists(positive, min_size=2, max_size=8)


def observed(repeat: int, value: float | None, rel: float | None = None, unit: str = "sample/s") -> Observation:
    interval = None
    if value is not None and rel is not None:
        interval = Interval(low=value * (1 - rel), high=value * (1 + rel), level=0.95, method="batch means")
    return Observation(
        repeat=repeat,
        unit=unit,
        scope=Scope.PROCESS,
        value=value,
        interval=interval,
        absent=None if value is not None else "no step ended",
        tainted=False,
    )


def over(values: Sequence[float | None], rel: float | None = None) -> CellFigure:
    return over_repeats(KEY, [observed(repeat, value, rel) for repeat, value in enumerate(values)])


@given(several, st.randoms())
def test_the_order_of_repeats_does_not_matter(values: list[float], random: object) -> None:
    observations = [observed(repeat, value, 0.01) for repeat, value in enumerate(values)]
    shuffled = list(observations)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert over_repeats(KEY, shuffled) == over_repeats(KEY, observations)


@given(several)
def test_an_interval_contains_the_mean_that_it_is_about(values: list[float]) -> None:
    found = over(values)
    assert found.value == pytest.approx(math.fsum(values) / len(values))
    assert found.interval is not None
    assert found.interval.low <= found.value <= found.interval.high
    assert found.interval.low >= 0


@given(positive, st.floats(min_value=1e-4, max_value=0.3), st.integers(min_value=2, max_value=6))
def test_repeats_that_agree_by_chance_are_not_known_better_than_their_insides_tell(
    value: float, rel: float, repeats: int
) -> None:
    found = over([value] * repeats, rel)
    assert found.interval is not None
    assert found.interval.high - found.interval.low >= 2 * rel * value / math.sqrt(repeats) * 0.99


def test_two_runs_give_the_interval_of_the_textbook() -> None:
    found = mean_over_runs([10.0, 12.0])
    assert found is not None
    assert (found.low, found.high) == pytest.approx((11 - 12.7062, 11 + 12.7062), rel=1e-4)
    assert mean_over_runs([10.0]) is None


def test_a_repeat_without_the_figure_is_told_and_the_others_count() -> None:
    found = over([10.0, None, 12.0])
    assert (found.value, found.repeats, found.notes) == (11.0, 2, ("repeat 2: no step ended",))


def test_repeats_of_different_units_are_not_averaged() -> None:
    found = over_repeats(KEY, [observed(0, 1.0), observed(1, 1.0, unit="token/s")])
    assert found.value is None
    assert found.absent == "its repeats are not of one unit and scope"


@given(several, positive)
def test_a_factor_that_all_repeats_share_is_found_exactly_in_pairs(values: list[float], factor: float) -> None:
    found = ratio_of(over([factor * value for value in values]), over(values))
    assert isinstance(found, Ratio)
    assert found.basis is Basis.PAIRS
    assert found.value == pytest.approx(factor)
    assert (found.interval.low, found.interval.high) == pytest.approx((factor, factor), rel=1e-6)


@given(several, several, positive)
def test_a_ratio_lies_within_its_interval_and_scales(top: list[float], bottom: list[float], scale: float) -> None:
    plain, scaled = ratio_of(over(top), over(bottom)), ratio_of(over(top), over(bottom), scale)
    assert isinstance(plain, Ratio)
    assert isinstance(scaled, Ratio)
    assert plain.interval.low <= plain.value <= plain.interval.high
    assert scaled.value == pytest.approx(scale * plain.value)


def test_only_repeats_that_both_have_are_paired() -> None:
    found = ratio_of(over([2.0, None, 6.0]), over([1.0, 1000.0, 3.0]))
    assert isinstance(found, Ratio)
    assert (found.value, found.repeats, found.basis) == (pytest.approx(2.0), 2, Basis.PAIRS)


def test_one_repeat_of_each_assumes_a_spread_and_says_so() -> None:
    found = ratio_of(over([2.0]), over([1.0]))
    assert isinstance(found, Ratio)
    assert found.basis is Basis.ASSUMED
    assert "assumed" in found.method
    assert found.interval.low < 2.0 < found.interval.high


@pytest.mark.parametrize(
    ("top", "bottom", "why"),
    [([0.0, 1.0], [1.0, 1.0], "above 0"), ([None], [1.0], "no step ended"), ([1.0], [None], "no step ended")],
)
def test_a_ratio_that_cannot_be_says_why(top: list[float | None], bottom: list[float | None], why: str) -> None:
    found = ratio_of(over(top), over(bottom))
    assert isinstance(found, str)
    assert why in found


def test_axes_come_in_the_order_in_which_cells_vary_whatever_the_order_of_keys() -> None:
    cells = [
        {"benchmark.parameters.batch_size": batch, "partition": partition}
        for partition in ("2g", "1g")
        for batch in (8, 1, 2)
    ]
    first, second = axes_of(cells)
    assert (first.name, first.values, first.is_numeric) == ("partition", ("2g", "1g"), False)
    assert (second.name, second.values, second.doubles) == ("batch_size", (1, 2, 8), True)
    assert cell_label((first, second), cells[0]) == "partition 2g, batch_size 8"


def test_axes_whose_last_words_are_the_same_keep_their_whole_path() -> None:
    names = [axis.name for axis in axes_of([{"a.size": 1, "b.size": 1}, {"a.size": 2, "b.size": 1}])]
    assert names == ["a.size", "b.size"]


def test_true_is_not_the_number_one() -> None:
    (axis,) = axes_of([{"cached": True}, {"cached": 1}, {"cached": False}])
    assert axis.values == (True, 1, False)
    assert not axis.is_numeric
