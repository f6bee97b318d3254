"""The arithmetic of rooflines, held against the model's own definition and against simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from migperf.analysis.roofline import NEAR, Bound, Estimate, Roof, place, ratio
from migperf.measure.figures import Interval

POSITIVE = st.floats(1e-3, 1e15)


def estimate(value: float, low: float | None = None, high: float | None = None, level: float = 0.95) -> Estimate:
    interval = None if low is None or high is None else Interval(low=low, high=high, level=level, method="made up")
    return Estimate(value, interval)


def roof(flops_per_s: float = 10e12, bytes_per_s: float = 100e9) -> Roof:
    return Roof(flops_per_s=estimate(flops_per_s), bytes_per_s=estimate(bytes_per_s))


def test_above_the_ridge_arithmetic_limits_and_below_it_memory() -> None:
    assert roof().ridge == 100
    above = place(estimate(5), 1e12, 1e9, roof())
    assert (above.intensity, above.attainable_flops_per_s, above.attainable_steps_per_s) == (1000, 10e12, 10)
    assert (above.fraction.value, above.bound) == (0.5, Bound.COMPUTE)
    below = place(estimate(5), 1e12, 20e9, roof())
    assert (below.intensity, below.attainable_flops_per_s) == (50, pytest.approx(5e12))
    assert (below.fraction.value, below.bound) == (1.0, Bound.MEMORY)


@given(rate=POSITIVE, flops=POSITIVE, moved=POSITIVE, peak=POSITIVE, bandwidth=POSITIVE)
def test_what_is_attainable_is_the_lower_of_the_two_roofs(
    rate: float, flops: float, moved: float, peak: float, bandwidth: float
) -> None:
    placing = place(estimate(rate), flops, moved, roof(peak, bandwidth))
    assert placing.intensity is not None
    assert placing.attainable_flops_per_s == pytest.approx(min(peak, placing.intensity * bandwidth), rel=1e-9)
    assert placing.fraction.value == pytest.approx(rate * flops / placing.attainable_flops_per_s, rel=1e-9)
    limit = Bound.COMPUTE if flops / peak >= moved / bandwidth else Bound.MEMORY
    assert placing.bound is (limit if placing.fraction.value >= NEAR else Bound.OVERHEAD)


@given(rate=POSITIVE, flops=POSITIVE, moved=POSITIVE, more=st.floats(1, 1e6))
def test_fewer_bytes_never_make_a_run_look_nearer_to_its_roof(
    rate: float, flops: float, moved: float, more: float
) -> None:
    least, unfused = (place(estimate(rate), flops, size, roof()) for size in (moved, moved * more))
    assert least.fraction.value <= unfused.fraction.value


@pytest.mark.parametrize(("part", "bound"), [(0.0999, Bound.OVERHEAD), (0.1, Bound.COMPUTE), (1.7, Bound.COMPUTE)])
def test_a_run_far_below_both_limits_is_held_back_by_neither(part: float, bound: Bound) -> None:
    assert place(estimate(10 * part), 1e12, 1e9, roof()).bound is bound


def test_a_step_without_flops_is_placed_by_its_bytes_and_one_without_bytes_by_its_flops() -> None:
    copying = place(estimate(40), 0, 2e9, roof())
    assert (copying.intensity, copying.attainable_flops_per_s, copying.fraction.value) == (0, 0, 0.8)
    assert copying.bound is Bound.MEMORY
    computing = place(estimate(8), 1e12, 0, roof())
    assert (computing.intensity, computing.fraction.value, computing.bound) == (None, 0.8, Bound.COMPUTE)


def test_a_step_that_does_nothing_has_no_place() -> None:
    with pytest.raises(ValueError, match="without FLOPs and bytes"):
        place(estimate(1), 0, 0, roof())


def test_the_fraction_is_uncertain_by_the_run_and_by_the_limit_that_holds_and_not_by_the_other() -> None:
    calibrated = Roof(flops_per_s=estimate(10e12, 9e12, 11e12), bytes_per_s=estimate(100e9, 1e9, 900e9))
    placing = place(estimate(5, 4.9, 5.1), 1e12, 1e9, calibrated)
    assert placing.fraction == ratio(estimate(5, 4.9, 5.1), estimate(10, 9, 11))


def test_uncertainties_add_in_quadrature_on_a_logarithmic_scale() -> None:
    found = ratio(estimate(6, 6 / math.e**0.03, 6 * math.e**0.03), estimate(3, 3 / math.e**0.04, 3 * math.e**0.04))
    assert found.interval is not None
    assert (found.value, found.interval.level) == (2, 0.95)
    assert found.interval.low == pytest.approx(2 * math.exp(-0.05))
    assert found.interval.high == pytest.approx(2 * math.exp(0.05))


@given(POSITIVE, st.floats(0.5, 0.999), st.floats(1.001, 2), POSITIVE)
def test_a_denominator_known_exactly_leaves_the_interval_of_the_numerator(
    value: float, down: float, up: float, below: float
) -> None:
    found = ratio(estimate(value, value * down, value * up), estimate(below, below, below))
    assert found.interval is not None
    assert found.interval.low == pytest.approx(value * down / below)
    assert found.interval.high == pytest.approx(value * up / below)


@pytest.mark.parametrize(
    "others",
    [
        (estimate(1), estimate(1, 0.9, 1.1)),
        (estimate(1, 0.9, 1.1), estimate(1)),
        (estimate(1, -0.1, 1.1), estimate(1, 0.9, 1.1)),
        (estimate(1, 0.9, 1.1), estimate(1, 0.9, 1.1, level=0.9)),
    ],
)
def test_without_two_intervals_that_go_together_the_ratio_has_none(others: tuple[Estimate, Estimate]) -> None:
    assert ratio(*others).interval is None


def test_the_interval_covers_the_true_ratio_as_often_as_it_says() -> None:
    rng, covered, repetitions = np.random.default_rng(5), 0, 4000
    for _ in range(repetitions):
        above, below = rng.normal(2, 0.06), rng.normal(5, 0.1)
        found = ratio(
            estimate(above, above - 1.96 * 0.06, above + 1.96 * 0.06),
            estimate(below, below - 1.96 * 0.1, below + 1.96 * 0.1),
        )
        assert found.interval is not None
        covered += found.interval.low <= 2 / 5 <= found.interval.high
    assert covered / repetitions == pytest.approx(0.95, abs=0.012)


@given(POSITIVE, st.floats(1e-6, 1e6))
def test_scaling_an_estimate_scales_its_interval(value: float, factor: float) -> None:
    scaled = estimate(value, value / 2, value * 2).times(factor)
    assert scaled.interval is not None
    assert (scaled.interval.low, scaled.interval.high) == (value / 2 * factor, value * 2 * factor)
    assert estimate(value).times(factor) == Estimate(value * factor)
