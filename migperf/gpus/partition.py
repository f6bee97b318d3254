"""A partition: the thing that one run can be put on."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from migperf.gpus.placement import Placement


class PartitionKind(StrEnum):
    """How a partition came to be cut out of its host."""

    CPU = "cpu"
    GPU = "gpu"
    MIG = "mig"
    MPS = "mps"
    GREEN_CONTEXT = "green_context"


class Partition(BaseModel):
    """One partition as its node describes it. What a node cannot tell is None, never 0."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    uuid: str = Field(description="Stable name: NVML's UUID, or CPU-… for the host.")
    kind: PartitionKind
    model: str = Field(description="Board or processor model.")
    profile: str | None = Field(default=None, description="MIG profile such as 1g.10gb; None where not cut.")
    gpu_uuid: str | None = Field(default=None, description="The GPU that it is part of; None for the CPU.")
    placement: Placement | None = Field(default=None, description="Memory units of its GPU that a MIG instance has.")
    architecture: str | None = Field(default=None, description="Generation of the GPU, such as hopper.")
    driver_version: str | None = Field(default=None, description="Version of the GPU's driver.")
    memory_mib: int | None = Field(default=None, description="Memory that a run can use, MiB.")
    sm_count: int | None = Field(default=None, description="Streaming multiprocessors; None for the CPU.")
    cpus: tuple[int, ...] | None = Field(default=None, description="Logical CPUs of a CPU partition.")
    simulated: bool = Field(default=False, description="True when no such hardware exists here.")

    @property
    def device(self) -> str:
        """The torch device inside the child, which sees no other GPU than this partition."""
        return "cpu" if self.kind is PartitionKind.CPU or self.simulated else "cuda:0"

    def visible_devices(self) -> str:
        """Return ``CUDA_VISIBLE_DEVICES`` for a child bound to this partition: its UUID, or nothing at all."""
        return "" if self.device == "cpu" else self.uuid
