"""A point of a history: what one result, or one cell of an experiment, says of the metrics that can be watched."""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, ConfigDict, Field

from migperf.measure.figures import ResultFigure
from migperf.statistics.conventions import LEVEL

if TYPE_CHECKING:
    from migperf.statistics.detection.points import Point


class PointFigure(BaseModel):
    """A figure of a point, with its interval where it has one. All values are positive: changes are relative."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    value: float = Field(gt=0)
    unit: str
    low: float | None = None
    high: float | None = None
    level: float | None = Field(default=None, description="Coverage that the interval claims.")

    @classmethod
    def of(cls, figure: ResultFigure) -> Self | None:
        """Return a figure of a result; None where it has no positive value, and so no relative changes."""
        if figure.value is None or not (math.isfinite(figure.value) and figure.value > 0):
            return None
        known = figure.interval
        if known is None or not (math.isfinite(known.low) and math.isfinite(known.high)):
            return cls(value=figure.value, unit=figure.unit)
        return cls(value=figure.value, unit=figure.unit, low=known.low, high=known.high, level=known.level)

    def point(self) -> "Point":
        """Return it as detection takes it."""
        from migperf.statistics.detection.points import Point
        from migperf.statistics.samples import Interval

        if self.low is None or self.high is None or self.level is None:
            return Point(self.value)
        return Point(self.value, Interval(low=self.low, high=self.high, level=self.level, method="given"))


Figures = Mapping[str, PointFigure]


def figures_of(result: Sequence[ResultFigure]) -> dict[str, PointFigure]:
    """Return the figures of a result that a history can have, by name."""
    return {figure.name: known for figure in result if (known := PointFigure.of(figure)) is not None}


def combined(repeats: Sequence[Figures]) -> dict[str, PointFigure]:
    """Return one point of the repeats of a cell: what they have in common, and how well they agree.

    Repeats of one hour share what is peculiar to that hour, so they are one observation of the history, not several. A
    figure is the geometric mean; its interval comes from the spread of the repeats. One repeat stays as it is.
    """
    if len(repeats) == 1:
        return dict(repeats[0])
    return {
        name: _mean([repeat[name] for repeat in repeats])
        for name in repeats[0]
        if all(name in repeat and repeat[name].unit == repeats[0][name].unit for repeat in repeats)
    }


def _mean(figures: Sequence[PointFigure]) -> PointFigure:
    from scipy.special import stdtrit

    logs = [math.log(figure.value) for figure in figures]
    middle, count = statistics.fmean(logs), len(logs)
    half = float(stdtrit(count - 1, 0.5 + LEVEL / 2)) * statistics.stdev(logs) / math.sqrt(count)
    bounds = {"low": math.exp(middle - half), "high": math.exp(middle + half), "level": LEVEL}
    return PointFigure(value=math.exp(middle), unit=figures[0].unit, **bounds)
