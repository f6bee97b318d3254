"""Schedules as their watchers see them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from api.links import Links
from api.schemas import schedule_examples as examples
from api.schemas.view import View
from migperf.schedules.errors import ScheduleError
from migperf.schedules.firing import FiringOutcome, next_times
from migperf.statistics.detection.verdict import HistoryVerdict
from migperf.store import schedules
from migperf.store.models import FiringRow, ScheduleRow
from migperf.store.schedule_standing import ScheduleStanding

Standing = ScheduleStanding | None


class SchedulePatch(BaseModel):
    """What can be changed of a schedule without giving all of it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"paused": True}]})

    paused: bool = Field(strict=True, description="true: it does not fire any more; false: it fires again from now on.")


class FiringView(View):
    """One firing of a schedule, and what became of it."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.FIRING]})

    due_at: AwareDatetime = Field(description="When `cron` falls, jitter left out; or when it was asked for.")
    fired_at: AwareDatetime = Field(description="When it was seen to.")
    by_hand: bool = Field(description="Whether somebody asked for it.")
    outcome: FiringOutcome = Field(
        description="submitted; skipped: what an earlier one submitted had not ended; missed: nobody saw to it in "
        "time; refused: what it was to submit could not be had."
    )
    reason: str | None = Field(description="Why it submitted nothing; null where it did.")
    went_by: int = Field(description="Firings before this one that nobody saw to; 1000 stands for 1000 and more.")
    run_id: str | None = Field(description="Id of the run; null also when that has been deleted.")
    run: str | None = Field(description="Path of the run.")
    experiment_id: str | None = Field(description="Id of the experiment; null also when that has been deleted.")
    experiment: str | None = Field(description="Path of the experiment.")
    heard_at: AwareDatetime | None = Field(description="When it was seen what came of it; null before.")
    measured: int | None = Field(
        description="How many points of histories came of it; null while that is not known, where it was skipped, or "
        "where what it submitted was deleted before."
    )
    silence: str | None = Field(description="Why it measured nothing; null where it did, or that is not known.")

    @classmethod
    def of(cls, row: FiringRow, links: Links) -> Self:
        """Show a stored firing."""
        return cls(
            due_at=row.due_at,
            fired_at=row.fired_at,
            by_hand=row.by_hand,
            outcome=row.outcome,
            reason=row.reason,
            went_by=row.went_by,
            run_id=row.run_id,
            run=row.run_id and links.run(row.run_id),
            experiment_id=row.experiment_id,
            experiment=row.experiment_id and links.experiment(row.experiment_id),
            heard_at=row.heard_at,
            measured=row.measured,
            silence=row.silence,
        )


class StandingView(View):
    """How a schedule stands: what came of its last firing of which was heard what it measured."""

    said: HistoryVerdict | Literal["measured nothing"] = Field(
        description="The worst that is said now of the histories that it measured; `measured nothing` is neither good "
        "nor bad."
    )
    reason: str | None = Field(description="Why it measured nothing; null where it did.")
    due_at: AwareDatetime = Field(description="When that firing was due.")
    histories: int = Field(description="How many histories it measured.")
    history_id: str | None = Field(description="One of those of which this is said.")
    history: str | None = Field(description="Path of that history.")

    @classmethod
    def of(cls, standing: ScheduleStanding, links: Links) -> Self:
        """Show how a schedule stands."""
        return cls(
            said=standing.verdict or "measured nothing",
            reason=standing.reason,
            due_at=standing.firing.due_at,
            histories=standing.histories,
            history_id=standing.history_id,
            history=standing.history_id and links.history(standing.history_id),
        )


class ScheduleView(View):
    """A schedule, in brief."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.BRIEF]})

    id: str
    url: str = Field(description="Path of this document.")
    name: str
    title: str
    cron: str
    time_zone: str = Field(description="Whose clock `cron` goes by.")
    submits: Literal["benchmark", "experiment"]
    paused: bool
    created_at: AwareDatetime
    changed_at: AwareDatetime
    next_times: list[AwareDatetime] = Field(description="The next five firings, jitter included; none while paused.")
    last_firing: FiringView | None = Field(description="The firing that was seen to last; null if there was none yet.")
    standing: StandingView | None = Field(description="How it stands; null while nothing was heard of its firings.")

    @classmethod
    def of(cls, row: ScheduleRow, last: FiringRow | None, links: Links, now: datetime, standing: Standing) -> Self:
        """Show a stored schedule as it stands at ``now``."""
        return cls(**_brief(row, last, links, now, standing))


class ScheduleDetail(ScheduleView):
    """A schedule with its document and its latest firings."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.SCHEDULE]})

    document: dict[str, JsonValue] = Field(description="The schedule as it can be sent again, defaults written out.")
    firings: list[FiringView] = Field(description="The latest 20, the one seen to last first.")

    @classmethod
    def with_firings(
        cls, row: ScheduleRow, firings: Sequence[FiringRow], links: Links, now: datetime, standing: Standing
    ) -> Self:
        """Show a stored schedule with its latest firings."""
        return cls(
            **_brief(row, next(iter(firings), None), links, now, standing),
            document=schedules.document_of(row),
            firings=[FiringView.of(firing, links) for firing in firings],
        )


class ScheduleList(View):
    """Schedules, newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [examples.BRIEF], "next_cursor": None}]})

    items: list[ScheduleView]
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last.")


class DocumentProblem(View):
    """What is wrong at one place of a document."""

    field: str = Field(description="Dotted path, such as `benchmark.scenario`; empty: the document as a whole.")
    detail: str = Field(description="What would be right.")


class SchedulePreview(View):
    """What storing a schedule would come to."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.PREVIEW]})

    next_times: list[AwareDatetime] = Field(
        description="When `cron` falls next in `time_zone`, five times, whatever else is wrong; none where one of the "
        "two is. Without jitter, which depends on the id that a schedule is given."
    )
    problems: list[DocumentProblem] = Field(description="Why it would be refused; none where it would be stored.")


def _brief(row: ScheduleRow, last: FiringRow | None, links: Links, now: datetime, standing: Standing) -> dict[str, Any]:
    document = row.document
    return {
        "id": row.id,
        "url": links.schedule(row.id),
        "name": row.name,
        "title": document.get("title") or row.name,
        "cron": document["cron"],
        "time_zone": document["time_zone"],
        "submits": "experiment" if document.get("benchmark") is None else "benchmark",
        "paused": row.paused,
        "created_at": row.created_at,
        "changed_at": row.changed_at,
        "next_times": list(_next_times(row, now)),
        "last_firing": None if last is None else FiringView.of(last, links),
        "standing": None if standing is None else StandingView.of(standing, links),
    }


def _next_times(row: ScheduleRow, now: datetime) -> Sequence[datetime]:
    if row.paused:
        return ()
    try:
        return next_times(schedules.read(row), row.id, now, since=row.since)
    except ScheduleError:
        return ()  # this version cannot read it: it does not fire
