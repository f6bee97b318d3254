"""What a user may set on the micro-benchmarks. Holds no torch."""

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from workloads.base import Parameters


class Precision(StrEnum):
    """What the factors of a product are held in; sums are of float32 (PyTorch's setting where it splits them)."""

    FP32 = "fp32"
    TF32 = "tf32"
    """Held as float32, multiplied with 10 bits of mantissa; needs a GPU from Ampere on."""
    BF16 = "bf16"
    FP16 = "fp16"


class Launch(StrEnum):
    """How the kernels of a step get to the GPU."""

    PLAIN = "plain"
    """One launch after the other, as most payloads do."""
    CUDA_GRAPH = "cuda_graph"
    """All of a step in one captured graph, so that the host launches once."""
    BLOCKING_KERNEL = "blocking_kernel"
    """A kernel that only spins holds the stream back until the host has queued the whole step."""


class L2(StrEnum):
    """What the second-level cache of a GPU holds when a step begins."""

    WARM = "warm"
    """What the step before has left there."""
    FLUSHED = "flushed"
    """Nothing of use: a buffer twice its size was overwritten."""


class CopyMode(StrEnum):
    """What is done to the memory."""

    COPY = "copy"
    WRITE = "write"
    READ = "read"


class Direction(StrEnum):
    """From which memory to which a buffer is copied."""

    DEVICE = "device"
    """Within the device's own."""
    HOST_TO_DEVICE = "host_to_device"
    DEVICE_TO_HOST = "device_to_host"
    BOTH = "both"
    """One buffer each way at the same time."""


class KernelParameters(Parameters):
    """How kernels are launched and what they find in the cache; the same for every micro-benchmark."""

    repetitions: int = Field(
        default=1, ge=1, le=10_000, description="Kernels of one step: time per kernel is that of the step over it."
    )
    launch: Launch = Field(
        default=Launch.PLAIN, description="How kernels get to the GPU; on a CPU there is only plain (name)."
    )
    l2: L2 = Field(
        default=L2.WARM, description="What the GPU's cache holds before each step; on a CPU only warm (name)."
    )

    @model_validator(mode="after")
    def _every_kernel_finds_the_same_cache(self) -> Self:
        if self.l2 is L2.FLUSHED and self.repetitions > 1:
            raise ValueError(
                f"l2 = flushed reaches only the first of {self.repetitions} kernels of a step; set repetitions to 1"
            )
        return self


class MatrixProductParameters(KernelParameters):
    """A product of two square matrices."""

    size: int | None = Field(
        default=None,
        ge=64,
        le=32_768,
        description="Rows of each matrix (count); null takes 8192 on a GPU, 2048 on a CPU.",
    )
    precision: Precision = Field(default=Precision.FP32, description="What the factors are held in (name).")


class MemoryCopyParameters(KernelParameters):
    """Memory moved within a device, or between it and its host."""

    mib: int | None = Field(
        default=None,
        ge=1,
        le=65_536,
        description="Size of the buffer (MiB), of which a copy has two, and two copies at once have four; null takes "
        "1024 on a GPU, 512 on a CPU.",
    )
    mode: CopyMode = Field(default=CopyMode.COPY, description="What is done to the buffer (name).")
    direction: Direction = Field(
        default=Direction.DEVICE,
        description="From which memory to which a buffer is copied; on a CPU there is only device (name).",
    )

    @model_validator(mode="after")
    def _nothing_but_a_copy_leaves_the_device(self) -> Self:
        if self.direction is not Direction.DEVICE and self.mode is not CopyMode.COPY:
            raise ValueError(
                f"mode = {self.mode} stays within the device, and direction = {self.direction} does not; set mode to "
                "copy, or direction to device"
            )
        return self
