"""What a child tells its supervisor through the pipe. Every time is CLOCK_MONOTONIC, which both share, in ns."""

from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, JsonValue, TypeAdapter

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


class Timings(_Event):
    """Steps that have ended since the last such event, in order; two little-endian int64 columns."""

    kind: Literal["timings"] = "timings"
    phase: Phase
    start_ns: Base64Bytes
    duration_ns: Base64Bytes

    @classmethod
    def pack(cls, phase: Phase, start_ns: Nanoseconds, duration_ns: Nanoseconds) -> "Timings":
        """Build the event from two int64 arrays of equal length."""
        start, duration = (column.astype("<i8").tobytes() for column in (start_ns, duration_ns))
        return cls.model_construct(phase=phase, start_ns=start, duration_ns=duration)

    def unpack(self) -> tuple[Nanoseconds, Nanoseconds]:
        """Return start and duration, int64 arrays of equal length, nanoseconds."""
        return np.frombuffer(self.start_ns, dtype="<i8"), np.frombuffer(self.duration_ns, dtype="<i8")


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
    figures: tuple[ResultFigure, ...] = ()
    tables: dict[str, JsonValue] = Field(default_factory=dict)


class DoesNotFit(_Event):
    """An allocation failed: a result, not an error."""

    kind: Literal["does_not_fit"] = "does_not_fit"
    message: str
    figures: tuple[ResultFigure, ...] = ()


class Failed(_Event):
    """The child raised."""

    kind: Literal["failed"] = "failed"
    error: str
    message: str
    traceback: str


Event = Annotated[
    PhaseStarted | Progress | Timings | AllocatorState | Environment | Finished | DoesNotFit | Failed,
    Field(discriminator="kind"),
]
_ADAPTER: TypeAdapter[Event] = TypeAdapter(Event)


def encode(event: Event) -> bytes:
    """Return the event as one JSON document."""
    return event.model_dump_json().encode()


def decode(message: bytes) -> Event:
    """Return the event that the bytes hold. Raises pydantic.ValidationError."""
    return _ADAPTER.validate_json(message)
