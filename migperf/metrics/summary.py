"""What a series comes to within the measured window. Pure functions; docs/explanation/numbers.md says it in words."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from migperf.metrics.integral import (
    RestartedError,
    Sum,
    TooFewReadingsError,
    average_spans,
    counter_growth,
    gauge_integral,
)
from migperf.metrics.metric import NS_PER_S, Kind, Metric
from migperf.metrics.readings import linked, longest_gap, overlap_ns, within
from migperf.metrics.series import Series
from migperf.statistics.sample_quantiles import quantile_of, supported_quantile
from migperf.statistics.samples import Samples

_INTEGRAL_UNITS = {"W": "J", "MiB/s": "MiB"}
_NO_READING = "too few readings tell of the measured window alone; raise min_s or sample_hz"


@dataclass(frozen=True, slots=True)
class Window:
    """The measured window: a time span in the clock of the series, ns."""

    start_ns: int
    end_ns: int

    @property
    def length_ns(self) -> int:
        """How long it lasts, ns."""
        return self.end_ns - self.start_ns

    def share(self, part_ns: int) -> float:
        """Return a part of it as a share, 0 to 1."""
        return part_ns / self.length_ns if self.length_ns > 0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesSummary:
    """The figures of one series within the window, in the metric's unit; what makes no sense for its kind is None.

    ``absent`` says why there are none at all.
    """

    metric: Metric
    samples: int
    """Readings that tell of the window alone."""
    covered: float | None = None
    """Share of the window that was being read without a gap, 0 to 1; None where readings are the thing itself."""
    mean: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    p50: float | None = None
    p90: float | None = None
    p95: float | None = None
    p99: float | None = None
    total: float | None = None
    """A counter's growth over the window, or the integral of a rate or power over it."""
    total_unit: str | None = None
    share: float | None = None
    """Of a flag: the share of the covered time in which it was set, 0 to 1."""
    events: int | None = None
    absent: str | None = None


def summarise_series(series: Series, window: Window) -> SeriesSummary:
    """Return what a series comes to, from readings that tell of the window alone. What that means, its kind says."""
    return _BY_KIND[series.metric.kind](series, window)


def summaries(series: Iterable[Series], window: Window) -> tuple[SeriesSummary, ...]:
    """Return the summary of each series, in their order."""
    return tuple(summarise_series(one, window) for one in series)


def _of_gauge(series: Series, window: Window) -> SeriesSummary:
    values = series.chunk.value[within(series, window.start_ns, window.end_ns)]
    if not len(values):
        return _absent(series, window)
    area = gauge_integral(series, window.start_ns, window.end_ns)
    summary = _of_values(series, values, float(values.mean()))
    return replace(_with_integral(summary, area), covered=window.share(area.covered_ns))


def _of_average(series: Series, window: Window) -> SeriesSummary:
    spans = average_spans(series, window.start_ns, window.end_ns)
    if not len(spans.value):
        return _absent(series, window)
    area = spans.sum
    summary = _of_values(series, spans.value, area.total * NS_PER_S / area.covered_ns)
    return replace(_with_integral(summary, area), covered=window.share(area.covered_ns))


def _of_counter(series: Series, window: Window) -> SeriesSummary:
    try:
        growth = counter_growth(series, window.start_ns, window.end_ns)
    except RestartedError:
        return _absent(series, window, "the counter went back within the window: it was restarted")
    except TooFewReadingsError:
        return _absent(series, window)
    return replace(
        _of_nothing(series, window),
        covered=window.share(growth.covered_ns),
        total=growth.total,
        total_unit=series.metric.unit,
    )


def _of_flag(series: Series, window: Window) -> SeriesSummary:
    """A reading of a flag holds until the next one, as long as there is no gap between them."""
    inside = within(series, window.start_ns, window.end_ns)
    values = series.chunk.value[inside] != 0
    if not len(values):
        return _absent(series, window)
    held_ns = _held_ns(series, window)[inside]
    covered_ns = int(held_ns.sum())
    return replace(
        _of_nothing(series, window),
        covered=window.share(covered_ns),
        share=float(held_ns[values].sum() / covered_ns if covered_ns else values.mean()),
        events=int(values[0]) + int(np.count_nonzero(values[1:] & ~values[:-1])),
    )


def _of_event(series: Series, window: Window) -> SeriesSummary:
    untold_ns = sum(overlap_ns(gap, window.start_ns, window.end_ns) for gap in series.gaps)
    if untold_ns >= window.length_ns:
        return _absent(series, window)
    summary = _of_nothing(series, window)
    return replace(summary, covered=window.share(window.length_ns - untold_ns), events=summary.samples)


def _of_duration(series: Series, window: Window) -> SeriesSummary:
    values = series.chunk.value[within(series, window.start_ns, window.end_ns)]
    return _of_values(series, values, float(values.mean())) if len(values) else _absent(series, window)


_BY_KIND: dict[Kind, Callable[[Series, Window], SeriesSummary]] = {
    Kind.GAUGE: _of_gauge,
    Kind.AVERAGE: _of_average,
    Kind.COUNTER: _of_counter,
    Kind.FLAG: _of_flag,
    Kind.EVENT: _of_event,
    Kind.DURATION: _of_duration,
}


def _absent(series: Series, window: Window, reason: str | None = None) -> SeriesSummary:
    """Nothing can be said; unless a reason is given, for the longest gap's."""
    gap = longest_gap(series, window.start_ns, window.end_ns)
    why = reason or (gap.absence.reason if gap else _NO_READING)
    return SeriesSummary(metric=series.metric, samples=0, absent=why)


def _of_nothing(series: Series, window: Window) -> SeriesSummary:
    inside = within(series, window.start_ns, window.end_ns)
    return SeriesSummary(metric=series.metric, samples=inside.stop - inside.start)


def _of_values(series: Series, values: Samples, mean: float) -> SeriesSummary:
    return SeriesSummary(
        metric=series.metric,
        samples=len(values),
        mean=mean,
        minimum=float(values.min()),
        maximum=float(values.max()),
        p50=quantile_of(values, 0.5),
        p90=supported_quantile(values, 0.9),
        p95=supported_quantile(values, 0.95),
        p99=supported_quantile(values, 0.99),
    )


def _with_integral(summary: SeriesSummary, area: Sum) -> SeriesSummary:
    unit = _INTEGRAL_UNITS.get(summary.metric.unit)
    return replace(summary, total=area.total, total_unit=unit) if unit and area.covered_ns else summary


def _held_ns(series: Series, window: Window) -> npt.NDArray[np.int64]:
    """How long each reading holds: until the next one or the end of the window; not at all if a gap follows."""
    time_ns = series.chunk.time_ns
    until_ns = np.minimum(np.append(time_ns[1:], time_ns[-1:]), window.end_ns)
    return np.where(np.append(linked(series), False), until_ns - time_ns, 0)
