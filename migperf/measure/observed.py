"""What was watched during a run, as the figures of its result look at it: series by name, summed up over the window."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from migperf.measure.figures import ResultFigure
from migperf.metrics.metric import Quantity
from migperf.metrics.series import Series
from migperf.metrics.summary import SeriesSummary, Window, summarise_series


@dataclass(frozen=True, slots=True)
class Observation:
    """One series, and what it comes to within the window."""

    series: Series
    summary: SeriesSummary

    def figure(
        self,
        name: str,
        value: float | None,
        *,
        method: str | None = None,
        update_period_ms: float | None = None,
    ) -> ResultFigure:
        """Return a figure of the result: the value in the metric's unit, or the reason why the series has none."""
        return ResultFigure(
            name=name,
            unit=self.series.metric.unit,
            scope=self.series.metric.scope,
            value=value,
            samples=self.summary.samples,
            absent=self.summary.absent,
            method=method,
            update_period_ms=update_period_ms,
        )


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything that was watched, by the name of the metric."""

    window: Window
    by_name: dict[str, Observation] = field(default_factory=dict)

    @classmethod
    def of(cls, series: Iterable[Series], window: Window) -> Self:
        """Sum up the series; of those of one name, the first that has something to tell of the window counts."""
        found: dict[str, Observation] = {}
        for one in series:
            seen = Observation(one, summarise_series(one, window))
            known = found.setdefault(one.metric.name, seen)
            if known.summary.absent and not seen.summary.absent:
                found[one.metric.name] = seen
        return cls(window, found)

    def find(self, *quantities: Quantity) -> list[Observation]:
        """Return what was watched of the quantities, in their order."""
        return [self.by_name[quantity.name] for quantity in quantities if quantity.name in self.by_name]

    def best(self, *quantities: Quantity) -> list[Observation]:
        """Return the first of the quantities that has something to tell, else the first that was watched at all."""
        found = self.find(*quantities)
        return sorted(found, key=lambda one: one.summary.absent is not None)[:1]
