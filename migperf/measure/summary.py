"""From a run's timings and series to the figures of its result; only the measured window counts."""

from collections.abc import Iterable, Iterator

import numpy as np

from migperf.measure.benchmark import Scenario
from migperf.measure.events import Finished
from migperf.measure.figures import Interval, ResultFigure
from migperf.measure.statistics import Samples, batch_means_interval, percentile, samples_needed
from migperf.metrics.metric import Metric, Scope
from migperf.metrics.series import Chunk, Series

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000
LEVEL = 0.95
PERCENTILES = (50, 90, 95, 99)
_TIMING_NAME = {
    Scenario.OFFLINE: "batch_time",
    Scenario.SINGLE_STREAM: "latency",
    Scenario.TRAIN: "step_time",
}


def timing_series(scenario: Scenario) -> Series:
    """Return the empty series of what the scenario times: a batch, a request or a training step, ms."""
    metric = Metric(name=_TIMING_NAME[scenario], unit="ms", scope=Scope.PROCESS, source="timer")
    return Series(metric)


def summarise(scenario: Scenario, finished: Finished, series: Iterable[Series]) -> tuple[ResultFigure, ...]:
    """Return the figures of a run that finished: speed, what the child reported, and what was watched."""
    by_name = {s.metric.name: s for s in series}
    timings = _inside(by_name[_TIMING_NAME[scenario]].all(), finished)
    watched = (by_name[name] for name in ("cpu", "rss") if name in by_name)
    return (
        _throughput(timings, finished),
        *_timing_figures(_TIMING_NAME[scenario], timings.value),
        *finished.figures,
        *(figure for s in watched for figure in _watched_figures(s, finished)),
    )


def _inside(chunk: Chunk, finished: Finished) -> Chunk:
    kept = (chunk.time_ns >= finished.window_start_ns) & (chunk.time_ns <= finished.window_end_ns)
    return Chunk(chunk.time_ns[kept], chunk.value[kept])


def _throughput(timings: Chunk, finished: Finished) -> ResultFigure:
    """Samples a second over the whole window, gaps between steps included."""
    unit = f"{finished.sample_unit}/s"
    window_s = (finished.window_end_ns - finished.window_start_ns) / NS_PER_S
    if not len(timings) or window_s <= 0:
        return ResultFigure(name="throughput", unit=unit, scope=Scope.PROCESS, absent="no step ended while measuring")
    ends_ns = timings.time_ns + timings.value * NS_PER_MS
    cycle_s = np.diff(ends_ns, prepend=finished.window_start_ns) / NS_PER_S
    bounds = batch_means_interval(cycle_s, LEVEL)
    return ResultFigure(
        name="throughput",
        unit=unit,
        scope=Scope.PROCESS,
        value=len(timings) * finished.samples_per_step / window_s,
        interval=_interval(*(finished.samples_per_step / s for s in reversed(bounds))) if bounds else None,
        samples=len(timings),
    )


def _timing_figures(name: str, values_ms: Samples) -> Iterator[ResultFigure]:
    bounds = batch_means_interval(values_ms, LEVEL)
    yield _of_sample(
        f"{name}_mean",
        values_ms,
        value=float(values_ms.mean()) if len(values_ms) else None,
        interval=_interval(*bounds) if bounds else None,
        absent=None if len(values_ms) else "no step ended while measuring",
    )
    for percent in PERCENTILES:
        yield _percentile_figure(name, percent, values_ms)


def _percentile_figure(name: str, percent: int, values_ms: Samples) -> ResultFigure:
    """A percentile, or why so few samples cannot support it."""
    needed = samples_needed(percent / 100)
    if len(values_ms) < needed:
        reason = f"needs at least {needed} steps, {len(values_ms)} were measured; raise min_steps or min_s"
        return _of_sample(f"{name}_p{percent}", values_ms, absent=reason)
    return _of_sample(f"{name}_p{percent}", values_ms, value=percentile(values_ms, percent / 100))


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


def _watched_figures(series: Series, finished: Finished) -> Iterator[ResultFigure]:
    values = series.within(finished.window_start_ns, finished.window_end_ns)
    for name, reduce in (("mean", np.mean), ("max", np.max)):
        yield ResultFigure(
            name=f"{series.metric.name}_{name}",
            unit=series.metric.unit,
            scope=series.metric.scope,
            value=float(reduce(values)) if len(values) else None,
            samples=len(values),
            absent=None if len(values) else series.absent or "no sample fell into the measured window",
        )


def _interval(low: float, high: float) -> Interval:
    return Interval(low=low, high=high, level=LEVEL, method="batch means")
