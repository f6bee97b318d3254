"""Sharing modes: how several runs use one device at the same time, and the limits that each of them is given."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class SharingMode(StrEnum):
    """How the runs of a group divide a device between them."""

    WHOLE = "whole"
    """One run has all of it: what every other mode is compared with."""
    TIME_SLICING = "time_slicing"
    """Every run sees all of it, and the driver (on a CPU: the kernel, within the same cores) lets them take turns."""
    MPS = "mps"
    """NVIDIA's Multi-Process Service: processes compute at the same time, each on a share of the multiprocessors."""
    GREEN_CONTEXT = "green_context"
    """One process, each of whose streams has multiprocessors of its own."""
    MIG = "mig"
    """A MIG instance each."""
    PINNED = "pinned"
    """On a CPU: cores of its own each."""
    UNRESTRICTED = "unrestricted"
    """On a CPU: all cores for everybody, as the kernel sees fit."""

    @property
    def on_cpu(self) -> bool:
        """Whether a CPU can be shared so."""
        return self in {SharingMode.WHOLE, SharingMode.TIME_SLICING, SharingMode.PINNED, SharingMode.UNRESTRICTED}

    @property
    def on_gpu(self) -> bool:
        """Whether a GPU can be shared so."""
        return self not in {SharingMode.PINNED, SharingMode.UNRESTRICTED}


class Sharing(BaseModel):
    """A sharing mode with its limits. Can be written as the name of the mode alone."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": ["mps"]})

    mode: SharingMode = Field(description="How the runs divide the device.")
    thread_pct: Annotated[int, Field(ge=1, le=100)] | None = Field(
        default=None,
        description="MPS: share of the multiprocessors that a run may use at most, per cent; null: equal shares.",
    )
    memory_limit_mib: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="MPS: device memory that a run may allocate at most, MiB; null: no limit."
    )
    static: bool = Field(
        default=False,
        description="MPS: give each run multiprocessors of its own (static partitioning, driver for CUDA 13.1 on).",
    )
    cores: Annotated[int, Field(ge=1)] | None = Field(
        default=None,
        description="Time-slicing on a CPU: how many cores all runs share; null: as many as one run's equal share.",
    )

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, given: object) -> object:
        return {"mode": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _limits_belong_to_the_mode(self) -> Self:
        mps = {"thread_pct": self.thread_pct, "memory_limit_mib": self.memory_limit_mib, "static": self.static or None}
        strange = [name for name, value in mps.items() if value is not None and self.mode is not SharingMode.MPS]
        if self.cores is not None and self.mode is not SharingMode.TIME_SLICING:
            strange.append("cores")
        if strange:
            raise ValueError(f"{self.mode} has no {strange[0]}; leave it out")
        if self.static and self.thread_pct is not None:
            raise ValueError("static gives each run multiprocessors of its own; leave thread_pct out")
        return self
