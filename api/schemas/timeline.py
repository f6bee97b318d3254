"""What happened to a run, and what its stream of events carries."""

from collections.abc import Sequence
from typing import Literal, Self

from pydantic import AwareDatetime, ConfigDict, Field

from api.schemas import examples
from api.schemas.view import View
from migperf.store.models import RunEvent
from migperf.store.runs import Standing
from migperf.store.states import RunState


class TimelineItem(View):
    """A change of state, or a phase that began."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.TIMELINE_ITEM]})

    id: int = Field(description="Grows within a run; also the id of the event.")
    at: AwareDatetime
    attempt: int
    kind: Literal["state", "phase"]
    name: str = Field(description="The state or the phase.")
    detail: str | None = Field(description="Why, where that needs a word.")

    @classmethod
    def of(cls, event: RunEvent) -> Self:
        """Show a stored event."""
        return cls.model_validate(event, from_attributes=True)


class Timeline(View):
    """Everything that happened to a run, in order."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [examples.TIMELINE_ITEM]}]})

    items: list[TimelineItem]

    @classmethod
    def of(cls, events: Sequence[RunEvent]) -> Self:
        """Show stored events."""
        return cls(items=[TimelineItem.of(event) for event in events])


class Progress(View):
    """How far a run has come: the data of ``progress`` events."""

    state: RunState
    phase: str | None
    progress: float
    version: int

    @classmethod
    def of(cls, standing: Standing) -> Self:
        """Show where a stored run stands."""
        return cls(state=standing.state, phase=standing.phase, progress=standing.progress, version=standing.version)


class Gone(View):
    """The run has been deleted: the data of the ``gone`` event."""

    run_id: str
