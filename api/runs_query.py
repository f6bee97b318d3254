"""What the address of the table of runs says: its filters, order, columns and page, and which runs are picked."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Self
from urllib.parse import urlencode

from pydantic import Field, ValidationError, field_validator

from api.schemas.queries import Name, RunQuery

MOST_PICKED = 100


class Column(StrEnum):
    """What the table can show of a run besides its state and id, in this order."""

    WORKLOAD = "workload"
    SCENARIO = "scenario"
    PARAMETERS = "parameters"
    PARTITION = "partition"
    FIGURE = "figure"
    DURATION = "duration"
    CREATED = "created"
    FINISHED = "finished"
    PRIORITY = "priority"
    LABELS = "labels"
    TAINTS = "taints"

    @property
    def sort(self) -> str | None:
        """The field that the table can be sorted by here, if any."""
        return _SORTS.get(self)


_SORTS: Mapping[Column, str] = {
    Column.WORKLOAD: "workload",
    Column.CREATED: "created_at",
    Column.FINISHED: "finished_at",
    Column.PRIORITY: "priority",
    Column.DURATION: "duration_s",
}
SHOWN = (Column.WORKLOAD, Column.SCENARIO, Column.PARTITION, Column.FIGURE, Column.DURATION, Column.CREATED)
"""Columns that are shown where the address names none."""


class RunsPageQuery(RunQuery):
    """The listing's own query, and what only the page knows."""

    column: Annotated[tuple[Column, ...], Field(max_length=len(Column))] = SHOWN
    pick: Annotated[tuple[Name, ...], Field(max_length=MOST_PICKED)] = ()

    @field_validator("created_after", "created_before", mode="before")
    @classmethod
    def _utc_unless_told(cls, given: object) -> object:
        """A field of a form has no zone: without script its times are in UTC."""
        if not isinstance(given, str):
            return given
        try:
            moment = datetime.fromisoformat(given)
        except ValueError:
            return given
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment

    @field_validator("label", mode="before")
    @classmethod
    def _one_by_one(cls, given: Iterable[str]) -> list[str]:
        """The form has one field for all labels, separated by spaces."""
        return [part for text in given for part in text.split()]

    @classmethod
    def read(cls, parameters: Iterable[tuple[str, str]]) -> Self:
        """Read an address; what a form sends empty is left out. Raises pydantic.ValidationError."""
        given: dict[str, Any] = {}
        for name, value in parameters:
            if not value.strip():
                continue
            if name in _SEVERAL:
                given.setdefault(name, []).append(value)
            else:
                given[name] = value
        return cls.model_validate(given)

    def address(self, path: str, **changed: object) -> str:
        """Return the address of this view with some of it changed; what is as if left out is not in it."""
        fields = {**self.model_dump(mode="json", exclude_defaults=True), **changed}
        given = {name: value for name, value in fields.items() if value not in (None, [], ())}
        return f"{path}?{urlencode(given, doseq=True)}" if given else path

    def table(self, path: str, form: str) -> str:
        """Return the address of all runs that the filters leave, in their order, as a file."""
        on_page = dict.fromkeys(("limit", "cursor", "column", "pick"))
        return self.address(path, format=form, **on_page)

    def picked_table(self, path: str, form: str) -> str:
        """Return the address of the picked runs as a file, whatever the filters leave."""
        return type(self)(id=self.pick).table(path, form)

    def sorted_by(self, column: Column) -> str:
        """Return the order that a press on a column's heading leads to."""
        field = column.sort or ""
        if self.sort.removeprefix("-") != field:
            return field if column is Column.WORKLOAD else f"-{field}"
        return field if self.sort.descending else f"-{field}"

    def direction(self, column: Column) -> str | None:
        """Return what ``aria-sort`` says of a column's heading; None where the table is not sorted by it."""
        if self.sort.removeprefix("-") != column.sort:
            return None
        return "descending" if self.sort.descending else "ascending"

    @property
    def filters(self) -> bool:
        """Whether anything is left out of the table."""
        beside = {"sort", "limit", "cursor", "column", "pick"}
        return bool(self.model_dump(exclude_defaults=True, exclude=beside))


_SEVERAL = frozenset({"state", "label", "id", "column", "pick"})


def problems_of(error: ValidationError) -> list[tuple[str, str]]:
    """Return the fields that an address has wrong, each with what would be right."""
    return [(str(each["loc"][0]) if each["loc"] else "", str(each["msg"])) for each in error.errors()]
