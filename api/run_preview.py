"""What submitting a benchmark would come to, without submitting it: what is wrong, or how long it takes and where."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError
from sqlalchemy.orm import Session

from api.equivalents import Equivalents
from api.links import Links
from api.minimal_request import minimal_request
from api.schemas.run_preview import EquivalentsView, OutlookView, RunPreview, TakesView
from api.schemas.runs import BenchmarkReading
from api.schemas.schedules import DocumentProblem
from migperf.errors import remedy
from migperf.experiments.estimate import duration_of_run
from migperf.gpus.layout import Layout, LayoutText
from migperf.gpus.selector import Selector
from migperf.jobs.outlook import look_out
from migperf.jobs.placement import Waiting
from migperf.jobs.wait_reader import read_situation
from migperf.jobs.waits import MOST_AHEAD
from migperf.settings import Settings
from migperf.software_environment import DEFAULT, EnvironmentName
from migperf.store import targets
from migperf.store.queue import ahead_of
from migperf.store.requests import RunRequest
from workloads.registry import catalogue

Document = Mapping[str, JsonValue]


class Placing(BaseModel):
    """The part of a request that says where it may run, whatever else is in it."""

    model_config = ConfigDict(frozen=True)

    where: Selector = Selector()
    layout: LayoutText | None = None
    environment: EnvironmentName | None = None

    def waiting(self) -> Waiting:
        """Return it as placement sees a run."""
        layout = None if self.layout is None else Layout.parse(self.layout)
        environments = frozenset(() if self.environment in (None, DEFAULT) else (self.environment,))
        return Waiting("", self.where, layout, environments)


def preview(session: Session, document: Document, now: datetime, settings: Settings, links: Links) -> RunPreview:
    """Return what submitting the document would come to; it may be unfinished. Only reads."""
    outlook = _outlook(session, document, now, settings.node_stale_s, links)
    try:
        request = RunRequest.model_validate(document)
    except ValidationError as error:
        problems = _problems(document, error)
        return RunPreview(
            problems=problems, fingerprint=None, benchmark=None, takes=None, outlook=outlook, equivalents=None
        )
    reading = BenchmarkReading.of(request)
    takes = duration_of_run(request.benchmark(), request.timeout_s, targets.durations(session))
    return RunPreview(
        problems=[],
        fingerprint=reading.fingerprint,
        benchmark=reading.benchmark,
        takes=TakesView.of(takes),
        outlook=outlook,
        equivalents=EquivalentsView.of(Equivalents.of(minimal_request(request), settings.api_url)),
    )


def _outlook(session: Session, document: Document, now: datetime, stale_s: float, links: Links) -> OutlookView | None:
    try:
        run = Placing.model_validate({name: document[name] for name in Placing.model_fields if name in document})
    except ValidationError:
        return None  # told as a problem
    found = look_out(run.waiting(), read_situation(session, now, stale_s))
    return OutlookView.of(found, ahead_of(session, _priority(document), MOST_AHEAD), links)


def _priority(document: Document) -> int:
    given = document.get("priority")
    return given if isinstance(given, int) and abs(given) <= 100 else 0  # noqa: PLR2004 - another is told as a problem


def _problems(document: Document, error: ValidationError) -> list[DocumentProblem]:
    """Return what is wrong; of the parameters also where they would be looked at only once all else is right."""
    found = _told(error.errors())
    if any(problem.field.partition(".")[0] in ("workload", "parameters") for problem in found):
        return found
    return found + _told(_parameter_errors(document))


def _parameter_errors(document: Document) -> Sequence[Mapping[str, Any]]:
    card = catalogue().get(str(document.get("workload")))
    if card is None:
        return ()
    try:
        card.parameters.model_validate(document.get("parameters", {}))
    except ValidationError as error:
        return [{**each, "loc": ("parameters", *each["loc"])} for each in error.errors()]
    return ()


def _told(errors: Sequence[Mapping[str, Any]]) -> list[DocumentProblem]:
    return [DocumentProblem(field=".".join(map(str, error["loc"])), detail=remedy(error)) for error in errors]
