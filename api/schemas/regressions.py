"""Regressions as they are shown, and what people may do to one."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from api.links import Links
from api.schemas import history_examples as examples
from api.schemas.points import EnvironmentChangeView, PointBrief
from api.schemas.view import View
from migperf.histories.confirming import Finding, Side
from migperf.histories.regression import ConfirmationState, Entry, RegressionState, Resolution
from migperf.histories.wording import size_of
from migperf.store import confirmations, regressions
from migperf.store.history_tables import ConfirmationRow, PointRow, RegressionEntryRow, RegressionRow

PointsById = Mapping[int, PointRow]


class RegressionPatch(BaseModel):
    """What somebody makes of a regression: another state, a comment, or both."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"state": "acknowledged", "comment": "it is the new oneDNN; a fix is on its way", "author": "ada"}
            ]
        },
    )

    state: RegressionState | None = Field(default=None, description="Its new state; left out, it keeps the one it has.")
    comment: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000)] | None = Field(
        default=None, description="Goes into its record."
    )
    author: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)] | None = Field(
        default=None, description="Who says so."
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.state is None and self.comment is None:
            raise ValueError("give state, comment or both")
        return self


class ShiftView(View):
    """By how much a metric moved: level after over level before."""

    name: str
    ratio: float
    low: float
    high: float
    level: float = Field(description="Coverage that the interval from `low` to `high` claims.")
    worse: bool
    followed: bool = Field(description="It has no alarm of its own, and was seen to move where another metric did.")


class RegressionView(View):
    """A change of a watched history for the worse, in brief."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.REGRESSION]})

    id: str
    url: str = Field(description="Path of this document.")
    history_id: str
    history: str = Field(description="Path of the history.")
    title: str = Field(description="Title of the history.")
    state: RegressionState
    resolution: Resolution | None = Field(description="How it came to its end; null unless it is resolved.")
    size: str = Field(description="By how much the metrics that got worse moved, in a line.")
    metrics: list[ShiftView] = Field(description="All metrics that moved there, the surest first.")
    opened_at: AwareDatetime
    changed_at: AwareDatetime = Field(description="When its state changed, or somebody commented on it, last.")
    resolved_at: AwareDatetime | None
    alerted_at: AwareDatetime | None = Field(description="When people were told; null while they were not.")
    first_bad: PointBrief = Field(description="The first point at the worse level.")
    last_good: PointBrief = Field(description="The last point before it.")
    over: PointBrief | None = Field(description="The first point at which it was over; null while it is not.")

    @classmethod
    def of(cls, row: RegressionRow, links: Links) -> Self:
        """Show a stored regression in brief."""
        return cls(**_brief(row, links))


class RegressionList(View):
    """Regressions, newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [examples.REGRESSION], "next_cursor": None}]})

    items: list[RegressionView]
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last.")


class ConfirmingRunView(View):
    """A run that was made for a confirmation."""

    run_id: str
    run: str = Field(description="Path of the run, which may have been deleted.")
    side: Side
    round: int = Field(description="From 0; with a baseline there is a run of each side in a round.")


class FindingView(View):
    """How a metric compares now: its level over the good one."""

    name: str
    against: str = Field(description="What it was compared with.")
    ratio: float
    low: float
    high: float
    level: float = Field(description="Coverage that the interval from `low` to `high` claims.")
    state: ConfirmationState


class ConfirmationView(View):
    """The benchmark was run again since it seemed to be worse."""

    id: str
    state: ConfirmationState
    why: str | None = Field(description="Why it came to that; null while it is running.")
    started_at: AwareDatetime
    ended_at: AwareDatetime | None
    first_bad: PointBrief | None = Field(description="What was taken for the first bad point when it was begun.")
    suspected: dict[str, float] = Field(description="Metrics that seemed to be worse, and the ratio of their levels.")
    baseline: str | None = Field(
        description="The software environment with the last good version, that took turns; null without one."
    )
    runs: list[ConfirmingRunView] = Field(description="In the order in which they were made.")
    findings: list[FindingView]

    @classmethod
    def of(cls, row: ConfirmationRow, points: PointsById, links: Links) -> Self:
        """Show a stored confirmation."""
        made = [
            ConfirmingRunView(run_id=one.run_id, run=links.run(one.run_id), side=one.side, round=one.round)
            for one in confirmations.runs_of(row)
        ]
        found = [(name, Finding.model_validate(finding)) for name, finding in row.findings]
        return cls(
            id=row.id,
            state=row.state,
            why=row.why,
            started_at=row.started_at,
            ended_at=row.ended_at,
            first_bad=PointBrief.of(points[row.first_bad_id], links) if row.first_bad_id in points else None,
            suspected=dict(row.metrics),
            baseline=row.baseline,
            runs=made,
            findings=[FindingView(name=name, **finding.model_dump()) for name, finding in found],
        )


class EntryView(View):
    """An entry in the record of a regression."""

    at: AwareDatetime
    kind: Entry = Field(description="What it is about; `state`: somebody changed its state.")
    author: str | None = Field(description="Who did it; null for the service.")
    text: str

    @classmethod
    def of(cls, row: RegressionEntryRow) -> Self:
        """Show a stored entry."""
        return cls(at=row.at, kind=Entry(row.kind), author=row.author, text=row.text)


class RegressionDetail(RegressionView):
    """A regression with all that is known about it."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.REGRESSION_WHOLE]})

    earliest: PointBrief | None = Field(description="The first bad point is one of those from here on,")
    latest: PointBrief | None = Field(description="up to here.")
    environment: list[EnvironmentChangeView] = Field(
        description="In what the environments of the last good point and the first bad one differ, as far as recorded."
    )
    comparison: str | None = Field(
        description="Path of the comparison of the last good run and the first bad one; null unless both are there."
    )
    confirmations: list[ConfirmationView] = Field(description="Oldest first.")
    record: list[EntryView] = Field(description="What happened to it, oldest first.")

    @classmethod
    def with_all(cls, row: RegressionRow, points: PointsById, links: Links) -> Self:
        """Show a stored regression with its record; ``points`` are those that it refers to, by id."""

        def brief(point_id: int) -> PointBrief | None:
            return PointBrief.of(points[point_id], links) if point_id in points else None

        return cls(
            **_brief(row, links),
            earliest=brief(row.earliest_id),
            latest=brief(row.latest_id),
            environment=[EnvironmentChangeView(**c.model_dump()) for c in regressions.environment_of(row)],
            comparison=_comparison(row, links),
            confirmations=[ConfirmationView.of(one, points, links) for one in row.confirmations],
            record=[EntryView.of(entry) for entry in row.entries],
        )


def _brief(row: RegressionRow, links: Links) -> dict[str, Any]:
    metrics = regressions.metrics_of(row)
    return {
        "id": row.id,
        "url": links.regression(row.id),
        "history_id": row.history_id,
        "history": links.history(row.history_id),
        "title": row.history.title,
        "state": row.state,
        "resolution": row.resolution,
        "size": size_of(metrics),
        "metrics": [ShiftView(name=name, **regressions.shifted_data(one)) for name, one in metrics.items()],
        "opened_at": row.opened_at,
        "changed_at": row.changed_at,
        "resolved_at": row.resolved_at,
        "alerted_at": row.alerted_at,
        "first_bad": PointBrief.of(row.first_bad, links),
        "last_good": PointBrief.of(row.last_good, links),
        "over": None if row.over is None else PointBrief.of(row.over, links),
    }


def _comparison(row: RegressionRow, links: Links) -> str | None:
    good, bad = row.last_good.run_id, row.first_bad.run_id
    return None if good is None or bad is None else links.to(f"/v1/comparison?baseline={good}&candidate={bad}")
