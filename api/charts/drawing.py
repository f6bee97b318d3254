"""The drawing of a chart: marks at coordinates of an SVG, each with what is told of it.

Up to ``MOST_SINGLE`` points are drawn one by one; more are drawn as columns, and ``Drawing.shown`` says so.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from api.charts.content import ChartContent, ChartPoint, EnvironmentMark, Level, PointKind, Step, StepKind
from api.charts.reduction import Column, columns
from api.charts.scales import Scale, Tick, spread, time_labels
from api.charts.span import Span
from api.formatting import moment, number

WIDTH, HEIGHT = 960, 250
LEFT, RIGHT, TOP, BOTTOM = 70, 950, 20, 222
MOST_SINGLE, MOST_COLUMNS = 400, 220
_MOST_TIMES = 6
_WHISKERS_UP_TO = 150
"""With more points than that their error bars would be a wall."""
_LONGEST_WHISKER = 2.0
"""An error bar takes part in the scale up to so many times the range of the values."""
_MARK_WIDTH = 7.0
_MOST_TOLD = 6

RangeLink = Callable[[Span], str]
"""Returns the address of a page that shows a stretch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A single point, its error bar where it has one; ``shape`` is of its class in the style sheet."""

    x: float
    y: float
    top: float | None
    bottom: float | None
    kind: PointKind
    imported: bool
    text: str
    href: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A column of several points, or something else that has a range and is told of."""

    x: float
    width: float
    top: float
    bottom: float
    text: str
    href: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A level, with the band of its interval where it has one."""

    left: float
    right: float
    y: float
    top: float | None
    bottom: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Jump:
    """A change of level at ``x``; the stretch in which it may lie goes from ``left`` over ``width``."""

    x: float
    left: float
    width: float
    kind: StepKind
    text: str


@dataclass(frozen=True, slots=True)
class Flag:
    """A mark at the top of the chart: the environment is another one from here on."""

    x: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """All marks of a chart, what it shows in words, and for a script the stretch of places that it goes over."""

    metric: str
    unit: str
    span: Span
    shown: str
    label: str
    y_ticks: tuple[Tick, ...]
    x_ticks: tuple[Tick, ...]
    dots: tuple[Dot, ...]
    bars: tuple[Bar, ...]
    lines: tuple[Line, ...]
    jumps: tuple[Jump, ...]
    flags: tuple[Flag, ...]
    marked: Dot | None


def draw(content: ChartContent, span: Span, range_link: RangeLink) -> Drawing | None:
    """Return the drawing of a stretch; None where no point of it has the metric."""
    points = content.between(span.first, span.last)
    if not points:
        return None
    x = _Across(span)
    levels = [level for level in content.levels if level.first <= span.last and level.last >= span.first]
    y = Scale.over([*_extent(points), *(level.value for level in levels)], BOTTOM, TOP)
    are_single = len(points) <= MOST_SINGLE
    dots = tuple(_dot(point, content, x, y, len(points)) for point in points) if are_single else ()
    reduced = () if are_single else tuple(columns(points, span.first, span.last, MOST_COLUMNS))
    return Drawing(
        metric=content.metric,
        unit=content.unit,
        span=span,
        shown=_shown(points, reduced, span),
        label=_label(content, points, levels),
        y_ticks=y.ticks(),
        x_ticks=_times(content, span, x),
        dots=dots,
        bars=tuple(_bar(column, content, x, y, range_link) for column in reduced),
        lines=tuple(_line(level, x, y) for level in levels),
        jumps=tuple(_jumps(content.steps, x)),
        flags=tuple(_flags(content.environment, x)),
        marked=next((_dot(point, content, x, y, 0) for point in points if point.place == content.marked), None),
    )


@dataclass(frozen=True, slots=True)
class _Across:
    """Where places lie: each has the same width, a point in the middle of its own."""

    span: Span

    @property
    def width(self) -> float:
        return (RIGHT - LEFT) / self.span.count

    def of(self, place: float) -> float:
        """Return where the middle of a place is, held within the chart."""
        return round(min(RIGHT, max(LEFT, LEFT + (place - self.span.first + 0.5) * self.width)), 1)

    def has(self, place: int) -> bool:
        return self.span.first <= place <= self.span.last


def _extent(points: Sequence[ChartPoint]) -> Iterator[float]:
    values = [point.value for point in points]
    low, high = min(values), max(values)
    yield from (low, high)
    if len(points) <= _WHISKERS_UP_TO:
        reach = _LONGEST_WHISKER * max(high - low, 0.01 * high)
        for point in points:
            yield max(low - reach, point.value if point.low is None else point.low)
            yield min(high + reach, point.value if point.high is None else point.high)


def _dot(point: ChartPoint, content: ChartContent, x: _Across, y: Scale, beside: int) -> Dot:
    told = content.tell(point.place)
    has_bar = point.low is not None and point.high is not None and beside <= _WHISKERS_UP_TO
    return Dot(
        x=x.of(point.place),
        y=y.place(point.value),
        top=y.place(point.high) if has_bar and point.high is not None else None,
        bottom=y.place(point.low) if has_bar and point.low is not None else None,
        kind=point.kind,
        imported=point.imported,
        text=told.text,
        href=told.href,
    )


def _bar(column: Column, content: ChartContent, x: _Across, y: Scale, range_link: RangeLink) -> Bar:
    begun, ended = (content.times[place - content.begin] for place in (column.first, column.last))
    left_out = f", {column.left_out} of them not judged" if column.left_out else ""
    text = (
        f"{column.count} points{left_out}, {moment(begun)} to {moment(ended)} UTC\n"
        f"{number(column.low)} to {number(column.high)} {content.unit}"
    )
    left, right = x.of(column.first - 0.5), x.of(column.last + 0.5)
    top, bottom = y.place(column.high), y.place(column.low)
    if bottom - top < 2:  # noqa: PLR2004 (as thick as a dot at least, so that it can be seen)
        top, bottom = top - 1, bottom + 1
    zoomed = Span.of(x.span.begin, x.span.end, column.first, column.last)
    return Bar(
        x=left, width=round(max(1.0, right - left), 1), top=top, bottom=bottom, text=text, href=range_link(zoomed)
    )


def _line(level: Level, x: _Across, y: Scale) -> Line:
    has_band = level.low is not None and level.high is not None
    return Line(
        left=x.of(level.first - 0.5),
        right=x.of(level.last + 0.5),
        y=y.place(level.value),
        top=y.place(level.high) if has_band and level.high is not None else None,
        bottom=y.place(level.low) if has_band and level.low is not None else None,
    )


def _jumps(steps: Sequence[Step], x: _Across) -> Iterator[Jump]:
    for step in steps:
        if step.latest < x.span.first or step.earliest > x.span.last:
            continue
        # It precedes one of these points, so it may lie anywhere between the one before the first and the last of them.
        left, right = x.of(step.earliest - 1), x.of(step.latest)
        yield Jump(x=x.of(step.place - 0.5), left=left, width=round(right - left, 1), kind=step.kind, text=step.text)


def _flags(marks: Sequence[EnvironmentMark], x: _Across) -> Iterator[Flag]:
    """Yield the marks, those that would lie upon one another as one."""
    seen = [mark for mark in marks if x.has(mark.place)]
    for _, part in groupby(seen, key=lambda mark: math.floor(x.of(mark.place - 0.5) / _MARK_WIDTH)):
        together = list(part)
        told = "\n".join(mark.text for mark in together[:_MOST_TOLD])
        more = len(together) - _MOST_TOLD
        yield Flag(x.of(together[0].place - 0.5), f"{told}\nand {more} more such points" if more > 0 else told)


def _times(content: ChartContent, span: Span, x: _Across) -> tuple[Tick, ...]:
    places = [span.first + index for index in spread(span.count, _MOST_TIMES)]
    labels = time_labels([content.times[place - content.begin] for place in places])
    return tuple(Tick(x.of(place), text) for place, text in zip(places, labels, strict=True))


def _shown(points: Sequence[ChartPoint], reduced: Sequence[Column], span: Span) -> str:
    which = f"all {len(points):,} points" if span.is_all else f"{len(points):,} points of a stretch"
    if not reduced:
        return which
    largest = max(column.count for column in reduced)
    return (
        f"{which} in {len(reduced)} columns, each from the lowest to the highest of up to {largest} points; "
        f"choose a column to see its points"
    )


def _label(content: ChartContent, points: Sequence[ChartPoint], levels: Sequence[Level]) -> str:
    values = [point.value for point in points]
    unit = "" if content.unit == "1" else f" {content.unit}"
    low, high = number(min(values)), number(max(values))
    told = f"{content.metric.replace('_', ' ')}: {len(points):,} points from {low} to {high}{unit}"
    if not levels:
        return told
    return f"{told}; levels " + ", then ".join(f"{number(level.value)}{unit}" for level in levels)
