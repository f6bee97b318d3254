"""What was watched becomes figures of the window alone, in a fixed order, each with unit, scope, method or reason."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from migperf.measure.energy_figures import Work
from migperf.measure.figures import ResultFigure
from migperf.measure.watched import watched_figures
from migperf.metrics import catalogue
from migperf.metrics.metric import Kind, Metric, Quantity, Scope
from migperf.metrics.series import Chunk, Gap, Series
from tests.metrics.made_series import LOST, every, gap, made, ns, window

WINDOW = window(2, 8)
TIMES_S = every(0.1, 0, 10)
WORK = Work(samples=50, unit="image")
ACTIVITY = (
    catalogue.GRACT,
    catalogue.SM_ACTIVE,
    catalogue.SM_OCCUPANCY,
    catalogue.TENSOR_ACTIVE,
    catalogue.DRAM_ACTIVE,
    catalogue.FB_USED,
)
CHILD = (catalogue.CPU, catalogue.RSS)
FLAGS = (catalogue.THROTTLE_POWER_CAP, catalogue.THROTTLE_SW_THERMAL)


def of(quantity: Quantity, scope: Scope = Scope.GPU, lookback_s: float = 0.0) -> Metric:
    return Metric.of(quantity, scope, "test", lookback_ns=ns(lookback_s))


def series(quantity: Quantity, value: Callable[[float], float], scope: Scope = Scope.GPU, *gaps: Gap) -> Series:
    return made(of(quantity, scope), TIMES_S, [value(time_s) for time_s in TIMES_S], *gaps)


def unread(quantity: Quantity) -> Series:
    return Series(metric=of(quantity), gaps=(Gap(0, None, LOST),))


def figures(*watched: Series, whole_board: bool = True, work: Work = WORK) -> dict[str, ResultFigure]:
    found = watched_figures(watched, WINDOW, work, whole_board=whole_board)
    return {figure.name: figure for figure in found}


def whole_gpu_run() -> list[Series]:
    return [
        *(series(quantity, lambda t: 3 + t, Scope.PROCESS_TREE) for quantity in CHILD),
        *(series(quantity, lambda t: 50 + t) for quantity in ACTIVITY),
        series(catalogue.POWER_INSTANT, lambda t: 300.0 + t),
        series(catalogue.ENERGY, lambda t: 1000 + 300 * t),
        series(catalogue.PACKAGE_ENERGY, lambda t: 40 * t, Scope.HOST),
        series(catalogue.CLOCK_SM, lambda t: 1980 - t),
        series(catalogue.TEMPERATURE_GPU, lambda t: 60 + t),
        *(series(quantity, lambda t: float(t >= 5)) for quantity in FLAGS),
        series(catalogue.CLOCKS_IDLE, lambda _: 1.0),
        made(of(catalogue.XID), [1, 3], [48, 63]),
    ]


def test_a_run_on_a_whole_gpu_has_these_figures_in_this_order() -> None:
    assert list(figures(*reversed(whole_gpu_run()))) == [
        "cpu_mean",
        "cpu_max",
        "rss_mean",
        "rss_max",
        "gract_mean",
        "sm_active_mean",
        "sm_occupancy_mean",
        "tensor_active_mean",
        "dram_active_mean",
        "fb_used_max",
        "power_mean",
        "power_max",
        "energy",
        "energy_per_sample",
        "host_energy",
        "clock_sm_mean",
        "clock_sm_min",
        "temperature_gpu_max",
        "throttled",
        "throttle_power_cap_share",
        "throttle_sw_thermal_share",
        "xid_events",
    ]


def test_a_run_on_the_cpu_has_no_figures_of_a_gpu() -> None:
    found = figures(*(series(quantity, lambda _: 1.0, Scope.PROCESS_TREE) for quantity in CHILD))
    assert list(found) == ["cpu_mean", "cpu_max", "rss_mean", "rss_max"]


def test_figures_have_the_unit_and_scope_of_their_metric() -> None:
    found = figures(*whole_gpu_run())
    assert (found["fb_used_max"].value, found["fb_used_max"].unit) == (pytest.approx(58), "MiB")
    assert (found["clock_sm_min"].value, found["clock_sm_min"].scope) == (pytest.approx(1972), Scope.GPU)
    assert found["power_max"].value == pytest.approx(308)
    assert found["power_max"].method == "readings of power_instant"
    assert found["power_max"].update_period_ms == pytest.approx(100)
    assert (found["host_energy"].value, found["host_energy"].scope) == (pytest.approx(240), Scope.HOST)
    assert found["xid_events"].value == 1, "the one of warm-up does not count"


def test_what_could_not_be_read_is_a_figure_with_the_reason() -> None:
    quantities = (catalogue.GRACT, catalogue.POWER_INSTANT, catalogue.ENERGY, *FLAGS, catalogue.XID)
    found = figures(*map(unread, quantities))
    assert {figure.value for figure in found.values()} == {None}
    assert all("fell off the bus" in str(figure.absent) for figure in found.values())
    assert set(found) >= {"gract_mean", "power_mean", "energy", "energy_per_sample", "throttled", "xid_events"}


def test_of_two_sources_the_one_that_has_something_to_tell_counts() -> None:
    found = figures(unread(catalogue.GRACT), series(catalogue.GRACT, lambda _: 70.0))
    assert found["gract_mean"].value == pytest.approx(70)
    found = figures(unread(catalogue.POWER_INSTANT), series(catalogue.POWER_AVERAGE, lambda _: 70.0))
    assert (found["power_mean"].value, found["power_mean"].method) == (pytest.approx(70), "readings of power_average")


# Energy


def test_energy_is_the_boards_with_method_and_update_period() -> None:
    energy = figures(*whole_gpu_run())["energy"]
    assert (energy.value, energy.unit, energy.scope) == (pytest.approx(1800), "J", Scope.GPU)
    assert energy.method == "difference of the energy counter"
    assert energy.update_period_ms == pytest.approx(100)


def test_energy_per_sample_is_that_of_what_was_processed_in_the_window() -> None:
    each = figures(*whole_gpu_run())["energy_per_sample"]
    assert (each.value, each.unit) == (pytest.approx(36), "J/image")
    nothing = figures(*whole_gpu_run(), work=Work(samples=0, unit="image"))["energy_per_sample"]
    assert nothing.absent == "no step ended while measuring"


def test_an_instance_has_no_energy_of_its_own() -> None:
    found = figures(*whole_gpu_run(), whole_board=False)
    assert found["energy"].value == pytest.approx(1800), "the board's, as its scope says"
    assert found["energy_per_sample"].value is None
    assert "all its instances" in str(found["energy_per_sample"].absent)


def test_an_estimate_of_an_instances_energy_is_called_so_and_names_its_model() -> None:
    estimate = made(of(catalogue.POWER_ESTIMATE, Scope.INSTANCE, lookback_s=1), TIMES_S, [25.0] * len(TIMES_S))
    found = figures(*whole_gpu_run(), estimate, whole_board=False)
    energy, each = found["energy_estimate"], found["energy_estimate_per_sample"]
    assert (energy.value, energy.scope) == (pytest.approx(150), Scope.INSTANCE)
    assert (each.value, each.unit, each.scope) == (pytest.approx(3), "J/image", Scope.INSTANCE)
    assert "power_estimate" in str(each.method)
    assert "model" in str(each.method)


def test_the_energy_of_the_host_is_left_out_where_its_counter_cannot_be_read() -> None:
    assert "host_energy" not in figures(unread(catalogue.PACKAGE_ENERGY))


# Throttling


def throttling(*on: Callable[[float], bool]) -> dict[str, ResultFigure]:
    return figures(
        *(series(quantity, lambda t, f=f: float(f(t))) for quantity, f in zip(FLAGS, on, strict=True)),
        unread(catalogue.THROTTLE_HW_THERMAL),
        series(catalogue.CLOCKS_IDLE, lambda _: 1.0),
        series(catalogue.CLOCKS_LOCKED, lambda _: 1.0),
    )


def test_clocks_are_throttled_while_any_reason_holds_and_each_reason_that_was_seen_is_told() -> None:
    found = throttling(lambda t: 2 <= t < 4, lambda t: 3 <= t < 5)
    assert found["throttled"].value == pytest.approx(0.5, abs=0.02)
    assert found["throttle_power_cap_share"].value == pytest.approx(1 / 3, abs=0.02)
    assert found["throttle_sw_thermal_share"].value == pytest.approx(1 / 3, abs=0.02)


def test_clocks_that_are_idle_or_locked_are_not_throttled() -> None:
    found = throttling(lambda _: False, lambda t: t < 2)
    assert list(found) == ["throttled"]
    assert found["throttled"].value == 0


def test_nothing_is_known_of_throttling_while_no_reason_could_be_read() -> None:
    cut = gap(3, 7, LOST)
    times_s = [*every(0.1, 0, 3), 3.0, *every(0.1, 7, 10)]
    flags = [made(of(quantity), times_s, [float(t < 3) for t in times_s], cut) for quantity in FLAGS]
    assert figures(*flags)["throttled"].value == pytest.approx(0.5, abs=0.02), "of the two seconds that were read"


# What never counts


@given(st.lists(st.floats(0, 1e9), min_size=30, max_size=30), st.lists(st.floats(0, 1e9), min_size=30, max_size=30))
def test_no_figure_tells_anything_of_warm_up_or_of_what_came_after(before: list[float], after: list[float]) -> None:
    """Read twice a second, at the very edges of the window, so that counters need not be interpolated there."""
    watched = [disturbed(one, before, after) for one in half_seconds(whole_gpu_run())]
    expected = watched_figures(half_seconds(whole_gpu_run()), WINDOW, WORK, whole_board=True)
    found = watched_figures(watched, WINDOW, WORK, whole_board=True)
    assert [figure.name for figure in found] == [figure.name for figure in expected]
    for figure, as_before in zip(found, expected, strict=True):
        assert figure.value == pytest.approx(as_before.value, rel=1e-6), figure.name


def half_seconds(watched: Sequence[Series]) -> list[Series]:
    return [replace(one, chunk=Chunk(one.chunk.time_ns[::5], one.chunk.value[::5])) for one in watched]


def disturbed(one: Series, before: Sequence[float], after: Sequence[float]) -> Series:
    """The series with other values outside the window; a counter goes on from wherever it was, events stay."""
    metric, time_ns, value = one.metric, one.chunk.time_ns, one.chunk.value
    if metric.kind is Kind.EVENT:
        return one
    early, late = time_ns < WINDOW.start_ns, time_ns > WINDOW.end_ns
    if metric.kind is Kind.AVERAGE:
        early |= time_ns == WINDOW.start_ns
    first, last = np.resize(before, len(time_ns))[early], np.resize(after, len(time_ns))[late]
    if metric.kind is Kind.COUNTER:
        kept = value[~early & ~late] + first.sum()
        first, last = np.cumsum(first), kept[-1] + np.cumsum(last)
    else:
        kept = value[~early & ~late]
    return replace(one, chunk=Chunk.of(time_ns, np.concatenate([first, kept, last])))
