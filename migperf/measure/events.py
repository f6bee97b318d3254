"""What a child tells its supervisor through the pipe. Every time is CLOCK_MONOTONIC, which both share, in ns."""

import json
from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, JsonValue, TypeAdapter

from migperf.measure.company import Stage
from migperf.measure.figures import ResultFigure
from migperf.measure.phases import Phase

Nanoseconds = npt.NDArray[np.int64]


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PhaseStarted(_Event):
    """A phase began."""

    kind: Literal["phase"] = "phase"
    phase: Phase
    at_ns: int


class Progress(_Event):
    """How far the present phase has come, 0 to 1, and its steps so far."""

    kind: Literal["progress"] = "progress"
    fraction: float
    steps: int


class Reached(_Event):
    """A run of a group has come to where it waits for the others."""

    kind: Literal["reached"] = "reached"
    stage: Stage


class Timings(_Event):
    """Steps that have ended since the last such event, in the order of their beginning.

    Columns are little-endian int64. ``parts`` are what parts of the steps took, ns, by name; -1 where a step had none.
    """

    kind: Literal["timings"] = "timings"
    phase: Phase
    start_ns: Base64Bytes
    duration_ns: Base64Bytes
    parts: dict[str, Base64Bytes] = Field(default_factory=dict)

    @classmethod
    def pack(
        cls, phase: Phase, start_ns: Nanoseconds, duration_ns: Nanoseconds, parts: Mapping[str, Nanoseconds]
    ) -> "Timings":
        """Build the event from int64 arrays of equal length."""
        columns = {part: _column(took_ns) for part, took_ns in parts.items()}
        return cls.model_construct(
            phase=phase, start_ns=_column(start_ns), duration_ns=_column(duration_ns), parts=columns
        )

    def unpack(self) -> tuple[Nanoseconds, Nanoseconds, dict[str, Nanoseconds]]:
        """Return start, duration and parts: int64 arrays of equal length, nanoseconds."""
        parts = {part: _array(column) for part, column in self.parts.items()}
        return _array(self.start_ns), _array(self.duration_ns), parts


class Document(_Event):
    """A document that the child leaves behind, such as a profile."""

    kind: Literal["document"] = "document"
    name: str
    media_type: str
    data: Base64Bytes

    @classmethod
    def of(cls, name: str, media_type: str, data: bytes) -> "Document":
        """Build the event from the document as it is."""
        return cls.model_construct(name=name, media_type=media_type, data=data)

    @classmethod
    def table(cls, name: str, table: JsonValue) -> "Document":
        """Build the event from a table, as a JSON document of its name."""
        return cls.of(f"{name}.json", "application/json", json.dumps(table, separators=(",", ":")).encode())


class AllocatorState(_Event):
    """What the framework's allocator holds on the device, MiB, and how often it has had to try again."""

    kind: Literal["allocator"] = "allocator"
    at_ns: int
    allocated_mib: float
    reserved_mib: float
    retries: int


class Environment(_Event):
    """What the child sees of its software and device: names and versions that a result depends on."""

    kind: Literal["environment"] = "environment"
    facts: dict[str, JsonValue]


class Finished(_Event):
    """The child measured to its end: the measured window, what ended it, and the payload's own report."""

    kind: Literal["finished"] = "finished"
    window_start_ns: int
    window_end_ns: int
    samples_per_step: int
    sample_unit: str
    warmup_ended_by: str
    measuring_ended_by: str
    warmup_note: str | None = None
    """What the rule of warm-up found, where it looked at the series."""
    measuring_note: str | None = None
    converged: bool | None = None
    """Whether the precision asked for was reached; None where none was asked for."""
    unanswered: int = 0
    """Requests that arrived within the window and were dropped, given up or never answered."""
    figures: tuple[ResultFigure, ...] = ()
    tables: dict[str, JsonValue] = Field(default_factory=dict)


class DoesNotFit(_Event):
    """An allocation failed: a result, not an error."""

    kind: Literal["does_not_fit"] = "does_not_fit"
    message: str
    figures: tuple[ResultFigure, ...] = ()


class DoesNotCompile(_Event):
    """What this workload was to be executed with cannot do it here, or is not there: a result, not an error."""

    kind: Literal["does_not_compile"] = "does_not_compile"
    message: str


class Failed(_Event):
    """The child raised."""

    kind: Literal["failed"] = "failed"
    error: str
    message: str
    traceback: str


Event = Annotated[
    PhaseStarted
    | Progress
    | Reached
    | Timings
    | Document
    | AllocatorState
    | Environment
    | Finished
    | DoesNotFit
    | DoesNotCompile
    | Failed,
    Field(discriminator="kind"),
]
_ADAPTER: TypeAdapter[Event] = TypeAdapter(Event)


def encode(event: Event) -> bytes:
    """Return the event as one JSON document."""
    return event.model_dump_json().encode()


def decode(message: bytes) -> Event:
    """Return the event that the bytes hold. Raises pydantic.ValidationError."""
    return _ADAPTER.validate_json(message)


def _column(values: Nanoseconds) -> bytes:
    return values.astype("<i8").tobytes()


def _array(column: bytes) -> Nanoseconds:
    return np.frombuffer(column, dtype="<i8")
