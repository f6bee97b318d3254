"""What the page of a history shows, gathered from the store."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from sqlalchemy.orm import Session

from api import history_words
from api.benchmark_words import departures
from api.charts.content import PointKind
from api.charts.drawing import Drawing, draw
from api.charts.span import Span
from api.history_content import HistoryContent, changes_of, kind_of, why_not_judged
from api.links import Links
from migperf.errors import NotFoundError
from migperf.histories.environment import EnvironmentChange
from migperf.histories.judging import Judged
from migperf.histories.watch import Watch
from migperf.statistics.detection.judgement import Judgement
from migperf.store import histories, history_reading, regressions, schedules, watching
from migperf.store.history_tables import HistoryRow, PointRow, RegressionRow

POINTS_ON_A_PAGE = 50
EVENTS_ON_A_PAGE = 30


@dataclass(frozen=True, slots=True)
class ListedPoint:
    """A point in the table: what it says of the watched metrics, and what there is to know about it."""

    row: PointRow
    name: str
    changes: tuple[EnvironmentChange, ...]
    why_not: str | None
    """Why it was not judged; None where it was, or waits for it."""


@dataclass(frozen=True, slots=True)
class ListedChange:
    """A change of a metric, and the point before which it lies; None where that is older than what was read."""

    metric: str
    size: str
    at: datetime | None
    name: str
    href: str | None
    between: Sequence[datetime]
    worse: bool
    provisional: bool


@dataclass(frozen=True, slots=True)
class ListedEvent:
    """What a point did to the changes of a metric."""

    at: datetime
    metric: str
    text: str
    because: str


@dataclass(frozen=True, slots=True)
class Watching:
    """How a history is watched, and who said so; ``watch`` is None where nobody does."""

    watch: Watch | None
    schedule_id: str | None
    schedule_name: str | None

    @classmethod
    def of(cls, session: Session, history: HistoryRow) -> Self:
        """Read it."""
        name = None
        if history.watched_by is not None:
            try:
                name = schedules.get(session, history.watched_by).name
            except NotFoundError:
                name = None
        return cls(watching.watch_of(history), history.watched_by, name)

    @property
    def effects(self) -> Mapping[str, float]:
        """The least relative change that matters of each metric that has one of its own."""
        metrics = {} if self.watch is None else self.watch.metrics or {}
        return {name: one.minimum_effect for name, one in metrics.items() if one.minimum_effect is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPage:
    """Everything that is told about one history."""

    history: HistoryRow
    judged: Judged
    watching: Watching
    span: Span
    unread: int
    """How many points are too old to be drawn."""
    charts: Mapping[str, Drawing | None]
    changes: tuple[ListedChange, ...]
    regressions: Sequence[RegressionRow]
    events: tuple[ListedEvent, ...]
    points: tuple[ListedPoint, ...]
    older: int | None
    """The point before which the next page of the table begins; None on the last."""

    @classmethod
    def of(
        cls, session: Session, history_id: str, asked: tuple[int | None, int | None], before: int | None, links: Links
    ) -> Self:
        """Gather it, the charts over the places that were asked for, the table from a point on. NotFoundError."""
        history = histories.get(session, history_id)
        content = HistoryContent.read(session, history, links)
        span = Span.of(content.begin, content.total, *asked)
        rows, older = _table(session, history_id, before)

        def link(zoomed: Span) -> str:
            return address(links, history_id, zoomed)

        return cls(
            history=history,
            judged=content.judged,
            watching=Watching.of(session, history),
            span=span,
            unread=content.begin,
            charts={name: draw(content.of_metric(name), span, link) for name in content.judged.metrics},
            changes=tuple(_changes(content)),
            regressions=regressions.of_history(session, history_id),
            events=tuple(_events(session, history_id)),
            points=tuple(_listed(row) for row in rows),
            older=older,
        )

    @property
    def departures(self) -> str:
        """What of its benchmark is not at its default."""
        return departures(self.history.benchmark)

    @property
    def metrics(self) -> Mapping[str, Judgement]:
        """What was said of each metric."""
        return self.judged.metrics

    @property
    def standing(self) -> int:
        """How many regressions somebody should still care about."""
        return sum(row.state.is_standing for row in self.regressions)


def address(links: Links, history_id: str, span: Span) -> str:
    """Return the address of a history's page with its charts over a stretch."""
    query = f"?{span.query}" if span.query else ""
    return f"{links.history_page(history_id)}{query}#charts"


def _table(session: Session, history_id: str, before: int | None) -> tuple[Sequence[PointRow], int | None]:
    start = None if before is None else histories.point(session, history_id, before)
    rows = histories.newest_points(session, history_id, POINTS_ON_A_PAGE + 1, start)
    shown = rows[:POINTS_ON_A_PAGE]
    return shown, shown[-1].id if len(rows) > len(shown) else None


def _listed(row: PointRow) -> ListedPoint:
    why_not = None if kind_of(row) is PointKind.JUDGED else why_not_judged(row)
    return ListedPoint(row, history_words.point_name(row), changes_of(row.changed), why_not)


def _changes(content: HistoryContent) -> Iterator[ListedChange]:
    """Yield the changes of all metrics, the newest first."""
    by_number = {point.number: place for place, point in enumerate(content.points, content.begin)}
    found = []
    for name, judgement in content.judged.metrics.items():
        for change in judgement.changes:
            number, earliest, latest = (
                content.judged.place(name, index) for index in (change.first, change.earliest, change.latest)
            )
            place = by_number.get(number)
            point = None if place is None else content.name_of(place)
            ends = [content.at(by_number[end]) for end in (earliest, latest) if end in by_number]
            run_id = None if point is None else point.run_id
            listed = ListedChange(
                metric=name,
                size=history_words.moved(name, change),
                at=None if place is None else content.at(place),
                name=f"point {number + 1}" if point is None else run_id or point.key,
                href=None if run_id is None else content.links.page(run_id),
                between=list(dict.fromkeys(ends)),
                worse=change.worse,
                provisional=change.provisional,
            )
            found.append((number, listed))
    yield from (listed for _, listed in sorted(found, key=lambda each: -each[0]))


def _events(session: Session, history_id: str) -> Iterator[ListedEvent]:
    rows = history_reading.newest_events(session, history_id, EVENTS_ON_A_PAGE)
    wanted = {point for row in rows for point in (row.point_id, row.first_id, row.was_id) if point is not None}
    points = histories.points_with(session, sorted(wanted))
    for row in rows:
        first, was = (None if key is None else points.get(key) for key in (row.first_id, row.was_id))
        text = history_words.event(row.revision, first, was)
        yield ListedEvent(row.at, row.metric, text, history_words.point_name(points.get(row.point_id)))
