"""A partition: the thing that one run can be put on."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from migperf.gpus.placement import Placement
from migperf.gpus.sharing import SharingMode


class PartitionKind(StrEnum):
    """How a partition came to be cut out of its host."""

    CPU = "cpu"
    GPU = "gpu"
    MIG = "mig"
    MPS = "mps"
    """What one of several runs has of a GPU or MIG instance through the Multi-Process Service."""
    TIME_SLICE = "time_slice"
    """The turns that one of several runs has on a GPU or MIG instance."""
    GREEN_CONTEXT = "green_context"
    """A GPU or MIG instance whose multiprocessors the streams of one run divide among them."""
    CPU_SHARE = "cpu_share"
    """What one of several runs has of a CPU."""

    @property
    def is_share(self) -> bool:
        """Whether such a partition is there for the time of a group of runs only."""
        return self in {
            PartitionKind.MPS,
            PartitionKind.TIME_SLICE,
            PartitionKind.GREEN_CONTEXT,
            PartitionKind.CPU_SHARE,
        }


class Share(BaseModel):
    """What a partition that is shared for the time of a group of runs has of the whole, and by which limits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: SharingMode
    of: str = Field(description="UUID of the partition that is shared.")
    of_kind: PartitionKind = Field(description="Its kind.")
    of_profile: str | None = Field(description="Its profile; null where it is not cut.")
    index: int = Field(description="Which of the shares it is, from 0.")
    count: int = Field(description="How many shares there are.")
    thread_pct: int | None = Field(default=None, description="MPS: share of the multiprocessors at most, per cent.")
    memory_limit_mib: int | None = Field(default=None, description="MPS: device memory at most, MiB.")
    static: bool = Field(default=False, description="MPS: multiprocessors of its own.")
    cores: int | None = Field(default=None, description="CPU: how many cores it may use.")

    @property
    def profile(self) -> str:
        """What kind of share it is; the same for all equal shares of equal devices."""
        cores = None if self.cores is None else f"{self.cores}-core"
        threads = None if self.thread_pct is None else f"{self.thread_pct}pct"
        memory = None if self.memory_limit_mib is None else f"{self.memory_limit_mib}mib"
        limits = (cores, threads, memory, "static" if self.static else None)
        return "-".join((str(self.mode), *filter(None, limits), f"of{self.count}"))

    @property
    def name(self) -> str:
        """What tells the shares of one partition apart."""
        return f"{self.profile}.{self.index}"


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
    share: Share | None = Field(default=None, description="What it has of a shared device; null where not shared.")

    @property
    def on_cpu(self) -> bool:
        """Whether it is a processor, or a part of one."""
        return self.kind in {PartitionKind.CPU, PartitionKind.CPU_SHARE}

    @property
    def whole(self) -> "Partition":
        """The partition that it is a share of, which is what a driver knows and meters; itself where not shared."""
        if self.share is None:
            return self
        whole = {"uuid": self.share.of, "kind": self.share.of_kind, "profile": self.share.of_profile, "share": None}
        return self.model_copy(update=whole)

    @property
    def device(self) -> str:
        """The torch device inside the child, which sees no other GPU than this partition."""
        return "cpu" if self.on_cpu or self.simulated else "cuda:0"

    def visible_devices(self) -> str:
        """Return ``CUDA_VISIBLE_DEVICES`` for a child bound to this partition: its UUID, or nothing at all."""
        return "" if self.device == "cpu" else self.whole.uuid
