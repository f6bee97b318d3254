"""Histories as they are shown: what is said of each, how it is watched, and what changed where."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from api.links import Links
from api.schemas import history_examples as examples
from api.schemas.points import PointBrief, PointView
from api.schemas.regressions import RegressionView
from api.schemas.view import View
from migperf.statistics.detection.metric_rule import Better
from migperf.statistics.detection.verdict import HistoryVerdict
from migperf.store.history_tables import HistoryRow


class PointPatch(BaseModel):
    """Whether a point is left out of what is judged."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"left_out": "the fan had failed"}]})

    left_out: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)] | None = Field(
        description="Why it is to be left out; null: it is taken in again."
    )


class WatchedBy(View):
    """Whose watch it is."""

    by: Literal["schedule", "hand"]
    schedule_id: str | None = Field(description="Id of the schedule that its runs come from.")
    schedule: str | None = Field(description="Path of that schedule; null when it has been deleted.")
    name: str | None = Field(description="Its name; null when it has been deleted.")


class HistoryView(View):
    """A history, in brief."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.HISTORY]})

    id: str
    url: str = Field(description="Path of this document.")
    title: str
    workload: str
    scenario: str | None = Field(description="null where other tools made its results.")
    fingerprint: str = Field(description="Of the benchmark; of what was imported, a digest of its name and parameters.")
    hardware: dict[str, JsonValue] = Field(
        description="The class of hardware; of what was imported, what its file says."
    )
    created_at: AwareDatetime
    latest_at: AwareDatetime = Field(description="When its newest point was measured.")
    points: int = Field(description="How many points were judged.")
    verdict: HistoryVerdict = Field(description="What can be said of its present level.")
    why: str = Field(description="Why the verdict is what it is.")
    judged_at: AwareDatetime | None
    pending: bool = Field(description="Whether there is something to judge, which the scheduler's next pass does.")
    watched: bool = Field(description="Whether people are told when it gets worse.")
    watched_by: WatchedBy | None = Field(description="Whose watch it is; null where it is not watched.")
    standing_regressions: int = Field(description="Regressions that are open or acknowledged.")

    @classmethod
    def of(cls, row: HistoryRow, names: Mapping[str, str], standing: int, links: Links) -> Self:
        """Show a stored history with so many standing regressions; ``names`` are those of schedules, by id."""
        return cls(**brief_of(row, names, standing, links))


class HistoryList(View):
    """Histories, the one begun last first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [examples.HISTORY], "next_cursor": None}]})

    items: list[HistoryView]
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last.")


class ChangeView(View):
    """A change of the level of a metric."""

    first: PointBrief | None = Field(description="The first point at the new level.")
    earliest: PointBrief | None = Field(description="It is one of those from here on,")
    latest: PointBrief | None = Field(description="up to here.")
    ratio: float = Field(description="Level after over level before.")
    low: float
    high: float
    level: float = Field(description="Coverage that the interval from `low` to `high` claims.")
    worse: bool
    evidence: float = Field(description="How sure it is, as a standard normal deviate.")
    points_before: int = Field(description="Points that the level before rests on.")
    points_after: int
    provisional: bool = Field(description="Whether later points may still move or withdraw it.")


class MetricView(View):
    """What is said of a metric."""

    name: str
    unit: str | None = Field(description="null where no point at hand has the metric.")
    better: Better | None = Field(description="In which direction it improves; null where it is watched no more.")
    minimum_effect: float | None = Field(description="Least relative change that matters.")
    verdict: HistoryVerdict
    why: str
    points: int
    noise_rel: float | None = Field(description="Relative standard deviation of points about their level.")
    changes: list[ChangeView] = Field(description="In the order of time.")
    suspected: ChangeView | None = Field(description="Likely enough to run the benchmark again, and not for an alarm.")


class JointChangeView(View):
    """Changes of several metrics that may be one."""

    first: PointBrief | None
    regressed: list[str]
    improved: list[str]
    followers: list[str] = Field(description="Those of both that have no alarm of their own.")


class HistoryDetail(HistoryView):
    """A history with what is said of each metric."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.HISTORY_WHOLE]})

    benchmark: dict[str, JsonValue] | None = Field(
        description="The benchmark of its newest run; null for what was imported, which cannot be run again."
    )
    watch: dict[str, JsonValue] | None = Field(description="How it is watched, defaults written out; null: not at all.")
    metrics: list[MetricView]
    changes: list[JointChangeView] = Field(description="The changes of all metrics together, in the order of time.")
    regressions: list[RegressionView] = Field(description="Those that are open or acknowledged.")


class RunHistory(View):
    """The history that a run is a part of, and its point."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.OF_RUN]})

    history: HistoryView
    point: PointView


def brief_of(row: HistoryRow, names: Mapping[str, str], standing: int, links: Links) -> dict[str, Any]:
    """Return the members of a history in brief."""
    return {
        "id": row.id,
        "url": links.history(row.id),
        "title": row.title,
        "workload": row.workload,
        "scenario": row.scenario,
        "fingerprint": row.fingerprint,
        "hardware": row.hardware,
        "created_at": row.created_at,
        "latest_at": row.latest_at,
        "points": row.points,
        "verdict": row.verdict,
        "why": row.why,
        "judged_at": row.judged_at,
        "pending": row.pending,
        "watched": row.watch is not None,
        "watched_by": _watched_by(row, names, links),
        "standing_regressions": standing,
    }


def _watched_by(row: HistoryRow, names: Mapping[str, str], links: Links) -> WatchedBy | None:
    if row.watch is None:
        return None
    if row.watched_by is None:
        return WatchedBy(by="hand", schedule_id=None, schedule=None, name=None)
    name = names.get(row.watched_by)
    path = None if name is None else links.schedule(row.watched_by)
    return WatchedBy(by="schedule", schedule_id=row.watched_by, schedule=path, name=name)
