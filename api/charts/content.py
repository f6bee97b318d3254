"""What a chart of a history shows, in the unit of its metric: points, levels, steps between them, and marks.

A *place* is a point's position among all points of its history in the order of time, from 0. Points stand side by side
at their places, not at their times: judging knows no more than their order, and bursts of runs stay legible.
"""

import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class PointKind(StrEnum):
    """What became of a point."""

    JUDGED = "judged"
    LEFT_OUT = "left-out"
    WAITING = "waiting"
    """It has not been judged yet."""


class ChartPoint(NamedTuple):
    """A figure of a point, with its interval where it has one. A tuple, since a chart has ten thousand of them."""

    place: int
    value: float
    low: float | None = None
    high: float | None = None
    kind: PointKind = PointKind.JUDGED
    imported: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """What is said of a point, and where it leads: to its run, if that is known."""

    text: str
    href: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A stretch of places, both ends included, at one level; the bounds say how surely the step to it is known."""

    first: int
    last: int
    value: float
    low: float | None = None
    high: float | None = None


class StepKind(StrEnum):
    """What a change of level is."""

    WORSE = "worse"
    BETTER = "better"
    SUSPECTED = "suspected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A change of level before a place, which lies between two others with near certainty."""

    place: int
    earliest: int
    latest: int
    kind: StepKind
    text: str


@dataclass(frozen=True, slots=True)
class EnvironmentMark:
    """What of the environment is not as it was at the point before."""

    place: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartContent:
    """All there is to draw of a metric. ``times`` are those of all places from ``begin`` on.

    Points are in the order of their places; a point without the metric is left out. ``marked`` is a place to look at.
    """

    metric: str
    unit: str
    begin: int
    times: Sequence[datetime]
    points: Sequence[ChartPoint]
    tell: Callable[[int], Told]
    """Says what there is to know of the point at a place: asked only of those that are drawn by themselves."""
    levels: Sequence[Level] = ()
    steps: Sequence[Step] = ()
    environment: Sequence[EnvironmentMark] = ()
    marked: int | None = None

    def between(self, first: int, last: int) -> Sequence[ChartPoint]:
        """Return the points from one place to another, both included."""
        begin = bisect.bisect_left(self.points, first, key=lambda point: point.place)
        return self.points[begin : bisect.bisect_right(self.points, last, key=lambda point: point.place)]
