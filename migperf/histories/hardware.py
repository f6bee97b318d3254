"""The class of hardware that a history is about: results of one benchmark on it may be compared in time."""

import hashlib
import json
from collections.abc import Iterable
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from migperf.gpus.partition import Partition, PartitionKind


class Companion(BaseModel):
    """A run that was measured at the same time on the same device: what it did, and what for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    role: str
    fingerprint: str


class HardwareClass(BaseModel):
    """Board or processor, the piece of it, how it was shared, and with whom. Equal boards are one class, wherever."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str = Field(description="Board or processor model.")
    kind: PartitionKind = Field(description="What kind of piece of it.")
    profile: str | None = Field(default=None, description="MIG profile, or that of the share; null where not cut.")
    of_profile: str | None = Field(default=None, description="MIG profile of the instance that is shared.")
    cpus: int | None = Field(default=None, description="Logical CPUs of a CPU partition.")
    company: tuple[Companion, ...] = Field(
        default=(), description="What else was measured on the device at the same time, in a fixed order."
    )

    @classmethod
    def of(cls, partition: Partition, company: Iterable[Companion] = ()) -> Self:
        """Return the class of a partition, used beside these companions."""
        share = partition.share
        return cls(
            model=partition.model,
            kind=partition.kind,
            profile=partition.profile if share is None else share.profile,
            of_profile=None if share is None else share.of_profile,
            cpus=None if partition.cpus is None else len(partition.cpus),
            company=tuple(sorted(company, key=lambda one: (one.role, one.fingerprint))),
        )

    def key(self) -> str:
        """Return what tells classes apart: 64 hexadecimal digits."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def title(self) -> str:
        """The class in a few words."""
        piece = " of ".join(filter(None, (self.profile, self.of_profile)))
        beside = f"beside {len(self.company)}" if self.company else ""
        return " ".join(filter(None, (self.model, piece, beside)))

    def title_with(self, workload: str, scenario: str) -> str:
        """Return the title of a history of this workload on this class."""
        return f"{workload} {scenario} on {self.title}"
