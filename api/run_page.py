"""What a run's page shows, gathered from the store."""

from dataclasses import dataclass
from typing import Self

from sqlalchemy.orm import Session

from api.links import Links
from api.schemas.results import ArtifactList, ResultView, SeriesHead, SeriesList
from api.schemas.runs import RunView
from api.schemas.timeline import Timeline
from api.sparkline import Sparkline, draw
from migperf.store import results, runs, series
from migperf.store.models import Run, SeriesRow

MOST_DRAWN = 200_000
"""Samples of a series; reading more would make the page slow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnSeries:
    """A series with its drawing, None when there is nothing or too much to draw."""

    head: SeriesHead
    drawing: Sparkline | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPage:
    """Everything that is told about one run."""

    run: RunView
    result: ResultView
    timeline: Timeline
    series: list[DrawnSeries]
    artifacts: ArtifactList
    attempts_logged: list[int]

    @classmethod
    def of(cls, session: Session, run_id: str, links: Links) -> Self:
        """Gather it. Raises NotFoundError."""
        run = runs.get(session, run_id)
        return cls(
            run=RunView.of(run, links),
            result=ResultView.of(run, results.read_figures(session, run_id)),
            timeline=Timeline.of(runs.events_after(session, run_id, 0)),
            series=_drawn(session, run),
            artifacts=ArtifactList.of(results.list_artifacts(session, run_id), links),
            attempts_logged=[attempt for attempt, _ in results.read_logs(session, run_id)],
        )


def _drawn(session: Session, run: Run) -> list[DrawnSeries]:
    rows = series.list_series(session, run.id)
    heads = SeriesList.of(run, rows).items
    return [
        DrawnSeries(head=head, drawing=_drawing(session, run, row) if head.samples <= MOST_DRAWN else None)
        for head, (row, _) in zip(heads, rows, strict=True)
    ]


def _drawing(session: Session, run: Run, row: SeriesRow) -> Sparkline | None:
    start_ns, end_ns = run.window_start_ns, run.window_end_ns
    window_ns = (start_ns, end_ns) if start_ns is not None and end_ns is not None else None
    return draw(series.read(session, row.id), window_ns)
