"""Many points in few columns: each shows its lowest and its highest, so that no outlier is lost."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from api.charts.content import ChartPoint, PointKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """Neighbouring points that are drawn as one: where they begin and end, and the range of those that were judged.

    ``low`` and ``high`` are of all points where none was judged. ``left_out`` counts those that were not.
    """

    first: int
    last: int
    count: int
    low: float
    high: float
    left_out: int


def columns(points: Sequence[ChartPoint], first: int, last: int, most: int) -> Iterator[Column]:
    """Yield at most so many columns of equal width over the places from ``first`` to ``last``; empty ones are none."""
    places = last - first + 1
    count = min(most, places)
    part: list[ChartPoint] = []
    at = -1
    for point in points:
        column = (point.place - first) * count // places
        if column != at and part:
            yield _column(part)
            part = []
        at = column
        part.append(point)
    if part:
        yield _column(part)


def _column(points: Sequence[ChartPoint]) -> Column:
    judged = [point.value for point in points if point.kind is PointKind.JUDGED]
    values = judged or [point.value for point in points]
    return Column(
        first=points[0].place,
        last=points[-1].place,
        count=len(points),
        low=min(values),
        high=max(values),
        left_out=len(points) - len(judged),
    )
