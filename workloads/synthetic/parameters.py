"""What a user may set on the synthetic payloads. Holds no torch."""

from enum import StrEnum

from pydantic import Field

from workloads.base import Parameters


class Distribution(StrEnum):
    """How service times scatter about their mean."""

    DETERMINISTIC = "deterministic"
    EXPONENTIAL = "exponential"


class Waiting(StrEnum):
    """How a service time passes."""

    SPIN = "spin"
    """Looking at the clock all the time: to the microsecond, at the cost of a core."""
    SLEEP = "sleep"
    """Asleep, and late by as much as the system wakes late."""


class NullParameters(Parameters):
    """A step that does nothing still counts as so many samples."""

    batch_size: int = Field(default=1, ge=1, le=1_000_000, description="Samples that a step counts as (count).")


class KnownServiceParameters(Parameters):
    """A server of queueing theory. Requests are numbered from 0, those of the warm-up included."""

    distribution: Distribution = Field(
        default=Distribution.DETERMINISTIC, description="Distribution of the service times."
    )
    service_ms: float = Field(default=1.0, ge=0, le=60_000, description="Mean service time (ms).")
    waiting: Waiting = Field(
        default=Waiting.SPIN, description="How the time passes: spin is exact, sleep leaves the core to others."
    )
    stall_at_request: int | None = Field(
        default=None, ge=0, description="Number of the one request that stalls, from 0, warm-up included; null: none."
    )
    stall_s: float = Field(
        default=1.0, ge=0, le=3600, description="How long that request takes longer than its service time (s)."
    )
