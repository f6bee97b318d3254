"""The energy of the measured window: by its counter where there is one, else by integrating power."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from migperf.metrics.readings import longest_gap
from migperf.metrics.series import Series
from migperf.metrics.summary import SeriesSummary, Window, summarise_series
from migperf.metrics.update_period import update_period_ms

ENOUGH = 0.95
"""Share of the window that a meter must have covered; the little that is missing is taken to be like the rest."""
_ALL_BUT = 0.9995


@dataclass(frozen=True, slots=True, kw_only=True)
class Energy:
    """Energy of the window, J, with how it was come by; or why it is not known.

    ``covered`` is the share of the window (0 to 1) that the meter was read over, ``update_period_ms`` how often it was
    seen to have a new value.
    """

    joules: float | None = None
    method: str | None = None
    samples: int = 0
    covered: float = 0.0
    update_period_ms: float | None = None
    absent: str | None = None


def energy_of(window: Window, counter: Series | None, powers: Sequence[Series] = ()) -> Energy:
    """Return the energy by the first meter that covers the window: the counter (J), else power (W) in that order."""
    why_not: list[str] = []
    for energy in _attempts(window, counter, powers):
        if energy.absent is None:
            return energy
        why_not.append(energy.absent)
    return Energy(absent="; ".join(why_not) or "nothing here measures energy or power")


def _attempts(window: Window, counter: Series | None, powers: Sequence[Series]) -> Iterator[Energy]:
    if counter is not None:
        yield _by_counter(window, counter)
    for power in powers:
        yield _by_power(window, power)


def _by_counter(window: Window, counter: Series) -> Energy:
    summary = summarise_series(counter, window)
    if summary.total == 0:
        return Energy(absent=f"{counter.metric.name} did not change within the window")
    return _scaled(window, counter, summary, "difference of the energy counter")


def _by_power(window: Window, power: Series) -> Energy:
    return _scaled(window, power, summarise_series(power, window), f"integral of {power.metric.name} (trapezoid)")


def _scaled(window: Window, series: Series, summary: SeriesSummary, method: str) -> Energy:
    """The summary's total for the whole window, if it covers enough of it."""
    covered = summary.covered or 0.0
    if summary.absent is not None or summary.total is None or covered < ENOUGH:
        return Energy(absent=_why_not(window, series, summary))
    return Energy(
        joules=summary.total / covered,
        method=method if covered > _ALL_BUT else f"{method}, {covered:.1%} read",
        samples=summary.samples,
        covered=covered,
        update_period_ms=update_period_ms(series, window.start_ns, window.end_ns),
    )


def _why_not(window: Window, series: Series, summary: SeriesSummary) -> str:
    name = series.metric.name
    if summary.absent is not None:
        return f"{name}: {summary.absent}"
    gap = longest_gap(series, window.start_ns, window.end_ns)
    because = f" ({gap.absence.reason})" if gap else ""
    read = summary.covered or 0.0
    return f"{name} was read over {read:.1%} of the window, and {ENOUGH:.0%} are needed{because}"
