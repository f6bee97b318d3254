"""What the list of histories shows of each, and what a run's page says of the history that the run is in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from sqlalchemy.orm import Session

from api.benchmark_words import departures
from api.charts.content import PointKind
from api.charts.drawing import Drawing, draw
from api.charts.span import Span
from api.history_content import HistoryContent, judged_of, kind_of, main_metric
from api.history_page import address
from api.links import Links
from api.sparkline import Axis, Sparkline
from api.sparkline import draw as draw_sparkline
from migperf.metrics.metric import Kind
from migperf.metrics.series import Chunk
from migperf.store import histories, history_reading, regressions
from migperf.store.history_reading import DrawnPoint
from migperf.store.history_tables import HistoryRow, PointRow

SPARK_POINTS = 60
AROUND_RUN = 25
MOST_BESIDE_RUN = 2_000
"""A run's page is about the run: of one that is so far back it only says that it is a point of its history."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedHistory:
    """A history in a row: its main metric drawn small, and how many regressions of it are standing."""

    row: HistoryRow
    departures: str
    """What of its benchmark is not at its default: histories of one workload have the same title."""
    metric: str | None
    unit: str
    drawing: Sparkline | None
    standing: int


def listed(session: Session, rows: Sequence[HistoryRow]) -> list[ListedHistory]:
    """Return histories as they are listed."""
    ids = [row.id for row in rows]
    points = history_reading.drawn_points_of(session, ids, SPARK_POINTS)
    standing = [row.history_id for row in regressions.standing_of(session, ids)]
    return [_listed(row, points.get(row.id, ()), standing.count(row.id)) for row in rows]


def _listed(row: HistoryRow, points: Sequence[DrawnPoint], standing: int) -> ListedHistory:
    metric = main_metric(row.verdict, judged_of(row))
    kept = [point for point in points if metric in point.figures and kind_of(point) is PointKind.JUDGED]
    figures = [point.figures[metric] for point in kept if metric is not None]
    # A place is a nanosecond of the drawing's axis.
    chunk = Chunk(np.arange(len(figures), dtype=np.int64), np.array([each["value"] for each in figures], np.float64))
    drawing = draw_sparkline(chunk, (), Axis(0, max(1, len(figures) - 1)), None, Kind.GAUGE) if figures else None
    unit = str(figures[-1]["unit"]) if figures else ""
    told = departures(row.benchmark)
    return ListedHistory(row=row, departures=told, metric=metric, unit=unit, drawing=drawing, standing=standing)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInHistory:
    """The history that a run is a point of, with a small chart about that point."""

    history: HistoryRow
    point: PointRow
    place: int | None
    """Which point it is, from 0; None where it is too old to be drawn."""
    total: int
    chart: Drawing | None
    address: str

    @classmethod
    def of(cls, session: Session, run_id: str, links: Links) -> Self | None:
        """Gather it; None where the run is in no history, or not yet."""
        found = histories.of_run(session, run_id)
        if found is None:
            return None
        history, point = found
        content = HistoryContent.read(session, history, links, MOST_BESIDE_RUN)
        place, metric = content.place_of(point.id), main_metric(history.verdict, content.judged)
        begin, end = content.begin, content.total
        span = Span.of(begin, end) if place is None else Span.about(begin, end, place, place, AROUND_RUN)

        def link(zoomed: Span) -> str:
            return address(links, history.id, zoomed)

        chart = None if metric is None or place is None else draw(content.of_metric(metric, place), span, link)
        return cls(history=history, point=point, place=place, total=end, chart=chart, address=link(span))
