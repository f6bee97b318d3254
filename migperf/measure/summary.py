"""From a run's timings and series to the figures of its result; only the measured window counts."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict

import numpy as np

from migperf.measure.benchmark import Scenario
from migperf.measure.energy_figures import Work
from migperf.measure.events import Finished
from migperf.measure.figures import Interval, ResultFigure
from migperf.measure.watched import watched_figures
from migperf.metrics.metric import NS_PER_S, Kind, Metric, Scope
from migperf.metrics.series import Chunk, Series
from migperf.metrics.summary import Window
from migperf.statistics.intervals import mean_interval, throughput_interval
from migperf.statistics.quantiles import quantile_interval
from migperf.statistics.sample_quantiles import quantile_of, samples_needed
from migperf.statistics.samples import Interval as SampleInterval
from migperf.statistics.samples import Samples

NS_PER_MS = 1_000_000
PERCENTILES = (50, 90, 95, 99)
_TIMING_NAME = {
    Scenario.OFFLINE: "batch_time",
    Scenario.SINGLE_STREAM: "latency",
    Scenario.TRAIN: "step_time",
}


def timing_metric(scenario: Scenario) -> Metric:
    """Return the metric of what the scenario times: a batch, a request or a training step, ms."""
    name = _TIMING_NAME[scenario]
    return Metric(name=name, unit="ms", scope=Scope.PROCESS, source="timer", kind=Kind.DURATION)


def measured_window(finished: Finished) -> Window:
    """Return the measured window of a run that finished."""
    return Window(finished.window_start_ns, finished.window_end_ns)


def summarise(
    scenario: Scenario, finished: Finished, series: Iterable[Series], *, whole_board: bool
) -> tuple[ResultFigure, ...]:
    """Return the figures of a run that finished: speed, what the child reported, and what was watched.

    ``whole_board`` says that the run had the whole GPU, so that the energy of the board is its own.
    """
    name, window = _TIMING_NAME[scenario], measured_window(finished)
    all_series = tuple(series)
    timed = next(one for one in all_series if one.metric.name == name)
    timings = timed.chunk.between(window.start_ns, window.end_ns)
    work = Work(len(timings) * finished.samples_per_step, finished.sample_unit)
    return (
        _throughput(timings, finished),
        *_timing_figures(name, timings.value),
        *finished.figures,
        *watched_figures(all_series, window, work, whole_board=whole_board),
    )


def _throughput(timings: Chunk, finished: Finished) -> ResultFigure:
    """Samples a second over the whole window, gaps between steps included."""
    unit = f"{finished.sample_unit}/s"
    window_s = (finished.window_end_ns - finished.window_start_ns) / NS_PER_S
    if not len(timings) or window_s <= 0:
        return ResultFigure(name="throughput", unit=unit, scope=Scope.PROCESS, absent="no step ended while measuring")
    ends_ns = timings.time_ns + timings.value * NS_PER_MS
    cycle_s = np.diff(ends_ns, prepend=finished.window_start_ns) / NS_PER_S
    return ResultFigure(
        name="throughput",
        unit=unit,
        scope=Scope.PROCESS,
        value=len(timings) * finished.samples_per_step / window_s,
        interval=_figures_interval(throughput_interval(cycle_s, finished.samples_per_step)),
        samples=len(timings),
    )


def _timing_figures(name: str, values_ms: Samples) -> Iterator[ResultFigure]:
    yield _of_sample(
        f"{name}_mean",
        values_ms,
        value=float(values_ms.mean()) if len(values_ms) else None,
        interval=_figures_interval(mean_interval(values_ms)),
        absent=None if len(values_ms) else "no step ended while measuring",
    )
    for percent in PERCENTILES:
        yield _percentile_figure(name, percent, values_ms)


def _percentile_figure(name: str, percent: int, values_ms: Samples) -> ResultFigure:
    """A percentile, or why so few samples cannot support it."""
    quantile = percent / 100
    needed = samples_needed(quantile)
    if len(values_ms) < needed:
        reason = f"needs at least {needed} steps, {len(values_ms)} were measured; raise min_steps or min_s"
        return _of_sample(f"{name}_p{percent}", values_ms, absent=reason)
    interval = _figures_interval(quantile_interval(values_ms, quantile))
    return _of_sample(f"{name}_p{percent}", values_ms, value=quantile_of(values_ms, quantile), interval=interval)


def _of_sample(
    name: str,
    values_ms: Samples,
    *,
    value: float | None = None,
    interval: Interval | None = None,
    absent: str | None = None,
) -> ResultFigure:
    return ResultFigure(
        name=name,
        unit="ms",
        scope=Scope.PROCESS,
        value=value,
        interval=interval,
        samples=len(values_ms),
        absent=absent,
    )


def _figures_interval(found: SampleInterval | None) -> Interval | None:
    return None if found is None else Interval(**asdict(found))
