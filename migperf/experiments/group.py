"""A group: the runs of one repeat of one cell. Where there are several, they are placed and measured together."""

from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from migperf.gpus.sharing import Sharing, SharingMode
from migperf.measure.benchmark import Benchmark

MAX_MEMBERS = 16


class Role(StrEnum):
    """What a run is there for."""

    CLIENT = "client"
    """It is measured; where several are, they are alike."""
    NEIGHBOUR = "neighbour"
    """It loads the device while the clients are measured."""


class Member(BaseModel):
    """One run of a group."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Role = Role.CLIENT
    benchmark: Benchmark


class GroupSpec(BaseModel):
    """The runs that belong together, and how they share the device that they are put on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    members: tuple[Member, ...] = Field(min_length=1, max_length=MAX_MEMBERS)
    sharing: Sharing | None = Field(default=None, description="null where each run has a partition as it is.")
    shares: int | None = Field(
        default=None, ge=1, le=MAX_MEMBERS, description="Into how many equal shares; null: one for each run."
    )

    @property
    def is_together(self) -> bool:
        """Whether its runs are placed in one step on one device, rather than one run wherever it fits."""
        return len(self.members) > 1 or self.is_divided

    @property
    def is_divided(self) -> bool:
        """Whether the device is divided into shares for it; MIG instances are partitions as they are."""
        return self.sharing is not None and self.sharing.mode not in {SharingMode.WHOLE, SharingMode.MIG}

    @property
    def share_count(self) -> int:
        """Into how many shares the device is divided; those beyond the runs stay idle."""
        return self.shares or len(self.members)

    @property
    def layout(self) -> str | None:
        """The MIG layout that a GPU is cut into for it."""
        return self.members[0].benchmark.layout

    @model_validator(mode="after")
    def _can_be_together(self) -> Self:
        benchmarks = [member.benchmark for member in self.members]
        if len({(b.layout, b.restore_layout) for b in benchmarks}) > 1:
            raise ValueError("all runs of a group need the same layout, as they share one GPU")
        if len(benchmarks) > 1 and not self.is_divided and self.layout is None:
            raise ValueError("runs that are measured together need sharing, or a layout with a partition for each")
        if self.share_count < len(benchmarks):
            raise ValueError(f"{len(benchmarks)} runs need as many shares, not {self.share_count}")
        alone = ("search", "profile")
        for name in alone if len(benchmarks) > 1 else ():
            if any(getattr(b, name) for b in benchmarks):
                raise ValueError(f"a run with {name} cannot be measured together with others; measure it alone")
        if not any(member.role is Role.CLIENT for member in self.members):
            raise ValueError("a group needs a run that is measured, not neighbours alone")
        return self
