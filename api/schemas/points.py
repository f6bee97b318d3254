"""Points of histories as they are shown: in brief where something refers to one, and whole in a listing."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import AwareDatetime, ConfigDict, Field, JsonValue

from api.links import Links
from api.schemas import history_examples as examples
from api.schemas.view import View
from migperf.histories.points import PointFigure
from migperf.histories.watch import Watch
from migperf.store.history_tables import HistoryEventRow, PointRow
from migperf.store.judging import why_left_out


class PointBrief(View):
    """A point that something refers to."""

    id: int
    number: int | None = Field(description="Its place among the points that were judged, from 0; null where it is not.")
    at: AwareDatetime = Field(description="When it was measured.")
    origin: str = Field(description="`run`, or the tool and file that it was imported from.")
    key: str = Field(description="What tells it from others of its origin: the run's id, or an imported name.")
    run_id: str | None = Field(description="The run, or the last of the repeats; null when that has been deleted.")
    run: str | None = Field(description="Path of the run.")

    @classmethod
    def of(cls, row: PointRow, links: Links) -> Self:
        """Show a stored point in brief."""
        return cls(**_brief(row, links))


class EnvironmentChangeView(View):
    """A fact of the environment that is not what it was; null where it is not known."""

    name: str
    before: JsonValue
    after: JsonValue


class PointView(PointBrief):
    """A point of a history: what one result, or the repeats of one cell of an experiment, say."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.POINT]})

    repeats: int = Field(description="How many runs it stands for.")
    figures: dict[str, PointFigure] = Field(description="By name, each with its unit and, where it has one, interval.")
    changed: list[EnvironmentChangeView] = Field(
        description="In what its environment differs from that of the point that was judged before it."
    )
    taints: list[str] = Field(description="Rules of hygiene that its runs broke.")
    left_out: str | None = Field(description="Why somebody had it left out; null where nobody did.")
    judged: bool = Field(description="Whether it is among the points that the verdict rests on.")
    why_not: str | None = Field(description="Why it is not judged, or not any more; null where it is.")
    environment: dict[str, JsonValue] | None = Field(description="All of it where `environment=true` asks for it.")

    @classmethod
    def shown(cls, row: PointRow, watch: Watch, links: Links, *, environment: bool = False) -> Self:
        """Show a stored point of a history that is watched so; with its environment where that is asked for."""
        return cls(
            **_brief(row, links),
            repeats=row.repeats,
            figures={name: PointFigure.model_validate(figure) for name, figure in row.figures.items()},
            changed=[EnvironmentChangeView.model_validate(change) for change in row.changed],
            taints=list(row.taints),
            left_out=row.left_out,
            judged=row.number is not None,
            why_not=why_not_of(row, watch),
            environment=dict(row.environment) if environment else None,
        )


class PointList(View):
    """Points of a history, newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [examples.POINT], "next_cursor": "16"}]})

    items: list[PointView]
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last.")


class HistoryEventView(View):
    """What a point did to the changes of a metric."""

    id: int
    at: AwareDatetime = Field(description="When that was seen.")
    metric: str
    revision: str = Field(description="added, moved or withdrawn.")
    point: PointBrief | None = Field(description="The point because of which it was said.")
    first: PointBrief | None = Field(description="The first point at the new level; null for what was withdrawn.")
    was: PointBrief | None = Field(description="The first point before that; null for what was added.")

    @classmethod
    def of(cls, row: HistoryEventRow, points: Mapping[int, PointRow], links: Links) -> Self:
        """Show a stored event; ``points`` are those that it refers to, by id."""

        def brief(point_id: int | None) -> PointBrief | None:
            point = None if point_id is None else points.get(point_id)
            return None if point is None else PointBrief.of(point, links)

        return cls(
            id=row.id,
            at=row.at,
            metric=row.metric,
            revision=row.revision,
            point=brief(row.point_id),
            first=brief(row.first_id),
            was=brief(row.was_id),
        )


class HistoryEventList(View):
    """What became of the changes of a history, the latest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [examples.EVENT], "next_cursor": None}]})

    items: list[HistoryEventView]
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last.")


def _brief(row: PointRow, links: Links) -> dict[str, Any]:
    return {
        "id": row.id,
        "number": row.number,
        "at": row.at,
        "origin": row.origin,
        "key": row.key,
        "run_id": row.run_id,
        "run": row.run_id and links.run(row.run_id),
    }


def why_not_of(row: PointRow, watch: Watch) -> str | None:
    """Return why a point is not judged, or not any more; None where it is."""
    why = why_left_out(row, watch)
    return "it is judged by the scheduler's next pass" if why is None and row.number is None else why
