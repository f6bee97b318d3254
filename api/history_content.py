"""What charts of a history draw: its stored points, and what was said of them when they were judged.

Nothing is judged here. A level is the median of the points of its stretch; how large the steps are, and how surely that
is known, was said by the judgement.
"""

import statistics
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from operator import attrgetter
from typing import Protocol, Self, overload

from sqlalchemy.orm import Session

from api.charts.content import ChartContent, ChartPoint, EnvironmentMark, Level, PointKind, Step, StepKind, Told
from api.formatting import moment, number
from api.history_words import moved, words
from api.links import Links
from migperf.histories.environment import EnvironmentChange
from migperf.histories.judging import Judged
from migperf.histories.points import PointFigure
from migperf.histories.watched_metrics import USUAL
from migperf.measure.figures import Interval
from migperf.statistics.detection.judgement import Change
from migperf.statistics.detection.verdict import HistoryVerdict
from migperf.store import history_reading
from migperf.store.history_reading import DrawnPoint, NamedPoint
from migperf.store.history_tables import HistoryRow
from migperf.store.points import RUN

MOST_READ = 10_000
"""So many points are read for a chart, the newest ones; a page says so where there are more."""


def judged_of(history: HistoryRow) -> Judged:
    """Return what was said of a history; nothing where it was not judged, or another version did that."""
    if history.judged is None:
        return Judged()
    try:
        return Judged.read(history.judged)
    except ValueError:
        return Judged()


def main_metric(verdict: HistoryVerdict, judged: Judged) -> str | None:
    """Return the metric that stands for a history: one that led to the verdict, the more usual first."""
    order = {name: rank for rank, name in enumerate(USUAL)}
    ranked = sorted(judged.metrics, key=lambda name: (order.get(name, len(order)), name))
    leading = [name for name in ranked if judged.metrics[name].verdict is verdict]
    return next(iter([*leading, *ranked]), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryContent:
    """The newest points of a history, and what was said of all of them."""

    judged: Judged
    points: Sequence[DrawnPoint]
    total: int
    """How many points there are, also those that were not read."""
    links: Links
    names: "_Names"

    @classmethod
    def read(cls, session: Session, history: HistoryRow, links: Links, most: int = MOST_READ) -> Self:
        """Read it, with at most so many points."""
        points, total = history_reading.drawn_points(session, history.id, most + 1), 0
        if len(points) > most:
            points, total = points[1:], history_reading.count_points(session, history.id)
        names = _Names(session, history.id, points)
        return cls(judged=judged_of(history), points=points, total=max(len(points), total), links=links, names=names)

    @property
    def begin(self) -> int:
        """The place of the first point that was read."""
        return self.total - len(self.points)

    def place_of(self, point_id: int) -> int | None:
        """Return the place of a point; None where it was not read."""
        return next((place for place, point in enumerate(self.points, self.begin) if point.id == point_id), None)

    def at(self, place: int) -> datetime:
        """Return the time of the point of a place; the place must have been read."""
        return self.points[place - self.begin].at

    def name_of(self, place: int) -> NamedPoint:
        """Return what the point of a place was made of; the place must have been read."""
        return self.names.of(place - self.begin)

    def of_metric(self, name: str, marked: int | None = None) -> ChartContent:
        """Return what there is to draw of a metric."""
        drawn = tuple(self._points(name))
        places = {
            point.number: place for place, point in enumerate(self.points, self.begin) if point.number is not None
        }
        steps = tuple(self._steps(name, places))
        return ChartContent(
            metric=name,
            unit=self._unit(name),
            begin=self.begin,
            times=_Times(self.points),
            points=drawn,
            tell=partial(self._tell, name),
            levels=tuple(_levels(drawn, self._known(name, places), self.begin, self.total)),
            steps=steps,
            environment=tuple(self._environment()),
            marked=marked,
        )

    def _unit(self, name: str) -> str:
        return next((str(point.figures[name]["unit"]) for point in reversed(self.points) if name in point.figures), "")

    def _points(self, name: str) -> Iterator[ChartPoint]:
        for place, point in enumerate(self.points, self.begin):
            # Read as it was stored: validating tens of thousands of figures would take most of a page's time.
            if figure := point.figures.get(name):
                low, high = figure.get("low"), figure.get("high")
                yield ChartPoint(place, figure["value"], low, high, kind_of(point), point.origin != RUN)

    def _tell(self, name: str, place: int) -> Told:
        point, named = self.points[place - self.begin], self.name_of(place)
        text = "\n".join(_told(point, named, PointFigure.model_validate(point.figures[name])))
        return Told(text, None if named.run_id is None else self.links.page(named.run_id))

    def _known(self, name: str, places: dict[int, int]) -> list[tuple[int, Change]]:
        """Return the changes of a metric that lie among what was read, with their places."""
        judgement = self.judged.metrics.get(name)
        changes = () if judgement is None else judgement.changes
        numbered = ((self.judged.place(name, change.first), change) for change in changes)
        return [(places[number], change) for number, change in numbered if number in places]

    def _steps(self, name: str, places: dict[int, int]) -> Iterator[Step]:
        for place, change in self._known(name, places):
            kind = StepKind.WORSE if change.worse else StepKind.BETTER
            yield self._step(name, change, place, kind, places)
        judgement = self.judged.metrics.get(name)
        suspected = None if judgement is None else judgement.suspected
        if suspected is not None and (number := self.judged.place(name, suspected.first)) in places:
            yield self._step(name, suspected, places[number], StepKind.SUSPECTED, places)

    def _step(self, name: str, change: Change, place: int, kind: StepKind, places: dict[int, int]) -> Step:
        earliest, latest = (
            places.get(self.judged.place(name, index), place) for index in (change.earliest, change.latest)
        )
        told = [f"{_SAID[kind]} before the point of {moment(self.at(place))} UTC", moved(name, change)]
        if change.provisional and kind is not StepKind.SUSPECTED:
            told.append("provisional: later points may still move or withdraw it")
        return Step(place=place, earliest=earliest, latest=latest, kind=kind, text="\n".join(told))

    def _environment(self) -> Iterator[EnvironmentMark]:
        for place, point in enumerate(self.points, self.begin):
            if point.changed:
                told = "; ".join(change.text for change in changes_of(point.changed))
                yield EnvironmentMark(place, f"{moment(point.at)} UTC: {told}")


@dataclass(frozen=True, slots=True)
class _Times(Sequence[datetime]):
    """When points were measured, worked out where somebody asks."""

    points: Sequence[DrawnPoint]

    @overload
    def __getitem__(self, index: int) -> datetime: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[datetime]: ...
    def __getitem__(self, index: int | slice) -> datetime | Sequence[datetime]:
        return _Times(self.points[index]) if isinstance(index, slice) else self.points[index].at

    def __len__(self) -> int:
        return len(self.points)


@dataclass(frozen=True, slots=True)
class _Names:
    """What points were made of, read where somebody asks: few points of a long history are told one by one."""

    session: Session
    history_id: str
    points: Sequence[DrawnPoint]
    read: dict[int, NamedPoint] = field(default_factory=dict)

    def of(self, index: int) -> NamedPoint:
        """Return it of one of the points; its neighbours, which will be asked for next, are read with it."""
        point = self.points[index]
        if point.id not in self.read:
            begin = index - index % _READ_TOGETHER
            first, last = self.points[begin], self.points[begin : begin + _READ_TOGETHER][-1]
            self.read.update(history_reading.named_points(self.session, self.history_id, first.at, last.at))
        return self.read[point.id]


_READ_TOGETHER = 400


_SAID = {StepKind.WORSE: "worse", StepKind.BETTER: "better", StepKind.SUSPECTED: "suspected to be worse or better"}


class _Judgeable(Protocol):
    """What tells whether a point was judged."""

    @property
    def number(self) -> int | None: ...
    @property
    def left_out(self) -> str | None: ...
    @property
    def taints(self) -> Sequence[str]: ...


def kind_of(point: _Judgeable) -> PointKind:
    """Return what became of a point; one that was just left out has a number until all is judged anew."""
    if point.number is not None and point.left_out is None:
        return PointKind.JUDGED
    return PointKind.WAITING if why_not_judged(point) is None else PointKind.LEFT_OUT


def why_not_judged(point: _Judgeable) -> str | None:
    """Return why a point without a number is not judged; None where it only waits for it."""
    if point.left_out is not None:
        return f"left out: {point.left_out}"
    return f"left out since tainted: {', '.join(map(words, point.taints))}" if point.taints else None


def changes_of(stored: Sequence[object]) -> tuple[EnvironmentChange, ...]:
    """Return changes of the environment as they were stored."""
    return tuple(EnvironmentChange.model_validate(change) for change in stored)


def _told(point: DrawnPoint, named: NamedPoint, figure: PointFigure) -> Iterator[str]:
    yield f"{moment(point.at)} UTC"
    unit = "" if figure.unit == "1" else f" {figure.unit}"
    if figure.low is None or figure.high is None or figure.level is None:
        yield f"{number(figure.value)}{unit}"
    else:
        known = Interval(low=figure.low, high=figure.high, level=figure.level, method="given")
        low, high = number(figure.low, known), number(figure.high, known)
        yield f"{number(figure.value, known)}{unit} ({low} to {high}, {100 * figure.level:g} %)"
    yield (
        f"run {named.run_id}" if named.run_id else f"{named.key}, {'deleted' if point.origin == RUN else point.origin}"
    )
    if named.repeats > 1:
        yield f"of {named.repeats} repeats"
    if kind_of(point) is not PointKind.JUDGED:
        yield why_not_judged(point) or "waits to be judged"
    elif point.taints:
        yield f"tainted: {', '.join(map(words, point.taints))}"
    for change in changes_of(point.changed):
        yield change.text


_place = attrgetter("place")


def _levels(
    points: Sequence[ChartPoint], changes: Sequence[tuple[int, Change]], begin: int, end: int
) -> Iterator[Level]:
    """Yield the stretches between changes, each at the median of its points, with the band of the step to it."""
    starts: list[tuple[int, Change | None]] = [(begin, None), *sorted(changes, key=lambda each: each[0])]
    judged = [point for point in points if point.kind is PointKind.JUDGED]
    for index, (first, change) in enumerate(starts):
        after = starts[index + 1][0] if index + 1 < len(starts) else end
        stretch = slice(*(bisect_left(judged, place, key=_place) for place in (first, after)))
        values, last = [point.value for point in judged[stretch]], after - 1
        if not values:
            continue
        value = statistics.median(values)
        if change is None:
            yield Level(first=first, last=last, value=value)
        else:
            low, high = (value * bound / change.ratio for bound in (change.interval.low, change.interval.high))
            yield Level(first=first, last=last, value=value, low=low, high=high)
