"""Figures of what was timed: throughput, means and percentiles with their intervals."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace

import numpy as np

from migperf.measure.figures import Interval, ResultFigure
from migperf.measure.timing_log import LATENCY
from migperf.metrics.metric import NS_PER_S, Scope
from migperf.metrics.series import Chunk, Series
from migperf.metrics.summary import Window
from migperf.statistics.intervals import mean_interval, throughput_interval
from migperf.statistics.quantiles import quantile_interval
from migperf.statistics.sample_quantiles import quantile_of, samples_needed
from migperf.statistics.samples import Interval as SampleInterval
from migperf.statistics.samples import Samples

NS_PER_MS = 1_000_000
PERCENTILES = (50, 90, 95, 99)
FURTHER_PERCENTILES = (99.9,)
"""Of latencies, which are many."""
PART_PERCENTILES = (50, 99)
NOTHING_ENDED = "no step ended while measuring"


@dataclass(frozen=True, slots=True)
class Level:
    """The confidence level that intervals claim, and the one that they are computed at."""

    claimed: float
    used: float

    def shown(self, found: SampleInterval | None) -> Interval | None:
        """Return an interval as one of a figure; None where an end of it is unknown."""
        if found is None or not (math.isfinite(found.low) and math.isfinite(found.high)):
            return None
        return Interval(**asdict(replace(found, level=self.claimed)))


def throughput_figure(timings: Chunk, window: Window, samples_per_step: int, unit: str, level: Level) -> ResultFigure:
    """Return samples a second: of the steps that ended within the window, over its whole length.

    ``timings`` are all steps, at their beginning, ms. Gaps between steps count.
    """
    ends_ns = np.sort(timings.time_ns + timings.value * NS_PER_MS)
    ends_ns = ends_ns[(ends_ns > window.start_ns) & (ends_ns <= window.end_ns)]
    window_s = (window.end_ns - window.start_ns) / NS_PER_S
    if not len(ends_ns) or window_s <= 0:
        return ResultFigure(name="throughput", unit=unit, scope=Scope.PROCESS, absent=NOTHING_ENDED)
    cycle_s = np.diff(ends_ns, prepend=window.start_ns) / NS_PER_S
    return ResultFigure(
        name="throughput",
        unit=unit,
        scope=Scope.PROCESS,
        value=len(ends_ns) * samples_per_step / window_s,
        interval=level.shown(throughput_interval(cycle_s, samples_per_step, level.used)),
        samples=len(ends_ns),
    )


def timing_figures(name: str, values_ms: Samples, level: Level, unanswered: int = 0) -> Iterator[ResultFigure]:
    """Yield mean and percentiles of the steps of the window, ms.

    Requests without an answer count as slower than all others, so that a percentile that lies among them is absent;
    in the mean they cannot count.
    """
    yield _mean_figure(name, values_ms, level, unanswered)
    for percent in (*PERCENTILES, *(FURTHER_PERCENTILES if name == LATENCY else ())):
        yield _percentile_figure(name, percent, values_ms, level, unanswered)


def part_figures(
    series: Iterable[Series], parts: Iterable[str], window: Window, level: Level
) -> Iterator[ResultFigure]:
    """Yield mean, median and p99 of each part of the steps that was timed, ms."""
    by_name = {one.metric.name: one for one in series}
    for name in parts:
        values_ms = by_name[name].chunk.between(window.start_ns, window.end_ns).value
        if len(values_ms):
            yield _mean_figure(name, values_ms, level, 0)
            for percent in PART_PERCENTILES:
                yield _percentile_figure(name, percent, values_ms, level, 0)


def _mean_figure(name: str, values_ms: Samples, level: Level, unanswered: int) -> ResultFigure:
    there = len(values_ms) > 0
    return _of_sample(
        f"{name}_mean",
        values_ms,
        value=float(values_ms.mean()) if there else None,
        interval=level.shown(mean_interval(values_ms, level.used)),
        absent=None if there else NOTHING_ENDED,
        method=f"of those answered; {unanswered} were not" if unanswered and there else None,
    )


def _percentile_figure(name: str, percent: float, values_ms: Samples, level: Level, unanswered: int) -> ResultFigure:
    """A percentile, or why these samples cannot support it."""
    quantile, name = percent / 100, f"{name}_p{percent:g}"
    count, needed = len(values_ms) + unanswered, samples_needed(quantile)
    if count < needed:
        reason = f"needs at least {needed} steps, {count} were measured; raise min_steps or min_s"
        return _of_sample(name, values_ms, absent=reason)
    if math.ceil((count - 1) * quantile) >= len(values_ms):
        share = unanswered / count
        reason = f"{share:.1%} of the requests got no answer ({unanswered} of {count})"
        return _of_sample(name, values_ms, absent=reason)
    ranked = np.concatenate([values_ms, np.full(unanswered, np.inf)])
    interval = level.shown(quantile_interval(ranked, quantile, level.used))
    return _of_sample(name, ranked, value=quantile_of(ranked, quantile), interval=interval)


def _of_sample(
    name: str,
    values_ms: Samples,
    *,
    value: float | None = None,
    interval: Interval | None = None,
    absent: str | None = None,
    method: str | None = None,
) -> ResultFigure:
    return ResultFigure(
        name=name,
        unit="ms",
        scope=Scope.PROCESS,
        value=value,
        interval=interval,
        samples=len(values_ms),
        absent=absent,
        method=method,
    )
