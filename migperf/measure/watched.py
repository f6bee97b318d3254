"""The figures of a result that come from what was watched, in the order in which they are shown.

A metric that nothing offers here has no figure; one that could not be read has a figure that says why.
"""

from collections.abc import Callable, Iterable, Iterator

from migperf.measure.energy_figures import (
    Work,
    board_energy_figures,
    estimate_figures,
    host_energy_figures,
    power_figures,
)
from migperf.measure.figures import ResultFigure
from migperf.measure.observed import Observation, Observed
from migperf.metrics import catalogue
from migperf.metrics.flags import any_of
from migperf.metrics.metric import Kind, Metric, Quantity
from migperf.metrics.series import Series
from migperf.metrics.summary import SeriesSummary, Window, summarise_series

Statistics = tuple[tuple[Quantity, tuple[str, ...]], ...]

_STATISTICS: dict[str, Callable[[SeriesSummary], float | None]] = {
    "mean": lambda summary: summary.mean,
    "min": lambda summary: summary.minimum,
    "max": lambda summary: summary.maximum,
    "events": lambda summary: summary.events,
}
_CHILD_AND_GPU: Statistics = (
    (catalogue.CPU, ("mean", "max")),
    (catalogue.RSS, ("mean", "max")),
    (catalogue.GRACT, ("mean",)),
    (catalogue.SM_ACTIVE, ("mean",)),
    (catalogue.SM_OCCUPANCY, ("mean",)),
    (catalogue.TENSOR_ACTIVE, ("mean",)),
    (catalogue.DRAM_ACTIVE, ("mean",)),
    (catalogue.FB_USED, ("max",)),
)
_CONDITIONS: Statistics = (
    (catalogue.CLOCK_SM, ("mean", "min")),
    (catalogue.TEMPERATURE_GPU, ("max",)),
)
_ERRORS: Statistics = ((catalogue.XID, ("events",)),)
_THROTTLING = (
    catalogue.THROTTLE_POWER_CAP,
    catalogue.THROTTLE_HW_SLOWDOWN,
    catalogue.THROTTLE_HW_THERMAL,
    catalogue.THROTTLE_HW_POWER_BRAKE,
    catalogue.THROTTLE_SW_THERMAL,
    catalogue.THROTTLE_SYNC_BOOST,
)


def watched_figures(
    series: Iterable[Series], window: Window, work: Work, *, whole_board: bool
) -> tuple[ResultFigure, ...]:
    """Return the figures of what was watched within the window.

    ``whole_board`` says that the run had the whole GPU, so that the energy of the board is its own.
    """
    observed = Observed.of(series, window)
    return (
        *_plain_figures(observed, _CHILD_AND_GPU),
        *power_figures(observed),
        *board_energy_figures(observed, work, whole_board=whole_board),
        *estimate_figures(observed, work),
        *host_energy_figures(observed),
        *_plain_figures(observed, _CONDITIONS),
        *_throttling_figures(observed),
        *_plain_figures(observed, _ERRORS),
    )


def _plain_figures(observed: Observed, wanted: Statistics) -> Iterator[ResultFigure]:
    for quantity, statistics in wanted:
        for seen in observed.find(quantity):
            for statistic in statistics:
                yield seen.figure(f"{quantity.name}_{statistic}", _STATISTICS[statistic](seen.summary))


def _throttling_figures(observed: Observed) -> Iterator[ResultFigure]:
    """Yield the share of the window in which clocks were held down for any reason, and for each that was seen."""
    flags = observed.find(*_THROTTLING)
    if not flags:
        return
    yield _any_throttling(flags, observed.window)
    for seen in flags:
        if seen.summary.events:
            yield seen.figure(f"{seen.series.metric.name}_share", seen.summary.share)


def _any_throttling(flags: list[Observation], window: Window) -> ResultFigure:
    first = flags[0].series.metric
    metric = Metric(name="throttled", unit="1", scope=first.scope, source=first.source, kind=Kind.FLAG)
    series = any_of(metric, [seen.series for seen in flags])
    seen = Observation(series, summarise_series(series, window))
    return seen.figure("throttled", seen.summary.share)
