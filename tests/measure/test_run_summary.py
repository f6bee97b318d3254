"""The figures of a run that finished: how fast it was, what its child reported, what was watched; in this order."""

import numpy as np
import pytest

from migperf.measure.benchmark import Benchmark, Scenario
from migperf.measure.events import Finished
from migperf.measure.figures import ResultFigure
from migperf.measure.summary import measured_window, summarise
from migperf.measure.timing_log import part_metric, timing_metric
from migperf.metrics.catalogue import CPU, ENERGY
from migperf.metrics.metric import Kind, Metric, Scope
from migperf.metrics.series import Chunk, Series
from migperf.metrics.summary import summarise_series
from tests.metrics.made_series import every, made, ns

WARMUP_STEP_S = 0.5
OWN = ResultFigure(name="peak_rss", unit="MiB", scope=Scope.PROCESS, value=7)


def finished(start_s: float, end_s: float) -> Finished:
    return Finished(
        window_start_ns=ns(start_s),
        window_end_ns=ns(end_s),
        samples_per_step=4,
        sample_unit="image",
        warmup_ended_by="steps_and_time",
        measuring_ended_by="steps_and_time",
        figures=(OWN,),
    )


def benchmark(scenario: Scenario) -> Benchmark:
    return Benchmark.model_validate({"workload": "test-step", "scenario": scenario})


def uneven(measured: int) -> Series:
    """Steps that follow one another without a pause, of 8 to 12 ms."""
    took_ms = np.random.default_rng(3).uniform(8, 12, measured)
    begun_s = 2 + np.concatenate([[0], np.cumsum(took_ms)[:-1]]) / 1e3
    return made(timing_metric(Scenario.SINGLE_STREAM), begun_s, took_ms)


def steps(scenario: Scenario, measured: int) -> Series:
    """Four slow steps of warm-up until 2 s, then fast ones of 10 ms."""
    begun_s = [*every(WARMUP_STEP_S, 0, 2), *(2 + 0.01 * np.arange(measured))]
    return made(timing_metric(scenario), begun_s, [500.0] * 4 + [10.0] * measured)


def figures(*series: Series, measured: int = 100, scenario: Scenario = Scenario.OFFLINE) -> dict[str, ResultFigure]:
    end = finished(2, 2 + 0.01 * measured)
    found = summarise(benchmark(scenario), end, (*series, steps(scenario, measured)), whole_board=True)
    return {figure.name: figure for figure in found}


def cpu() -> Series:
    return made(Metric.of(CPU, Scope.PROCESS_TREE, "test"), every(0.1, 0, 4), np.ones(40))


def energy() -> Series:
    times_s = every(0.1, 0, 4)
    return made(Metric.of(ENERGY, Scope.GPU, "test"), times_s, 100 * np.array(times_s))


def test_figures_come_in_the_order_speed_child_watched() -> None:
    names = list(figures(cpu()))
    assert names == [
        "throughput",
        "batch_time_mean",
        "batch_time_p50",
        "batch_time_p90",
        "batch_time_p95",
        "batch_time_p99",
        "peak_rss",
        "cpu_mean",
        "cpu_max",
    ]


@pytest.mark.parametrize(
    ("scenario", "name"),
    [(Scenario.OFFLINE, "batch_time"), (Scenario.SINGLE_STREAM, "latency"), (Scenario.TRAIN, "step_time")],
)
def test_warm_up_steps_make_no_figure(scenario: Scenario, name: str) -> None:
    found = figures(scenario=scenario)
    assert found[f"{name}_mean"].value == pytest.approx(10)
    assert found[f"{name}_mean"].samples == 100
    assert found["throughput"].value == pytest.approx(400)
    assert found["throughput"].unit == "image/s"


def test_a_percentile_that_the_steps_cannot_support_says_how_many_it_takes() -> None:
    assert "needs at least 459 steps, 100 were measured" in str(figures()["batch_time_p99"].absent)


def test_means_and_percentiles_come_with_how_well_this_run_determined_them() -> None:
    timed = uneven(2_000)
    ended = finished(2, float(timed.chunk.time_ns[-1] - ns(0)) / 1e9 + timed.chunk.value[-1] / 1e3)
    found = {f.name: f for f in summarise(benchmark(Scenario.SINGLE_STREAM), ended, (timed,), whole_board=True)}
    true = {"throughput": 400.0, "latency_mean": 10, "latency_p50": 10, "latency_p90": 11.6, "latency_p99": 11.96}
    for name, value in true.items():
        interval = found[name].interval
        assert interval is not None
        assert interval.low <= value <= interval.high, name
        assert interval.low <= (found[name].value or 0) <= interval.high
        assert interval.high - interval.low < 0.05 * value
        assert interval.method == ("order statistics" if "_p" in name else "batch means")


def test_without_a_step_in_the_window_there_is_no_speed() -> None:
    found = figures(measured=0)
    assert found["throughput"].absent == found["batch_time_mean"].absent == "no step ended while measuring"


def test_energy_per_sample_counts_the_samples_of_the_steps_in_the_window() -> None:
    found = figures(energy())
    assert found["energy"].value == pytest.approx(100)
    assert found["energy_per_sample"].value == pytest.approx(100 / 400)


def test_timings_are_durations_with_a_summary_like_any_series() -> None:
    timed = steps(Scenario.OFFLINE, 100)
    summary = summarise_series(timed, measured_window(finished(2, 3)))
    assert timed.metric.kind is Kind.DURATION
    assert (summary.samples, summary.mean, summary.p95) == (100, 10, 10)
    assert summarise_series(Series(metric=timed.metric, chunk=Chunk.of([], [])), measured_window(finished(2, 3))).absent


def test_requests_without_an_answer_are_slower_than_all_others() -> None:
    timed = steps(Scenario.SINGLE_STREAM, 1000)
    ended = finished(2, 12).model_copy(update={"unanswered": 60})
    found = {f.name: f for f in summarise(benchmark(Scenario.SINGLE_STREAM), ended, (timed,), whole_board=True)}
    assert found["latency_p90"].value == pytest.approx(10)
    assert found["latency_p90"].samples == 1060
    assert found["latency_p95"].absent == "5.7% of the requests got no answer (60 of 1060)"
    assert found["latency_mean"].method == "of those answered; 60 were not"


def test_where_precision_decided_the_end_intervals_are_wider_than_they_claim() -> None:
    timed = uneven(2_000)
    ended = finished(2, float(timed.chunk.time_ns[-1] - ns(0)) / 1e9 + timed.chunk.value[-1] / 1e3)
    by_time, by_precision = (
        {f.name: f.interval for f in summarise(benchmark(Scenario.SINGLE_STREAM), end, (timed,), whole_board=True)}
        for end in (ended, ended.model_copy(update={"measuring_ended_by": "precision"}))
    )
    for name in ("latency_mean", "throughput", "latency_p90"):
        told, used = by_time[name], by_precision[name]
        assert used.low <= told.low < told.high <= used.high
        assert used.high - used.low > told.high - told.low
        assert used.level == told.level == 0.95


def test_parts_of_the_steps_have_figures_of_their_own() -> None:
    part = made(
        part_metric("forward"), [*every(WARMUP_STEP_S, 0, 2), *(2 + 0.01 * np.arange(100))], [300.0] * 4 + [4.0] * 100
    )
    found = figures(part)
    assert found["forward_time_mean"].value == pytest.approx(4)
    assert found["forward_time_p50"].value == pytest.approx(4)
