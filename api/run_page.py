"""What a run's page shows, gathered from the store."""

from dataclasses import dataclass
from typing import Self

from sqlalchemy.orm import Session

from api.links import Links
from api.schemas.results import ArtifactList, ResultView
from api.schemas.runs import RunView
from api.schemas.timeline import Timeline
from api.series_page import RunSeries
from migperf.store import results, runs


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPage:
    """Everything that is told about one run."""

    run: RunView
    result: ResultView
    timeline: Timeline
    series: RunSeries
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
            series=RunSeries.of(session, run, links),
            artifacts=ArtifactList.of(results.list_artifacts(session, run_id), links),
            attempts_logged=[attempt for attempt, _ in results.read_logs(session, run_id)],
        )
