"""What became of results that were imported."""

from typing import Self

from pydantic import ConfigDict, Field

from api.schemas import history_import_examples as examples
from api.schemas.view import View
from migperf.histories.importing.imported import LeftOut
from migperf.store.imports import Kept


class LeftOutView(View):
    """Something that the file says and no history can have."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.LEFT_OUT]})

    place: str = Field(description="Where in the file it is.")
    reason: str

    @classmethod
    def of(cls, left_out: LeftOut) -> Self:
        """Show what was left out."""
        return cls(place=left_out.place, reason=left_out.reason)


class ImportedHistoryView(View):
    """A history of the file, and the history that its points are in now."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.IMPORTED]})

    id: str | None = Field(description="Id of the history; null where all of it was left out.")
    title: str
    new_points: int = Field(description="Points that the history did not have.")
    known_points: int = Field(description="Points that it had already, and that stay as they are.")
    watched: bool = Field(description="Whether the history is watched.")
    left_out: list[LeftOutView]

    @classmethod
    def of(cls, kept: Kept) -> Self:
        """Show what became of an imported history."""
        row = kept.row
        return cls(
            id=None if row is None else row.id,
            title=kept.imported.title if row is None else row.title,
            new_points=kept.new,
            known_points=kept.known,
            watched=row is not None and row.watch is not None,
            left_out=[LeftOutView.of(each) for each in kept.imported.left_out],
        )


class ImportView(View):
    """What became of a file, history by history."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [examples.IMPORTED]}]})

    items: list[ImportedHistoryView]
