"""What a run's page shows, gathered from the store."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from pydantic import ValidationError
from sqlalchemy.orm import Session

from api.history_list import RunInHistory
from api.links import Links
from api.run_charts import RunCharts
from api.schemas.results import ArtifactList, ResultView
from api.schemas.runs import RunView
from api.schemas.series import Window
from api.schemas.timeline import Timeline
from api.series_page import RunSeries
from migperf.measure.hygiene.facts import Hygiene
from migperf.measure.profiling.summary import SUMMARY_NAME, ProfileSummary
from migperf.store import results, runs

_TAIL_LINES, _TAIL_BYTES = 40, 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPage:
    """Everything that is told about one run."""

    run: RunView
    result: ResultView
    timeline: Timeline
    series: RunSeries
    artifacts: ArtifactList
    profile: ProfileSummary | None
    attempts_logged: list[int]
    log: "LogTail | None"
    charts: RunCharts
    hygiene: "RunHygiene | None"
    history: RunInHistory | None

    @classmethod
    def of(cls, session: Session, run_id: str, links: Links) -> Self:
        """Gather it. Raises NotFoundError."""
        run = runs.get(session, run_id)
        view, timeline = RunView.of(run, links), Timeline.of(runs.events_after(session, run_id, 0))
        watched, logs = RunSeries.of(session, run, links), results.read_logs(session, run_id)
        profile = results.find_artifact(session, run_id, SUMMARY_NAME) if run.benchmark.get("profile") else None
        return cls(
            run=view,
            result=ResultView.of(run, results.read_figures(session, run_id)),
            timeline=timeline,
            series=watched,
            artifacts=ArtifactList.of(results.list_artifacts(session, run_id), links),
            profile=None if profile is None else ProfileSummary.model_validate_json(profile.data),
            attempts_logged=[attempt for attempt, _ in logs],
            log=LogTail.of(*logs[-1]) if logs else None,
            charts=RunCharts.of(view, Window.of(run), timeline, watched),
            hygiene=RunHygiene.of(run.environment or {}),
            history=RunInHistory.of(session, run_id, links),
        )


@dataclass(frozen=True, slots=True)
class LogTail:
    """The end of the log of the last attempt; ``whole`` tells whether that is all that is kept."""

    attempt: int
    text: str
    whole: bool

    @classmethod
    def of(cls, attempt: int, kept: bytes) -> Self:
        """Cut it to so many lines, and so many bytes of long ones."""
        tail = b"".join(kept[-_TAIL_BYTES:].splitlines(keepends=True)[-_TAIL_LINES:])
        return cls(attempt, tail.decode(errors="replace"), len(tail) == len(kept))


@dataclass(frozen=True, slots=True)
class RunHygiene:
    """What was going on around a run: the facts that are known, and why rules could not be checked."""

    known: list[tuple[str, str]]
    not_checked: dict[str, str]

    @classmethod
    def of(cls, environment: Mapping[str, object]) -> Self | None:
        """Read it from where a run keeps it; None where nobody has looked, or another version did."""
        try:
            stored = Hygiene.model_validate(environment.get("hygiene"))
        except ValidationError:
            return None
        facts = {} if stored.facts is None else stored.facts.model_dump(exclude={"absent"}, exclude_none=True)
        return cls([(name, _shown(value)) for name, value in facts.items() if value != ()], stored.not_checked)


def _shown(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.3g}"
        case tuple():
            return ", ".join(map(str, value))
    return str(value)
