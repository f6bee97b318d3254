"""Experiments as their watchers see them."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Literal, Self

from pydantic import AwareDatetime, ConfigDict, Field, JsonValue

from api.links import Links
from api.schemas import experiment_examples as examples
from api.schemas.view import View
from migperf.store.experiment_counts import Counts
from migperf.store.models import CellRow, ExperimentRow, GroupRow, Run
from migperf.store.states import GroupState, RunState

State = Literal["running", "finished", "cancelled"]


class ExperimentRun(View):
    """A run of an experiment, as far as the experiment is concerned."""

    id: str
    url: str = Field(description="Path of the run.")
    page: str = Field(description="Path of its page for people.")
    role: str = Field(description="client: it is measured; neighbour: it loads the device meanwhile.")
    state: RunState
    profile: str | None = Field(description="Profile of the partition that it got; null where not cut or not placed.")
    tainted: bool | None
    reason: str | None

    @classmethod
    def of(cls, run: Run, links: Links) -> Self:
        """Show a stored run."""
        return cls(
            id=run.id,
            url=links.run(run.id),
            page=links.page(run.id),
            role=run.role or "client",
            state=run.state,
            profile=None if run.partition_row is None else run.partition_row.profile,
            tainted=None if run.taints is None else bool(run.taints),
            reason=run.reason,
        )


class Attempt(View):
    """One attempt at one repeat of a cell; the last attempt at a repeat is the one that counts."""

    repeat: int = Field(description="From 0.")
    attempt: int = Field(description="From 1; more than one where runs have failed, or it was taken up again.")
    state: GroupState
    settled_at: AwareDatetime | None
    runs: list[ExperimentRun]


class Cell(View):
    """A cell: what tells it apart, and what has become of its repeats."""

    number: int
    coordinates: dict[str, JsonValue] = Field(description="The value of each axis.")
    skipped: str | None = Field(description="Why nothing of it is measured on this device; null where it is.")
    layout: str | None = Field(description="MIG layout that the GPU is cut into for it.")
    sharing: dict[str, JsonValue] | None = Field(description="How its runs share their device.")
    clients: int = Field(description="Runs that are measured together.")
    neighbours: int = Field(description="Runs that load the device meanwhile.")
    attempts: list[Attempt]

    @classmethod
    def of(cls, row: CellRow, attempts: Sequence[tuple[GroupRow, Sequence[Run]]], links: Links) -> Self:
        """Show a stored cell with the attempts at it."""
        spec: dict[str, Any] = row.spec or {"members": []}
        roles = [member["role"] for member in spec["members"]]
        return cls(
            number=row.number,
            coordinates=row.coordinates,
            skipped=row.skipped,
            layout=next((member["benchmark"].get("layout") for member in spec["members"]), None),
            sharing=spec.get("sharing"),
            clients=roles.count("client"),
            neighbours=roles.count("neighbour"),
            attempts=[
                Attempt(
                    repeat=group.repeat,
                    attempt=group.attempt,
                    state=group.state,
                    settled_at=group.settled_at,
                    runs=[ExperimentRun.of(run, links) for run in runs],
                )
                for group, runs in attempts
            ],
        )


def cells_with_attempts(
    cells: Iterable[CellRow], groups: Iterable[GroupRow], runs: Iterable[Run], links: Links
) -> list[Cell]:
    """Show stored cells, each with the attempts at it, in the order in which they were queued."""
    of_group: defaultdict[str | None, list[Run]] = defaultdict(list)
    for run in runs:
        of_group[run.group_id].append(run)
    of_cell: defaultdict[int, list[tuple[GroupRow, Sequence[Run]]]] = defaultdict(list)
    for group in groups:
        of_cell[group.cell].append((group, of_group[group.id]))
    return [Cell.of(cell, of_cell[cell.number], links) for cell in cells]


class ExperimentView(View):
    """An experiment, in brief."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.BRIEF]})

    id: str
    url: str = Field(description="Path of this document.")
    page: str = Field(description="Path of the page for people.")
    report: str = Field(description="Path of its report, at any time of what there is by then.")
    name: str
    title: str
    state: State
    created_at: AwareDatetime
    finished_at: AwareDatetime | None
    cancelled_at: AwareDatetime | None
    cells: int
    skipped_cells: int = Field(description="Cells of which nothing can be measured on this device.")
    repeats: dict[GroupState, int] = Field(description="How many repeats of cells are in which state.")

    @classmethod
    def of(cls, row: ExperimentRow, counts: Counts, links: Links) -> Self:
        """Show a stored experiment."""
        return cls(**_brief(row, counts, links))


class ExperimentDetail(ExperimentView):
    """An experiment with its file, its plan and its cells."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.EXPERIMENT]})

    document: dict[str, JsonValue] = Field(description="The file, defaults written out.")
    plan: dict[str, JsonValue] = Field(description="Device, order and expected time when it was submitted.")
    cell_list: list[Cell] = Field(description="The cells, in the order of the axes.")

    @classmethod
    def with_cells(
        cls, row: ExperimentRow, counts: Counts, groups: Sequence[GroupRow], runs: Sequence[Run], links: Links
    ) -> "ExperimentDetail":
        """Show a stored experiment with all that belongs to it."""
        return cls(
            **_brief(row, counts, links),
            document=row.document,
            plan=row.plan,
            cell_list=cells_with_attempts(row.cells, groups, runs, links),
        )


class ExperimentList(View):
    """Experiments, newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [examples.BRIEF], "next_cursor": None}]})

    items: list[ExperimentView]
    next_cursor: str | None = Field(description="Give it as `cursor` for the next page; null on the last.")


class Resumed(View):
    """What taking an experiment up again has come to."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"queued": 3}]})

    queued: int = Field(description="How many repeats were queued again.")


def _brief(row: ExperimentRow, counts: Counts, links: Links) -> dict[str, Any]:
    return {
        "id": row.id,
        "url": links.experiment(row.id),
        "page": links.experiment_page(row.id),
        "report": links.report(row.id),
        "name": row.name,
        "title": row.document.get("title") or row.name,
        "state": state_of(row),
        "created_at": row.created_at,
        "finished_at": row.finished_at,
        "cancelled_at": row.cancelled_at,
        "cells": counts.cells,
        "skipped_cells": counts.skipped_cells,
        "repeats": counts.repeats,
    }


def state_of(row: ExperimentRow) -> State:
    """Return how an experiment stands."""
    if row.cancelled_at is not None:
        return "cancelled"
    return "running" if row.finished_at is None else "finished"


class PlannedDevice(View):
    """The device that an experiment is worked out for."""

    uuid: str
    model: str
    simulated: bool


class PlannedCell(View):
    """A cell of a plan."""

    coordinates: dict[str, JsonValue]
    skipped: str | None = Field(description="Why nothing of it can be measured there.")
    runs: int | None = Field(default=None, description="Runs of one repeat; null where it is skipped.")
    layout: str | None = None
    profiles: list[str] | None = None
    sharing: str | None = None
    expected_s: float | None = Field(default=None, description="One repeat, seconds.")


class ExperimentPlan(View):
    """What submitting an experiment would do."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.PLAN]})

    device: PlannedDevice
    cells: list[PlannedCell]
    order: list[tuple[int, int]] = Field(description="Cell and repeat, from 0.")
    runs: int
    layouts: list[str] = Field(description="MIG layouts that the GPU gets on the way.")
    recuts: int = Field(description="How often the GPU is cut anew.")
    expected_s: float
    longest_s: float
    expected_from: str = Field(description="What the expected time rests on.")
